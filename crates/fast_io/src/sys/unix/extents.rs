//! Where a file's data lies: `SEEK_DATA` and `SEEK_HOLE`.

use std::fs::File;
use std::io;
use std::ops::Range;

/// The first stretch of data at or after `from`; none if only a hole follows. Moves the cursor.
///
/// An error means that the file system cannot tell.
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd"
))]
pub(crate) fn next_data(file: &File, from: u64) -> io::Result<Option<Range<u64>>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;

    match seek(file, SeekFrom::Data(from)) {
        Ok(start) => Ok(Some(start..seek(file, SeekFrom::Hole(start))?)),
        Err(Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Not known how to ask here.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd"
)))]
pub(crate) fn next_data(_file: &File, _from: u64) -> io::Result<Option<Range<u64>>> {
    Err(io::ErrorKind::Unsupported.into())
}
