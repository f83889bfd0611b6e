//! Deleting what the source does not have, and what stands in the way.
// rsync: generator.c delete_in_dir(), delete.c

use super::{Generator, ROLE};
use crate::context::line;
use crate::destination::DestDir;
use crate::error::{Fatal, Problem, SessionError};
use crate::filtering::{self, DirectoryFiles};
use crate::paths::without_leading_slashes;
use crate::receiver::backup::Backup;
use crate::segment::{EntryRef, Note, Segment};
use fast_io::dir::{Dir, FileKind, Follow, Stat};
use options::DeleteWhen;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tree::entry::{Entry, join};
use tree::filter::{DirFilters, EntryKind, Side};
use tree::order;

/// What deleting needs to remember.
pub(super) struct Deletions {
    /// The filters that hold in each directory from the root down to where the walk is.
    filters: Vec<(Option<Vec<u8>>, DirFilters)>,
    /// What `--delete-delay` removes in the end: name, and whether it must be made writable.
    remembered: Vec<(Vec<u8>, u32, bool)>,
    warned_of_errors: bool,
    /// Something could not be read: what the list lacks may be there.
    pub after_errors: bool,
    met_errors: AtomicBool,
    skipped: u64,
    /// The volumes that `-x` stays on: those of the directories the user named.
    top_devices: Vec<u64>,
    device: u64,
}

/// How an entry is deleted.
#[derive(Clone, Copy)]
struct Manner {
    /// With what is in it.
    recurse: bool,
    /// It has to be made writable first.
    unlock: bool,
    /// To make room for this kind of entry: no deletion of its own in the counts.
    room_for: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Gone,
    NotEmpty,
    AtLimit,
    Failed,
}

impl Deletions {
    pub fn new(filters: DirFilters) -> Deletions {
        Deletions {
            filters: vec![(None, filters)],
            remembered: Vec::new(),
            warned_of_errors: false,
            after_errors: false,
            met_errors: AtomicBool::new(false),
            skipped: 0,
            top_devices: Vec::new(),
            device: 0,
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
        if dir.has(Note::MissingDir) {
            return Ok(());
        }
        let path = path_of(dir.entry());
        if dir.entry().flags.content_dir {
            self.delete_in(dir.entry(), &path, list)
        } else {
            let open = self.enter_path(&path).ok();
            self.filters_in(&path, open.as_ref()).map(|_| ())
        }
    }

    /// Deletes in all directories of a whole list.
    // rsync: generator.c do_delete_pass()
    pub(super) fn delete_pass(&mut self, list: &Arc<Segment>) -> Result<(), SessionError> {
        if self.destination.root.is_none() || self.ctx.options.list_only {
            return Ok(());
        }
        for index in 0..list.entries.len() {
            let dir = EntryRef {
                segment: list.clone(),
                index,
            };
            if !dir.entry().is_dir() || list.is_pruned(index) {
                continue;
            }
            let path = path_of(dir.entry());
            if dir.entry().flags.content_dir
                && dir.entry().flags.top_dir
                && self.ctx.options.debug.del >= 1
            {
                let shown = if path.is_empty() {
                    b".".as_slice()
                } else {
                    &path
                };
                self.ctx.info(ROLE, line!("deleting in ", shown));
            }
            if self.enter_path(&path).is_ok() {
                self.delete_around(&dir, list)?;
            }
        }
        Ok(())
    }

    /// Deletes what `--delete-delay` remembered.
    pub(super) fn delete_remembered(&mut self) {
        for (path, _, unlock) in std::mem::take(&mut self.deletions.remembered) {
            let (dir, name) = super::split_owned(&path);
            let Ok(dir) = self.enter_path(&dir) else {
                continue;
            };
            let Ok(stat) = dir.dir.stat(&name, Follow::Never) else {
                continue;
            };
            let filters = self.known_filters(&dir.path);
            let manner = Manner {
                recurse: true,
                unlock,
                room_for: None,
            };
            self.delete(&dir, &name, &stat, manner, &filters);
        }
    }

    pub(super) fn report_delete_limit(&mut self) {
        let skipped = self.deletions.skipped;
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
        let unlock = self.needs_unlock(stat);
        let filters = self.known_filters(&dir.path);
        let manner = Manner {
            recurse,
            unlock,
            room_for: Some(what),
        };
        self.delete(dir, name, stat, manner, &filters) == Outcome::Gone
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
        let errors =
            self.deletions.after_errors || self.deletions.met_errors.load(Ordering::Relaxed);
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
            if dir.flags.top_dir {
                self.deletions.top_devices.push(device);
            } else if self.deletions.device != device
                && !self.deletions.top_devices.contains(&device)
            {
                return Ok(());
            }
            self.deletions.device = device;
        }
        let listing = self.list(&open.dir, path, &filters, false);
        for (entry, stat) in listing.entries.into_iter().rev() {
            ctx.check_stopped(ROLE)?;
            if stat.is_dir() && self.is_mount_point(&stat) {
                if o.info.mount >= 1 {
                    ctx.info(ROLE, line!("cannot delete mount point: ", entry.path()));
                }
                continue;
            }
            if list.contains_name(&entry) {
                continue;
            }
            if deletes_later(o.delete) && is_listed_in_other_case(&open.dir, &entry, &stat, list) {
                continue;
            }
            let unlock = self.needs_unlock(&stat);
            if o.delete == Some(DeleteWhen::Delay) {
                self.deletions
                    .remembered
                    .push((entry.path(), stat.mode(), unlock));
            } else {
                let manner = Manner {
                    recurse: true,
                    unlock,
                    room_for: None,
                };
                self.delete(&open, &entry.basename, &stat, manner, &filters);
            }
        }
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
            self.note_error();
            let text = line!("opendir ", self.shown(path), " failed");
            self.ctx.transfer_error_os(ROLE, text, error);
        }
    }

    /// Deletes one entry, with what is in it if the manner says so.
    // rsync: delete.c delete_item()
    fn delete(
        &mut self,
        dir: &Arc<DestDir>,
        name: &[u8],
        stat: &Stat,
        manner: Manner,
        filters: &DirFilters,
    ) -> Outcome {
        let path = join(&dir.path, name);
        if self.ctx.options.debug.del >= 2 {
            let text = line!(
                "delete_item(",
                path,
                ")",
                format!(" mode={:o}", stat.mode())
            );
            self.ctx.info(ROLE, text);
        }
        if manner.unlock && !self.ctx.options.dry_run {
            let _ = dir.dir.set_permissions(name, stat.permissions | 0o200);
        }
        let mut outcome = Outcome::Gone;
        if stat.is_dir() {
            outcome = self.empty(dir, name, manner.recurse, filters);
        }
        if outcome == Outcome::Gone {
            outcome = self.remove(dir, name, stat, manner);
        }
        if outcome != Outcome::Gone
            && let Some(what) = manner.room_for
        {
            self.ctx.transfer_error(
                ROLE,
                line!(format!("could not make way for new {what}: "), path),
            );
        }
        outcome
    }

    /// Removes one entry that has nothing in it any more.
    fn remove(&mut self, dir: &Arc<DestDir>, name: &[u8], stat: &Stat, manner: Manner) -> Outcome {
        let ctx = self.ctx.clone();
        let o = &ctx.options;
        let path = join(&dir.path, name);
        let counted = manner.room_for.is_none();
        let deleted = ctx.tally().stats.deleted.total;
        if counted && o.max_delete.is_some_and(|max| deleted >= u64::from(max)) {
            self.deletions.skipped += 1;
            return Outcome::AtLimit;
        }
        let (what, result) = if stat.is_dir() {
            ("rmdir", self.really(|| dir.dir.remove_dir(name)))
        } else if o.backup && (o.backup_dir.is_some() || !self.is_backup(name)) {
            match if o.dry_run {
                Backup::Moved
            } else {
                self.receiver.backup(dir, name, true, None)
            } {
                Backup::Failed => return Outcome::Failed,
                Backup::Moved | Backup::Nothing => ("make_backup", Ok(())),
                Backup::Copied => ("unlink", self.really(|| dir.dir.remove_file(name))),
            }
        } else {
            ("unlink", self.really(|| dir.dir.remove_file(name)))
        };
        match result {
            Ok(()) => {
                dir.touch();
                if counted {
                    ctx.narrator.deleted(&path, stat.mode());
                    ctx.tally().stats.deleted.add(stat.mode());
                }
                Outcome::Gone
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Outcome::Gone,
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {
                ctx.info(ROLE, line!("cannot delete non-empty directory: ", path));
                Outcome::NotEmpty
            }
            Err(e) => {
                let text = line!(format!("delete_file: {what}("), path, ") failed");
                ctx.transfer_error_os(ROLE, text, e);
                Outcome::Failed
            }
        }
    }

    fn really(&self, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.ctx.options.dry_run {
            Ok(())
        } else {
            act()
        }
    }

    /// Deletes what is in a directory that is to be deleted; or, without `recurse`, only looks
    /// whether something is.
    // rsync: delete.c delete_dir_contents()
    fn empty(
        &mut self,
        parent: &Arc<DestDir>,
        name: &[u8],
        recurse: bool,
        above: &DirFilters,
    ) -> Outcome {
        let path = join(&parent.path, name);
        let opened = parent.open(name, false, false);
        let dir = match opened {
            Ok(dir) => dir,
            Err(e) => {
                if e.kind() != io::ErrorKind::NotFound {
                    self.note_error();
                    let shown = self.shown(&path);
                    self.ctx
                        .transfer_error_os(ROLE, line!("opendir ", shown, " failed"), e);
                }
                return Outcome::Gone;
            }
        };
        let filters = enter_filters(above, &path, Some(&dir.dir)).unwrap_or_else(|_| above.clone());
        let listing = self.list(&dir.dir, &path, &filters, true);
        let mut outcome = if listing.kept > 0 {
            Outcome::NotEmpty
        } else {
            Outcome::Gone
        };
        if !listing.entries.is_empty() && !recurse {
            outcome = Outcome::NotEmpty;
        } else {
            for (entry, stat) in listing.entries.into_iter().rev() {
                if stat.is_dir() && self.is_mount_point(&stat) {
                    outcome = Outcome::NotEmpty;
                    continue;
                }
                if self.needs_unlock(&stat) && !self.ctx.options.dry_run {
                    let _ = dir
                        .dir
                        .set_permissions(&entry.basename, stat.permissions | 0o200);
                }
                if stat.is_dir()
                    && self.empty(&dir, &entry.basename, true, &filters) != Outcome::Gone
                {
                    outcome = Outcome::NotEmpty;
                }
                let manner = Manner {
                    recurse: false,
                    unlock: false,
                    room_for: None,
                };
                if self.remove(&dir, &entry.basename, &stat, manner) != Outcome::Gone {
                    outcome = Outcome::NotEmpty;
                }
            }
        }
        if outcome == Outcome::NotEmpty {
            self.ctx
                .info(ROLE, line!("cannot delete non-empty directory: ", path));
        }
        outcome
    }

    /// What is in a directory of the destination and not protected by a filter.
    // rsync: flist.c get_dirlist()
    fn list(&self, dir: &Dir, path: &[u8], filters: &DirFilters, doomed: bool) -> Listing {
        let mut listing = Listing {
            entries: Vec::new(),
            kept: 0,
        };
        let found = match tree::scan::scan(dir, Follow::Never) {
            Ok(found) => found,
            Err(e) => {
                self.note_error();
                let text = line!("opendir ", self.shown(path), " failed");
                self.ctx.transfer_error_os(ROLE, text, e);
                return listing;
            }
        };
        let dirname: Arc<[u8]> = path.into();
        for found in found {
            let stat = match found.stat {
                Ok(stat) => stat,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => {
                    self.note_error();
                    let name = self.shown(&join(path, &found.name));
                    let text = line!("readlink_stat(", name, ") failed");
                    self.ctx.transfer_error_os(ROLE, text, e);
                    continue;
                }
            };
            let kind = if stat.is_dir() {
                EntryKind::Directory
            } else {
                EntryKind::File
            };
            let verdict = if doomed {
                filters.check_in_doomed(path, &found.name, kind)
            } else {
                filters.check(path, &found.name, kind)
            };
            if filtering::is_excluded(&self.ctx, Side::Receiver, verdict, path, &found.name, kind) {
                listing.kept += 1;
                continue;
            }
            listing
                .entries
                .push((Entry::new(dirname.clone(), &found.name, &stat), stat));
        }
        listing.entries.sort_by(|a, b| order::compare(&a.0, &b.0));
        listing
    }

    /// Something of the destination could not be read.
    fn note_error(&self) {
        self.ctx.problems.add(ROLE, Problem::General);
        self.deletions.met_errors.store(true, Ordering::Relaxed);
    }

    fn is_mount_point(&self, stat: &Stat) -> bool {
        self.ctx.options.one_file_system > 0
            && self.deletions.device != 0
            && stat.device != self.deletions.device
    }

    /// Whether a file of ours has to be made writable before it can be removed.
    fn needs_unlock(&self, stat: &Stat) -> bool {
        stat.permissions & 0o200 == 0
            && !self.ctx.am_root
            && stat.uid == self.ctx.identity.uid
            && stat.kind != FileKind::Symlink
    }

    // rsync: delete.c is_backup_file()
    fn is_backup(&self, name: &[u8]) -> bool {
        let suffix = &self.ctx.options.suffix;
        name.len() > suffix.len() && name.ends_with(suffix)
    }

    /// The filters that hold in a directory that the walk has come to.
    // rsync: exclude.c change_local_filter_dir()
    fn filters_in(
        &mut self,
        path: &[u8],
        dir: Option<&Arc<DestDir>>,
    ) -> Result<DirFilters, SessionError> {
        let stack = &mut self.deletions.filters;
        while stack.len() > 1
            && !stack
                .last()
                .is_some_and(|(p, _)| is_below(path, p.as_deref()))
        {
            stack.pop();
        }
        let above = stack.last().map(|(_, f)| f.clone()).unwrap_or_default();
        let own = enter_filters(&above, path, dir.map(|d| &d.dir))
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

/// A directory's entries that may be deleted, in rsync's order, and how many may not.
struct Listing {
    entries: Vec<(Entry, Stat)>,
    kept: usize,
}

/// Whether files arrive before others are deleted.
fn deletes_later(when: Option<DeleteWhen>) -> bool {
    matches!(when, Some(DeleteWhen::After | DeleteWhen::Delay))
}

/// Where `NAME` and `name` are one entry, the list may hold it in another case: then it is the
/// copy itself. rsync deletes it.
fn is_listed_in_other_case(dir: &Dir, entry: &Entry, stat: &Stat, list: &Segment) -> bool {
    // File systems that ignore case are the exception on Linux, and searching the list takes time.
    if cfg!(target_os = "linux") {
        return false;
    }
    list.entries
        .iter()
        .filter(|listed| listed.dirname == entry.dirname)
        .filter(|listed| equal_but_for_case(&listed.basename, &entry.basename))
        .filter_map(|listed| dir.stat(&listed.basename, Follow::Never).ok())
        .any(|same| (same.device, same.inode) == (stat.device, stat.inode))
}

fn equal_but_for_case(a: &[u8], b: &[u8]) -> bool {
    if a.is_ascii() || b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    let lower = |name| std::str::from_utf8(name).map(str::to_lowercase);
    matches!((lower(a), lower(b)), (Ok(a), Ok(b)) if a == b)
}

fn enter_filters(
    above: &DirFilters,
    path: &[u8],
    dir: Option<&Dir>,
) -> Result<DirFilters, tree::filter::FilterError> {
    if !above.reads_directories() {
        return Ok(above.clone());
    }
    above.enter(path, &mut DirectoryFiles::new(path, dir))
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
    if &*dir.basename == b"." && dir.dirname.is_empty() {
        return Vec::new();
    }
    without_leading_slashes(&dir.path()).to_vec()
}
