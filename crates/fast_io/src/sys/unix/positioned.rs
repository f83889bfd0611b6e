//! Reads and writes that leave the file's cursor alone: `pread` and `pwrite`. Pipes and other things
//! without places have no cursor, and refuse them.

use std::fs::File;
use std::io::{self, Read, Write};
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

/// [`read_at`] for the workers of a pump; of what has no places, whatever comes next, as a ring reads.
pub(crate) fn read_part(file: &SharedFile, room: &mut [u8], offset: u64) -> io::Result<usize> {
    match read_at(file, room, offset) {
        Err(error) if error.kind() == io::ErrorKind::NotSeekable => (&**file).read(room),
        done => done,
    }
}

/// [`write_at`] for the workers of a pump; to what has no places, after what went there before.
pub(crate) fn write_part(file: &SharedFile, bytes: &[u8], offset: u64) -> io::Result<usize> {
    match write_at(file, bytes, offset) {
        Err(error) if error.kind() == io::ErrorKind::NotSeekable => (&**file).write(bytes),
        done => done,
    }
}
