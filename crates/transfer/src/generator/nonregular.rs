//! Symbolic links, devices and special files: compared and made here and now.
// rsync: generator.c recv_generator(), the parts for links and nodes

use super::alt_dest::OtherElsewhere;
use super::create::Made;
use super::decide::kind_class;
use super::{Found, Generator, ROLE};
use crate::attrs::{Applied, Before, Handle, TimeRule, Wanted, seen_after_setting};
use crate::context::line;
use crate::error::SessionError;
use crate::item::ItemFlags;
use crate::segment::EntryRef;
use fast_io::dir::{FileKind, Stat};
use options::RemoveSource;
use tree::symlink::is_unsafe;

impl Generator {
    pub(super) fn symlink(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        found: Found,
    ) -> Result<(), SessionError> {
        let file = entry.entry();
        let target = file.link_target();
        if self.ctx.options.safe_links && is_unsafe(target, &self.name(file)) {
            if self.ctx.options.info.name >= 1 {
                let name = file.path();
                let text = line!("ignoring unsafe symlink \"", name, "\" -> \"", target, "\"");
                self.ctx.info(ROLE, text);
            }
            return Ok(());
        }
        let stat = there(&found);
        if let Some(stat) = stat
            && stat.kind == FileKind::Symlink
            && self.quick_check(file, &stat)
        {
            return self.matches(entry, wanted, &stat);
        }
        let elsewhere = match stat {
            Some(_) => OtherElsewhere::Nothing,
            None => self.other_elsewhere(entry, wanted)?,
        };
        if matches!(elsewhere, OtherElsewhere::Settled)
            || !self.create(file, &Made::Symlink(target), stat.as_ref(), "symlink")
        {
            return Ok(());
        }
        self.set_new(entry, wanted);
        let stat = stat.filter(|s| s.kind == FileKind::Symlink);
        self.itemize_made(entry, wanted, stat, elsewhere);
        self.finish_links(entry, None)?;
        if self.ctx.options.remove_source_files.is_some() {
            self.remove_synchronized(entry);
        }
        Ok(())
    }

    pub(super) fn node(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        kind: FileKind,
        found: Found,
    ) -> Result<(), SessionError> {
        let file = entry.entry();
        let existing = there(&found);
        let stat = existing.filter(|s| kind_class(s.mode()) == kind_class(file.mode()));
        if let Some(stat) = &stat
            && self.quick_check(file, stat)
        {
            return self.matches(entry, wanted, stat);
        }
        let what = if kind.is_device() {
            "device file"
        } else {
            "special file"
        };
        let elsewhere = match existing {
            Some(_) => OtherElsewhere::Nothing,
            None => self.other_elsewhere(entry, wanted)?,
        };
        let made = Made::Node(kind, wanted.mode, file.device());
        if matches!(elsewhere, OtherElsewhere::Settled)
            || !self.create(file, &made, existing.as_ref(), what)
        {
            return Ok(());
        }
        self.set_new(entry, wanted);
        self.itemize_made(entry, wanted, stat, elsewhere);
        self.finish_links(entry, None)?;
        if self.ctx.options.remove_source_files == Some(RemoveSource::Synchronized) {
            self.remove_synchronized(entry);
        }
        Ok(())
    }

    /// Tells of an entry that was made, as a change of what stood there or stands elsewhere.
    fn itemize_made(
        &self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        stat: Option<Stat>,
        elsewhere: OtherElsewhere,
    ) {
        if let Some(at) = self.standing(entry.entry()) {
            self.take_xattrs_elsewhere(entry.entry(), &at);
        }
        let seen = match elsewhere {
            OtherElsewhere::Told | OtherElsewhere::Settled => return,
            OtherElsewhere::Differs(stat) => Some(stat),
            OtherElsewhere::Nothing => stat,
        };
        let flags = ItemFlags::LOCAL_CHANGE | ItemFlags::REPORT_CHANGE;
        self.itemize(entry, wanted, seen.as_ref(), flags, None);
    }

    /// The destination has it already; only attributes can differ.
    fn matches(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        stat: &Stat,
    ) -> Result<(), SessionError> {
        let file = entry.entry();
        let applied = self.set_existing(wanted, stat, TimeRule::Window);
        self.report_name(file, applied);
        let seen = seen_after_setting(&self.ctx, &self.ids, file, stat);
        let seen = self.seen_after_acls(wanted, seen);
        self.itemize(entry, wanted, Some(&seen), ItemFlags::NONE, None);
        self.finish_links(entry, Some(stat))?;
        if self.ctx.options.remove_source_files == Some(RemoveSource::Synchronized) {
            self.remove_synchronized(entry);
        }
        Ok(())
    }

    /// Sets the attributes of an entry that exists.
    pub(super) fn set_existing(
        &mut self,
        wanted: Wanted<'_>,
        stat: &Stat,
        time: TimeRule,
    ) -> Applied {
        let file = wanted.entry;
        let name = self.name(file);
        self.remember_acls(file, stat);
        let Some((dir, leaf)) = self.there(file) else {
            return Applied::Failed;
        };
        let shown = || self.shown(&name);
        let handle = Handle::Name(&dir.dir, leaf);
        if self.ctx.options.dry_run {
            if crate::attrs::unchanged(&self.ctx, &self.ids, wanted, stat, time) {
                Applied::Unchanged
            } else {
                Applied::Changed
            }
        } else {
            self.setter()
                .apply(wanted, &handle, Before::Stood(*stat), time, shown)
        }
    }

    /// Sets the attributes of an entry that was just made.
    fn set_new(&mut self, entry: &EntryRef, wanted: Wanted<'_>) {
        if self.ctx.options.dry_run {
            return;
        }
        let file = entry.entry();
        let name = self.name(file);
        if let Some((dir, leaf)) = self.there(file) {
            let handle = Handle::Name(&dir.dir, leaf);
            let shown = || self.shown(&name);
            self.setter()
                .apply(wanted, &handle, Before::Made(None), TimeRule::Window, shown);
        }
    }
}

fn there(found: &Found) -> Option<Stat> {
    match found {
        Found::There(stat) => Some(*stat),
        _ => None,
    }
}
