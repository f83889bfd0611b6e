//! Directories: made early, so that the parent's time can be set; looked at in full when their
//! content's turn comes.
// rsync: generator.c recv_generator(), the part for directories

use super::alt_dest::OtherElsewhere;
use super::{Found, Generator, ROLE, Visit};
use crate::attrs::{Applied, Before, Handle, TimeRule, Wanted, dest_mode, keeps_time};
use crate::context::line;
use crate::destination::DestDir;
use crate::error::SessionError;
use crate::item::ItemFlags;
use crate::segment::{EntryRef, Note};
use fast_io::dir::Stat;
use std::io;
use std::sync::Arc;

/// Whether a directory has been told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    Open,
    Done,
}

impl Generator {
    pub(super) fn directory(
        &mut self,
        entry: &EntryRef,
        visit: Visit,
        found: Found,
    ) -> Result<(), SessionError> {
        let ctx = self.ctx.clone();
        let o = &ctx.options;
        let file = entry.entry();
        if !o.implied_dirs && file.flags().implied_dir && o.relative {
            return Ok(());
        }
        if visit == Visit::Early {
            self.make_early(entry, &found);
            return Ok(());
        }
        let mut found = found;
        if let Found::There(stat) = &found
            && !stat.is_dir()
        {
            let stat = *stat;
            if !self.make_room(file, &stat, "directory") {
                self.skip_content(entry);
                return Ok(());
            }
            found = Found::Missing;
        }
        let really_there = match &found {
            Found::There(stat) => Some(*stat),
            _ => None,
        };
        if o.dry_run && really_there.is_none() {
            if self.dry_missing.is_none() {
                self.dry_missing = Some(file.depth());
            }
            entry.note(Note::MissingDir);
        }
        let created = entry.has(Note::DirCreated);
        let there = if created { None } else { really_there };
        let mode = if o.preserve_perms {
            file.mode()
        } else {
            dest_mode(&ctx, self.new_permissions(), file.mode(), there.as_ref())
        };
        let wanted = Wanted { entry: file, mode };
        let flags = if there.is_some() {
            ItemFlags::NONE
        } else {
            ItemFlags::LOCAL_CHANGE
        };
        let elsewhere = match there {
            Some(_) => OtherElsewhere::Nothing,
            None => self.other_elsewhere(entry, wanted)?,
        };
        let seen = match elsewhere {
            OtherElsewhere::Differs(stat) => Some(stat),
            _ => there,
        };
        let is_told = matches!(elsewhere, OtherElsewhere::Told | OtherElsewhere::Settled);
        let telling = if is_told {
            Telling::Done
        } else {
            Telling::Open
        };
        let flags = match telling {
            Telling::Open => self.item_flags(wanted, seen.as_ref(), flags, None),
            Telling::Done => ItemFlags::NONE,
        };
        // What sets attributes is told when the directory is there.
        let is_late = self.brings_xattrs(flags);
        if telling == Telling::Open && !is_late {
            self.tell_item(entry, flags, None);
        }
        if o.dry_run {
            return Ok(());
        }

        if really_there.is_none()
            && let Err(e) = self.make_directory(entry, mode)
        {
            if is_late {
                self.tell_item(entry, flags, None);
            }
            let name = self.shown(&self.name(file));
            let text = line!("recv_generator: mkdir ", name, " failed");
            ctx.transfer_error_os(ROLE, text, e);
            self.skip_content(entry);
            return Ok(());
        }
        let made_now = really_there.is_none() || created;
        let settled = self.settle(entry, wanted, really_there, made_now, telling);
        let at = || {
            let is_settled = settled.is_ok();
            is_settled.then(|| self.standing_within(file)).flatten()
        };
        if is_late {
            self.tell_with_xattrs(entry, flags, None, at());
        } else if let Some(at) = at() {
            self.take_xattrs_elsewhere(file, &at);
        }
        if let Err(e) = settled {
            let name = self.shown(&self.name(file));
            ctx.transfer_error_os(ROLE, line!("opendir ", name, " failed"), e);
            self.skip_content(entry);
        }
        Ok(())
    }

    /// Makes a missing directory while its parent is being looked at.
    fn make_early(&mut self, entry: &EntryRef, found: &Found) {
        let o = &self.ctx.options;
        let file = entry.entry();
        if !keeps_time(o, file.mode()) {
            return;
        }
        match found {
            Found::There(stat) if stat.is_dir() => return,
            Found::There(stat) => {
                let stat = *stat;
                if !self.make_room(file, &stat, "directory") {
                    return;
                }
            }
            Found::Failed(_) => return,
            Found::Missing => {}
        }
        // Errors are told when its own turn comes.
        if self.ctx.options.dry_run {
            return;
        }
        let _ = self.make_directory(entry, file.mode() & 0o700);
    }

    fn make_directory(&mut self, entry: &EntryRef, mode: u32) -> io::Result<()> {
        let file = entry.entry();
        let dir = self.enter(file)?;
        let leaf = self.leaf(file).to_vec();
        dir.touch();
        match dir.dir.create_dir(&leaf, mode & 0o7777) {
            Ok(()) => {
                entry.note(Note::DirCreated);
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    /// Sets a directory's attributes, opens it for what belongs into it, and arranges that its
    /// times are put right afterwards.
    fn settle(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        stat: Option<Stat>,
        created: bool,
        telling: Telling,
    ) -> io::Result<()> {
        let ctx = self.ctx.clone();
        let file = entry.entry();
        let leaf = self.leaf(file).to_vec();
        let name = self.name(file);
        // An only directory may be what the destination's name is for.
        let root = file.basename() == b"."
            && file.dirname().is_empty()
            && self.destination.solo_name.is_none();
        let dir: Arc<DestDir> = if root {
            self.enter(file)?
        } else {
            let parent = self.enter(file)?;
            self.dirs_opened += 1;
            // A directory that its owner cannot use has to be made usable for the time being.
            let own = parent.open(&leaf, ctx.options.keep_dirlinks, created);
            match own {
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                    parent
                        .dir
                        .set_permissions(&leaf, wanted.mode & 0o7777 | 0o700)?;
                    parent.open(&leaf, ctx.options.keep_dirlinks, false)?
                }
                // A link that leaves the destination: what belongs behind it is refused, one entry
                // after the other.
                Err(_) if ctx.options.keep_dirlinks && parent.is_link(&leaf) => {
                    let handle = Handle::Name(&parent.dir, &leaf);
                    let shown = || self.shown(&name);
                    let before = before(stat, false);
                    self.setter()
                        .apply(wanted, &handle, before, TimeRule::Window, shown);
                    return Ok(());
                }
                other => other?,
            }
        };
        let own_stat = match stat {
            Some(stat) => Some(stat),
            None => Some(dir.dir.stat_self()?),
        };
        let needs_width = !ctx.identity.privileged && wanted.mode & 0o700 != 0o700;
        let for_now = Wanted {
            entry: file,
            mode: if needs_width {
                wanted.mode | 0o700
            } else {
                wanted.mode
            },
        };
        let shown = || self.shown(&name);
        // What could not be set has been told; the directory can be used all the same.
        let applied = if root {
            self.apply_to_root(&dir, for_now, own_stat)
        } else {
            let parent = dir.parent().unwrap_or(&dir);
            let handle = Handle::Name(&parent.dir, &leaf);
            let before = before(own_stat, created);
            self.setter()
                .apply(for_now, &handle, before, TimeRule::Window, shown)
        };
        if telling == Telling::Open {
            self.tell_directory(&name, applied);
        }
        // rsync puts right what is in the directory's place, which may be a link to one (`-K`).
        let linked =
            ctx.options.keep_dirlinks && dir.parent().is_some_and(|parent| parent.is_link(&leaf));
        if !linked {
            dir.finish_as(&ctx, wanted, needs_width);
            if keeps_time(&ctx.options, file.mode()) && self.returns_to_dirs() {
                self.late_times.insert(dir.path.clone(), file.mtime());
            }
        }
        if created {
            // Setting owner and permissions leaves the time alone, making entries does not.
            dir.touch();
        }
        if !root {
            self.open_dirs.push(dir);
        }
        Ok(())
    }

    /// The root has no name in an open parent: its attributes are set through itself.
    fn apply_to_root(&self, dir: &Arc<DestDir>, wanted: Wanted<'_>, stat: Option<Stat>) -> Applied {
        let handle = Handle::Root(&dir.dir);
        let shown = || self.shown(b".");
        let before = before(stat, dir.fresh);
        let applied = self
            .setter()
            .apply(wanted, &handle, before, TimeRule::Window, shown);
        dir.forget_new_permissions();
        applied
    }

    fn skip_content(&mut self, entry: &EntryRef) {
        self.ctx.error(
            ROLE,
            "*** Skipping any contents from this failed directory ***",
        );
        self.skipped = Some(entry.entry().depth());
        entry.note(Note::MissingDir);
    }
}

fn before(stat: Option<Stat>, created: bool) -> Before {
    match stat {
        Some(stat) if !created => Before::Stood(stat),
        _ => Before::Made(stat),
    }
}
