//! A file tree as plain data, and how it is put on disk: the same tree can be built twice, equal
//! in every respect that rsync looks at.

use std::ffi::OsStr;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fast_io::dir::{Dir, Trust, XattrsOf, set_xattr};
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, makedev, mknod, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{FchownatFlags as Chown, Gid, Uid, fchownat};

use super::noise::noise;
#[cfg(target_os = "linux")]
use tree::acl::Acl;

/// Nodes in the order in which they are made: a directory before what it holds, the first name
/// of a hard-linked file before the others. Paths are relative to the playground.
#[derive(Clone, Default)]
pub struct Tree {
    pub nodes: Vec<Node>,
}

/// One name in a tree.
#[derive(Clone)]
pub struct Node {
    pub path: Vec<u8>,
    pub kind: Kind,
    pub mode: u32,
    /// Owner and group; `None` leaves those of the running user.
    pub owner: Option<(u32, u32)>,
    /// Seconds and nanoseconds since 1970; the seconds may be negative.
    pub mtime: (i64, i64),
    /// Extended attributes: names and values.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What a name stands for.
#[derive(Clone)]
pub enum Kind {
    File(Content),
    Dir,
    Symlink(Vec<u8>),
    Fifo,
    Socket,
    CharDevice(u64, u64),
    BlockDevice(u64, u64),
    /// A further name of the file at this path.
    HardLink(Vec<u8>),
}

/// The bytes of a regular file, kept short where they are many.
#[derive(Clone)]
pub enum Content {
    Bytes(Vec<u8>),
    Noise {
        seed: u64,
        length: usize,
    },
    /// A hole of `length` bytes with one island of data at `island`.
    Sparse {
        seed: u64,
        length: usize,
        island: usize,
    },
    /// The first `keep` bytes of another content, then `tail`, with one byte in the middle changed
    /// where `damaged`: what a delta or an append finds at the destination.
    Edited {
        base: Box<Content>,
        keep: usize,
        tail: Vec<u8>,
        damaged: bool,
    },
}

/// The time that hand-written trees give to everything: 2001-09-09 01:46:40.
pub const SOME_TIME: (i64, i64) = (1_000_000_000, 123_456_789);

impl Tree {
    /// A tree that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node with the usual mode of its kind and [`SOME_TIME`].
    pub fn node(mut self, path: impl AsRef<[u8]>, kind: Kind) -> Self {
        let mode = if matches!(kind, Kind::Dir) {
            0o755
        } else {
            0o644
        };
        let path = path.as_ref().to_vec();
        self.nodes.push(Node {
            path,
            kind,
            mode,
            owner: None,
            mtime: SOME_TIME,
            xattrs: Vec::new(),
        });
        self
    }

    /// Adds a directory.
    pub fn dir(self, path: impl AsRef<[u8]>) -> Self {
        self.node(path, Kind::Dir)
    }

    /// Adds a regular file.
    pub fn file(self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.node(path, Kind::File(Content::Bytes(content.as_ref().to_vec())))
    }

    /// Adds a symbolic link.
    pub fn symlink(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.node(path, Kind::Symlink(target.as_ref().to_vec()))
    }

    /// Gives the node added last another mode.
    pub fn mode(mut self, mode: u32) -> Self {
        self.last().mode = mode;
        self
    }

    /// Gives the node added last another time.
    pub fn mtime(mut self, seconds: i64, nanoseconds: i64) -> Self {
        self.last().mtime = (seconds, nanoseconds);
        self
    }

    /// Gives the node added last an extended attribute.
    pub fn xattr(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let xattr = (name.as_bytes().to_vec(), value.as_ref().to_vec());
        self.last().xattrs.push(xattr);
        self
    }

    /// Gives the node added last an access control list.
    #[cfg(target_os = "linux")]
    pub fn acl(self, acl: &Acl) -> Self {
        self.xattr("system.posix_acl_access", acl.to_system())
    }

    /// Gives the directory added last a default list.
    #[cfg(target_os = "linux")]
    pub fn default_acl(self, acl: &Acl) -> Self {
        self.xattr("system.posix_acl_default", acl.to_system())
    }

    fn last(&mut self) -> &mut Node {
        self.nodes.last_mut().expect("a node was added first")
    }

    /// Puts the tree under `root`, which exists and is empty.
    pub fn build(&self, root: &Path) {
        for node in &self.nodes {
            let path = join(root, &node.path);
            node.create(root, &path)
                .unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
        }
        // From the last to the first, so that a directory gets its time after what is in it, and
        // loses its permissions only then.
        for node in self.nodes.iter().rev() {
            let path = join(root, &node.path);
            node.dress(&path)
                .unwrap_or_else(|error| panic!("cannot dress {}: {error}", path.display()));
        }
    }
}

impl Node {
    fn create(&self, root: &Path, path: &Path) -> std::io::Result<()> {
        match &self.kind {
            Kind::File(content) => {
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)?;
                if let Content::Sparse {
                    seed,
                    length,
                    island,
                } = content
                {
                    file.set_len(*length as u64)?;
                    file.seek(SeekFrom::Start(*island as u64))?;
                    file.write_all(&noise(*seed, ISLAND.min(length - island)))?;
                } else {
                    file.write_all(&content.bytes())?;
                }
            }
            Kind::Dir => fs::create_dir(path)?,
            Kind::Symlink(target) => symlink(OsStr::from_bytes(target), path)?,
            Kind::Fifo => mknod(path, SFlag::S_IFIFO, Mode::S_IRWXU, 0)?,
            Kind::Socket => mknod(path, SFlag::S_IFSOCK, Mode::S_IRWXU, 0)?,
            Kind::CharDevice(major, minor) => {
                mknod(path, SFlag::S_IFCHR, Mode::S_IRWXU, makedev(*major, *minor))?;
            }
            Kind::BlockDevice(major, minor) => {
                mknod(path, SFlag::S_IFBLK, Mode::S_IRWXU, makedev(*major, *minor))?;
            }
            Kind::HardLink(first) => fs::hard_link(join(root, first), path)?,
        }
        Ok(())
    }

    fn set_xattrs(&self, path: &Path, wanted: impl Fn(&[u8]) -> bool) -> std::io::Result<()> {
        for (name, value) in self.xattrs.iter().filter(|(name, _)| wanted(name)) {
            let (dir, file) = (path.parent(), path.file_name());
            let dir = Dir::open(dir.expect("below the root"), Trust::Anyone)?;
            let file = file.expect("a name").as_bytes();
            set_xattr(XattrsOf::Entry(&dir, file), name, value)?;
        }
        Ok(())
    }

    fn dress(&self, path: &Path) -> std::io::Result<()> {
        if matches!(self.kind, Kind::HardLink(_)) {
            return Ok(());
        }
        if let Some((uid, gid)) = self.owner {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            fchownat(AT_FDCWD, path, uid, gid, Chown::AT_SYMLINK_NOFOLLOW)?;
        }
        let is_acl = |name: &[u8]| name.starts_with(b"system.");
        self.set_xattrs(path, |name| !is_acl(name))?;
        if !matches!(self.kind, Kind::Symlink(_)) {
            fs::set_permissions(path, fs::Permissions::from_mode(self.mode))?;
        }
        // A change of the mode changes them.
        self.set_xattrs(path, is_acl)?;
        let time = TimeSpec::new(self.mtime.0, self.mtime.1);
        utimensat(
            AT_FDCWD,
            path,
            &time,
            &time,
            UtimensatFlags::NoFollowSymlink,
        )?;
        Ok(())
    }
}

const ISLAND: usize = 5000;

impl Content {
    /// All bytes of the file, holes as zeros.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Noise { seed, length } => noise(*seed, *length),
            Content::Sparse {
                seed,
                length,
                island,
            } => {
                let mut bytes = vec![0; *length];
                let data = noise(*seed, ISLAND.min(length - island));
                bytes[*island..*island + data.len()].copy_from_slice(&data);
                bytes
            }
            Content::Edited {
                base,
                keep,
                tail,
                damaged,
            } => {
                let mut bytes = base.bytes();
                bytes.truncate(*keep);
                if *damaged && !bytes.is_empty() {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 0x55;
                }
                bytes.extend_from_slice(tail);
                bytes
            }
        }
    }
}

/// `path`, a name of any bytes, under `root`.
pub fn join(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}
