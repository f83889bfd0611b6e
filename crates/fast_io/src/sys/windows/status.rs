//! What the kernel answers, as `io::Error`. The native calls speak NTSTATUS, the rest of Rust
//! speaks Win32 error numbers; this is the one place that translates.

use std::io;
use windows_sys::Win32::Foundation::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_CANT_RESOLVE_FILENAME, ERROR_DIRECTORY_NOT_SUPPORTED,
    ERROR_INVALID_FUNCTION, ERROR_INVALID_NAME, ERROR_NOT_SUPPORTED, NTSTATUS,
    RtlNtStatusToDosError, STATUS_FILE_IS_A_DIRECTORY,
};

/// The error that a failed native call stands for.
pub(crate) fn error_of_status(status: NTSTATUS) -> io::Error {
    // The system's table says "access denied" for this one; callers want to know it apart.
    if status == STATUS_FILE_IS_A_DIRECTORY {
        return win32_error(ERROR_DIRECTORY_NOT_SUPPORTED);
    }
    // SAFETY: takes and returns plain numbers.
    win32_error(unsafe { RtlNtStatusToDosError(status) })
}

/// The error with this Win32 number.
pub(crate) fn win32_error(number: u32) -> io::Error {
    io::Error::from_raw_os_error(number as i32)
}

/// What a name is answered with that no entry can have.
pub(crate) fn invalid_name() -> io::Error {
    win32_error(ERROR_INVALID_NAME)
}

/// What a symbolic link is answered with that is not to be followed.
pub(crate) fn refused_link() -> io::Error {
    win32_error(ERROR_CANT_RESOLVE_FILENAME)
}

/// Gives an error its kind, where it is one of those by which volumes and systems say that
/// they lack what was asked for.
pub(crate) fn as_unsupported(error: io::Error) -> io::Error {
    match error.raw_os_error().map(|number| number as u32) {
        Some(ERROR_INVALID_FUNCTION | ERROR_NOT_SUPPORTED | ERROR_CALL_NOT_IMPLEMENTED) => {
            io::Error::new(io::ErrorKind::Unsupported, error)
        }
        _ => error,
    }
}
