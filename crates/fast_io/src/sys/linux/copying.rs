//! Reflinks and copies inside the kernel: `FICLONE` and `copy_file_range`.

use std::fs::File;
use std::io;

use rustix::fs::{copy_file_range, ioctl_ficlone};

/// Large enough that its system calls do not count, small enough to stay in a processor's cache.
pub(crate) const COPY_BUFFER_SIZE: usize = 256 << 10;

/// Shares all blocks of `source`.
pub(crate) fn clone_file(source: &File, destination: &File) -> io::Result<()> {
    Ok(ioctl_ficlone(destination, source)?)
}

/// Copies up to `len` bytes once; zero at the end of the source, or where the file system does not
/// know better (files in `/proc`, some network file systems).
pub(crate) fn copy_in_kernel(
    source: &File,
    mut from: u64,
    destination: &File,
    mut to: u64,
    len: u64,
) -> io::Result<u64> {
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let moved = copy_file_range(source, Some(&mut from), destination, Some(&mut to), len)?;
    Ok(moved as u64)
}
