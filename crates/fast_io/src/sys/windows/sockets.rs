//! What Windows has of its own about sockets.

use std::io;

/// How to send: no signals here.
pub(crate) const SEND_FLAGS: i32 = 0;

/// Whether a connect that did not wait says that it goes on.
pub(crate) fn is_connecting(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
