//! `-H`: names of one file. One name is transferred or found, the others are linked to it.
//!
//! rsync waits as long as it can before it transfers a file, because a later name may be there
//! already; so in a group of new names it is the last known one whose content is transferred.
// rsync: hlink.c

use super::alt_dest::NameElsewhere;
use super::create::Made;
use super::{Generator, ROLE, split_owned};
use crate::attrs::Wanted;
use crate::context::{Context, line};
use crate::error::SessionError;
use crate::item::ItemFlags;
use crate::segment::{EntryRef, Segment};
use fast_io::dir::{Follow, Stat};
use options::RemoveSource;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use tree::entry::FileId;

/// All groups of names known so far.
#[derive(Default)]
pub(super) struct HardLinks {
    names: HashMap<u64, Name>,
    groups: HashMap<FileId, Group>,
    /// How many names are held.
    held: u64,
}

/// One name of a group, by its number in the list.
struct Name {
    entry: EntryRef,
    id: FileId,
    /// The name before it; once it is being transferred, the name that waits for it.
    previous: Option<u64>,
    first: bool,
    last: bool,
    done: bool,
    sent: bool,
    skipped: bool,
    /// Its part of the list is not done with: it is left to a later name, or waits for one.
    held: bool,
}

struct Group {
    /// The last name known.
    last: u64,
    /// The name that is there, to link others to.
    finished: Option<Vec<u8>>,
    /// Where that was linked from, if it was.
    linked_from: Option<usize>,
}

/// What an entry's group already has.
enum Prior {
    /// A name that is at the destination.
    Finished(Vec<u8>),
    /// A name that was looked at before.
    Name(u64),
    /// Nothing that counts.
    None,
}

impl HardLinks {
    /// Takes note of a segment's names.
    // rsync: hlink.c match_gnums()
    pub fn register(&mut self, ctx: &Context, segment: &Arc<Segment>) {
        if !ctx.options.preserve_hard_links {
            return;
        }
        let incremental = ctx.options.incremental_recursion();
        for index in 0..segment.entries.len() {
            let Some(id) = segment.entries[index].identity() else {
                continue;
            };
            let entry = EntryRef {
                segment: segment.clone(),
                index,
                content: None,
            };
            let number = entry.number();
            let group = self.groups.get(&id);
            let finished = group.is_some_and(|g| g.finished.is_some());
            let previous = group.filter(|_| !finished).map(|g| g.last);
            if let Some(previous) = previous.and_then(|p| self.names.get_mut(&p)) {
                previous.last = false;
            }
            let first = group.is_none();
            self.names.insert(
                number,
                Name {
                    entry,
                    id,
                    previous,
                    first,
                    last: true,
                    done: false,
                    sent: false,
                    skipped: false,
                    held: false,
                },
            );
            let group = self.groups.entry(id).or_insert(Group {
                last: number,
                finished: None,
                linked_from: None,
            });
            group.last = number;
        }
        if !incremental {
            // The list is complete: a name without others is an ordinary file.
            self.names.retain(|_, n| !(n.first && n.last));
        }
    }

    /// Whether an earlier name of this entry's group is known.
    pub fn is_later(&self, entry: &EntryRef) -> bool {
        self.name(entry).is_some_and(|n| !n.first)
    }

    /// Whether a missing file is left to a later name of its group.
    pub fn waits_for_later(&self, entry: &EntryRef) -> bool {
        self.name(entry).is_some_and(|n| !n.last)
    }

    /// Says that this name's content is being transferred.
    pub fn sent(&mut self, entry: &EntryRef) {
        if let Some(name) = self.name_mut(entry) {
            name.sent = true;
        }
    }

    fn name(&self, entry: &EntryRef) -> Option<&Name> {
        if self.names.is_empty() {
            return None;
        }
        self.names.get(&entry.number())
    }

    fn name_mut(&mut self, entry: &EntryRef) -> Option<&mut Name> {
        if self.names.is_empty() {
            return None;
        }
        self.names.get_mut(&entry.number())
    }

    // rsync: hlink.c check_prior()
    fn prior(&self, number: u64) -> Prior {
        let Some(name) = self.names.get(&number) else {
            return Prior::None;
        };
        let mut at = name.previous;
        while let Some(previous) = at {
            let Some(name) = self.names.get(&previous) else {
                break;
            };
            if !name.skipped {
                return Prior::Name(previous);
            }
            at = name.previous;
        }
        match self.groups.get(&name.id).and_then(|g| g.finished.clone()) {
            Some(finished) => Prior::Finished(finished),
            None => Prior::None,
        }
    }
}

impl Generator {
    /// Looks whether an entry can be linked to an earlier name. True if that settles it.
    // rsync: hlink.c hard_link_check()
    pub(super) fn hard_link_check(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        stat: Option<Stat>,
    ) -> Result<bool, SessionError> {
        let number = entry.number();
        let leader = match self.hard_links.prior(number) {
            Prior::None => return Ok(false),
            Prior::Finished(name) => Prior::Finished(name),
            Prior::Name(previous) => {
                let names = &mut self.hard_links.names;
                let prior = &names[&previous];
                if !prior.done {
                    if !prior.sent {
                        return Ok(false);
                    }
                    // It is being transferred: wait for that.
                    let next = prior.previous;
                    if let Some(own) = names.get_mut(&number) {
                        own.previous = next;
                        own.sent = true;
                    }
                    if let Some(prior) = names.get_mut(&previous) {
                        prior.previous = Some(number);
                    }
                    self.hold(entry);
                    return Ok(true);
                }
                if prior.first {
                    Prior::Name(previous)
                } else {
                    let leader = self.hard_links.prior(previous);
                    if let Some(own) = self.hard_links.names.get_mut(&number) {
                        own.previous = match leader {
                            Prior::Name(leader) => Some(leader),
                            _ => None,
                        };
                    }
                    leader
                }
            }
        };
        let linked_from = self.linked_from(entry).filter(|_| self.ctx.options.dry_run);
        let (target, told) = match (leader, linked_from, &self.alternates) {
            (Prior::None, ..) => return Ok(false),
            (Prior::Name(leader), at, alternates) => {
                let leader = self.hard_links.names[&leader].entry.clone();
                // A dry run of rsync keeps of earlier parts of the list where their names lead.
                // It lets go of a part when the first entry of the next is done.
                let (here, there) = (entry.segment.ordinal(), leader.segment.ordinal());
                let parts = here.saturating_sub(there);
                let is_earlier = parts > 1 || (parts == 1 && entry.index > 0);
                (
                    self.name(leader.entry()),
                    at.zip(alternates.as_ref()).filter(|_| is_earlier),
                )
            }
            (Prior::Finished(name), at, alternates) => (name, at.zip(alternates.as_ref())),
        };
        let told = told.map(|(at, dirs)| tree::entry::join(dirs.path(at), &target));
        // A dry run has not made it: what it would be a link to does as well.
        let found = match linked_from {
            Some(at) => self.stat_elsewhere(at, &target),
            None => self.stat_path(&target, Follow::Never),
        };
        let target_stat = match found {
            Ok(stat) => Some(stat),
            // A link in a directory's place does not stay there: no error of a dry run.
            Err(e) if self.ctx.options.dry_run && e.kind() != io::ErrorKind::NotADirectory => None,
            Err(e) => {
                let text = line!("stat ", self.shown(&target), " failed");
                self.ctx.transfer_error_os(ROLE, text, e);
                return Ok(true);
            }
        };
        let elsewhere = match stat {
            Some(_) => None,
            None => self.name_elsewhere(wanted, target_stat.as_ref()),
        };
        let target = told.unwrap_or(target);
        if self.link_to(entry, wanted, stat, elsewhere, &target, target_stat)
            && self.ctx.options.remove_source_files == Some(RemoveSource::Synchronized)
        {
            self.remove_synchronized(entry);
        }
        Ok(true)
    }

    /// Where the name was linked from that stands for an entry's group, by its number.
    fn linked_from(&self, entry: &EntryRef) -> Option<usize> {
        let own = self.hard_links.name(entry)?;
        self.hard_links.groups.get(&own.id)?.linked_from
    }

    /// Makes an entry another name of `target`, unless it is already.
    // rsync: hlink.c maybe_hard_link()
    fn link_to(
        &mut self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        stat: Option<Stat>,
        elsewhere: Option<NameElsewhere>,
        target: &[u8],
        target_stat: Option<Stat>,
    ) -> bool {
        let file = entry.entry();
        let flags = ItemFlags::LOCAL_CHANGE | ItemFlags::XNAME_FOLLOWS;
        if let (Some(stat), Some(other)) = (&stat, &target_stat)
            && (stat.device, stat.inode) == (other.device, other.inode)
        {
            self.itemize(entry, wanted, Some(stat), flags, Some(b""));
            if self.reports_names() {
                self.ctx
                    .client(ROLE, line!(self.name(file), " is uptodate"));
            }
            if let Some(name) = self.hard_links.name_mut(entry) {
                name.done = true;
            }
            return true;
        }
        let (target_dir, target_name) = split_owned(target);
        let from = if self.ctx.options.dry_run {
            // Nothing is made, but room is.
            self.destination.root.clone()
        } else {
            match self.open_elsewhere(&target_dir) {
                Ok(dir) => Some(dir),
                Err(e) => {
                    let name = self.shown(&self.name(file));
                    let text = line!("link ", name, " => ", target, " failed");
                    self.ctx.transfer_error_os(ROLE, text, e);
                    return false;
                }
            }
        };
        let made = match &from {
            Some(dir) => self.create(
                file,
                &Made::HardLink(dir, &target_name, target),
                stat.as_ref(),
                "regular file",
            ),
            None => true,
        };
        if made {
            if let Some(name) = self.hard_links.name_mut(entry) {
                name.done = true;
            }
            if elsewhere.as_ref().is_some_and(|found| found.is_silent) {
                return true;
            }
            let seen = elsewhere.map(|found| found.seen).or(stat);
            self.itemize(entry, wanted, seen.as_ref(), flags, Some(target));
        }
        made
    }

    /// An entry is at the destination now: links the names that wait for it.
    // rsync: hlink.c finish_hard_link()
    pub(super) fn finish_links(
        &mut self,
        entry: &EntryRef,
        stat: Option<&Stat>,
    ) -> Result<(), SessionError> {
        self.finish_links_elsewhere(entry, stat, None)
    }

    /// The same for an entry that is a link to one in another directory, by its number.
    pub(super) fn finish_links_elsewhere(
        &mut self,
        entry: &EntryRef,
        stat: Option<&Stat>,
        linked_from: Option<usize>,
    ) -> Result<(), SessionError> {
        let Some(own) = self.hard_links.name_mut(entry) else {
            return Ok(());
        };
        own.first = true;
        own.done = true;
        let id = own.id;
        let mut waiting = own.previous.take();
        let name = self.name(entry.entry());
        if let Some(group) = self.hard_links.groups.get_mut(&id) {
            group.finished = Some(name.clone());
            group.linked_from = linked_from;
        }
        let mut stat = stat.copied();
        if waiting.is_some() && stat.is_none() {
            match self.stat_path(&name, Follow::Never) {
                Ok(now) => stat = Some(now),
                Err(_) if self.ctx.options.dry_run => {}
                Err(e) => {
                    let text = line!("stat ", self.shown(&name), " failed");
                    self.ctx.transfer_error_os(ROLE, text, e);
                    return Ok(());
                }
            }
        }
        while let Some(number) = waiting {
            let Some(other) = self.hard_links.names.get_mut(&number) else {
                break;
            };
            if other.skipped {
                waiting = other.previous;
                continue;
            }
            other.first = false;
            other.done = true;
            waiting = other.previous.replace(entry.number());
            let other = other.entry.clone();
            let file = other.entry();
            let wanted = Wanted {
                entry: file,
                mode: file.mode(),
            };
            let now = self.stat_path(&self.name(file), Follow::Never).ok();
            if self.link_to(&other, wanted, now, None, &name, stat)
                && self.ctx.options.remove_source_files == Some(RemoveSource::Synchronized)
            {
                self.remove_synchronized(&other);
            }
            self.release(number);
        }
        Ok(())
    }

    /// Leaves a name for later: its part of the list is not done with until [`Self::release`].
    // rsync: generator.c recv_generator(), hlink.c hard_link_check(), in_progress
    pub(super) fn hold(&mut self, entry: &EntryRef) {
        if let Some(name) = self.hard_links.name_mut(entry)
            && !std::mem::replace(&mut name.held, true)
        {
            self.hard_links.held += 1;
            self.origin.hold(entry);
        }
    }

    fn release(&mut self, number: u64) {
        let links = &mut self.hard_links;
        if let Some(name) = links.names.get_mut(&number)
            && std::mem::replace(&mut name.held, false)
        {
            links.held -= 1;
            self.origin.ended(&name.entry);
        }
    }

    /// How many names wait for another.
    pub(super) fn names_held(&self) -> u64 {
        self.hard_links.held
    }

    /// Nothing comes that names still wait for: the last of their group was given up.
    pub(super) fn release_all(&mut self) {
        let names = self.hard_links.names.iter();
        let held: Vec<u64> = names.filter(|(_, n)| n.held).map(|(n, _)| *n).collect();
        for number in held {
            self.release(number);
        }
    }

    /// An entry is left out: its group must do without it.
    // rsync: generator.c handle_skipped_hlink(), hlink.c skip_hard_link()
    pub(super) fn skip_hard_link(&mut self, entry: &EntryRef) -> Result<(), SessionError> {
        let Some(own) = self.hard_links.name_mut(entry) else {
            return Ok(());
        };
        own.skipped = true;
        if !own.last {
            return Ok(());
        }
        let Prior::Name(previous) = self.hard_links.prior(entry.number()) else {
            return Ok(());
        };
        let Some(name) = self.hard_links.names.get_mut(&previous) else {
            return Ok(());
        };
        if name.done || name.sent {
            return Ok(());
        }
        name.last = true;
        let entry = name.entry.clone();
        self.release(previous);
        self.decide(&entry, super::Visit::Full)
    }

    /// Links the names that waited for transfers which have ended. False if there were none.
    pub(super) fn link_finished(&mut self) -> Result<bool, SessionError> {
        let finished = self.receiver.take_finished();
        let any = !finished.is_empty();
        for (entry, arrived) in finished {
            if arrived {
                self.finish_links(&entry, None)?;
            } else {
                self.skip_hard_link(&entry)?;
            }
            self.origin.ended(&entry);
        }
        Ok(any)
    }

    pub(super) fn open_elsewhere(
        &self,
        path: &[u8],
    ) -> io::Result<Arc<crate::destination::DestDir>> {
        let root = self
            .destination
            .root
            .as_ref()
            .ok_or(io::ErrorKind::NotFound)?;
        if path.is_empty() {
            Ok(root.clone())
        } else {
            root.open(path, self.follows_within(), false)
        }
    }

    pub(super) fn stat_path(&self, path: &[u8], follow: Follow) -> io::Result<Stat> {
        let (dir, name) = split_owned(path);
        self.open_elsewhere(&dir)?.dir.stat(&name, follow)
    }
}
