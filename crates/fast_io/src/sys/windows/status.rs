//! What the kernel answers, as `io::Error`. The native calls speak NTSTATUS, the rest of Rust
//! speaks Win32 error numbers; this is the one place that translates.

use std::io;
use windows_sys::Win32::Foundation::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_CANT_RESOLVE_FILENAME, ERROR_DIRECTORY_NOT_SUPPORTED,
    ERROR_INVALID_FUNCTION, ERROR_INVALID_NAME, ERROR_NOT_SUPPORTED, NTSTATUS,
    RtlNtStatusToDosError, STATUS_ACCESS_DENIED, STATUS_ADDRESS_ALREADY_EXISTS,
    STATUS_BAD_NETWORK_PATH, STATUS_COMMITMENT_LIMIT, STATUS_CONNECTION_ABORTED,
    STATUS_CONNECTION_INVALID, STATUS_CONNECTION_REFUSED, STATUS_CONNECTION_RESET,
    STATUS_FILE_IS_A_DIRECTORY, STATUS_GRACEFUL_DISCONNECT, STATUS_HOST_UNREACHABLE,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_ADDRESS_COMPONENT, STATUS_INVALID_CONNECTION,
    STATUS_IO_TIMEOUT, STATUS_LINK_TIMEOUT, STATUS_LOCAL_DISCONNECT, STATUS_NETWORK_NAME_DELETED,
    STATUS_NETWORK_UNREACHABLE, STATUS_NO_MEMORY, STATUS_PAGEFILE_QUOTA, STATUS_PIPE_DISCONNECTED,
    STATUS_PORT_UNREACHABLE, STATUS_PROTOCOL_UNREACHABLE, STATUS_QUOTA_EXCEEDED,
    STATUS_REMOTE_DISCONNECT, STATUS_REMOTE_NOT_LISTENING, STATUS_REMOTE_RESOURCES,
    STATUS_REQUEST_ABORTED, STATUS_SHARING_VIOLATION, STATUS_TOO_MANY_ADDRESSES,
    STATUS_TRANSACTION_ABORTED, STATUS_TRANSACTION_TIMED_OUT, STATUS_WORKING_SET_QUOTA,
};
use windows_sys::Win32::Networking::WinSock::{
    WSAEACCES, WSAEADDRINUSE, WSAEADDRNOTAVAIL, WSAECONNABORTED, WSAECONNREFUSED, WSAECONNRESET,
    WSAEHOSTUNREACH, WSAENETUNREACH, WSAENOBUFS, WSAENOTCONN, WSAESHUTDOWN, WSAETIMEDOUT,
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

/// The error that a failed native call on a socket stands for. The system's table, made for files on
/// other computers, calls a reset "the network name is gone"; sockets have numbers of their own, and
/// those have kinds in Rust.
pub(crate) fn socket_error_of_status(status: NTSTATUS) -> io::Error {
    let number = match status {
        STATUS_CONNECTION_RESET
        | STATUS_REMOTE_DISCONNECT
        | STATUS_NETWORK_NAME_DELETED
        | STATUS_PORT_UNREACHABLE => WSAECONNRESET,
        STATUS_CONNECTION_ABORTED
        | STATUS_LOCAL_DISCONNECT
        | STATUS_TRANSACTION_ABORTED
        | STATUS_REQUEST_ABORTED => WSAECONNABORTED,
        STATUS_CONNECTION_REFUSED | STATUS_REMOTE_NOT_LISTENING => WSAECONNREFUSED,
        STATUS_IO_TIMEOUT | STATUS_LINK_TIMEOUT | STATUS_TRANSACTION_TIMED_OUT => WSAETIMEDOUT,
        STATUS_NETWORK_UNREACHABLE => WSAENETUNREACH,
        STATUS_HOST_UNREACHABLE | STATUS_PROTOCOL_UNREACHABLE | STATUS_BAD_NETWORK_PATH => {
            WSAEHOSTUNREACH
        }
        STATUS_INVALID_CONNECTION | STATUS_CONNECTION_INVALID => WSAENOTCONN,
        STATUS_PIPE_DISCONNECTED | STATUS_GRACEFUL_DISCONNECT => WSAESHUTDOWN,
        STATUS_ADDRESS_ALREADY_EXISTS | STATUS_SHARING_VIOLATION => WSAEADDRINUSE,
        STATUS_INVALID_ADDRESS_COMPONENT => WSAEADDRNOTAVAIL,
        STATUS_ACCESS_DENIED => WSAEACCES,
        STATUS_INSUFFICIENT_RESOURCES
        | STATUS_NO_MEMORY
        | STATUS_QUOTA_EXCEEDED
        | STATUS_PAGEFILE_QUOTA
        | STATUS_COMMITMENT_LIMIT
        | STATUS_WORKING_SET_QUOTA
        | STATUS_REMOTE_RESOURCES
        | STATUS_TOO_MANY_ADDRESSES => WSAENOBUFS,
        other => return error_of_status(other),
    };
    io::Error::from_raw_os_error(number)
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
