//! The walk along a path of which only trusted links are followed.

use super::PASSING_FLAGS;
use crate::dir::named::{Purpose, Trust};
use crate::dir::within::MOST_LINKS;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Opens one name in a directory, with these flags and others.
type Open<'a> = &'a dyn Fn(BorrowedFd<'_>, &[u8], OFlags) -> rustix::io::Result<OwnedFd>;

pub fn open_named(path: &Path, purpose: Purpose, trust: Trust) -> io::Result<File> {
    let (purpose, permissions) = match purpose {
        Purpose::Read => (OFlags::RDONLY, 0),
        Purpose::Append { permissions } => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
            (flags, permissions)
        }
        Purpose::Replace { permissions } => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
            (flags, permissions)
        }
    };
    let purpose = purpose | OFlags::CLOEXEC | OFlags::NOCTTY;
    let open = |parent: BorrowedFd<'_>, name: &[u8], flags| {
        rustix::fs::openat(parent, name, purpose | flags, super::mode_of(permissions))
    };
    Ok(walk(CWD, path.as_os_str().as_bytes(), trust, &open)?.into())
}

/// Opens what the path leads to from `from`, following links as `trust` has it. Its last component
/// is opened by `open`.
pub(super) fn walk(
    from: BorrowedFd<'_>,
    path: &[u8],
    trust: Trust,
    open: Open<'_>,
) -> rustix::io::Result<OwnedFd> {
    if trust == Trust::Anyone {
        return open(from, path, OFlags::empty());
    }
    if path.is_empty() {
        return Err(Errno::INVAL);
    }
    let pass = |parent: BorrowedFd<'_>, name: &[u8], flags| {
        rustix::fs::openat(parent, name, PASSING_FLAGS | flags, Mode::empty())
    };
    let mut at: Option<OwnedFd> = None;
    let mut links = 0;
    // The next component is the last of the list.
    let mut left = Vec::new();
    if walk_next(&mut left, path) {
        at = Some(pass(CWD, b"/", OFlags::empty())?);
    }
    while let Some(name) = left.pop() {
        let parent = at.as_ref().map_or(from, |fd| fd.as_fd());
        let open: Open<'_> = if left.is_empty() { open } else { &pass };
        let opened = match open(parent, &name, OFlags::NOFOLLOW) {
            // What a link is answered with that must not be followed.
            Err(error @ (Errno::LOOP | Errno::NOTDIR)) => match trusted_link(parent, &name)? {
                Link::None => return Err(error),
                Link::OfKernel => open(parent, &name, OFlags::empty())?,
                Link::To(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Errno::LOOP);
                    }
                    if walk_next(&mut left, &target) {
                        at = Some(pass(CWD, b"/", OFlags::empty())?);
                    }
                    continue;
                }
            },
            opened => opened?,
        };
        if left.is_empty() {
            return Ok(opened);
        }
        at = Some(opened);
    }
    // A link that holds nothing.
    Err(Errno::NOENT)
}

/// Puts a path's components before what is left, and says whether they start at the root.
fn walk_next(left: &mut Vec<Vec<u8>>, path: &[u8]) -> bool {
    // `dir/` is the directory, never a link of that name.
    if path.ends_with(b"/") {
        left.push(b".".to_vec());
    }
    let steps = path.rsplit(|&b| b == b'/');
    left.extend(steps.filter(|step| !step.is_empty()).map(<[u8]>::to_vec));
    path.starts_with(b"/")
}

enum Link {
    /// It is none.
    None,
    /// One in `/proc`, where nobody else makes links. What it leads to may have no path
    /// (`/dev/fd/63`, as shells write `<(command)`).
    // rsync takes the text of such a link for a path, and so finds nothing.
    OfKernel,
    To(Vec<u8>),
}

/// What the name leads to, if it is a link; a link that is not trusted is an error.
fn trusted_link(parent: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<Link> {
    // Linux reads owner and target from one handle, so that they belong to the same link.
    #[cfg(target_os = "linux")]
    let handle = {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(parent, name, flags, Mode::empty())?
    };
    #[cfg(target_os = "linux")]
    let stat = rustix::fs::fstat(&handle)?;
    #[cfg(not(target_os = "linux"))]
    let stat = rustix::fs::statat(parent, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
    if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_symlink() {
        return Ok(Link::None);
    }
    if !is_trusted(stat.st_uid, rustix::process::geteuid().as_raw()) {
        return Err(Errno::LOOP);
    }
    #[cfg(target_os = "linux")]
    if rustix::fs::fstatfs(&handle)?.f_type == rustix::fs::PROC_SUPER_MAGIC {
        return Ok(Link::OfKernel);
    }
    #[cfg(target_os = "linux")]
    let target = rustix::fs::readlinkat(&handle, c"", Vec::new())?;
    #[cfg(not(target_os = "linux"))]
    let target = rustix::fs::readlinkat(parent, name, Vec::new())?;
    Ok(Link::To(target.into_bytes()))
}

fn is_trusted(owner: u32, user: u32) -> bool {
    owner == 0 || owner == user
}
