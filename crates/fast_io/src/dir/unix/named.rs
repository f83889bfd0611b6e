//! The walk along a path of which only trusted links are followed.

use super::PASSING_FLAGS;
use crate::dir::named::{Purpose, Trust};
use crate::dir::within::MOST_LINKS;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Opens one name in a directory, with these flags and others.
type Open<'a> = &'a dyn Fn(BorrowedFd<'_>, &[u8], OFlags) -> rustix::io::Result<OwnedFd>;

pub fn open_named(path: &Path, purpose: Purpose, trust: Trust<'_>) -> io::Result<File> {
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
    trust: Trust<'_>,
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
    let mut reached = match trust {
        Trust::OwnersBelow(root) => Some(Reached::from(from, root)?),
        Trust::Owners | Trust::Anyone => None,
    };
    let mut at: Option<OwnedFd> = None;
    let mut links = 0;
    // The next component is the last of the list.
    let mut left = Vec::new();
    if walk_next(&mut left, path) {
        at = Some(pass(CWD, b"/", OFlags::empty())?);
        reached.iter_mut().for_each(Reached::restart);
    }
    while let Some(name) = left.pop() {
        let parent = at.as_ref().map_or(from, |fd| fd.as_fd());
        let open: Open<'_> = if left.is_empty() { open } else { &pass };
        // What a link leads to is judged when that is reached.
        let lies_outside = left.is_empty()
            && reached
                .as_ref()
                .is_some_and(|reached| reached.is_outside_at(&name));
        let opened = if lies_outside {
            Err(Errno::LOOP)
        } else {
            open(parent, &name, OFlags::NOFOLLOW)
        };
        let opened = match opened {
            // What a link is answered with that must not be followed.
            Err(error @ (Errno::LOOP | Errno::NOTDIR)) => match trusted_link(parent, &name) {
                // Nor is it told what there is outside.
                Err(_) if lies_outside => return Err(Errno::LOOP),
                Err(error) => return Err(error),
                Ok(Link::None) => return Err(error),
                #[cfg(target_os = "linux")]
                Ok(Link::OfKernel) => {
                    let target = rustix::fs::readlinkat(parent, &name[..], Vec::new())?;
                    if let Some(reached) = &mut reached {
                        reached.jump(target.to_bytes());
                        if left.is_empty() && reached.is_outside_at(b".") {
                            return Err(Errno::LOOP);
                        }
                    }
                    let opened = open(parent, &name, OFlags::empty())?;
                    if left.is_empty() {
                        return Ok(opened);
                    }
                    at = Some(opened);
                    continue;
                }
                Ok(Link::To(target)) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Errno::LOOP);
                    }
                    if walk_next(&mut left, &target) {
                        at = Some(pass(CWD, b"/", OFlags::empty())?);
                        reached.iter_mut().for_each(Reached::restart);
                    }
                    continue;
                }
            },
            opened => opened?,
        };
        if left.is_empty() {
            return Ok(opened);
        }
        reached.iter_mut().for_each(|reached| reached.step(&name));
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

/// Where a walk stands, and where it may end.
struct Reached {
    /// Both are free of links; the root of all is empty.
    path: Vec<u8>,
    bound: Vec<u8>,
}

impl Reached {
    fn from(from: BorrowedFd<'_>, bound: &Path) -> rustix::io::Result<Reached> {
        let bound = bound.canonicalize().map_err(|_| Errno::LOOP)?;
        let mut reached = Reached {
            path: Vec::new(),
            bound: bound.into_os_string().into_encoded_bytes(),
        };
        if reached.bound == b"/" {
            reached.bound.clear();
        }
        reached.jump(&path_of(from)?);
        Ok(reached)
    }

    fn restart(&mut self) {
        self.path.clear();
    }

    fn step(&mut self, name: &[u8]) {
        match name {
            b"." => {}
            b".." => {
                let above = self.path.iter().rposition(|&b| b == b'/');
                self.path.truncate(above.unwrap_or(0));
            }
            name => {
                self.path.push(b'/');
                self.path.extend_from_slice(name);
            }
        }
    }

    /// To a path that is free of links.
    fn jump(&mut self, path: &[u8]) {
        if path.starts_with(b"/") {
            self.restart();
        }
        let steps = path.split(|&b| b == b'/').filter(|step| !step.is_empty());
        steps.for_each(|step| self.step(step));
    }

    /// Whether what has this name here lies outside of the bound.
    fn is_outside_at(&self, name: &[u8]) -> bool {
        let mut there = Reached {
            path: self.path.clone(),
            bound: Vec::new(),
        };
        there.step(name);
        let below = there.path.strip_prefix(&self.bound[..]);
        !below.is_some_and(|below| matches!(below.first(), None | Some(b'/')))
    }
}

/// The path of an open directory.
fn path_of(dir: BorrowedFd<'_>) -> rustix::io::Result<Vec<u8>> {
    if dir.as_raw_fd() == CWD.as_raw_fd() {
        return Ok(rustix::process::getcwd(Vec::new())?.into_bytes());
    }
    #[cfg(target_vendor = "apple")]
    let path = rustix::fs::getpath(dir)?;
    #[cfg(not(target_vendor = "apple"))]
    let path = {
        let link = format!("/proc/self/fd/{}", dir.as_raw_fd());
        rustix::fs::readlink(link.as_str(), Vec::new())?
    };
    Ok(path.into_bytes())
}

enum Link {
    /// It is none.
    None,
    /// One in `/proc`, where nobody else makes links. What it leads to may have no path
    /// (`/dev/fd/63`, as shells write `<(command)`).
    // rsync takes the text of such a link for a path, and so finds nothing.
    #[cfg(target_os = "linux")]
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
