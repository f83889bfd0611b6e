//! Which refusals speak for a whole file system, and the one that is ours.

use std::io;

use rustix::io::Errno;

/// Whether the error means that this pair of file systems, or this kernel, will never do it. The
/// rest (`EINVAL`, `EPERM`, `EBADF`, `ETXTBSY`, `EIO`, …) may be a matter of one file.
pub(crate) fn is_never_supported(error: &io::Error) -> bool {
    const NEVER: [Errno; 5] = [
        Errno::OPNOTSUPP,
        Errno::NOTSUP,
        Errno::NOSYS,
        Errno::NOTTY,
        Errno::XDEV,
    ];
    error.kind() == io::ErrorKind::Unsupported
        || NEVER
            .iter()
            .any(|never| error.raw_os_error() == Some(never.raw_os_error()))
}

/// What a name is answered with that no entry can have.
pub(crate) fn invalid_name() -> io::Error {
    Errno::INVAL.into()
}

/// What a symbolic link is answered with that is not to be followed.
pub(crate) fn refused_link() -> io::Error {
    Errno::LOOP.into()
}
