//! Extended attributes in the generator's decisions: whether they differ, which values have to be
//! asked for, and who sets them.
// rsync: generator.c itemize(), receiver.c recv_files()

use super::{Generator, ROLE};
use crate::item::ItemFlags;
use crate::origin::Origin;
use crate::paths::without_leading_slashes;
use crate::segment::EntryRef;
use fast_io::dir::{Stat, XattrsOf};
use tree::entry::{Entry, FileId};
use tree::xattrs::{LongValue, Xattrs};

pub(super) use crate::receiver::xattrs::Standing as Place;

impl Generator {
    /// Whether an entry's attributes differ from those of what stands in its place, or are there at
    /// all if nothing does.
    pub(super) fn xattr_flag(&self, file: &Entry, stat: Option<&Stat>) -> ItemFlags {
        if self.receiver.xattrs.is_none() {
            return ItemFlags::NONE;
        }
        // rsync sets them later than it looks at another name of the same file.
        if let Some(stat) = stat {
            let set = self.linked_xattrs.borrow();
            if names_of(file, stat).any(|id| set.contains(&id)) {
                return ItemFlags::REPORT_XATTR;
            }
        }
        let there = stat.and_then(|_| self.xattrs_there(file));
        let want = |missing: &LongValue| {
            missing.want();
        };
        let wanted = file.xattrs().map(|list| &**list);
        let differ = if self.compared.is_none() {
            Xattrs::differ(wanted, there.as_ref(), want)
        } else {
            let differ = Xattrs::differ(wanted, there.as_ref(), |_| {});
            if differ {
                // Nothing is in the entry's own place yet that could have any of the values.
                Xattrs::differ(wanted, None, want);
            }
            differ
        };
        if differ {
            ItemFlags::REPORT_XATTR
        } else {
            ItemFlags::NONE
        }
    }

    /// Gives an entry that was just made the attributes of the one in another directory that it is
    /// compared with, where they are those of the list.
    // rsync: generator.c recv_generator(), copy_xattrs() of a directory
    pub(super) fn take_xattrs_elsewhere(&self, file: &Entry, at: &Place) {
        if let (Some(old), Some(_)) = (&self.compared, &self.receiver.xattrs) {
            self.receiver.set_late_xattrs(file, at, Some(old));
        }
    }

    /// Where what an entry is compared with stands: in its place, or in another directory.
    pub(super) fn compared_with(&self, file: &Entry) -> Option<Place> {
        match &self.compared {
            Some(elsewhere) => Some(elsewhere.clone()),
            None => self.standing(file),
        }
    }

    /// Whether an entry that is there has others than the list says.
    // rsync: generator.c xattrs_differ()
    pub(super) fn xattrs_differ(&self, file: &Entry) -> bool {
        let wanted = file.xattrs().map(|list| &**list);
        self.receiver.xattrs.is_some()
            && Xattrs::differ(wanted, self.xattrs_there(file).as_ref(), |_| {})
    }

    /// The attributes of what stands in an entry's place.
    fn xattrs_there(&self, file: &Entry) -> Option<Xattrs> {
        let rules = self.receiver.xattrs.as_ref()?;
        let at = self.compared_with(file)?;
        let of = XattrsOf::Entry(&at.dir.dir, &at.leaf);
        let shown = || self.shown(&self.name(file));
        crate::xattrs::read(&self.ctx, ROLE, of, |n| rules.replaces(n), shown).unwrap_or_default()
    }

    /// Where an entry stands. The walk may be elsewhere when a link to it is made late.
    pub(super) fn standing(&self, file: &Entry) -> Option<Place> {
        let (dir, leaf) = self.there(file)?;
        let own = match self.destination.solo_name {
            Some(_) => b"",
            None => without_leading_slashes(file.dirname()),
        };
        let dir = if dir.path == own {
            dir.clone()
        } else {
            self.open_elsewhere(own).ok()?
        };
        Some(Place {
            dir,
            leaf: leaf.to_vec(),
        })
    }

    /// Where a directory stands that was just opened for its content: in itself.
    pub(super) fn standing_within(&self, file: &Entry) -> Option<Place> {
        let path = self.name(file);
        let path = if path == b"." { &[][..] } else { &path };
        let dir = self.open_dirs.last().filter(|dir| dir.path == path)?;
        Some(Place {
            dir: dir.clone(),
            leaf: b".".to_vec(),
        })
    }

    /// Whether an item whose content is not transferred has attributes set.
    pub(super) fn brings_xattrs(&self, flags: ItemFlags) -> bool {
        let linked = ItemFlags::XNAME_FOLLOWS | ItemFlags::LOCAL_CHANGE;
        flags.contains(ItemFlags::REPORT_XATTR)
            && !flags.contains(linked)
            && !self.ctx.options.dry_run
    }

    /// Remembers that the attributes are set of a file that has other names.
    pub(super) fn remember_xattrs(&self, file: &Entry, stat: Option<&Stat>) {
        if let (Some(stat), Origin::Here(_)) = (stat, &self.origin) {
            self.linked_xattrs.borrow_mut().extend(names_of(file, stat));
        }
    }

    /// Tells an item, and sets the attributes of the entry, which stands there: now, or when the item
    /// comes back with the values that are asked for with it.
    pub(super) fn tell_with_xattrs(
        &self,
        entry: &EntryRef,
        flags: ItemFlags,
        link_name: Option<&[u8]>,
        at: Option<Place>,
    ) {
        match (&self.origin, at) {
            (Origin::Here(_), Some(at)) => {
                self.tell_item(entry, flags, link_name);
                self.receiver.set_late_xattrs(entry.entry(), &at, None);
            }
            (Origin::Away(requests), Some(at)) => {
                requests.expect_xattrs(entry, at);
                self.tell_item(entry, flags, link_name);
            }
            (_, None) => self.tell_item(entry, flags, link_name),
        }
    }
}

/// By what other names of a file are known: to become so, and those that are there.
fn names_of(file: &Entry, stat: &Stat) -> impl Iterator<Item = FileId> {
    let linked = (stat.links > 1 && !stat.is_dir()).then_some(FileId {
        device: stat.device,
        inode: stat.inode,
    });
    file.identity().into_iter().chain(linked)
}
