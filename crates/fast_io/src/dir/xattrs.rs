//! Extended attributes: named values beside a file's content.
//!
//! A symbolic link's attributes are its own. Only Linux has these calls; elsewhere they answer
//! [`std::io::ErrorKind::Unsupported`].
// rsync: lib/sysxattrs.c

use super::Dir;
use std::fs::File;
use std::io;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as imp;
#[cfg(not(target_os = "linux"))]
mod none;
#[cfg(not(target_os = "linux"))]
use none as imp;

/// Whose attributes are meant.
#[derive(Debug, Clone, Copy)]
pub enum XattrsOf<'a> {
    /// Those of an open file.
    File(&'a File),
    /// Those of a name in a directory; `.` is the directory.
    Entry(&'a Dir, &'a [u8]),
}

/// The names of all attributes that the caller may see, a zero byte behind each.
///
/// # Errors
/// What the system says; [`io::ErrorKind::Unsupported`] of a file system without attributes.
pub fn xattr_names(of: XattrsOf<'_>) -> io::Result<Vec<u8>> {
    imp::names(of)
}

/// The value of an attribute, if there is one of this name.
///
/// # Errors
/// What the system says.
pub fn xattr(of: XattrsOf<'_>, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    imp::value(of, name)
}

/// Sets an attribute, whether there is one of this name or not.
///
/// # Errors
/// What the system says.
pub fn set_xattr(of: XattrsOf<'_>, name: &[u8], value: &[u8]) -> io::Result<()> {
    imp::set(of, name, value)
}

/// Removes an attribute. One that is not there is removed already.
///
/// # Errors
/// What the system says.
pub fn remove_xattr(of: XattrsOf<'_>, name: &[u8]) -> io::Result<()> {
    imp::remove(of, name)
}
