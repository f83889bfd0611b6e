//! Clones on macOS (APFS): `fclonefileat`, which makes the new name itself.
//!
//! A clone is born with everything that its source has: permissions, extended attributes, file
//! flags. rsync's rules say later what of that the copy gets, so it starts with as little as any
//! new file.
//!
//! Checked by the compiler only: no machine that could run it was at hand.

use super::Dir;
use crate::dir::name::Name;
use crate::dir::{Access, Follow};
use rustix::fs::{CloneFlags, fclonefileat, flistxattr, fremovexattr, fstat};
use std::fs::File;
use std::io;

/// Makes `name` in `dir` a clone of `source`.
pub(super) fn create(
    dir: &Dir,
    name: Name<'_>,
    source: &File,
    permissions: u32,
) -> io::Result<File> {
    // Flags are inherited, and one that is immutable could be neither changed nor removed.
    if fstat(source)?.st_flags != 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    fclonefileat(source, &dir.0, name.bytes(), CloneFlags::NOOWNERCOPY)?;
    let clone = dir
        .open_file(name, Access::Read, Follow::Never)
        .and_then(|clone| undress(&clone, permissions).map(|()| clone));
    clone.inspect_err(|_| {
        // The error says what matters.
        let _ = dir.remove_file(name);
    })
}

fn undress(clone: &File, permissions: u32) -> io::Result<()> {
    super::set_file_permissions(clone, 0o600)?;
    remove_extended_attributes(clone)?;
    super::set_file_permissions(clone, permissions)
}

fn remove_extended_attributes(clone: &File) -> io::Result<()> {
    let mut names = vec![0; rustix::fs::flistxattr_query(clone)?];
    let length = flistxattr(clone, &mut names[..])?;
    for name in names[..length].split(|&b| b == 0).filter(|n| !n.is_empty()) {
        // Some are the system's own, and stay.
        let _ = fremovexattr(clone, name);
    }
    Ok(())
}
