//! Which entries are deleted, and when: what the source does not have, and what stands in the way.
//! How one is removed with all that is in it is `removal`'s part.
// rsync: generator.c delete_in_dir(), do_delete_pass(), do_delayed_deletions()

use super::{Found, Generator, ROLE};
use crate::context::line;
use crate::destination::DestDir;
use crate::error::{Fatal, Problem, SessionError};
use crate::filtering;
use crate::paths::without_leading_slashes;
use crate::removal::{Listed, Manner, Outcome, Purpose, Removals, Remover, enter_filters};
use crate::segment::{EntryRef, Note, Segment};
use fast_io::dir::{Dir, Follow, Stat};
use options::DeleteWhen;
use std::io;
use std::sync::Arc;
use tree::entry::{Entry, join, split};
use tree::filter::{DirFilters, EntryKind, Side};
use tree::names::{self, Batch, Name};
use tree::order::Key;

/// What deleting needs to remember.
pub(super) struct Deletions {
    /// The filters that hold in each directory from the root down to where the walk is.
    filters: Vec<(Option<Vec<u8>>, DirFilters)>,
    /// What `--delete-delay` removes in the end.
    remembered: Vec<Name>,
    warned_of_errors: bool,
    /// Something could not be read: what the list lacks may be there.
    pub after_errors: bool,
    removals: Removals,
    /// The volumes that `-x` stays on: those of the directories the user named.
    top_devices: Vec<u64>,
}

impl Deletions {
    pub fn new(filters: DirFilters) -> Deletions {
        Deletions {
            filters: vec![(None, filters)],
            remembered: Vec::new(),
            warned_of_errors: false,
            after_errors: false,
            removals: Removals::default(),
            top_devices: Vec::new(),
        }
    }

    /// Remembers what is to be removed in the end, of so many entries that were found in a
    /// directory.
    fn remember(&mut self, path: &[u8], doomed: Vec<Name>, found: usize) {
        // A few names would keep all in memory that they were read with.
        if doomed.len() < found / 2 {
            let batches = names::gather(0, path, doomed.iter().map(Name::basename));
            self.remembered
                .extend(batches.iter().flat_map(Batch::names));
        } else {
            self.remembered.extend(doomed);
        }
    }
}

impl Generator {
    /// Deletes in a directory, if its content is of the transfer; else only notes its filters.
    pub(super) fn delete_around(
        &mut self,
        dir: &EntryRef,
        list: &Segment,
    ) -> Result<(), SessionError> {
        if dir.has(Note::MissingDir) || !self.may_delete() {
            return Ok(());
        }
        let path = path_of(dir.entry());
        if dir.entry().flags().content_dir {
            self.delete_in(dir.entry(), &path, list)
        } else {
            let open = self.enter_path(&path).ok();
            self.filters_in(&path, open.as_ref()).map(|_| ())
        }
    }

    /// Deletes what has the name of an argument that is missing at the source.
    // rsync: generator.c recv_generator(), missing_args
    pub(super) fn delete_missing(&mut self, entry: &EntryRef) {
        let ctx = self.ctx.clone();
        let o = &ctx.options;
        let file = entry.entry();
        self.tell_absent_parent(entry);
        let Found::There(stat) = self.look(file, false) else {
            return;
        };
        let Some((dir, leaf)) = self.there(file) else {
            return;
        };
        let (dir, leaf) = (dir.clone(), leaf.to_vec());
        let filters = self.known_filters(&dir.path);
        let verdict = filters.check(&dir.path, &leaf, EntryKind::File);
        let side = Side::Receiver;
        if filtering::is_excluded(&ctx, side, verdict, &dir.path, &leaf, EntryKind::File) {
            return;
        }
        let manner = Manner {
            recurse: o.delete.is_some() || o.force_delete,
            unlock: false,
            room_for: None,
        };
        self.remover().remove(&dir, &leaf, &stat, manner, &filters);
    }

    /// A path that the source does not have either is no path of the list.
    fn tell_absent_parent(&mut self, entry: &EntryRef) {
        let dir = entry.entry().dirname();
        let is_top = dir.is_empty() || dir == b".";
        if self.ctx.options.incremental_recursion() || is_top || dir == self.absent_parent {
            return;
        }
        let (dirname, basename) = split(dir);
        let above = Key {
            dirname,
            basename,
            is_dir: true,
        };
        if !entry.segment.finder().contains_name(above) {
            let text = line!("WARNING: parent dir is absent in the file list: ", dir);
            self.ctx.error(ROLE, text);
            self.absent_parent = dir.to_vec();
        }
    }

    /// Whether anything foreign can be in the way at all. What gets the destination's own name stands
    /// in a directory that the user did not name: nothing there is ours to delete.
    fn may_delete(&self) -> bool {
        let destination = &self.destination;
        destination.root.is_some() && destination.solo_name.is_none() && !self.ctx.options.list_only
    }

    /// Deletes in all directories of a whole list.
    // rsync: generator.c do_delete_pass()
    pub(super) fn delete_pass(&mut self, list: &Arc<Segment>) -> Result<(), SessionError> {
        if !self.may_delete() {
            return Ok(());
        }
        for index in 0..list.entries.len() {
            let dir = EntryRef {
                segment: list.clone(),
                index,
                content: None,
            };
            if !dir.entry().is_dir() || list.is_pruned(index) {
                continue;
            }
            let path = path_of(dir.entry());
            if dir.entry().flags().content_dir
                && dir.entry().flags().top_dir
                && self.ctx.options.debug.del >= 1
            {
                let shown = if path.is_empty() {
                    b".".as_slice()
                } else {
                    &path
                };
                self.ctx.info(ROLE, line!("deleting in ", shown));
            }
            match self.enter_path(&path) {
                Ok(_) => self.delete_around(&dir, list)?,
                Err(e) => self.report_refused_link(&path, e),
            }
        }
        Ok(())
    }

    /// Deletes what `--delete-delay` remembered.
    pub(super) fn delete_remembered(&mut self) {
        for name in std::mem::take(&mut self.deletions.remembered) {
            let Ok(dir) = self.enter_path(name.dirname()) else {
                continue;
            };
            let Ok(stat) = dir.dir.stat(name.basename(), Follow::Never) else {
                continue;
            };
            let filters = self.known_filters(&dir.path);
            let manner = Manner {
                recurse: true,
                unlock: self.remover().needs_unlock(&stat),
                room_for: None,
            };
            self.remover()
                .remove(&dir, name.basename(), &stat, manner, &filters);
        }
    }

    pub(super) fn report_delete_limit(&mut self) {
        let skipped = self.deletions.removals.stopped();
        if self.ctx.options.max_delete.is_some() && skipped > 0 {
            let text = format!("Deletions stopped due to --max-delete limit ({skipped} skipped)");
            self.ctx.warn(ROLE, text);
            self.ctx.problems.add(ROLE, Problem::DeleteLimit);
        }
    }

    /// Removes what stands where an entry of another kind belongs.
    pub(super) fn delete_for_room(
        &mut self,
        dir: &Arc<DestDir>,
        name: &[u8],
        stat: &Stat,
        recurse: bool,
        what: &'static str,
    ) -> bool {
        let unlock = self.remover().needs_unlock(stat);
        let filters = self.known_filters(&dir.path);
        let manner = Manner {
            recurse,
            unlock,
            room_for: Some(what),
        };
        self.remover().remove(dir, name, stat, manner, &filters) == Outcome::Gone
    }

    fn delete_in(&mut self, dir: &Entry, path: &[u8], list: &Segment) -> Result<(), SessionError> {
        let ctx = self.ctx.clone();
        let o = &ctx.options;
        if o.debug.del >= 2 {
            let shown = if path.is_empty() {
                b".".as_slice()
            } else {
                path
            };
            ctx.info(ROLE, line!("delete_in_dir(", shown, ")"));
        }
        // The destination's own errors count at once, the source's from where the list tells them.
        let errors = self.deletions.after_errors || self.deletions.removals.met_errors();
        if errors && !o.ignore_errors {
            if !std::mem::replace(&mut self.deletions.warned_of_errors, true) {
                ctx.info(ROLE, "IO error encountered -- skipping file deletion");
            }
            return Ok(());
        }
        let open = match self.enter_path(path) {
            Ok(open) => open,
            Err(e) => {
                self.report_no_directory(path, e);
                return Ok(());
            }
        };
        let filters = self.filters_in(path, Some(&open))?;
        if o.one_file_system > 0 {
            let device = open.dir.stat_self().map_or(0, |s| s.device);
            if dir.flags().top_dir {
                self.deletions.top_devices.push(device);
            } else if self.deletions.removals.device() != device
                && !self.deletions.top_devices.contains(&device)
            {
                return Ok(());
            }
            self.deletions.removals.enter_device(device);
        }
        let listing = self
            .remover()
            .list(&open.dir, path, &filters, Listed::Staying);
        let found = listing.entries.len();
        let mut list_finder = list.finder();
        let mut remembered = Vec::new();
        for entry in listing.entries.into_iter().rev() {
            ctx.check_stopped(ROLE)?;
            let name = entry.name.basename();
            // What the list has stays, whatever else is to be said of it.
            let may_be_mount_point = entry.is_dir && o.one_file_system > 0;
            let is_listed = list_finder.contains_name(entry.key());
            if is_listed && !may_be_mount_point {
                continue;
            }
            let Some(stat) = self.remover().look(&open.dir, path, name) else {
                continue;
            };
            if stat.is_dir() && self.remover().is_mount_point(&stat) {
                if o.info.mount >= 1 {
                    let path = join(path, name);
                    ctx.info(ROLE, line!("cannot delete mount point: ", path));
                }
                continue;
            }
            if is_listed {
                continue;
            }
            if deletes_later(o.delete)
                && is_listed_in_other_case(&open.dir, &entry.name, &stat, list)
            {
                continue;
            }
            if o.delete == Some(DeleteWhen::Delay) {
                remembered.push(entry.name);
            } else {
                let manner = Manner {
                    recurse: true,
                    unlock: self.remover().needs_unlock(&stat),
                    room_for: None,
                };
                self.remover().remove(&open, name, &stat, manner, &filters);
            }
        }
        self.deletions.remember(path, remembered, found);
        ctx.control.sign_of_life();
        Ok(())
    }

    /// Something else stands where a directory was to be looked through: `--ignore-existing` left
    /// it there. A link to a directory is passed over without a word.
    fn report_no_directory(&self, path: &[u8], error: io::Error) {
        let (above, name) = super::split_owned(path);
        let stat = self
            .open_dirs
            .last()
            .filter(|dir| dir.path == above)
            .map(|dir| dir.dir.stat(&name, Follow::Always));
        if let Some(Ok(stat)) = stat
            && !stat.is_dir()
        {
            self.remover().note_error();
            let text = line!("opendir ", self.shown(path), " failed");
            self.ctx.transfer_error_os(ROLE, text, error);
        } else {
            self.report_refused_link(path, error);
        }
    }

    /// A link that `-K` would follow leaves the destination: what is behind it stays. rsync looks
    /// through it all the same, and tells every name that it may not delete.
    fn report_refused_link(&self, path: &[u8], error: io::Error) {
        let (above, name) = super::split_owned(path);
        let above = self.open_dirs.last().filter(|dir| dir.path == above);
        let gone = error.kind() == io::ErrorKind::NotFound;
        let kept = self.ctx.options.keep_dirlinks;
        if kept && !gone && above.is_some_and(|dir| dir.is_link(&name)) {
            let text = line!("opendir ", self.shown(path), " failed");
            self.ctx.transfer_error_os(ROLE, text, error);
        }
    }

    fn remover(&self) -> Remover<'_> {
        Remover {
            ctx: &self.ctx,
            destination: &self.destination.absolute,
            record: &self.deletions.removals,
            purpose: Purpose::Deletion(&self.receiver),
        }
    }

    /// What was removed, which backups of the generator's add to.
    pub(super) fn removals(&self) -> &Removals {
        &self.deletions.removals
    }

    /// The filters that hold in a directory that the walk has come to.
    // rsync: exclude.c change_local_filter_dir()
    fn filters_in(
        &mut self,
        path: &[u8],
        dir: Option<&Arc<DestDir>>,
    ) -> Result<DirFilters, SessionError> {
        let order = self.ctx.era.order;
        self.deletions.filters.retain(|(p, _)| {
            let returns = |p: &Vec<u8>| p != path && order.returns_to(p, path);
            p.as_ref().is_some_and(returns) || is_below(path, p.as_deref())
        });
        let above = self.known_filters(path);
        let base = self.destination.root.as_ref().map(|root| &root.dir);
        let own = enter_filters(&self.ctx.options, &above, base, path, dir.map(|d| &d.dir))
            .map_err(|e| self.ctx.fatal(Fatal::Syntax, ROLE, e.to_string()))?;
        self.deletions
            .filters
            .push((Some(path.to_vec()), own.clone()));
        Ok(own)
    }

    /// The filters of the nearest directory that is known.
    fn known_filters(&self, path: &[u8]) -> DirFilters {
        let stack = &self.deletions.filters;
        let nearest = stack
            .iter()
            .rev()
            .find(|(p, _)| p.as_deref() == Some(path) || is_below(path, p.as_deref()));
        nearest.map(|(_, f)| f.clone()).unwrap_or_default()
    }
}

/// Whether files arrive before others are deleted.
fn deletes_later(when: Option<DeleteWhen>) -> bool {
    matches!(when, Some(DeleteWhen::After | DeleteWhen::Delay))
}

/// Where `NAME` and `name` are one entry, the list may hold it in another case: then it is the
/// copy itself. rsync deletes it.
fn is_listed_in_other_case(dir: &Dir, name: &Name, stat: &Stat, list: &Segment) -> bool {
    // File systems that ignore case are the exception on Linux, and searching the list takes time.
    if cfg!(target_os = "linux") {
        return false;
    }
    list.entries
        .iter()
        .filter(|listed| listed.dirname() == name.dirname())
        .filter(|listed| equal_but_for_case(listed.basename(), name.basename()))
        .filter_map(|listed| dir.stat(listed.basename(), Follow::Never).ok())
        .any(|same| (same.device, same.inode) == (stat.device, stat.inode))
}

fn equal_but_for_case(a: &[u8], b: &[u8]) -> bool {
    if a.is_ascii() || b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    let lower = |name| std::str::from_utf8(name).map(str::to_lowercase);
    matches!((lower(a), lower(b)), (Ok(a), Ok(b)) if a == b)
}

/// Whether `path` lies below `dir`, where `None` is above everything.
fn is_below(path: &[u8], dir: Option<&[u8]>) -> bool {
    match dir {
        None => true,
        Some(b"") => !path.is_empty(),
        Some(dir) => path.starts_with(dir) && path.get(dir.len()) == Some(&b'/'),
    }
}

/// A directory's name below the destination; empty for the destination itself.
fn path_of(dir: &Entry) -> Vec<u8> {
    if dir.basename() == b"." && dir.dirname().is_empty() {
        return Vec::new();
    }
    without_leading_slashes(&dir.path()).to_vec()
}
