//! Reading what is in memory, and saying so where a read would have to wait for the disk.

use std::io::{self, IoSliceMut};

use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::file::SharedFile;

/// Auto's workers ask before they wait.
pub(crate) const TELLS_WHAT_WAITS: bool = true;

/// Reads once at `offset`, as much as is there without waiting; `WouldBlock` if that is nothing, and
/// an error for which `is_never_supported` holds if the file system does not know. Nothing read may
/// be the end of the file.
pub(crate) fn read_at_once(file: &SharedFile, room: &mut [u8], offset: u64) -> io::Result<usize> {
    if offset > i64::MAX as u64 {
        // To `preadv2` the highest of these means where the file's cursor is.
        return Err(Errno::INVAL.into());
    }
    let mut rooms = [IoSliceMut::new(room)];
    match preadv2(&**file, &mut rooms, offset, ReadWriteFlags::NOWAIT) {
        // A pipe: a worker knows how to read that.
        Err(Errno::SPIPE) => Err(io::ErrorKind::Unsupported.into()),
        read => Ok(read?),
    }
}
