//! Whether an argument names another computer.
//!
//! `HOST:PATH`, `HOST::MODULE` and `rsync://HOST/MODULE` do: a colon before the first slash
//! makes the difference, and `./a:b` is how a local file with a colon is written. On Windows a
//! single letter before the colon is a drive; a host of that name is written `[c]:`.
//!
//! rsync: options.c check_for_hostspec()

use std::ffi::OsStr;

/// Whether `operand` is on another computer.
pub fn names_a_host(operand: &OsStr) -> bool {
    let bytes = operand.as_encoded_bytes();
    names_a_host_with(bytes, cfg!(windows))
}

/// Whether `operand` is written as the URL of a daemon's module, which no local file's name is.
pub fn is_url(operand: &OsStr) -> bool {
    begins_as_url(operand.as_encoded_bytes())
}

fn begins_as_url(operand: &[u8]) -> bool {
    const URL: &[u8] = b"rsync://";
    let front = operand.get(..URL.len());
    front.is_some_and(|front| front.eq_ignore_ascii_case(URL))
}

fn names_a_host_with(operand: &[u8], has_drives: bool) -> bool {
    if begins_as_url(operand) {
        return true;
    }
    let is_separator = |b: u8| b == b'/' || has_drives && b == b'\\';
    let host = match operand {
        // `[::1]:path`: the colons within the brackets are the address's own.
        [b'[', rest @ ..] => match rest.iter().position(|&b| b == b']') {
            Some(end) => return rest.get(end + 1) == Some(&b':'),
            None => operand,
        },
        _ => operand,
    };
    let Some(stop) = host.iter().position(|&b| b == b':' || is_separator(b)) else {
        return false;
    };
    let is_drive = has_drives && stop == 1 && host[0].is_ascii_alphabetic();
    host[stop] == b':' && stop > 0 && !is_drive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_paths() {
        for (operand, on_unix, on_windows) in [
            ("host:path", true, true),
            ("user@host::module", true, true),
            ("RSYNC://host/module", true, true),
            ("[::1]:path", true, true),
            ("./a:b", false, false),
            ("/a:b", false, false),
            ("a/b:c", false, false),
            ("plain", false, false),
            ("c:\\dir", true, false),
            ("C:", true, false),
            ("[c]:dir", true, true),
            (".\\a:b", true, false),
            ("\\\\?\\C:\\a", true, false),
        ] {
            let bytes = operand.as_bytes();
            assert_eq!(names_a_host_with(bytes, false), on_unix, "{operand}");
            assert_eq!(names_a_host_with(bytes, true), on_windows, "{operand}");
        }
    }
}
