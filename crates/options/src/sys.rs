//! Taking apart an argument of the system without losing what is not UTF-8, and putting one
//! together.
//!
//! Required of each system:
//!
//! - `fn part(arg: &OsStr, range: Range<usize>) -> OsString`: those of the argument's bytes; the
//!   range begins and ends beside a byte of ASCII or at an end.
//! - `fn from_bytes(bytes: Vec<u8>) -> OsString`: the argument with these bytes.
//! - `fn path_bytes(path: &Path) -> Vec<u8>`: a path as another computer expects it, with `/`.

use std::ffi::{OsStr, OsString};

#[cfg(not(windows))]
pub(crate) use unix::{from_bytes, part, path_bytes};
#[cfg(windows)]
pub(crate) use windows::{from_bytes, part, path_bytes};

/// `arg` without its first `start` bytes, all of which are ASCII.
pub(crate) fn tail(arg: &OsStr, start: usize) -> OsString {
    part(arg, start..arg.as_encoded_bytes().len())
}

#[cfg(not(windows))]
mod unix {
    use std::ffi::{OsStr, OsString};
    use std::ops::Range;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::Path;

    pub(crate) fn part(arg: &OsStr, range: Range<usize>) -> OsString {
        OsStr::from_bytes(&arg.as_bytes()[range]).to_os_string()
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> OsString {
        OsString::from_vec(bytes)
    }

    pub(crate) fn path_bytes(path: &Path) -> Vec<u8> {
        path.as_os_str().as_bytes().to_vec()
    }
}

#[cfg(windows)]
mod windows {
    use std::ffi::{OsStr, OsString};
    use std::ops::Range;
    use std::os::windows::ffi::{OsStrExt, OsStringExt};
    use std::path::Path;

    pub(crate) fn part(arg: &OsStr, range: Range<usize>) -> OsString {
        let bytes = arg.as_encoded_bytes();
        let units: Vec<u16> = arg
            .encode_wide()
            .skip(units(&bytes[..range.start]))
            .take(units(&bytes[range]))
            .collect();
        OsString::from_wide(&units)
    }

    /// How many UTF-16 units so much WTF-8 is: one for each sequence, two for those of four bytes.
    fn units(bytes: &[u8]) -> usize {
        let starts = bytes.iter().filter(|&&b| b & 0xc0 != 0x80).count();
        starts + bytes.iter().filter(|&&b| b >= 0xf0).count()
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> OsString {
        // What is no text has no place in a command line of Windows.
        String::from_utf8(bytes)
            .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
            .into()
    }

    pub(crate) fn path_bytes(path: &Path) -> Vec<u8> {
        let mut bytes = path.as_os_str().as_encoded_bytes().to_vec();
        bytes
            .iter_mut()
            .filter(|b| **b == b'\\')
            .for_each(|b| *b = b'/');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_in_bytes() {
        let arg = OsString::from("\u{e9}:\u{1f600}/x");
        assert_eq!(part(&arg, 0..2), OsString::from("\u{e9}"));
        assert_eq!(part(&arg, 3..7), OsString::from("\u{1f600}"));
        assert_eq!(
            tail(&OsString::from("--a=\u{e9}"), 4),
            OsString::from("\u{e9}")
        );
        assert_eq!(from_bytes("\u{e9}".into()), OsString::from("\u{e9}"));
    }
}
