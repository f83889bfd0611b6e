//! Attributes on Linux: through the file's handle, or for a name through that of its directory in
//! `/proc/self/fd`, which is looked up like any other name beneath a handle: the kernel jumps to the
//! open directory and takes one more step. So a name need not be opened, which its permissions may
//! forbid, and a symbolic link can be meant itself.

use super::XattrsOf;
use crate::dir::name::Name;
use rustix::fs::XattrFlags;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// As much as the kernel lets a list or a value have (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`). What other
/// kernels might have on top of that is no error, it only takes another try.
const MOST: usize = 64 * 1024;
/// Enough for nearly all.
const USUAL: usize = 1024;

pub fn names(of: XattrsOf<'_>) -> io::Result<Vec<u8>> {
    of.call(
        |path| read(|buffer| rustix::fs::llistxattr(path, buffer)),
        |file| read(|buffer| rustix::fs::flistxattr(file, buffer)),
    )
}

pub fn value(of: XattrsOf<'_>, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let value = of.call(
        |path| read(|buffer| rustix::fs::lgetxattr(path, name, buffer)),
        |file| read(|buffer| rustix::fs::fgetxattr(file, name, buffer)),
    );
    match value {
        Err(e) if e.raw_os_error() == Some(Errno::NODATA.raw_os_error()) => Ok(None),
        other => other.map(Some),
    }
}

pub fn set(of: XattrsOf<'_>, name: &[u8], value: &[u8]) -> io::Result<()> {
    let flags = XattrFlags::empty();
    of.call(
        |path| rustix::fs::lsetxattr(path, name, value, flags),
        |file| rustix::fs::fsetxattr(file, name, value, flags),
    )
}

pub fn remove(of: XattrsOf<'_>, name: &[u8]) -> io::Result<()> {
    let removed = of.call(
        |path| rustix::fs::lremovexattr(path, name),
        |file| rustix::fs::fremovexattr(file, name),
    );
    match removed {
        Err(e) if e.raw_os_error() == Some(Errno::NODATA.raw_os_error()) => Ok(()),
        other => other,
    }
}

impl XattrsOf<'_> {
    fn call<T>(
        self,
        on_path: impl Fn(&[u8]) -> rustix::io::Result<T>,
        on_file: impl Fn(&File) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        let (dir, name) = match self {
            XattrsOf::File(file) => return Ok(on_file(file)?),
            XattrsOf::Entry(dir, name) => (dir.0.as_fd(), Name::of_entry_or_itself(name)?.bytes()),
        };
        let mut path = format!("/proc/self/fd/{}/", dir.as_raw_fd()).into_bytes();
        path.extend_from_slice(name);
        match on_path(&path) {
            // No /proc (a bare chroot): what can be opened can be asked all the same.
            Err(Errno::NOENT | Errno::NOTDIR) if rustix::fs::stat("/proc/self/fd").is_err() => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
                let flags = flags | OFlags::NOCTTY | OFlags::CLOEXEC;
                let file = rustix::fs::openat(dir, name, flags, Mode::empty())?;
                Ok(on_file(&file.into())?)
            }
            result => Ok(result?),
        }
    }
}

/// Reads into a buffer that is large enough.
fn read(call: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Vec<u8>> {
    let mut buffer = vec![0; USUAL];
    loop {
        match call(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if buffer.len() < MOST => buffer.resize(MOST, 0),
            Err(Errno::RANGE) if buffer.len() < 1024 * MOST => {
                let more = buffer.len() * 2;
                buffer.resize(more, 0);
            }
            Err(e) => return Err(e),
        }
    }
}
