//! Copying and holes on Unix systems that offer nothing special for open files: everything is
//! refused, and the callers read and write.
//!
//! macOS is one of them. It clones to new names only (`dir/unix/clone.rs`), and its `fcopyfile`
//! reads and writes in the process as we do, but knows no ranges.

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

/// Refused.
pub(crate) fn punch_hole(_file: &File, _offset: u64, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Refused.
pub(crate) fn reserve(_file: &File, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
