//! Extended attributes in the generator's decisions: whether they differ, which values have to be
//! asked for, and who sets them.
// rsync: generator.c itemize(), receiver.c recv_files()

use super::{Generator, ROLE};
use crate::item::ItemFlags;
use crate::origin::Origin;
use crate::paths::without_leading_slashes;
use crate::receiver::xattrs::Standing;
use crate::segment::EntryRef;
use fast_io::dir::XattrsOf;
use tree::entry::Entry;
use tree::xattrs::Xattrs;

impl Generator {
    /// Whether an entry's attributes differ from those of what stands in its place, or are there at
    /// all if nothing does.
    pub(super) fn xattr_flag(&self, file: &Entry, stands: bool) -> ItemFlags {
        let Some(rules) = &self.receiver.xattrs else {
            return ItemFlags::NONE;
        };
        let there = stands.then(|| self.standing(file)).flatten();
        let there = there.and_then(|at| {
            let of = XattrsOf::Entry(&at.dir.dir, &at.leaf);
            let shown = || self.shown(&self.name(file));
            let list = crate::xattrs::read(&self.ctx, ROLE, of, |n| rules.replaces(n), shown);
            list.unwrap_or_default()
        });
        if Xattrs::differ(file.xattrs().map(|list| &**list), there.as_ref()) {
            ItemFlags::REPORT_XATTR
        } else {
            ItemFlags::NONE
        }
    }

    /// Where an entry stands. The walk may be elsewhere when a link to it is made late.
    pub(super) fn standing(&self, file: &Entry) -> Option<Standing> {
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
        Some(Standing {
            dir,
            leaf: leaf.to_vec(),
        })
    }

    /// Where a directory stands that was just opened for its content: in itself.
    pub(super) fn standing_within(&self, file: &Entry) -> Option<Standing> {
        let path = self.name(file);
        let path = if path == b"." { &[][..] } else { &path };
        let dir = self.open_dirs.last().filter(|dir| dir.path == path)?;
        Some(Standing {
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

    /// Tells an item, and sets the attributes of the entry, which stands there: now, or when the item
    /// comes back with the values that are asked for with it.
    pub(super) fn tell_with_xattrs(
        &self,
        entry: &EntryRef,
        flags: ItemFlags,
        link_name: Option<&[u8]>,
        at: Option<Standing>,
    ) {
        match (&self.origin, at) {
            (Origin::Here(_), Some(at)) => {
                self.tell_item(entry, flags, link_name);
                self.receiver.set_late_xattrs(entry.entry(), &at);
            }
            (Origin::Away(requests), Some(at)) => {
                requests.expect_xattrs(entry, at);
                self.tell_item(entry, flags, link_name);
            }
            (_, None) => self.tell_item(entry, flags, link_name),
        }
    }
}
