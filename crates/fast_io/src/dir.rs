//! Directory handles: every name is looked up relative to an open directory.
//!
//! A path that is joined as text and opened again can be redirected by whoever owns one of
//! its components; a handle cannot. So everything here takes one [`Dir`] and one name (or, for
//! [`Dir::open_beneath`], a relative path whose components the kernel resolves without leaving
//! the directory and without following a symbolic link).
//!
//! Names are bytes: what the kernel uses on Unix, UTF-8 (WTF-8 for unpaired surrogates) with
//! `/` between components on Windows. A name that is no single component (`..`, `a/b`, a NUL) is
//! refused by every call before the system sees it. The same calls exist on every system; what a system
//! cannot do answers [`std::io::ErrorKind::Unsupported`].

use name::{Name, PathBeneath};
use std::fs::File;
use std::io;
use std::path::Path;

mod name;
mod named;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as imp;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as imp;
mod within;
mod xattrs;

pub use named::{Purpose, Trust, open_named};
pub use xattrs::{XattrsOf, remove_xattr, set_xattr, xattr, xattr_names};

/// An open directory.
#[derive(Debug)]
pub struct Dir(imp::Dir);

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// A point in time, in seconds and nanoseconds since 1970 (seconds may be negative).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// Whole seconds since the epoch, rounded down.
    pub secs: i64,
    /// Nanoseconds after `secs`, below 1,000,000,000.
    pub nanos: u32,
}

/// The number of a device node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DeviceNumber {
    /// The driver's number.
    pub major: u32,
    /// The unit's number.
    pub minor: u32,
}

/// What the file system says of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// The permission bits, `0o7777` at most.
    pub permissions: u32,
    /// The owner (0 on Windows).
    pub uid: u32,
    /// The group (0 on Windows).
    pub gid: u32,
    /// Bytes of content.
    pub size: u64,
    /// When the content last changed.
    pub mtime: Timestamp,
    /// When the content was last read.
    pub atime: Timestamp,
    /// The volume it lives on.
    pub device: u64,
    /// Its number on that volume.
    pub inode: u64,
    /// How many names it has.
    pub links: u64,
    /// Bytes that it occupies.
    pub allocated: u64,
    /// For device nodes, which device.
    pub special: DeviceNumber,
}

/// Whether the last component may be a symbolic link that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// A symbolic link is itself the answer (or an error, where it must be opened).
    Never,
    /// A symbolic link stands for what it points to, wherever that is.
    Always,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// For reading; the file exists.
    Read,
    /// The same, but the access time stays as it is, where the system can have it so and lets this
    /// user.
    ReadUnseen,
    /// For reading and writing; the file exists.
    Write,
}

impl FileKind {
    /// The type bits of a Unix mode (`S_IFMT`), the same numbers on every system.
    pub const fn mode_bits(self) -> u32 {
        match self {
            FileKind::Regular => 0o100000,
            FileKind::Directory => 0o040000,
            FileKind::Symlink => 0o120000,
            FileKind::Fifo => 0o010000,
            FileKind::Socket => 0o140000,
            FileKind::CharDevice => 0o020000,
            FileKind::BlockDevice => 0o060000,
        }
    }

    /// The kind that a Unix mode's type bits name, if they name one.
    pub const fn from_mode(mode: u32) -> Option<FileKind> {
        Some(match mode & 0o170000 {
            0o100000 => FileKind::Regular,
            0o040000 => FileKind::Directory,
            0o120000 => FileKind::Symlink,
            0o010000 => FileKind::Fifo,
            0o140000 => FileKind::Socket,
            0o020000 => FileKind::CharDevice,
            0o060000 => FileKind::BlockDevice,
            _ => return None,
        })
    }

    /// A character or block device.
    pub const fn is_device(self) -> bool {
        matches!(self, FileKind::CharDevice | FileKind::BlockDevice)
    }

    /// A named pipe or a socket: what rsync calls a special file.
    pub const fn is_special(self) -> bool {
        matches!(self, FileKind::Fifo | FileKind::Socket)
    }
}

impl Stat {
    /// The Unix mode: type and permission bits together.
    pub const fn mode(&self) -> u32 {
        self.kind.mode_bits() | self.permissions
    }

    /// A directory.
    pub fn is_dir(&self) -> bool {
        self.kind == FileKind::Directory
    }
}

impl Dir {
    /// Opens a directory by a path that the user named.
    pub fn open(path: &Path, trust: Trust<'_>) -> io::Result<Dir> {
        imp::Dir::open(path, trust).map(Dir)
    }

    /// Opens the directory at a relative path of zero or more components below this one.
    /// No component may be a symbolic link, `..` or absolute; an empty path is this directory.
    pub fn open_beneath(&self, path: &[u8]) -> io::Result<Dir> {
        self.0.open_beneath(PathBeneath::new(path)?).map(Dir)
    }

    /// Opens the directory at `path`, relative to this one, following symbolic links in it
    /// wherever they lead: only for what the user asked to be followed (`-L`, `-k`) or named.
    pub fn open_following(&self, path: &[u8], trust: Trust<'_>) -> io::Result<Dir> {
        self.0.open_following(path, trust).map(Dir)
    }

    /// Hands over all names in the directory but `.` and `..`, in the order the system gives them,
    /// each with what it is, where the directory itself says so.
    pub fn entries(&self, found: &mut dyn FnMut(&[u8], Option<FileKind>)) -> io::Result<()> {
        self.0.entries(found)
    }

    /// What `name` is; `.` is this directory.
    pub fn stat(&self, name: &[u8], follow: Follow) -> io::Result<Stat> {
        self.0.stat(Name::of_entry_or_itself(name)?, follow)
    }

    /// What this directory itself is.
    pub fn stat_self(&self) -> io::Result<Stat> {
        self.0.stat_self()
    }

    /// Opens the existing file `name`. Never blocks on a named pipe.
    pub fn open_file(&self, name: &[u8], access: Access, follow: Follow) -> io::Result<File> {
        self.0.open_file(Name::of_entry(name)?, access, follow)
    }

    /// Opens the existing file `name`, whatever its link leads to, for reading: for what the user
    /// named. Never blocks on a named pipe.
    pub fn open_named(&self, name: &[u8], trust: Trust<'_>) -> io::Result<File> {
        self.0.open_named(Name::of_entry(name)?, trust)
    }

    /// Creates the file `name`, which must not exist, for reading and writing.
    pub fn create_file(&self, name: &[u8], permissions: u32) -> io::Result<File> {
        self.0.create_file(Name::of_entry(name)?, permissions)
    }

    /// Creates a file that has no name yet; it vanishes unless [`Dir::link_file`] gives it one.
    pub fn create_unnamed(&self, permissions: u32) -> io::Result<File> {
        self.0.create_unnamed(permissions)
    }

    /// Gives an unnamed file of this directory's file system the name `name`, which must not be
    /// taken.
    pub fn link_file(&self, file: &File, name: &[u8]) -> io::Result<()> {
        self.0.link_file(file, Name::of_entry(name)?)
    }

    /// Creates the file `name`, which must not exist, as a clone of `source`, and opens it for
    /// reading: for systems that clone in no other way (`Unsupported` elsewhere). It has these
    /// permissions, its maker as owner, and the source's modification time; neither its extended
    /// attributes nor its access list.
    pub(crate) fn create_clone(
        &self,
        name: &[u8],
        source: &File,
        permissions: u32,
    ) -> io::Result<File> {
        self.0
            .create_clone(Name::of_entry(name)?, source, permissions)
    }

    /// Creates the directory `name`.
    pub fn create_dir(&self, name: &[u8], permissions: u32) -> io::Result<()> {
        self.0.create_dir(Name::of_entry(name)?, permissions)
    }

    /// Creates the symbolic link `name` that holds `target`.
    pub fn create_symlink(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        self.0.create_symlink(Name::of_entry(name)?, target)
    }

    /// Creates a named pipe, socket or device node.
    pub fn create_node(
        &self,
        name: &[u8],
        kind: FileKind,
        permissions: u32,
        device: DeviceNumber,
    ) -> io::Result<()> {
        self.0
            .create_node(Name::of_entry(name)?, kind, permissions, device)
    }

    /// Gives the existing entry `from` of this directory the further name `to` in `to_dir`.
    pub fn link(&self, from: &[u8], to_dir: &Dir, to: &[u8]) -> io::Result<()> {
        let (from, to) = (Name::of_entry(from)?, Name::of_entry(to)?);
        self.0.link(from, &to_dir.0, to)
    }

    /// Renames `from` to `to` in `to_dir`, replacing atomically what is there.
    pub fn rename(&self, from: &[u8], to_dir: &Dir, to: &[u8]) -> io::Result<()> {
        let (from, to) = (Name::of_entry(from)?, Name::of_entry(to)?);
        self.0.rename(from, &to_dir.0, to)
    }

    /// Removes `name`, which is not a directory.
    pub fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        self.0.remove_file(Name::of_entry(name)?)
    }

    /// Removes the empty directory `name`.
    pub fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        self.0.remove_dir(Name::of_entry(name)?)
    }

    /// What the symbolic link `name` holds.
    pub fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        self.0.read_link(Name::of_entry(name)?)
    }

    /// Sets the permission bits of `name`, which is not a symbolic link.
    pub fn set_permissions(&self, name: &[u8], permissions: u32) -> io::Result<()> {
        self.0
            .set_permissions(Name::of_entry_or_itself(name)?, permissions)
    }

    /// Sets owner and group of `name`; a symbolic link's own. `None` leaves one as it is.
    pub fn set_owner(&self, name: &[u8], uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        self.0.set_owner(Name::of_entry_or_itself(name)?, uid, gid)
    }

    /// Sets the modification time of `name`; a symbolic link's own.
    pub fn set_mtime(&self, name: &[u8], mtime: Timestamp) -> io::Result<()> {
        self.0.set_mtime(Name::of_entry_or_itself(name)?, mtime)
    }

    /// Sets the access time of `name`; a symbolic link's own.
    pub fn set_atime(&self, name: &[u8], atime: Timestamp) -> io::Result<()> {
        self.0.set_atime(Name::of_entry_or_itself(name)?, atime)
    }

    /// Sets this directory's own modification time.
    pub fn set_own_mtime(&self, mtime: Timestamp) -> io::Result<()> {
        self.0.set_own_mtime(mtime)
    }

    /// Sets this directory's own owner and group. `None` leaves one as it is.
    pub fn set_own_owner(&self, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        self.0.set_own_owner(uid, gid)
    }

    /// Sets this directory's own permission bits.
    pub fn set_own_permissions(&self, permissions: u32) -> io::Result<()> {
        self.0.set_own_permissions(permissions)
    }
}

/// What the open file is.
pub fn file_stat(file: &File) -> io::Result<Stat> {
    imp::file_stat(file)
}

/// Sets the permission bits of the open file.
pub fn set_file_permissions(file: &File, permissions: u32) -> io::Result<()> {
    imp::set_file_permissions(file, permissions)
}

/// Sets owner and group of the open file. `None` leaves one as it is.
pub fn set_file_owner(file: &File, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    imp::set_file_owner(file, uid, gid)
}

/// Sets the access time of the open file.
pub fn set_file_atime(file: &File, atime: Timestamp) -> io::Result<()> {
    imp::set_file_atime(file, atime)
}

/// Sets the modification time of the open file.
pub fn set_file_mtime(file: &File, mtime: Timestamp) -> io::Result<()> {
    imp::set_file_mtime(file, mtime)
}

/// Who the process acts as; on Windows user 0 without privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
    /// Whether it may give files away and make device nodes.
    pub privileged: bool,
}

/// Who the process acts as.
pub fn identity() -> Identity {
    imp::identity()
}

/// Clears the process's file-mode creation mask and returns what it was, so that every
/// later creation gets exactly the permissions that were asked for (`0o022` on Windows,
/// which has none).
pub fn take_umask() -> u32 {
    imp::take_umask()
}

/// Lets the process open as many files at once as the system allows it, and not only as many as
/// is usual. Returns how many that is.
pub fn raise_open_limit() -> usize {
    imp::raise_open_limit()
}
