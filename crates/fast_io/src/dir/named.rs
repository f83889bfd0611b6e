//! Opening what the user named for the program's own use: a destination, a log, a list of names.
//!
//! Such a path may lead anywhere, also through directories in which others may write. Whoever puts
//! a symbolic link there would choose what a more powerful user reads or overwrites, so [`Trust`]
//! says whose links are followed.
// rsync: syscall.c open_no_attacker_symlinks()

use super::imp;
use std::fs::File;
use std::io;
use std::path::Path;

/// Whose symbolic links are followed in a path. On Windows, where links have no owner of this kind
/// and only administrators make them, everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust<'a> {
    /// Those of root and of the user that the process acts as. The path is walked by handles, one
    /// component at a time; another's link is answered like a loop.
    #[default]
    Owners,
    /// Those of the same, and what the path leads to must lie below this absolute path, or be it.
    // rsync: syscall.c abspath_outside_confinement()
    OwnersBelow(&'a Path),
    /// Everybody's.
    Anyone,
}

/// What a file that the user named is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To read it. Unlike [`super::Dir::open_file`] this waits for the writer of a named pipe.
    Read,
    /// To write behind what is in it; it is made, with these permissions, if it is missing.
    Append {
        /// The permission bits of a new file, before the process's mask.
        permissions: u32,
    },
    /// To write it anew; it is made, with these permissions, if it is missing.
    Replace {
        /// The permission bits of a new file, before the process's mask.
        permissions: u32,
    },
}

/// Opens the file at a path that the user named.
pub fn open_named(path: &Path, purpose: Purpose, trust: Trust<'_>) -> io::Result<File> {
    imp::open_named(path, purpose, trust)
}
