//! Linux and macOS.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use super::{Executable, Room};

/// Makes a new file for reading and writing.
pub fn create_file(path: &Path, executable: Executable) -> io::Result<File> {
    let mode = match executable {
        Executable::Yes => 0o755,
        Executable::No => 0o644,
    };
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Sets when a directory was last changed.
pub fn set_directory_modified(path: &Path, time: SystemTime) -> io::Result<()> {
    File::open(path)?.set_modified(time)
}

/// The permission bits, with setuid, setgid and sticky.
pub fn mode(metadata: &Metadata) -> u32 {
    metadata.mode() & 0o7777
}

/// What the file system of `path` can still hold.
pub fn room(path: &Path) -> io::Result<Room> {
    let system = rustix::fs::statvfs(path)?;
    Ok(Room {
        bytes: system.f_bavail * system.f_frsize,
        // Btrfs and others count no inodes and say zero.
        files: (system.f_files > 0).then_some(system.f_favail),
    })
}

/// Reads once at `offset`.
pub fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(room, offset)
}

/// Writes once at `offset`.
pub fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

/// Whether [`drop_from_cache`] does anything.
pub const CAN_DROP_CACHES: bool = cfg!(target_os = "linux");

/// Drops the pages of a file that has been synchronised.
#[cfg(target_os = "linux")]
pub fn drop_from_cache(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fadvise(
        file,
        0,
        None,
        rustix::fs::Advice::DontNeed,
    )?)
}

/// Without root, nothing drops them here.
#[cfg(not(target_os = "linux"))]
pub fn drop_from_cache(_file: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// rsync hands its remote shell a standard output that does not wait until there is room.
pub fn have_output_wait() -> io::Result<()> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let output = io::stdout();
    let flags = fcntl_getfl(&output)?;
    Ok(fcntl_setfl(&output, flags - OFlags::NONBLOCK)?)
}
