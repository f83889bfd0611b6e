//! Access control lists in the generator's decisions: whether they differ.
// rsync: generator.c itemize()

use super::{Generator, ROLE};
use crate::attrs::{AclsDiffer, Wanted, acls_differ, mode_for_now};
use crate::context::line;
use crate::item::ItemFlags;
use fast_io::dir::{Stat, XattrsOf};
use tree::entry::Entry;

impl Generator {
    /// The permissions that a new entry may have where the walk is, if those of the source are not
    /// preserved.
    pub(super) fn new_permissions(&self) -> u32 {
        let dir = self.open_dirs.last();
        dir.map_or(self.ctx.default_permissions, |dir| {
            dir.new_permissions(&self.ctx)
        })
    }

    /// Whether an entry's lists differ from those of what stands in its place, or did before its
    /// attributes were set.
    pub(super) fn acl_flag(&self, file: &Entry, stat: Option<&Stat>) -> ItemFlags {
        let before = self.acls_differed.take();
        let differ = stat.map(|stat| before.unwrap_or_else(|| self.acls_differ(file, stat)));
        match differ {
            Some(AclsDiffer { access, default }) if access || default => ItemFlags::REPORT_ACL,
            _ => ItemFlags::NONE,
        }
    }

    /// Remembers whether the lists differ: setting them comes before the entry is told.
    pub(super) fn remember_acls(&self, file: &Entry, stat: &Stat) {
        if self.ctx.options.preserve_acls {
            self.acls_differed.set(Some(self.acls_differ(file, stat)));
        }
    }

    /// What rsync has seen of an entry when its lists have been set: setting one changes the mode.
    pub(super) fn seen_after_acls(&self, wanted: Wanted<'_>, mut seen: Stat) -> Stat {
        let differed = self.acls_differed.get().unwrap_or_default();
        if differed.access && !self.ctx.options.dry_run {
            let mode = mode_for_now(&seen, wanted.mode);
            seen.permissions = seen.permissions & !0o777 | mode & 0o777;
        }
        seen
    }

    /// Which lists of what stands in an entry's place are others.
    pub(super) fn acls_differ(&self, file: &Entry, stat: &Stat) -> AclsDiffer {
        if !self.ctx.options.preserve_acls || file.is_symlink() {
            return AclsDiffer::default();
        }
        let Some(at) = self.compared_with(file) else {
            return AclsDiffer::default();
        };
        let of = XattrsOf::Entry(&at.dir.dir, &at.leaf);
        acls_differ(&self.ctx, &self.ids, file, of, stat).unwrap_or_else(|e| {
            let text = line!("get_acl: ", self.shown(&self.name(file)));
            self.ctx.transfer_error_os(ROLE, text, e);
            AclsDiffer {
                access: true,
                default: false,
            }
        })
    }
}
