//! A command line for people to read, and to try again.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The arguments as a person would type them, each after a space.
pub fn as_typed(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
    let mut line = String::new();
    for argument in arguments {
        let text = argument.as_ref().as_bytes().escape_ascii().to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:+@%".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            line += &format!(" {text}");
        } else {
            line += &format!(" $'{text}'");
        }
    }
    line
}
