//! The decision for one entry, as far as all kinds have it in common: skipped or not, and whose
//! turn it is then.
// rsync: generator.c recv_generator()

use super::{Found, Generator, ROLE, Visit};
use crate::attrs::{AclsDiffer, TimeRule, Wanted, dest_mode, unchanged};
use crate::context::line;
use crate::destination::DestDir;
use crate::error::SessionError;
use crate::event::Event;
use crate::segment::{EntryRef, Note};
use fast_io::dir::{FileKind, Stat};
use std::sync::Arc;
use tree::entry::Entry;

impl Generator {
    /// Decides on one entry and does what needs no content.
    pub(super) fn decide(&mut self, entry: &EntryRef, visit: Visit) -> Result<(), SessionError> {
        let ctx = self.ctx.clone();
        let o = &ctx.options;
        let file = entry.entry();
        let is_dir = file.is_dir();
        self.compared = None;
        ctx.check_stopped(ROLE)?;
        self.receiver.check()?;
        if o.debug.genr >= 1 {
            let text = line!(
                "recv_generator(",
                self.name(file),
                ",",
                entry.index_shown().to_string(),
                ")"
            );
            ctx.info(ROLE, text);
        }
        if o.list_only {
            let implied = is_dir && !o.implied_dirs && file.flags().implied_dir;
            if !(is_dir && (visit == Visit::Early || implied)) {
                ctx.narrator.direct(Event::Listed(file));
            }
            return Ok(());
        }
        if let Some(depth) = self.skipped {
            if file.depth() > depth {
                if is_dir {
                    entry.note(Note::MissingDir);
                } else {
                    self.skip_hard_link(entry)?;
                }
                return Ok(());
            }
            self.skipped = None;
        }

        if file.is_missing() {
            self.delete_missing(entry);
            return Ok(());
        }
        let found = self.look(file, o.keep_dirlinks && is_dir);
        if o.existing && matches!(found, Found::Missing) {
            if is_dir && visit == Visit::Early {
                return Ok(());
            }
            if is_dir {
                self.skipped = Some(file.depth());
                entry.note(Note::MissingDir);
            } else {
                self.skip_hard_link(entry)?;
            }
            if o.info.skip >= 1 {
                let what = if is_dir { "directory" } else { "file" };
                let name = self.name(file);
                ctx.info(
                    ROLE,
                    line!(format!("not creating new {what} \""), name, "\""),
                );
            }
            return Ok(());
        }
        if o.ignore_existing
            && let Found::There(stat) = &found
            && !(is_dir && stat.is_dir())
        {
            if o.info.skip >= 1 && !(is_dir && visit == Visit::Early) {
                let suffix = if o.info.skip >= 2 {
                    self.why_skipped(entry, stat)
                } else {
                    ""
                };
                ctx.info(ROLE, line!(self.name(file), " exists", suffix));
            }
            return self.skip_hard_link(entry);
        }

        if is_dir {
            return self.directory(entry, visit, found);
        }
        let existing = match &found {
            Found::There(stat) if !stat.is_dir() => Some(stat),
            _ => None,
        };
        let mode = if o.preserve_perms {
            file.mode()
        } else {
            dest_mode(&ctx, self.new_permissions(), file.mode(), existing)
        };
        let wanted = Wanted { entry: file, mode };
        if self.hard_links.is_later(entry) {
            let stat = match &found {
                Found::There(stat) => Some(*stat),
                _ => None,
            };
            if self.hard_link_check(entry, wanted, stat)? {
                return Ok(());
            }
        }
        match file.kind() {
            Some(FileKind::Symlink) if o.preserve_links => self.symlink(entry, wanted, found),
            Some(kind)
                if !o.drop_nodes
                    && ((kind.is_device() && o.preserve_devices && ctx.am_root)
                        || (kind.is_special() && o.preserve_specials)) =>
            {
                self.node(entry, wanted, kind, found)
            }
            Some(FileKind::Regular) => self.regular(entry, wanted, found),
            _ => {
                if o.info.nonreg >= 1 {
                    let text = line!("skipping non-regular file \"", file.path(), "\"");
                    ctx.info(ROLE, text);
                }
                Ok(())
            }
        }
    }

    pub(super) fn why_skipped(&self, entry: &EntryRef, stat: &Stat) -> &'static str {
        let file = entry.entry();
        let wanted = Wanted {
            entry: file,
            mode: file.mode(),
        };
        if kind_class(file.mode()) != kind_class(stat.mode()) {
            " (type change)"
        } else if !self.quick_check(file, stat) {
            if self.ctx.options.checksum {
                " (sum change)"
            } else {
                " (file change)"
            }
        } else if !unchanged(&self.ctx, &self.ids, wanted, stat, TimeRule::Window)
            || self.acls_differ(file, stat) != AclsDiffer::default()
            || self.xattrs_differ(file)
        {
            " (attr change)"
        } else {
            " (uptodate)"
        }
    }

    /// Whether an existing entry of the same kind holds the same, by a quick look.
    pub(super) fn quick_check(&self, file: &Entry, stat: &Stat) -> bool {
        self.quick_check_at(file, stat, self.there(file))
    }

    /// The same for an entry under this name in this directory.
    // rsync: generator.c quick_check_ok()
    pub(super) fn quick_check_at(
        &self,
        file: &Entry,
        stat: &Stat,
        place: Option<(&Arc<DestDir>, &[u8])>,
    ) -> bool {
        let o = &self.ctx.options;
        match file.kind() {
            Some(FileKind::Regular) => {
                stat.size == file.size
                    && if o.checksum {
                        place.is_some_and(|(dir, leaf)| self.receiver.same_content(file, dir, leaf))
                    } else {
                        o.size_only
                            || (!o.ignore_times
                                && crate::attrs::same_time(
                                    o.modify_window,
                                    stat.mtime,
                                    file.mtime(),
                                ))
                    }
            }
            // Without `-l` rsync's list does not say where a link leads.
            Some(FileKind::Symlink) if !o.preserve_links => false,
            Some(FileKind::Symlink) => place.is_some_and(|(dir, leaf)| {
                dir.dir
                    .read_link(leaf)
                    .is_ok_and(|target| target == file.link_target())
            }),
            Some(kind) if kind.is_special() => stat.kind == kind,
            Some(kind) if kind.is_device() => stat.special == file.device(),
            _ => true,
        }
    }
}

/// What rsync takes for kinds of file: all special files are one, all devices are one.
// rsync: generator.c get_file_type()
pub(super) fn kind_class(mode: u32) -> u8 {
    match FileKind::from_mode(mode) {
        Some(FileKind::Regular) => 1,
        Some(FileKind::Directory) => 2,
        Some(FileKind::Symlink) => 3,
        Some(kind) if kind.is_special() => 4,
        Some(_) => 5,
        None => 0,
    }
}
