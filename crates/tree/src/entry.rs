//! One entry of a file list: what rsync calls a `file_struct`.

use crate::acl::Acls;
use crate::names::{Name, Names};
use crate::order::Key;
use crate::xattrs::Xattrs;
use fast_io::dir::{DeviceNumber, FileKind, Stat, Timestamp};
use std::sync::Arc;

/// An entry of a file list. Small, because a list may hold millions.
// rsync: rsync.h struct file_struct
#[derive(Debug, Clone)]
pub struct Entry {
    /// With `at`, its name: a [`Name`] of its own would be padded.
    names: Arc<Names>,
    at: u32,
    mode: u16,
    flags: u8,
    /// The owner's number at the source.
    pub uid: u32,
    /// The group's number at the source.
    pub gid: u32,
    /// Bytes of content; 0 for devices and special files.
    pub size: u64,
    /// Nanoseconds since 1970; [`FAR_TIME`] if `extra` has it.
    mtime: i64,
    /// What only some entries have.
    pub extra: Option<Box<Extra>>,
}

/// The time is further from 1970 than nanoseconds can count, about 292 years.
const FAR_TIME: i64 = i64::MIN;
const NANOS: i64 = 1_000_000_000;

/// What only some entries have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extra {
    /// What a symbolic link holds.
    pub link_target: Option<Box<[u8]>>,
    /// Which device a device node is.
    pub device: DeviceNumber,
    /// For a file with several names, under `-H`: volume and number of what they share.
    pub identity: Option<FileId>,
    /// Times beside the usual one.
    pub times: Option<Box<Times>>,
    /// The checksum of a file's content, where the list has it.
    pub checksum: Option<Box<[u8]>>,
    /// The extended attributes, where the list has them and there are any.
    pub xattrs: Option<Arc<Xattrs>>,
    /// The access control lists, where the list has them and they say more than the mode.
    pub acls: Option<Arc<Acls>>,
    /// For a directory that `-R` implies: which of the sender's lists says what is named below.
    pub tails: Option<u32>,
}

/// Times that few entries have, or few sessions ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// When the content last changed, if that is very long ago or very far ahead.
    pub far_mtime: Timestamp,
    /// When the content was last read, in seconds since 1970.
    pub atime: Option<i64>,
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
    /// An entry of this name, as `stat` describes it.
    pub fn new(name: Name, stat: &Stat) -> Entry {
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
        let Name { names, at } = name;
        let mut entry = Entry {
            names,
            at,
            mode: 0,
            flags: 0,
            uid: stat.uid,
            gid: stat.gid,
            size: if sized { stat.size } else { 0 },
            mtime: 0,
            extra,
        };
        entry.set_mode(stat.mode());
        entry.set_mtime(stat.mtime);
        entry
    }

    /// The entry of an argument that does not exist: it has only a name.
    // rsync: flist.c send_file_list(), IS_MISSING_FILE
    pub fn missing(name: Name) -> Entry {
        let Name { names, at } = name;
        Entry {
            names,
            at,
            mode: 0,
            flags: 0,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: 0,
            extra: None,
        }
    }

    /// Whether it stands for an argument that does not exist.
    pub fn is_missing(&self) -> bool {
        self.mode == 0
    }

    /// The directories before the last component, without a trailing slash; empty at the top.
    pub fn dirname(&self) -> &[u8] {
        self.names.dirname()
    }

    /// The last component; `.` for the top of a transfer.
    pub fn basename(&self) -> &[u8] {
        self.names.basename(self.at)
    }

    /// Which of the session's source directories the name starts from.
    pub fn source(&self) -> u32 {
        self.names.source()
    }

    /// Whether both are in the same directory of the same source.
    pub fn is_beside(&self, other: &Entry) -> bool {
        Arc::ptr_eq(&self.names, &other.names)
            || (self.source() == other.source() && self.dirname() == other.dirname())
    }

    /// The whole name, `/` between its components.
    pub fn path(&self) -> Vec<u8> {
        join(self.dirname(), self.basename())
    }

    /// What the entry is sorted by.
    pub fn key(&self) -> Key<'_> {
        Key {
            dirname: self.dirname(),
            basename: self.basename(),
            is_dir: self.is_dir(),
        }
    }

    /// Type and permission bits, as Unix numbers them.
    pub fn mode(&self) -> u32 {
        self.mode.into()
    }

    /// Changes type and permission bits; a mode has no others.
    pub fn set_mode(&mut self, mode: u32) {
        self.mode = mode as u16;
    }

    /// When the content last changed.
    pub fn mtime(&self) -> Timestamp {
        if self.mtime == FAR_TIME {
            return self.times().map(|t| t.far_mtime).unwrap_or_default();
        }
        Timestamp {
            secs: self.mtime.div_euclid(NANOS),
            nanos: self.mtime.rem_euclid(NANOS) as u32,
        }
    }

    fn set_mtime(&mut self, mtime: Timestamp) {
        let nanos = mtime
            .secs
            .checked_mul(NANOS)
            .and_then(|secs| secs.checked_add(mtime.nanos.into()))
            .filter(|&nanos| nanos != FAR_TIME);
        if nanos.is_none() {
            self.times_mut().far_mtime = mtime;
        }
        self.mtime = nanos.unwrap_or(FAR_TIME);
    }

    /// When the content was last read, in seconds since 1970, where the list has it.
    pub fn atime(&self) -> Option<i64> {
        self.times()?.atime
    }

    /// Says when the content was last read.
    pub fn set_atime(&mut self, secs: i64) {
        self.times_mut().atime = Some(secs);
    }

    fn times(&self) -> Option<&Times> {
        self.extra.as_ref()?.times.as_deref()
    }

    fn times_mut(&mut self) -> &mut Times {
        self.extra_mut().times.get_or_insert_default()
    }

    /// Why and how it is in the list.
    pub fn flags(&self) -> EntryFlags {
        let has = |bit: u8| (self.flags >> bit) & 1 == 1;
        EntryFlags {
            top_dir: has(0),
            content_dir: has(1),
            implied_dir: has(2),
            mount_dir: has(3),
        }
    }

    /// Changes why and how it is in the list.
    pub fn set_flags(&mut self, flags: EntryFlags) {
        let EntryFlags {
            top_dir,
            content_dir,
            implied_dir,
            mount_dir,
        } = flags;
        self.flags = [top_dir, content_dir, implied_dir, mount_dir]
            .into_iter()
            .rfold(0u8, |bits, flag| bits << 1 | u8::from(flag));
    }

    /// What it is; `None` for the entry of a missing argument (mode 0).
    pub fn kind(&self) -> Option<FileKind> {
        FileKind::from_mode(self.mode())
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
        self.mode() & 0o7777
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

    /// The checksum of the content, if the list has it; else nothing.
    pub fn checksum(&self) -> &[u8] {
        self.extra
            .as_ref()
            .and_then(|e| e.checksum.as_deref())
            .unwrap_or_default()
    }

    /// The extended attributes, if the list has them and there are any.
    pub fn xattrs(&self) -> Option<&Arc<Xattrs>> {
        self.extra.as_ref().and_then(|e| e.xattrs.as_ref())
    }

    /// The access control lists, if the list has them and they say more than the mode.
    pub fn acls(&self) -> Option<&Arc<Acls>> {
        self.extra.as_ref().and_then(|e| e.acls.as_ref())
    }

    /// The part of the entry that few have, made on demand.
    pub fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// How many directories are above it: 0 for `.`, 1 for a name at the top.
    // rsync: util1.c count_dir_elements()
    pub fn depth(&self) -> usize {
        if self.dirname().is_empty() && self.basename() == b"." {
            return 0;
        }
        1 + self
            .dirname()
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
    fn an_entry_is_small() {
        // rsync's takes as much: 24 bytes, the numbers after it, and two pointers to it.
        assert!(size_of::<Entry>() <= 48, "{}", size_of::<Entry>());
    }

    #[test]
    fn what_is_packed_comes_back() {
        let stat = |mtime| Stat {
            kind: FileKind::Socket,
            permissions: 0o7777,
            uid: u32::MAX,
            gid: 0,
            size: 5,
            mtime,
            atime: Timestamp::default(),
            device: 0,
            inode: 0,
            links: 1,
            allocated: 0,
            special: DeviceNumber::default(),
        };
        for secs in [
            i64::MIN,
            -9_300_000_000,
            -1,
            0,
            1_795_372_118,
            9_300_000_000,
        ] {
            for nanos in [0, 1, 999_999_999] {
                let mtime = Timestamp { secs, nanos };
                let mut entry = Entry::new(Name::alone(3, b"d", b"n"), &stat(mtime));
                assert_eq!(entry.mtime(), mtime);
                assert_eq!(entry.atime(), None);
                entry.set_atime(secs);
                assert_eq!((entry.mtime(), entry.atime()), (mtime, Some(secs)));
                assert_eq!(entry.mode(), 0o147777);
                assert_eq!((entry.source(), entry.path()), (3, b"d/n".to_vec()));
                let flags = EntryFlags {
                    content_dir: true,
                    mount_dir: true,
                    ..EntryFlags::default()
                };
                entry.set_flags(flags);
                assert_eq!(entry.flags(), flags);
            }
        }
    }

    #[test]
    fn names_are_split_and_joined_alike() {
        for path in [b"a".as_slice(), b"a/b", b"a/b/c", b"/a"] {
            let (dir, name) = split(path);
            assert_eq!(join(dir, name), path);
        }
    }
}
