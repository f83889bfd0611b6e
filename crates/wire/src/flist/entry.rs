//! An entry as it crosses, borrowed from whoever has it.
// rsync: rsync.h struct file_struct

use super::acl::EntryAcls;
use super::xattr::XattrList;

/// One entry of the file list. What the rules of the session leave out is not read when an entry
/// is encoded, and has its default in one that was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WireEntry<'a> {
    /// The whole name, below the root of the transfer.
    pub name: &'a [u8],
    /// Numbers.
    pub attributes: Attributes,
    /// What is a directory's part.
    pub directory: DirectoryRole,
    /// The name of the owner, where it stands beside a number that is new: only if recursion is
    /// incremental and ids are not numeric.
    pub user_name: Option<&'a [u8]>,
    /// The name of the group, likewise.
    pub group_name: Option<&'a [u8]>,
    /// What a symbolic link says.
    pub link_target: &'a [u8],
    /// What else is the same file.
    pub hard_link: HardLink,
    /// The checksum of a file's content.
    pub checksum: &'a [u8],
    /// Access control lists: of everything but symbolic links, where they cross at all.
    pub acls: Option<EntryAcls<'a>>,
    /// Extended attributes, where they cross at all.
    pub xattrs: Option<Listed<'a, XattrList>>,
}

/// The numbers of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Kind and permissions, as Unix has them.
    pub mode: u32,
    /// Length of the content.
    pub size: u64,
    /// When the content changed, in seconds.
    pub mtime: i64,
    /// The rest of that in nanoseconds: from protocol 31 on.
    pub mtime_nsec: u32,
    /// When it was read. Directories don't say.
    pub atime: i64,
    /// When it was made.
    pub crtime: i64,
    /// The owner's number, as the sender has it.
    pub uid: u32,
    /// The group's.
    pub gid: u32,
    /// What a device is. Before protocol 31, sockets and FIFOs have a number too, without
    /// meaning.
    pub device: Device,
}

/// The number of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Device {
    /// The driver.
    pub major: u32,
    /// Its device.
    pub minor: u32,
}

impl Device {
    /// The 32 bits of Linux' `dev_t`, which is all that crossed in protocol 27.
    pub(super) const fn to_packed(self) -> u32 {
        (self.major & 0xfff) << 8 | (self.minor & 0xff) | (self.minor & !0xff) << 12
    }

    pub(super) const fn from_packed(bits: u32) -> Device {
        Device {
            major: bits >> 8 & 0xfff,
            minor: bits & 0xff | bits >> 12 & 0xf_ff00,
        }
    }
}

/// How much of a directory is in the transfer.
// rsync: rsync.h FLAG_TOP_DIR, FLAG_CONTENT_DIR, FLAG_IMPLIED_DIR
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DirectoryRole {
    /// Its content is, because that of its parent is. Everything that is no directory has this.
    ///
    /// Before protocol 30, this is said of every directory that is not [`DirectoryRole::Top`],
    /// and the receiver has to see by the names whether it is beneath the last one that is.
    #[default]
    Content,
    /// Its content is, and it was asked for by name.
    Top,
    /// It is there only as the parent of what was asked for: from protocol 30 on.
    Implied,
    /// Its content is not: from protocol 30 on.
    Bare,
}

/// What else is the same file as an entry. For directories always [`HardLink::None`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HardLink {
    /// Nothing.
    #[default]
    None,
    /// From protocol 30 on: the first entry of a group.
    First,
    /// From protocol 30 on: another entry of the group whose first one has this index. If that
    /// is in the same segment, nothing but the name crosses, so whoever encodes one has to give
    /// it the first one's attributes; the decoder fills them in.
    Of(i32),
    /// Before protocol 30: entries with the same numbers are one file. Before 28, each regular
    /// file has them; the encoder makes some up for one that is said to have none.
    Inode {
        /// Of the file system.
        device: i64,
        /// Within it.
        inode: i64,
    },
}

/// What may be the same for many entries: it crosses in full once, and then by its number.
#[derive(Debug, PartialEq, Eq)]
pub enum Listed<'a, T> {
    /// This many had crossed in full before the one that is meant.
    Earlier(u32),
    /// It crosses here.
    New(&'a T),
}

impl<T> Clone for Listed<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Listed<'_, T> {}

/// The kind that a mode says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file with content.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device that is read byte by byte.
    CharDevice,
    /// A device that is read block by block.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
    /// What was asked for and is not there: mode 0.
    Missing,
}

impl Kind {
    /// The kind in a mode, unless it is none of those that cross.
    pub const fn of_mode(mode: u32) -> Option<Kind> {
        Some(match mode & !0o7777 {
            0o100000 => Kind::Regular,
            0o040000 => Kind::Directory,
            0o120000 => Kind::Symlink,
            0o020000 => Kind::CharDevice,
            0o060000 => Kind::BlockDevice,
            0o010000 => Kind::Fifo,
            0o140000 => Kind::Socket,
            _ if mode == 0 => Kind::Missing,
            _ => return None,
        })
    }

    pub(super) const fn is_device(self) -> bool {
        matches!(self, Kind::CharDevice | Kind::BlockDevice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_device_number_is_linuxs() {
        // From makedev(3): 0x12345 of 0x678 is 0x1236_7845 in 32 bits.
        let device = Device {
            major: 0x678,
            minor: 0x12345,
        };
        assert_eq!(device.to_packed(), 0x1236_7845);
        assert_eq!(Device::from_packed(0x1236_7845), device);
    }

    #[test]
    fn modes_have_kinds() {
        assert_eq!(Kind::of_mode(0o100644), Some(Kind::Regular));
        assert_eq!(Kind::of_mode(0o041777), Some(Kind::Directory));
        assert_eq!(Kind::of_mode(0), Some(Kind::Missing));
        assert_eq!(Kind::of_mode(0o644), None);
        assert_eq!(Kind::of_mode(0o1100644), None);
    }
}
