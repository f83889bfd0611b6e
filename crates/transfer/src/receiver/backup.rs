//! Keeping what is replaced or deleted (`-b`).
// rsync: backup.c make_backup()

use super::{ROLE, Receiver};
use crate::context::line;
use crate::destination::DestDir;
use crate::event::{Message, Role, Severity};
use crate::narrator::PlaceId;
use crate::paths;
use fast_io::dir::{Access, Dir, FileKind, Follow, Stat, set_file_mtime, set_file_owner};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use tree::entry::join;

/// The directory that a backup is in, if it is another one; its name there; and the whole.
type BackupPlace = (Option<Dir>, Vec<u8>, Vec<u8>);

/// What became of the file that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backup {
    /// It could not be kept, which has been told: leave it alone.
    Failed,
    /// It was moved away.
    Moved,
    /// It was kept under another name and is still there.
    Copied,
    /// There was nothing to keep.
    Nothing,
}

impl Receiver {
    /// Keeps what stands under `name`. With `move_away` it may be gone afterwards; without, it
    /// stays where it is until something replaces it, if that can be had. `in_flight` is the item
    /// whose transfer replaces it.
    pub fn backup(
        &self,
        dir: &Arc<DestDir>,
        name: &[u8],
        move_away: bool,
        in_flight: Option<PlaceId>,
    ) -> Backup {
        let path = join(&dir.path, name);
        let Ok(stat) = dir.dir.stat(name, Follow::Never) else {
            return Backup::Nothing;
        };
        if self.leaves_out(dir, name, &path, &stat) {
            return Backup::Copied;
        }
        let Some((place, kept, shown)) = self.backup_place(dir, name) else {
            return Backup::Failed;
        };
        let place = place.as_ref().unwrap_or(&dir.dir);
        let mut result = self.link_or_rename(&dir.dir, name, place, &kept, move_away, &stat);
        if let Err(e) = &result
            && matches!(
                e.kind(),
                io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory
            )
        {
            if self.clear(place, &kept).is_err() {
                return Backup::Failed;
            }
            result = self.link_or_rename(&dir.dir, name, place, &kept, move_away, &stat);
        }
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(_) => match self.copy_away(&dir.dir, name, &path, place, &kept, &stat) {
                Ok(outcome) => outcome,
                Err(e) => {
                    self.report_not_kept(&path, &shown, e);
                    return Backup::Failed;
                }
            },
        };
        dir.touch();
        if outcome != Backup::Nothing && self.ctx.options.info.backup >= 1 {
            let text = line!("backed up ", path, " to ", shown);
            match in_flight {
                None => self.ctx.info(Role::Generator, text),
                Some(place) => {
                    let message = Message {
                        severity: Severity::Info,
                        role: ROLE,
                        text,
                        os_error: None,
                    };
                    self.ctx.narrator.message_after(place, message);
                }
            }
        }
        outcome
    }

    /// Keeps a copy of what is about to be written over in its place.
    pub fn backup_copy(&self, dir: &Arc<DestDir>, name: &[u8]) -> Backup {
        let path = join(&dir.path, name);
        let Ok(stat) = dir.dir.stat(name, Follow::Never) else {
            return Backup::Nothing;
        };
        let Some((place, kept, shown)) = self.backup_place(dir, name) else {
            return Backup::Failed;
        };
        let place = place.as_ref().unwrap_or(&dir.dir);
        match self.copy_away(&dir.dir, name, &path, place, &kept, &stat) {
            Ok(outcome) => {
                dir.touch();
                if self.ctx.options.info.backup >= 1 {
                    self.ctx
                        .info(Role::Generator, line!("backed up ", path, " to ", shown));
                }
                outcome
            }
            Err(e) => {
                self.report_not_kept(&path, &shown, e);
                Backup::Failed
            }
        }
    }

    /// `--safe-links` leaves unsafe links out of the backups too.
    fn leaves_out(&self, dir: &DestDir, name: &[u8], path: &[u8], stat: &Stat) -> bool {
        let o = &self.ctx.options;
        if !(o.preserve_links && o.safe_links && stat.kind == FileKind::Symlink) {
            return false;
        }
        let target = dir.dir.read_link(name).unwrap_or_default();
        let left_out = tree::symlink::is_unsafe(&target, path);
        if left_out && o.info.symsafe >= 1 {
            let text = line!(
                "not backing up unsafe symlink \"",
                path,
                "\" -> \"",
                target,
                "\""
            );
            self.ctx.info(ROLE, text);
        }
        left_out
    }

    fn report_not_kept(&self, path: &[u8], shown: &[u8], error: io::Error) {
        let path = self.shown(path);
        let text = line!("keep_backup failed: ", path, " -> \"", shown, "\"");
        self.ctx.error_os(ROLE, text, error);
    }

    /// Where a file's backup goes, see [`Self::find_backup_place`]; `None` if it has no place,
    /// which has been told.
    fn backup_place(&self, dir: &DestDir, name: &[u8]) -> Option<BackupPlace> {
        self.find_backup_place(dir, name)
            .map_err(|(what, e)| {
                let text = line!("backup mkdir ", what, " failed");
                self.ctx.error_os(ROLE, text, e);
            })
            .ok()
    }

    /// Where a file's backup goes: the directory if it is another one, the name in it, and the
    /// whole for messages.
    fn find_backup_place(
        &self,
        dir: &DestDir,
        name: &[u8],
    ) -> Result<BackupPlace, (Vec<u8>, io::Error)> {
        let o = &self.ctx.options;
        let kept = [name, &o.suffix].concat();
        let Some(backup_dir) = &o.backup_dir else {
            let shown = join(&dir.path, &kept);
            return Ok((None, kept, shown));
        };
        let top = paths::operand_bytes(backup_dir.as_os_str());
        let failed = |e| (top.clone(), e);
        let root = match self.backup_dir.get() {
            Some(root) => root,
            None => {
                let opened = self.open_backup_dir(&top).map_err(failed)?;
                self.backup_dir.get_or_init(|| opened)
            }
        };
        let shown = join(&top, &join(&dir.path, &kept));
        if dir.path.is_empty() {
            return Ok((Some(root.open_beneath(b"").map_err(failed)?), kept, shown));
        }
        let place = match root.open_beneath(&dir.path) {
            Ok(place) => place,
            Err(_) => self.make_backup_dirs(root, &dir.path).map_err(failed)?,
        };
        Ok((Some(place), kept, shown))
    }

    fn open_backup_dir(&self, top: &[u8]) -> io::Result<Dir> {
        let below_root = !paths::is_absolute(top);
        let mut at = match (&self.root, below_root) {
            (Some(root), true) => root.dir.open_beneath(b"")?,
            _ => Dir::open(&paths::path_of(if below_root { b"." } else { b"/" }))?,
        };
        let permissions = 0o777 & !self.ctx.umask;
        if !below_root && cfg!(windows) {
            std::fs::create_dir_all(paths::path_of(top))?;
            return Dir::open(&paths::path_of(top));
        }
        for name in top
            .split(|&b| b == b'/')
            .filter(|n| !n.is_empty() && *n != b".")
        {
            at = match at.open_following(name) {
                Ok(dir) => dir,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    at.create_dir(name, permissions)?;
                    at.open_beneath(name)?
                }
                Err(e) => return Err(e),
            };
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
                    at.create_dir(name, 0o777 & !self.ctx.umask)?;
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

    // rsync: backup.c link_or_rename()
    fn link_or_rename(
        &self,
        from_dir: &Dir,
        from: &[u8],
        to_dir: &Dir,
        to: &[u8],
        move_away: bool,
        stat: &Stat,
    ) -> io::Result<Backup> {
        if !move_away {
            match from_dir.link(from, to_dir, to) {
                Ok(()) => return Ok(Backup::Copied),
                Err(e)
                    if stat.kind != FileKind::Regular
                        || matches!(
                            e.kind(),
                            io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory
                        ) =>
                {
                    return Err(e);
                }
                Err(_) => {}
            }
        }
        from_dir.rename(from, to_dir, to)?;
        if stat.links > 1 && !stat.is_dir() {
            // Renaming one name of a file over another of its names does nothing.
            let _ = from_dir.remove_file(from);
        }
        Ok(Backup::Moved)
    }

    /// Removes an older backup.
    fn clear(&self, dir: &Dir, name: &[u8]) -> io::Result<()> {
        let stat = dir.stat(name, Follow::Never)?;
        if !stat.is_dir() {
            return dir.remove_file(name);
        }
        let inner = dir.open_beneath(name)?;
        for entry in inner.entries()? {
            self.clear(&inner, &entry.name)?;
        }
        dir.remove_dir(name)
    }

    /// Copies what can neither be linked nor moved: the backup is on another file system.
    fn copy_away(
        &self,
        from_dir: &Dir,
        from: &[u8],
        path: &[u8],
        to_dir: &Dir,
        to: &[u8],
        stat: &Stat,
    ) -> io::Result<Backup> {
        let o = &self.ctx.options;
        match stat.kind {
            FileKind::Symlink if o.preserve_links => {
                to_dir.create_symlink(to, &from_dir.read_link(from)?)?;
                return Ok(Backup::Copied);
            }
            kind if (kind.is_device() && o.preserve_devices && self.ctx.am_root)
                || (kind.is_special() && o.preserve_specials) =>
            {
                to_dir.create_node(to, kind, stat.permissions, stat.special)?;
                return Ok(Backup::Copied);
            }
            FileKind::Regular => {}
            _ => {
                if o.info.nonreg >= 1 {
                    let text = line!("make_bak: skipping non-regular file ", path);
                    self.ctx.info(ROLE, text);
                }
                return Ok(Backup::Nothing);
            }
        }
        let source = from_dir.open_file(from, Access::Read, Follow::Never)?;
        let _ = to_dir.remove_file(to);
        let target = to_dir.create_file(to, 0o600)?;
        let go_on = &mut |_| ControlFlow::Continue(());
        self.ctx
            .copier
            .copy_range(&source, &target, 0, 0, stat.size, go_on)
            .map_err(|e| e.error)?;
        let uid = (self.ctx.am_root && o.preserve_uid).then_some(stat.uid);
        let gid = o.preserve_gid.then_some(stat.gid);
        if uid.is_some() || gid.is_some() {
            let _ = set_file_owner(&target, uid, gid);
        }
        let _ = fast_io::dir::set_file_permissions(&target, stat.permissions);
        if o.preserve_times {
            set_file_mtime(&target, stat.mtime)?;
        }
        Ok(Backup::Copied)
    }
}
