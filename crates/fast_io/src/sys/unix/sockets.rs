//! What Unix systems have of their own about sockets.

use std::io;

use rustix::io::Errno;

/// How to send without being killed by `SIGPIPE`: where that is no flag, it is an option of each
/// socket, which the standard library and `socket2` set.
pub(crate) const SEND_FLAGS: i32 = {
    #[cfg(not(target_vendor = "apple"))]
    {
        rustix::net::SendFlags::NOSIGNAL.bits() as i32
    }
    #[cfg(target_vendor = "apple")]
    {
        0
    }
};

/// Whether a connect that did not wait says that it goes on.
pub(crate) fn is_connecting(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error())
}
