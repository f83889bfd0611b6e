//! Directory handles on Linux and macOS: `openat2` where the kernel has it, else one
//! component at a time with `O_NOFOLLOW`.

#[cfg(target_vendor = "apple")]
mod clone;
mod named;

use super::name::{Name, PathBeneath};
use super::named::Trust;
use super::{Access, DeviceNumber, FileKind, Follow, Identity, Stat, Timestamp};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub use named::open_named;

/// An open directory.
#[derive(Debug)]
pub struct Dir(OwnedFd);

const DIR_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// For directories that one may search or write to, but not list.
const PASSING_FLAGS: OFlags = PASSING.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(target_os = "linux")]
const PASSING: OFlags = OFlags::PATH;
/// `O_EXEC`, which with `O_DIRECTORY` is `O_SEARCH`.
#[cfg(target_vendor = "apple")]
const PASSING: OFlags = OFlags::from_bits_retain(0x4000_0000);

/// Opens a directory for everything, or if it may not be listed, for all else: the handle then
/// names the directory, but only what goes through it works.
fn open_dir(open: impl Fn(OFlags) -> rustix::io::Result<OwnedFd>) -> rustix::io::Result<OwnedFd> {
    match open(DIR_FLAGS) {
        Err(Errno::ACCESS) => open(PASSING_FLAGS).map_err(|_| Errno::ACCESS),
        result => result,
    }
}

#[cfg(target_os = "linux")]
impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What cannot be done to a handle of [`PASSING_FLAGS`] is done to the `.` in it.
fn on_itself(
    to_handle: rustix::io::Result<()>,
    to_dot: impl FnOnce() -> rustix::io::Result<()>,
) -> io::Result<()> {
    match to_handle {
        Err(Errno::BADF) => Ok(to_dot()?),
        result => Ok(result?),
    }
}

impl Dir {
    pub fn open(path: &Path, trust: Trust<'_>) -> io::Result<Dir> {
        Dir::open_from(CWD, path.as_os_str().as_bytes(), trust)
    }

    fn open_from(from: BorrowedFd<'_>, path: &[u8], trust: Trust<'_>) -> io::Result<Dir> {
        let open = |parent: BorrowedFd<'_>, name: &[u8], flags| {
            open_dir(|dir_flags| rustix::fs::openat(parent, name, dir_flags | flags, Mode::empty()))
        };
        Ok(Dir(named::walk(from, path, trust, &open)?))
    }

    pub fn open_beneath(&self, path: PathBeneath<'_>) -> io::Result<Dir> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::ResolveFlags;
            let resolve =
                ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            let open =
                |flags| rustix::fs::openat2(&self.0, path.bytes(), flags, Mode::empty(), resolve);
            match open_dir(open) {
                Ok(fd) => return Ok(Dir(fd)),
                // Older kernels and seccomp profiles lack the call: go by components.
                Err(Errno::NOSYS | Errno::PERM) => {}
                Err(e) => return Err(e.into()),
            }
        }
        self.open_by_components(path)
    }

    fn open_by_components(&self, path: PathBeneath<'_>) -> io::Result<Dir> {
        let open = |parent: BorrowedFd<'_>, name: &[u8]| {
            open_dir(|flags| {
                rustix::fs::openat(parent, name, flags | OFlags::NOFOLLOW, Mode::empty())
            })
        };
        let mut at: Option<OwnedFd> = None;
        for component in path.components() {
            let parent = at.as_ref().unwrap_or(&self.0).as_fd();
            at = Some(open(parent, component.bytes())?);
        }
        match at {
            Some(fd) => Ok(Dir(fd)),
            None => Ok(Dir(open(self.0.as_fd(), b".")?)),
        }
    }

    pub fn open_following(&self, path: &[u8], trust: Trust<'_>) -> io::Result<Dir> {
        let path = if path.is_empty() {
            b".".as_slice()
        } else {
            path
        };
        Dir::open_from(self.0.as_fd(), path, trust)
    }

    pub fn entries(&self, found: &mut dyn FnMut(&[u8], Option<FileKind>)) -> io::Result<()> {
        // A handle of its own, so that the read position is nobody else's.
        let fd = rustix::fs::openat(&self.0, c".", DIR_FLAGS, Mode::empty())?;
        let mut add = |name: &[u8], kind: rustix::fs::FileType| {
            if name != b"." && name != b".." {
                found(name, kind_of(kind));
            }
        };
        #[cfg(target_os = "linux")]
        {
            let mut buffer = Vec::with_capacity(64 * 1024);
            let mut raw = rustix::fs::RawDir::new(fd, buffer.spare_capacity_mut());
            while let Some(entry) = raw.next() {
                let entry = entry?;
                add(entry.file_name().to_bytes(), entry.file_type());
            }
        }
        #[cfg(not(target_os = "linux"))]
        for entry in rustix::fs::Dir::new(fd)? {
            let entry = entry?;
            add(entry.file_name().to_bytes(), entry.file_type());
        }
        Ok(())
    }

    pub fn stat(&self, name: Name<'_>, follow: Follow) -> io::Result<Stat> {
        let flags = match follow {
            Follow::Never => AtFlags::SYMLINK_NOFOLLOW,
            Follow::Always => AtFlags::empty(),
        };
        Ok(stat_of(&rustix::fs::statat(&self.0, name.bytes(), flags)?))
    }

    pub fn stat_self(&self) -> io::Result<Stat> {
        Ok(stat_of(&rustix::fs::fstat(&self.0)?))
    }

    pub fn open_file(&self, name: Name<'_>, access: Access, follow: Follow) -> io::Result<File> {
        let mut flags = OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        flags |= match access {
            Access::Read | Access::ReadUnseen => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
        };
        if follow == Follow::Never {
            flags |= OFlags::NOFOLLOW;
        }
        #[cfg(target_os = "linux")]
        if access == Access::ReadUnseen {
            let unseen = flags | OFlags::NOATIME;
            match rustix::fs::openat(&self.0, name.bytes(), unseen, Mode::empty()) {
                // It is somebody else's file.
                Err(Errno::PERM) => {}
                opened => return Ok(opened?.into()),
            }
        }
        Ok(rustix::fs::openat(&self.0, name.bytes(), flags, Mode::empty())?.into())
    }

    pub fn open_named(&self, name: Name<'_>, trust: Trust<'_>) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let open = |parent: BorrowedFd<'_>, name: &[u8], more| {
            rustix::fs::openat(parent, name, flags | more, Mode::empty())
        };
        Ok(named::walk(self.0.as_fd(), name.bytes(), trust, &open)?.into())
    }

    pub fn create_file(&self, name: Name<'_>, permissions: u32) -> io::Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name.bytes(), flags, mode_of(permissions))?.into())
    }

    #[cfg(target_os = "linux")]
    pub fn create_unnamed(&self, permissions: u32) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, c".", flags, mode_of(permissions))?.into())
    }

    #[cfg(target_os = "linux")]
    pub fn link_file(&self, file: &File, name: Name<'_>) -> io::Result<()> {
        Ok(rustix::fs::linkat(
            file,
            c"",
            &self.0,
            name.bytes(),
            AtFlags::EMPTY_PATH,
        )?)
    }

    #[cfg(not(target_os = "linux"))]
    pub fn create_unnamed(&self, _permissions: u32) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(not(target_os = "linux"))]
    pub fn link_file(&self, _file: &File, _name: Name<'_>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(target_vendor = "apple")]
    pub fn create_clone(
        &self,
        name: Name<'_>,
        source: &File,
        permissions: u32,
    ) -> io::Result<File> {
        clone::create(self, name, source, permissions)
    }

    /// Where there is something to be had, an open file is cloned into, which is `offload`'s
    /// matter.
    #[cfg(not(target_vendor = "apple"))]
    pub fn create_clone(
        &self,
        _name: Name<'_>,
        _source: &File,
        _permissions: u32,
    ) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn create_dir(&self, name: Name<'_>, permissions: u32) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(
            &self.0,
            name.bytes(),
            mode_of(permissions),
        )?)
    }

    pub fn create_symlink(&self, name: Name<'_>, target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.0, name.bytes())?)
    }

    #[cfg(not(target_vendor = "apple"))]
    pub fn create_node(
        &self,
        name: Name<'_>,
        kind: FileKind,
        permissions: u32,
        device: DeviceNumber,
    ) -> io::Result<()> {
        let file_type = rustix::fs::FileType::from_raw_mode(kind.mode_bits() as _);
        let number = rustix::fs::makedev(device.major, device.minor);
        Ok(rustix::fs::mknodat(
            &self.0,
            name.bytes(),
            file_type,
            mode_of(permissions),
            number,
        )?)
    }

    /// macOS has no safe call that makes a node relative to a handle.
    #[cfg(target_vendor = "apple")]
    pub fn create_node(
        &self,
        _name: Name<'_>,
        _kind: FileKind,
        _permissions: u32,
        _device: DeviceNumber,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn link(&self, from: Name<'_>, to_dir: &Dir, to: Name<'_>) -> io::Result<()> {
        Ok(rustix::fs::linkat(
            &self.0,
            from.bytes(),
            &to_dir.0,
            to.bytes(),
            AtFlags::empty(),
        )?)
    }

    pub fn rename(&self, from: Name<'_>, to_dir: &Dir, to: Name<'_>) -> io::Result<()> {
        Ok(rustix::fs::renameat(
            &self.0,
            from.bytes(),
            &to_dir.0,
            to.bytes(),
        )?)
    }

    pub fn remove_file(&self, name: Name<'_>) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            &self.0,
            name.bytes(),
            AtFlags::empty(),
        )?)
    }

    pub fn remove_dir(&self, name: Name<'_>) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            &self.0,
            name.bytes(),
            AtFlags::REMOVEDIR,
        )?)
    }

    pub fn read_link(&self, name: Name<'_>) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.0, name.bytes(), Vec::new())?.into_bytes())
    }

    pub fn set_permissions(&self, name: Name<'_>, permissions: u32) -> io::Result<()> {
        // `fchmodat` follows a symbolic link that was put in the entry's place meanwhile;
        // a path handle of the entry itself cannot be redirected.
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let entry = rustix::fs::openat(&self.0, name.bytes(), flags, Mode::empty())?;
            let stat = stat_of(&rustix::fs::fstat(&entry)?);
            if stat.kind == FileKind::Symlink {
                return Err(Errno::LOOP.into());
            }
            let path = format!("/proc/self/fd/{}", entry.as_raw_fd());
            match rustix::fs::chmod(path.as_str(), mode_of(permissions)) {
                // No /proc (a bare chroot): the plain call below.
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                result => return Ok(result?),
            }
        }
        Ok(rustix::fs::chmodat(
            &self.0,
            name.bytes(),
            mode_of(permissions),
            AtFlags::empty(),
        )?)
    }

    pub fn set_owner(&self, name: Name<'_>, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        let (uid, gid) = owner_of(uid, gid);
        Ok(rustix::fs::chownat(
            &self.0,
            name.bytes(),
            uid,
            gid,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    pub fn set_mtime(&self, name: Name<'_>, mtime: Timestamp) -> io::Result<()> {
        let times = times_of(None, Some(mtime));
        Ok(rustix::fs::utimensat(
            &self.0,
            name.bytes(),
            &times,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    pub fn set_atime(&self, name: Name<'_>, atime: Timestamp) -> io::Result<()> {
        let times = times_of(Some(atime), None);
        Ok(rustix::fs::utimensat(
            &self.0,
            name.bytes(),
            &times,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    pub fn set_own_mtime(&self, mtime: Timestamp) -> io::Result<()> {
        let times = times_of(None, Some(mtime));
        on_itself(rustix::fs::futimens(&self.0, &times), || {
            rustix::fs::utimensat(&self.0, c".", &times, AtFlags::empty())
        })
    }

    pub fn set_own_owner(&self, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        let (uid, gid) = owner_of(uid, gid);
        on_itself(rustix::fs::fchown(&self.0, uid, gid), || {
            rustix::fs::chownat(&self.0, c".", uid, gid, AtFlags::empty())
        })
    }

    pub fn set_own_permissions(&self, permissions: u32) -> io::Result<()> {
        let mode = mode_of(permissions);
        on_itself(rustix::fs::fchmod(&self.0, mode), || {
            rustix::fs::chmodat(&self.0, c".", mode, AtFlags::empty())
        })
    }
}

pub fn file_stat(file: &File) -> io::Result<Stat> {
    Ok(stat_of(&rustix::fs::fstat(file)?))
}

pub fn set_file_permissions(file: &File, permissions: u32) -> io::Result<()> {
    Ok(rustix::fs::fchmod(file, mode_of(permissions))?)
}

pub fn set_file_owner(file: &File, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let (uid, gid) = owner_of(uid, gid);
    Ok(rustix::fs::fchown(file, uid, gid)?)
}

pub fn set_file_mtime(file: &File, mtime: Timestamp) -> io::Result<()> {
    Ok(rustix::fs::futimens(file, &times_of(None, Some(mtime)))?)
}

pub fn set_file_atime(file: &File, atime: Timestamp) -> io::Result<()> {
    Ok(rustix::fs::futimens(file, &times_of(Some(atime), None))?)
}

pub fn identity() -> Identity {
    let uid = rustix::process::geteuid();
    let gid = rustix::process::getegid();
    Identity {
        uid: uid.as_raw(),
        gid: gid.as_raw(),
        privileged: uid.is_root(),
    }
}

pub fn take_umask() -> u32 {
    rustix::process::umask(Mode::empty()).as_raw_mode() as u32
}

pub fn raise_open_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
    // Without it there are still as many as before.
    let most = if raised.is_ok() {
        limit.maximum
    } else {
        limit.current
    };
    most.map_or(usize::MAX, |most| {
        usize::try_from(most).unwrap_or(usize::MAX)
    })
}

fn mode_of(permissions: u32) -> Mode {
    Mode::from_raw_mode((permissions & 0o7777) as _)
}

fn owner_of(
    uid: Option<u32>,
    gid: Option<u32>,
) -> (Option<rustix::fs::Uid>, Option<rustix::fs::Gid>) {
    (
        uid.map(rustix::fs::Uid::from_raw),
        gid.map(rustix::fs::Gid::from_raw),
    )
}

/// The times to set; what is `None` stays as it is.
fn times_of(atime: Option<Timestamp>, mtime: Option<Timestamp>) -> Timestamps {
    let time = |time: Option<Timestamp>| match time {
        Some(time) => Timespec {
            tv_sec: time.secs,
            tv_nsec: time.nanos as _,
        },
        None => Timespec {
            tv_sec: 0,
            tv_nsec: rustix::fs::UTIME_OMIT,
        },
    };
    Timestamps {
        last_access: time(atime),
        last_modification: time(mtime),
    }
}

fn kind_of(file_type: rustix::fs::FileType) -> Option<FileKind> {
    use rustix::fs::FileType as T;
    Some(match file_type {
        T::RegularFile => FileKind::Regular,
        T::Directory => FileKind::Directory,
        T::Symlink => FileKind::Symlink,
        T::Fifo => FileKind::Fifo,
        T::Socket => FileKind::Socket,
        T::CharacterDevice => FileKind::CharDevice,
        T::BlockDevice => FileKind::BlockDevice,
        T::Unknown => return None,
    })
}

// The fields' widths differ from system to system, so some of these casts do nothing here.
#[allow(clippy::unnecessary_cast)]
fn stat_of(stat: &rustix::fs::Stat) -> Stat {
    Stat {
        kind: FileKind::from_mode(stat.st_mode as u32).unwrap_or(FileKind::Regular),
        permissions: stat.st_mode as u32 & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: stat.st_size as u64,
        mtime: Timestamp {
            secs: stat.st_mtime as i64,
            nanos: stat.st_mtime_nsec as u32,
        },
        atime: Timestamp {
            secs: stat.st_atime as i64,
            nanos: stat.st_atime_nsec as u32,
        },
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        links: stat.st_nlink as u64,
        allocated: stat.st_blocks as u64 * 512,
        special: DeviceNumber {
            major: rustix::fs::major(stat.st_rdev as _),
            minor: rustix::fs::minor(stat.st_rdev as _),
        },
    }
}
