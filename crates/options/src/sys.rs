//! Taking apart an argument of the system without losing what is not UTF-8.
//!
//! Required of each system:
//!
//! - `fn tail(arg: &OsStr, start: usize) -> OsString`: `arg` without its first `start` bytes,
//!   all of which are ASCII.

#[cfg(not(windows))]
pub(crate) use unix::tail;
#[cfg(windows)]
pub(crate) use windows::tail;

#[cfg(not(windows))]
mod unix {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;

    pub(crate) fn tail(arg: &OsStr, start: usize) -> OsString {
        OsStr::from_bytes(&arg.as_bytes()[start..]).to_os_string()
    }
}

#[cfg(windows)]
mod windows {
    use std::ffi::{OsStr, OsString};
    use std::os::windows::ffi::{OsStrExt, OsStringExt};

    pub(crate) fn tail(arg: &OsStr, start: usize) -> OsString {
        // An ASCII byte is one UTF-16 unit.
        let units: Vec<u16> = arg.encode_wide().skip(start).collect();
        OsString::from_wide(&units)
    }
}
