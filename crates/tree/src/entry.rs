//! One entry of a file list: what rsync calls a `file_struct`.

use fast_io::dir::{DeviceNumber, FileKind, Stat, Timestamp};
use std::sync::Arc;

/// An entry of a file list. Small, because a list may hold millions.
// rsync: rsync.h struct file_struct
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The directories before the last component, without a trailing slash; empty at the top.
    /// Shared by the entries of one directory.
    pub dirname: Arc<[u8]>,
    /// The last component; `.` for the top of a transfer.
    pub basename: Box<[u8]>,
    /// Type and permission bits, as Unix numbers them.
    pub mode: u32,
    /// The owner's number at the source.
    pub uid: u32,
    /// The group's number at the source.
    pub gid: u32,
    /// Which of the session's source directories the name starts from.
    pub source: u32,
    /// Bytes of content; 0 for devices and special files.
    pub size: u64,
    /// When the content last changed.
    pub mtime: Timestamp,
    /// Why and how it is in the list.
    pub flags: EntryFlags,
    /// What only some entries have.
    pub extra: Option<Box<Extra>>,
}

/// What only some entries have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extra {
    /// What a symbolic link holds.
    pub link_target: Option<Box<[u8]>>,
    /// Which device a device node is.
    pub device: DeviceNumber,
    /// For a file with several names, under `-H`: volume and number of what they share.
    pub identity: Option<FileId>,
    /// For a directory that `-R` implies: which of the sender's lists says what is named below.
    pub tails: Option<u32>,
}

/// What two names of the same file have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId {
    /// The volume.
    pub device: u64,
    /// The number on it.
    pub inode: u64,
}

/// Why and how an entry is in the list.
// rsync: rsync.h FLAG_*
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EntryFlags {
    /// Named by the user.
    pub top_dir: bool,
    /// A directory whose content belongs to the transfer.
    pub content_dir: bool,
    /// A directory that is here only because `-R` implies it.
    pub implied_dir: bool,
    /// A mount point that `-x` does not enter.
    pub mount_dir: bool,
}

impl Entry {
    /// An entry for `path` (components joined by `/`), as `stat` describes it.
    pub fn new(dirname: Arc<[u8]>, basename: &[u8], stat: &Stat) -> Entry {
        let sized = matches!(
            stat.kind,
            FileKind::Regular | FileKind::Directory | FileKind::Symlink
        );
        let extra = stat.kind.is_device().then(|| {
            Box::new(Extra {
                device: stat.special,
                ..Extra::default()
            })
        });
        Entry {
            dirname,
            basename: basename.into(),
            mode: stat.mode(),
            uid: stat.uid,
            gid: stat.gid,
            source: 0,
            size: if sized { stat.size } else { 0 },
            mtime: stat.mtime,
            flags: EntryFlags::default(),
            extra,
        }
    }

    /// The whole name, `/` between its components.
    pub fn path(&self) -> Vec<u8> {
        join(&self.dirname, &self.basename)
    }

    /// What it is; `None` for the entry of a missing argument (mode 0).
    pub fn kind(&self) -> Option<FileKind> {
        FileKind::from_mode(self.mode)
    }

    /// A directory.
    pub fn is_dir(&self) -> bool {
        self.kind() == Some(FileKind::Directory)
    }

    /// A regular file.
    pub fn is_regular(&self) -> bool {
        self.kind() == Some(FileKind::Regular)
    }

    /// A symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.kind() == Some(FileKind::Symlink)
    }

    /// The permission bits.
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// What a symbolic link holds; empty for anything else.
    pub fn link_target(&self) -> &[u8] {
        self.extra
            .as_ref()
            .and_then(|e| e.link_target.as_deref())
            .unwrap_or_default()
    }

    /// Which device a device node is.
    pub fn device(&self) -> DeviceNumber {
        self.extra.as_ref().map(|e| e.device).unwrap_or_default()
    }

    /// What this entry shares with its other names, under `-H`.
    pub fn identity(&self) -> Option<FileId> {
        self.extra.as_ref().and_then(|e| e.identity)
    }

    /// The part of the entry that few have, made on demand.
    pub fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// How many directories are above it: 0 for `.`, 1 for a name at the top.
    // rsync: util1.c count_dir_elements()
    pub fn depth(&self) -> usize {
        if self.dirname.is_empty() && &*self.basename == b"." {
            return 0;
        }
        1 + self
            .dirname
            .split(|&b| b == b'/')
            .filter(|c| !c.is_empty())
            .count()
    }
}

/// `dir/name`, or `name` alone where `dir` is empty.
pub fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() {
        return name.to_vec();
    }
    let mut path = Vec::with_capacity(dir.len() + 1 + name.len());
    path.extend_from_slice(dir);
    if dir != b"/" {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// A path's directory part (empty where it has none) and its last component.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&b| b == b'/') {
        Some(0) => (b"/", &path[1..]),
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_joined_alike() {
        for path in [b"a".as_slice(), b"a/b", b"a/b/c", b"/a"] {
            let (dir, name) = split(path);
            assert_eq!(join(dir, name), path);
        }
    }
}
