//! What is told of an entry: its item, or at `-vv` that it is up to date.
// rsync: generator.c itemize()

use super::{Generator, ROLE};
use crate::attrs::{Applied, Wanted, differences};
use crate::context::line;
use crate::era::Itemizing;
use crate::item::ItemFlags;
use crate::narrator::ItemRecord;
use crate::segment::EntryRef;
use fast_io::dir::Stat;
use tree::entry::Entry;

impl Generator {
    /// Tells an item, if there is anything to tell.
    // rsync: generator.c itemize()
    pub(super) fn itemize(
        &self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        stat: Option<&Stat>,
        flags: ItemFlags,
        link_name: Option<&[u8]>,
    ) {
        let flags = self.item_flags(wanted, stat, flags, link_name);
        let brings = self.brings_xattrs(flags);
        let at = brings.then(|| self.standing(entry.entry())).flatten();
        if brings {
            self.remember_xattrs(entry.entry(), stat);
        }
        self.tell_with_xattrs(entry, flags, link_name, at);
    }

    /// Tells an item with these flags, if there is anything to tell.
    pub(super) fn tell_item(&self, entry: &EntryRef, flags: ItemFlags, link_name: Option<&[u8]>) {
        if self.ctx.era.itemizing == Itemizing::Names {
            return self.tell_name(entry.entry(), flags, link_name);
        }
        let o = &self.ctx.options;
        let linked = link_name.is_some_and(|n| !n.is_empty());
        if flags.is_significant() || o.info.name >= 2 || o.itemize() > 1 || linked {
            if flags.contains(ItemFlags::IS_NEW) {
                self.ctx.tally().stats.created.add(entry.entry().mode());
            }
            let link_name = link_name.map(Into::into);
            let record = ItemRecord {
                entry: entry.clone(),
                flags,
                link_name,
                checksum: self.receiver.listed_sum(entry.entry()),
            };
            self.origin.item(&self.ctx, record);
        }
    }

    pub(super) fn item_flags(
        &self,
        wanted: Wanted<'_>,
        stat: Option<&Stat>,
        flags: ItemFlags,
        link_name: Option<&[u8]>,
    ) -> ItemFlags {
        let flags = flags | self.acl_flag(wanted.entry, stat);
        let flags = flags | self.xattr_flag(wanted.entry, stat);
        match stat {
            Some(stat) => {
                let relinked = link_name.is_some_and(<[u8]>::is_empty);
                differences(&self.ctx, &self.ids, wanted, stat, flags, false, relinked)
            }
            None => flags | ItemFlags::IS_NEW,
        }
    }

    /// Tells the name of what was made or, if it is a directory, pretended to be.
    // rsync: generator.c recv_generator(), hlink.c maybe_hard_link(), where `code` is not FNONE
    fn tell_name(&self, file: &Entry, flags: ItemFlags, link_name: Option<&[u8]>) {
        if self.ctx.options.info.name < 1 {
            return;
        }
        let name = self.name(file);
        let made = flags.contains(ItemFlags::LOCAL_CHANGE);
        let line = match (link_name, file.link_target()) {
            _ if file.is_dir() && self.ctx.options.dry_run && flags.is_significant() => {
                line!(name, "/")
            }
            _ if file.is_dir() || !made => return,
            // It was a link already.
            (Some(b""), _) => return,
            (Some(other), _) => line!(name, " => ", other),
            (None, target) if file.is_symlink() => line!(name, " -> ", target),
            (None, _) => name,
        };
        self.ctx.info(ROLE, line);
    }

    /// Tells the name of a directory whose attributes were set.
    pub(super) fn tell_directory(&self, name: &[u8], applied: Applied) {
        let names = self.ctx.era.itemizing == Itemizing::Names;
        if names && self.ctx.options.info.name >= 1 && applied == Applied::Changed {
            self.ctx.info(ROLE, line!(name, "/"));
        }
    }

    /// Whether the generator names what is up to date.
    pub(super) fn reports_names(&self) -> bool {
        let o = &self.ctx.options;
        let itemizes = o.itemize() > 0 && self.ctx.era.itemizing != Itemizing::Names;
        o.info.name >= 2 && !itemizes
    }

    /// Where attributes are set without an item being told, `-vv` names the entry.
    // rsync: rsync.c set_file_attrs() with ATTRS_REPORT
    pub(super) fn report_name(&self, file: &Entry, applied: Applied) {
        if !self.reports_names() {
            return;
        }
        let suffix = if applied == Applied::Unchanged {
            " is uptodate"
        } else {
            ""
        };
        self.ctx.client(ROLE, line!(self.name(file), suffix));
    }
}
