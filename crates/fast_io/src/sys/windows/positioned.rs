//! Reads and writes at an offset. Windows moves the file's cursor as well: code that uses both on
//! one handle must not expect the cursor to stay.

use std::fs::File;
use std::io;
use std::os::windows::fs::FileExt;

/// Reads once at `offset`; zero at the end of the file.
pub(crate) fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(room, offset)
}

/// Writes once at `offset`.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(bytes, offset)
}
