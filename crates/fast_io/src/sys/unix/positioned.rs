//! Reads and writes that leave the file's cursor alone: `pread` and `pwrite`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::file::SharedFile;

/// Reads once at `offset`; zero at the end of the file.
pub(crate) fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(room, offset)
}

/// Writes once at `offset`.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

/// [`read_at`] for the workers of a pump.
pub(crate) fn read_part(file: &SharedFile, room: &mut [u8], offset: u64) -> io::Result<usize> {
    read_at(file, room, offset)
}

/// [`write_at`] for the workers of a pump.
pub(crate) fn write_part(file: &SharedFile, bytes: &[u8], offset: u64) -> io::Result<usize> {
    write_at(file, bytes, offset)
}
