//! Linux and macOS.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
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
