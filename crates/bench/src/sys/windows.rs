//! Windows.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::FileExt;
use std::path::Path;
use std::time::SystemTime;

use super::{Executable, Room};

/// Makes a new file for writing; whether it may be run is in its name here.
pub fn create_file(path: &Path, _: Executable) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Sets when a directory was last changed.
pub fn set_directory_modified(path: &Path, time: SystemTime) -> io::Result<()> {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_WRITE_ATTRIBUTES: u32 = 0x100;
    const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
    OpenOptions::new()
        .access_mode(FILE_WRITE_ATTRIBUTES)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)?
        .set_modified(time)
}

/// 1 for a read-only file: all the mode there is.
pub fn mode(metadata: &Metadata) -> u32 {
    u32::from(metadata.permissions().readonly())
}

/// What the file system of `path` can still hold.
pub fn room(path: &Path) -> io::Result<Room> {
    Ok(Room {
        bytes: fs4::available_space(path)?,
        files: None,
    })
}

/// Reads once at `offset`.
pub fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(room, offset)
}

/// Writes once at `offset`.
pub fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(bytes, offset)
}

/// Whether [`drop_from_cache`] does anything.
pub const CAN_DROP_CACHES: bool = false;

/// There is no such call.
pub fn drop_from_cache(_file: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// It always does.
pub fn have_output_wait() -> io::Result<()> {
    Ok(())
}
