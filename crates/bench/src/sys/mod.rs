//! What each system calls differently. Every system's module offers:
//!
//! - `create_file`: a new file that is executable or not;
//! - `set_directory_modified`: gives a directory a time, where the standard library can;
//! - `mode`: the permissions that a copy should keep;
//! - `read_at` and `write_at`: one positioned call;
//! - `CAN_DROP_CACHES` and `drop_from_cache`: has what is read next come from the disk;
//! - `have_output_wait`: a standard output that takes all that is written;
//! - `room`: what a file system can still hold.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{
    CAN_DROP_CACHES, create_file, drop_from_cache, have_output_wait, mode, read_at, room,
    set_directory_modified, write_at,
};
#[cfg(windows)]
pub use windows::{
    CAN_DROP_CACHES, create_file, drop_from_cache, have_output_wait, mode, read_at, room,
    set_directory_modified, write_at,
};

/// Whether a new file may be run.
#[derive(Clone, Copy, PartialEq)]
pub enum Executable {
    /// It may.
    Yes,
    /// It may not.
    No,
}

/// What a file system can still hold.
pub struct Room {
    /// Bytes free to this user.
    pub bytes: u64,
    /// Files that can still be made; `None` where there is no limit.
    pub files: Option<u64>,
}
