//! Where a backup goes: its name, and the directories made for it.
// rsync: backup.c get_backup_name(), copy_valid_path()

use crate::destination::DestDir;
use crate::event::Role;
use crate::paths;
use crate::receiver::Receiver;
use fast_io::dir::{Dir, Stat};
use options::Options;
use std::io;
use std::path::Path;
use tree::entry::join;

/// The directory that a backup is in, if it is another one; its name there; and the whole.
pub(super) struct BackupPlace {
    pub dir: Option<Dir>,
    pub name: Vec<u8>,
    pub shown: Vec<u8>,
    /// Who tells of it.
    pub role: Role,
}

/// The directory that could not be made for a backup.
pub(super) struct NoPlace {
    pub dir: Vec<u8>,
    pub error: io::Error,
}

impl Receiver {
    /// The name of a file's backup where it is kept, and the whole for messages.
    pub(super) fn backup_name(&self, dir: &DestDir, name: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let o = &self.ctx.options;
        let kept = [name, &o.suffix].concat();
        let below = join(&dir.path, &kept);
        let shown = match &o.backup_dir {
            Some(top) => join(&paths::operand_bytes(top.as_os_str()), &below),
            None => below,
        };
        (kept, shown)
    }

    /// Where a file's backup goes.
    pub(super) fn backup_place(
        &self,
        dir: &DestDir,
        name: &[u8],
        role: Role,
    ) -> Result<BackupPlace, NoPlace> {
        let (name, shown) = self.backup_name(dir, name);
        let place = |dir| BackupPlace {
            dir,
            name,
            shown,
            role,
        };
        let Some(backup_dir) = &self.ctx.options.backup_dir else {
            return Ok(place(None));
        };
        let top = paths::operand_bytes(backup_dir.as_os_str());
        let failed = |error| NoPlace {
            dir: top.clone(),
            error,
        };
        let root = self.open_backup_dir(&top).map_err(failed)?;
        if dir.path.is_empty() {
            return Ok(place(Some(root)));
        }
        let opened = match root.open_beneath(&dir.path) {
            Ok(opened) => opened,
            Err(_) => self.make_backup_dirs(&root, &dir.path).map_err(failed)?,
        };
        Ok(place(Some(opened)))
    }

    /// Opens the directory that was named for backups; what is missing of it is made.
    ///
    /// It is looked up for each backup anew: a link that led to it may have been deleted meanwhile,
    /// and what stands there now is where backups go.
    fn open_backup_dir(&self, top: &[u8]) -> io::Result<Dir> {
        let in_root = self.root.as_ref().filter(|_| !paths::is_absolute(top));
        let trust = paths::confined(&self.ctx.options);
        let opened = match in_root {
            Some(root) => root.dir.open_following(top, trust),
            None => Dir::open(&paths::path_of(top), trust),
        };
        match opened {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.make_backup_dir(top),
            other => other,
        }
    }

    fn make_backup_dir<'a>(&'a self, mut top: &'a [u8]) -> io::Result<Dir> {
        let below_root = !paths::is_absolute(top);
        let trust = paths::confined(&self.ctx.options);
        if !below_root && cfg!(windows) {
            std::fs::create_dir_all(paths::path_of(top))?;
            return Dir::open(&paths::path_of(top), trust);
        }
        let mut at = match (&self.root, below_root) {
            (Some(root), true) => root.dir.open_beneath(b"")?,
            _ if below_root => Dir::open(&paths::path_of(b"."), trust)?,
            // What lies above the root of a confinement cannot be opened, nor has it to be.
            _ => match confined_start(&self.ctx.options, top) {
                Some((root, below)) => {
                    top = below;
                    Dir::open(root, trust)?
                }
                None => Dir::open(&paths::path_of(b"/"), trust)?,
            },
        };
        let permissions = 0o777 & !self.ctx.umask;
        let mut in_root = self.root.as_ref().filter(|_| below_root);
        for name in top
            .split(|&b| b == b'/')
            .filter(|n| !n.is_empty() && *n != b".")
        {
            at = match at.open_following(name, trust) {
                Ok(dir) => dir,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    match at.create_dir(name, permissions) {
                        // Another file's backup was quicker, or a link leads nowhere.
                        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                            at.open_beneath(name).map_err(|_| e)?
                        }
                        made => {
                            made?;
                            if let Some(root) = in_root {
                                root.touch();
                            }
                            at.open_beneath(name)?
                        }
                    }
                }
                Err(e) => return Err(e),
            };
            in_root = None;
        }
        Ok(at)
    }

    /// Makes the directories of a backup like those that its file comes from.
    // rsync: backup.c copy_valid_path()
    fn make_backup_dirs(&self, root: &Dir, path: &[u8]) -> io::Result<Dir> {
        let mut at = root.open_beneath(b"")?;
        let mut done = Vec::new();
        for name in path.split(|&b| b == b'/') {
            done = join(&done, name);
            at = match at.open_beneath(name) {
                Ok(dir) => dir,
                Err(_) => {
                    let model = self
                        .root
                        .as_ref()
                        .and_then(|r| r.dir.open_beneath(&done).ok());
                    let stat = model.and_then(|m| m.stat_self().ok());
                    let permissions = 0o777 & !self.ctx.umask;
                    if let Err(e) = at.create_dir(name, permissions) {
                        if e.kind() != io::ErrorKind::AlreadyExists {
                            return Err(e);
                        }
                        // Another file's backup was quicker.
                        if let Ok(dir) = at.open_beneath(name) {
                            at = dir;
                            continue;
                        }
                        // What is there is no directory: it makes way.
                        at.remove_file(name)?;
                        at.create_dir(name, permissions)?;
                    }
                    let made = at.open_beneath(name)?;
                    if let Some(stat) = stat {
                        self.make_alike(&made, &stat);
                    }
                    made
                }
            };
        }
        Ok(at)
    }

    /// Gives a directory what is preserved of another.
    fn make_alike(&self, dir: &Dir, model: &Stat) {
        let o = &self.ctx.options;
        let uid = (self.ctx.am_root && o.preserve_uid).then_some(model.uid);
        let gid = o.preserve_gid.then_some(model.gid);
        if uid.is_some() || gid.is_some() {
            let _ = dir.set_own_owner(uid, gid);
        }
        let _ = dir.set_own_permissions(model.permissions);
        if o.preserve_times && !o.omit_dir_times {
            let _ = dir.set_own_mtime(model.mtime);
        }
    }
}

/// The root of a confinement, and the rest of a path that starts with it.
fn confined_start<'a>(options: &'a Options, path: &'a [u8]) -> Option<(&'a Path, &'a [u8])> {
    let root = options.confine_root.as_deref()?;
    let below = path.strip_prefix(&paths::operand_bytes(root.as_os_str())[..])?;
    matches!(below.first(), None | Some(b'/')).then_some((root, below))
}
