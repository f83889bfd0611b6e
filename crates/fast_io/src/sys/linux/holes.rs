//! Holes and reserved blocks: `fallocate`.

use std::fs::File;
use std::io;

use rustix::fs::{FallocateFlags, fallocate};

/// Frees the blocks of a range, which then reads as zeros; the length stays.
pub(crate) fn punch_hole(file: &File, offset: u64, len: u64) -> io::Result<()> {
    Ok(fallocate(
        file,
        FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE,
        offset,
        len,
    )?)
}

/// Reserves blocks for the first `len` bytes; the length stays.
pub(crate) fn reserve(file: &File, len: u64) -> io::Result<()> {
    Ok(fallocate(file, FallocateFlags::KEEP_SIZE, 0, len)?)
}
