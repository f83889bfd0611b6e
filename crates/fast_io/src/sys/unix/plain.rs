//! Copying and holes on Unix systems of which we use nothing special: everything is refused, and
//! the callers read and write.
//!
//! macOS is one of them. Its `fcopyfile` knows no ranges, so its progress cannot be followed by
//! offset, and its `fclonefileat` makes a new name instead of filling an open file.

use std::fs::File;
use std::io;

/// Large enough that its system calls do not count, small enough to stay in a processor's cache.
pub(crate) const COPY_BUFFER_SIZE: usize = 256 << 10;

/// Refused.
pub(crate) fn clone_file(_source: &File, _destination: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Refused.
pub(crate) fn copy_in_kernel(
    _source: &File,
    _from: u64,
    _destination: &File,
    _to: u64,
    _len: u64,
) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Every refusal is for good.
pub(crate) fn is_never_supported(_error: &io::Error) -> bool {
    true
}

/// Refused.
pub(crate) fn punch_hole(_file: &File, _offset: u64, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Refused.
pub(crate) fn reserve(_file: &File, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
