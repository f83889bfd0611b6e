//! Keeping what is replaced or deleted (`-b`).
// rsync: backup.c make_backup()

mod place;

use super::Receiver;
use crate::acls;
use crate::attrs::{Before, Handle, Setter, TimeRule, Wanted};
use crate::context::line;
use crate::destination::DestDir;
use crate::event::{Message, Role, Severity};
use crate::ids::Ids;
use crate::narrator::PlaceId;
use crate::removal::{Manner, Outcome, Purpose, Removals, Remover, kind_word};
use crate::xattrs;
use fast_io::dir::{Dir, FileKind, Follow, Stat, XattrsOf};
use fast_io::offload::Side;
use place::{BackupPlace, NoPlace};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use tree::entry::{Entry, join, split};
use tree::names::Name;

/// How something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It may be gone afterwards from where it is.
    Away,
    /// It stays where it is until something replaces it, if that can be had.
    AndStay,
}

/// Which of rsync's processes would do it: they count and tell on their own.
#[derive(Clone, Copy)]
pub(crate) enum Keeper<'a> {
    /// The generator, which counts here what it removes.
    Generator(&'a Removals),
    /// The receiver, for the item whose transfer replaces what is kept.
    Receiver(PlaceId),
}

impl Keeper<'_> {
    fn role(self) -> Role {
        match self {
            Keeper::Generator(_) => Role::Generator,
            Keeper::Receiver(_) => Role::Receiver,
        }
    }
}

/// What became of the file that was to be kept.
#[derive(Debug)]
pub(crate) enum Backup {
    /// It could not be kept: leave it alone. It has been told why, but to a caller who lets it be
    /// taken away, and who tells it himself.
    Failed(Option<io::Error>),
    /// It was moved away.
    Moved,
    /// It was kept under another name and is still there.
    Copied,
    /// There was nothing to keep.
    Nothing,
}

impl Receiver {
    /// Keeps what stands under `name`. A dry run only tells of it.
    pub fn backup(
        &self,
        dir: &Arc<DestDir>,
        name: &[u8],
        keep: Keep,
        keeper: Keeper<'_>,
    ) -> Backup {
        let path = join(&dir.path, name);
        let Ok(stat) = dir.dir.stat(name, Follow::Never) else {
            return Backup::Nothing;
        };
        let left_out = self.leaves_out(dir, name, &path, &stat, keeper.role());
        let (outcome, shown) = if self.ctx.options.dry_run {
            let outcome = match keep {
                Keep::Away if !left_out => Backup::Moved,
                _ => Backup::Copied,
            };
            (outcome, self.backup_name(dir, name).1)
        } else {
            let place = match self.backup_place(dir, name, keeper.role()) {
                Ok(place) => place,
                Err(no_place) => {
                    if keep == Keep::AndStay {
                        self.report_no_place(&no_place, keeper.role());
                    }
                    return Backup::Failed(Some(no_place.error));
                }
            };
            let outcome = if left_out {
                Backup::Copied
            } else {
                self.keep(dir, name, &stat, keep, &place, keeper)
            };
            (outcome, place.shown)
        };
        if matches!(outcome, Backup::Moved | Backup::Copied) {
            self.report_kept(&path, &shown, keeper);
        }
        outcome
    }

    fn keep(
        &self,
        dir: &Arc<DestDir>,
        name: &[u8],
        stat: &Stat,
        keep: Keep,
        place: &BackupPlace,
        keeper: Keeper<'_>,
    ) -> Backup {
        dir.touch();
        let to_dir = place.dir.as_ref().unwrap_or(&dir.dir);
        let attempt = || self.link_or_rename(&dir.dir, name, to_dir, &place.name, keep, stat);
        let mut result = attempt();
        if let Err(e) = &result
            && matches!(
                e.kind(),
                io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory
            )
        {
            if self.clear(to_dir, place, keeper) != Outcome::Gone {
                return Backup::Failed(None);
            }
            result = attempt();
        }
        match result {
            Ok(outcome) => outcome,
            Err(_) => self.copy_away(dir, name, place, stat),
        }
    }

    /// Keeps a copy of what is about to be written over in its place.
    // rsync: generator.c recv_generator(), the parts for --inplace with --backup
    pub fn backup_copy(&self, dir: &Arc<DestDir>, name: &[u8]) -> Backup {
        let path = join(&dir.path, name);
        let Ok(stat) = dir.dir.stat(name, Follow::Never) else {
            return Backup::Nothing;
        };
        let place = match self.backup_place(dir, name, Role::Generator) {
            Ok(place) => place,
            Err(no_place) => {
                self.report_no_place(&no_place, Role::Generator);
                return Backup::Failed(Some(no_place.error));
            }
        };
        dir.touch();
        let to_dir = place.dir.as_ref().unwrap_or(&dir.dir);
        let file = match self.copy_file(dir, name, to_dir, &place, &stat) {
            Ok(file) => file,
            Err(e) => return Backup::Failed(Some(e)),
        };
        self.dress(dir, name, &Handle::File(&file), &place, &stat);
        if self.ctx.options.info.backup >= 1 {
            self.ctx.info(
                Role::Generator,
                line!("backed up ", path, " to ", place.shown),
            );
        }
        Backup::Copied
    }

    fn report_kept(&self, path: &[u8], shown: &[u8], keeper: Keeper<'_>) {
        if self.ctx.options.info.backup < 1 {
            return;
        }
        let text = line!("backed up ", path, " to ", shown);
        match keeper {
            Keeper::Generator(_) => self.ctx.info(Role::Generator, text),
            Keeper::Receiver(place) => {
                let message = Message {
                    severity: Severity::Info,
                    role: keeper.role(),
                    text,
                    os_error: None,
                };
                self.ctx.narrator.message_after(place, message);
            }
        }
    }

    /// `--safe-links` leaves unsafe links out of the backups too.
    fn leaves_out(&self, dir: &DestDir, name: &[u8], path: &[u8], stat: &Stat, role: Role) -> bool {
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
            self.ctx.info(role, text);
        }
        left_out
    }

    fn report_no_place(&self, no_place: &NoPlace, role: Role) {
        let text = line!("backup mkdir ", no_place.dir, " failed");
        self.ctx.error_os(role, text, same_error(&no_place.error));
    }

    // rsync: backup.c link_or_rename()
    fn link_or_rename(
        &self,
        from_dir: &Dir,
        from: &[u8],
        to_dir: &Dir,
        to: &[u8],
        keep: Keep,
        stat: &Stat,
    ) -> io::Result<Backup> {
        if keep == Keep::AndStay {
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
    fn clear(&self, dir: &Dir, place: &BackupPlace, keeper: Keeper<'_>) -> Outcome {
        let (above, _) = split(&place.shown);
        let (Ok(stat), Ok(dir)) = (dir.stat(&place.name, Follow::Never), dir.open_beneath(b""))
        else {
            return Outcome::Gone;
        };
        let (record, in_flight) = match keeper {
            Keeper::Generator(record) => (record, None),
            Keeper::Receiver(place) => (&self.removals, Some(place)),
        };
        let remover = Remover {
            ctx: &self.ctx,
            destination: &self.destination,
            record,
            purpose: Purpose::Backup(in_flight),
        };
        let manner = Manner {
            recurse: true,
            unlock: false,
            room_for: Some(kind_word(stat.kind)),
        };
        let dir = DestDir::aside(dir, above.to_vec());
        remover.remove(&dir, &place.name, &stat, manner, &self.filters)
    }

    /// Copies what can neither be linked nor moved: the backup is on another file system.
    fn copy_away(
        &self,
        dir: &Arc<DestDir>,
        name: &[u8],
        place: &BackupPlace,
        stat: &Stat,
    ) -> Backup {
        let o = &self.ctx.options;
        let path = join(&dir.path, name);
        let to_dir = place.dir.as_ref().unwrap_or(&dir.dir);
        let kept = Handle::Name(to_dir, &place.name);
        match stat.kind {
            FileKind::Symlink if o.preserve_links => {
                let made = dir
                    .dir
                    .read_link(name)
                    .and_then(|target| to_dir.create_symlink(&place.name, &target));
                if let Err(e) = made {
                    let text = line!("link ", self.shown(&place.shown));
                    self.ctx.error_os(place.role, text, e);
                }
                self.dress(dir, name, &kept, place, stat);
                Backup::Copied
            }
            kind if (kind.is_device() && o.preserve_devices && self.ctx.am_root)
                || (kind.is_special() && o.preserve_specials) =>
            {
                let made = to_dir.create_node(&place.name, kind, stat.permissions, stat.special);
                if let Err(e) = made {
                    let text = line!("mknod ", self.shown(&place.shown), " failed");
                    self.ctx.error_os(place.role, text, e);
                }
                self.dress(dir, name, &kept, place, stat);
                Backup::Copied
            }
            FileKind::Regular => match self.copy_file(dir, name, to_dir, place, stat) {
                Ok(file) => {
                    self.dress(dir, name, &Handle::File(&file), place, stat);
                    Backup::Copied
                }
                Err(e) => {
                    let path = self.shown(&path);
                    let text = line!("keep_backup failed: ", path, " -> \"", place.shown, "\"");
                    self.ctx.error_os(place.role, text, same_error(&e));
                    Backup::Failed(Some(e))
                }
            },
            _ => {
                if o.info.nonreg >= 1 {
                    let text = line!("make_bak: skipping non-regular file ", path);
                    self.ctx.info(place.role, text);
                }
                Backup::Nothing
            }
        }
    }

    /// Copies a file's content to its backup. What goes wrong is told.
    // rsync: util1.c copy_file()
    fn copy_file(
        &self,
        dir: &DestDir,
        name: &[u8],
        to_dir: &Dir,
        place: &BackupPlace,
        stat: &Stat,
    ) -> io::Result<File> {
        let told = |what: &str, path: &[u8], e: io::Error| {
            let again = same_error(&e);
            let text = line!(what, " ", self.shown(path));
            self.ctx.transfer_error_os(place.role, text, e);
            again
        };
        let path = join(&dir.path, name);
        let source = dir
            .dir
            .open_file(name, self.ctx.reading(), Follow::Never)
            .map_err(|e| told("open", &path, e))?;
        match to_dir.remove_file(&place.name) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(told("unlink", &place.shown, e));
            }
            _ => {}
        }
        let target = to_dir
            .create_file(&place.name, 0o600)
            .map_err(|e| told("open", &place.shown, e))?;
        let go_on = &mut |_| ControlFlow::Continue(());
        self.ctx
            .copier
            .copy_range(&source, &target, 0, 0, stat.size, go_on)
            .map_err(|e| match e.side {
                Side::Source => told("read", &path, e.error),
                Side::Destination => told("write", &place.shown, e.error),
            })?;
        Ok(target)
    }

    /// Gives a copy what is preserved of the original's attributes.
    fn dress(
        &self,
        dir: &DestDir,
        name: &[u8],
        copy: &Handle<'_>,
        place: &BackupPlace,
        stat: &Stat,
    ) {
        let mut original = Entry::new(Name::alone(0, &dir.path, name), stat);
        if self.ctx.options.preserve_atimes && !stat.is_dir() {
            original.set_atime(stat.atime.secs);
        }
        let of = XattrsOf::Entry(&dir.dir, name);
        let shown = || self.shown(&place.shown);
        if self.ctx.options.preserve_acls {
            match acls::read(&self.ctx.options, of, stat) {
                Ok(lists) => original.extra_mut().acls = Some(Arc::new(lists)),
                Err(e) => {
                    let text = line!("get_acl: ", shown());
                    self.ctx.transfer_error_os(place.role, text, e);
                }
            }
        }
        if let Some(rules) = &self.xattrs
            && let Ok(Some(list)) = xattrs::read(
                &self.ctx,
                place.role,
                of,
                |name| rules.replaces(name),
                shown,
            )
        {
            original.extra_mut().xattrs = Some(Arc::new(list));
        }
        let wanted = Wanted {
            entry: &original,
            mode: original.mode(),
        };
        let setter = Setter {
            ctx: &self.ctx,
            ids: &Ids::unmapped(),
            role: place.role,
        };
        setter.apply(wanted, copy, Before::Made(None), TimeRule::Exact, shown);
        self.set_xattrs(&original, copy, Some(of), shown);
    }
}

/// An error once more, to be told in another place too.
fn same_error(error: &io::Error) -> io::Error {
    error
        .raw_os_error()
        .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}
