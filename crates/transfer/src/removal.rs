//! Removing an entry of the destination with what is in it, as filters and limits allow: for the
//! generator, which deletes what the source lacks and what is in the way, and for backups, which
//! take the place of older ones.
// rsync: delete.c

use crate::context::{Context, line};
use crate::destination::DestDir;
use crate::error::Problem;
use crate::event::{Message, Role, Severity};
use crate::filtering::{self, DirectoryFiles};
use crate::narrator::PlaceId;
use crate::receiver::Receiver;
use crate::receiver::backup::{Backup, Keep, Keeper};
use fast_io::dir::{Dir, FileKind, Follow, Stat};
use options::Options;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tree::entry::join;
use tree::filter::{DirFilters, EntryKind, FilterError, Side};
use tree::names::{self, Batch, Name};
use tree::order::Key;

/// Removes entries of the destination.
pub(crate) struct Remover<'a> {
    pub ctx: &'a Context,
    /// The destination's whole path, for messages.
    pub destination: &'a [u8],
    pub record: &'a Removals,
    pub purpose: Purpose<'a>,
}

/// What entries are removed for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// They do not belong there: with `-b` they are kept elsewhere.
    Deletion(&'a Receiver),
    /// A backup takes their place; it is of what this transfer replaces, if it is a transfer.
    Backup(Option<PlaceId>),
}

/// What one of rsync's processes would know of its removals.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    /// How many there were that `--max-delete` counts.
    counted: AtomicU64,
    /// How many it stopped.
    stopped: AtomicU64,
    /// Something of the destination could not be read.
    met_errors: AtomicBool,
    /// The volume that `-x` stays on, if one is known.
    device: AtomicU64,
}

/// How an entry is removed.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// With what is in it.
    pub recurse: bool,
    /// It has to be made writable first.
    pub unlock: bool,
    /// To make room for this kind of entry: no deletion of its own in the counts.
    pub room_for: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Gone,
    NotEmpty,
    AtLimit,
    Failed,
}

/// A directory's entries that may be removed, in rsync's order, and how many may not.
pub(crate) struct Listing {
    pub entries: Vec<Standing>,
    kept: usize,
}

/// What stands in a directory of the destination, as far as a listing tells. There may be millions,
/// most of which stay.
pub(crate) struct Standing {
    pub name: Name,
    pub is_dir: bool,
}

impl Standing {
    /// What it is sorted by.
    pub fn key(&self) -> Key<'_> {
        Key {
            dirname: self.name.dirname(),
            basename: self.name.basename(),
            is_dir: self.is_dir,
        }
    }
}

impl Removals {
    /// How many removals `--max-delete` stopped.
    pub fn stopped(&self) -> u64 {
        self.stopped.load(Ordering::Relaxed)
    }

    pub fn met_errors(&self) -> bool {
        self.met_errors.load(Ordering::Relaxed)
    }

    /// The volume that the walk is on.
    pub fn device(&self) -> u64 {
        self.device.load(Ordering::Relaxed)
    }

    /// Says which volume the walk has come to.
    pub fn enter_device(&self, device: u64) {
        self.device.store(device, Ordering::Relaxed);
    }
}

impl Remover<'_> {
    /// Removes one entry, with what is in it if the manner says so.
    // rsync: delete.c delete_item()
    pub fn remove(
        &self,
        dir: &Arc<DestDir>,
        name: &[u8],
        stat: &Stat,
        manner: Manner,
        filters: &DirFilters,
    ) -> Outcome {
        let path = join(&dir.path, name);
        if self.ctx.options.debug.del >= 2 {
            let mode = format!(" mode={:o}", stat.mode());
            self.info(line!("delete_item(", path, ")", mode));
        }
        if manner.unlock && !self.ctx.options.dry_run {
            let _ = dir.dir.set_permissions(name, stat.permissions | 0o200);
        }
        let mut outcome = Outcome::Gone;
        if stat.is_dir() {
            outcome = self.empty(dir, name, manner.recurse, filters);
        }
        if outcome == Outcome::Gone {
            outcome = self.remove_empty(dir, name, stat, manner);
        }
        if outcome != Outcome::Gone
            && let Some(what) = manner.room_for
        {
            let newcomer = match self.purpose {
                Purpose::Deletion(_) => "new",
                Purpose::Backup(_) => "backup",
            };
            let text = format!("could not make way for {newcomer} {what}: ");
            self.ctx.transfer_error(self.role(), line!(text, path));
        }
        outcome
    }

    /// Removes one entry that has nothing in it any more.
    fn remove_empty(
        &self,
        dir: &Arc<DestDir>,
        name: &[u8],
        stat: &Stat,
        manner: Manner,
    ) -> Outcome {
        let o = &self.ctx.options;
        let path = join(&dir.path, name);
        let counted = manner.room_for.is_none();
        let so_far = self.record.counted.load(Ordering::Relaxed);
        if counted && o.max_delete.is_some_and(|max| so_far >= u64::from(max)) {
            self.record.stopped.fetch_add(1, Ordering::Relaxed);
            return Outcome::AtLimit;
        }
        let (what, result) = match self.purpose {
            _ if stat.is_dir() => ("rmdir", self.really(|| dir.dir.remove_dir(name))),
            Purpose::Deletion(receiver)
                if o.backup && (o.backup_dir.is_some() || !self.is_backup(&path)) =>
            {
                let keeper = Keeper::Generator(self.record);
                match receiver.backup(dir, name, Keep::Away, keeper) {
                    Backup::Failed(error) => {
                        let text = line!("delete_file: make_backup(", path, ") failed");
                        match error {
                            Some(e) => self.ctx.transfer_error_os(self.role(), text, e),
                            None => self.ctx.transfer_error(self.role(), text),
                        }
                        return Outcome::Failed;
                    }
                    Backup::Moved | Backup::Nothing => ("make_backup", Ok(())),
                    Backup::Copied => ("unlink", self.really(|| dir.dir.remove_file(name))),
                }
            }
            _ => ("unlink", self.really(|| dir.dir.remove_file(name))),
        };
        match result {
            Ok(()) => {
                dir.touch();
                if counted {
                    self.count(&path, stat.mode());
                }
                Outcome::Gone
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Outcome::Gone,
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {
                self.info(line!("cannot delete non-empty directory: ", path));
                Outcome::NotEmpty
            }
            Err(e) => {
                let text = line!(format!("delete_file: {what}("), path, ") failed");
                self.ctx.transfer_error_os(self.role(), text, e);
                Outcome::Failed
            }
        }
    }

    /// Tells and counts a deletion. What makes room for a transfer's backup is deleted by rsync's
    /// receiver, whose count nobody sees.
    // rsync: log.c log_delete()
    fn count(&self, path: &[u8], mode: u32) {
        self.record.counted.fetch_add(1, Ordering::Relaxed);
        if let Purpose::Backup(Some(place)) = self.purpose {
            self.ctx.narrator.deleted_after(place, path, mode);
        } else {
            self.ctx.narrator.deleted(path, mode);
            self.ctx.tally().stats.deleted.add(mode);
        }
        if let Purpose::Deletion(receiver) = self.purpose {
            receiver.origin.keep_pace();
        }
    }

    fn really(&self, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.ctx.options.dry_run {
            Ok(())
        } else {
            act()
        }
    }

    /// Removes what is in a directory that is to be removed; or, without `recurse`, only looks
    /// whether something is.
    // rsync: delete.c delete_dir_contents()
    fn empty(
        &self,
        parent: &Arc<DestDir>,
        name: &[u8],
        recurse: bool,
        above: &DirFilters,
    ) -> Outcome {
        let path = join(&parent.path, name);
        let dir = match parent.open(name, false, false) {
            Ok(dir) => dir,
            Err(e) => {
                if e.kind() != io::ErrorKind::NotFound {
                    self.note_error();
                    let text = line!("opendir ", self.shown(&path), " failed");
                    self.ctx.transfer_error_os(self.role(), text, e);
                }
                return Outcome::Gone;
            }
        };
        let filters = enter_filters(&self.ctx.options, above, None, &path, Some(&dir.dir))
            .unwrap_or_else(|_| above.clone());
        let listing = self.list(&dir.dir, &path, &filters, Listed::Doomed);
        let mut outcome = if listing.kept > 0 {
            Outcome::NotEmpty
        } else {
            Outcome::Gone
        };
        if !listing.entries.is_empty() && !recurse {
            outcome = Outcome::NotEmpty;
        } else {
            for entry in listing.entries.into_iter().rev() {
                let name = entry.name.basename();
                let Some(stat) = self.look(&dir.dir, &path, name) else {
                    continue;
                };
                if stat.is_dir() && self.is_mount_point(&stat) {
                    outcome = Outcome::NotEmpty;
                    continue;
                }
                if self.needs_unlock(&stat) && !self.ctx.options.dry_run {
                    let _ = dir.dir.set_permissions(name, stat.permissions | 0o200);
                }
                if stat.is_dir() && self.empty(&dir, name, true, &filters) != Outcome::Gone {
                    outcome = Outcome::NotEmpty;
                }
                let manner = Manner {
                    recurse: false,
                    unlock: false,
                    room_for: None,
                };
                if self.remove_empty(&dir, name, &stat, manner) != Outcome::Gone {
                    outcome = Outcome::NotEmpty;
                }
            }
        }
        if outcome == Outcome::NotEmpty {
            self.info(line!("cannot delete non-empty directory: ", path));
        }
        outcome
    }

    /// What is in a directory of the destination and not protected by a filter.
    // rsync: flist.c get_dirlist()
    pub fn list(&self, dir: &Dir, path: &[u8], filters: &DirFilters, listed: Listed) -> Listing {
        let mut listing = Listing {
            entries: Vec::new(),
            kept: 0,
        };
        let batches = match names::read(dir, 0, path) {
            Ok(batches) => batches,
            Err(e) => {
                self.note_error();
                let text = line!("opendir ", self.shown(path), " failed");
                self.ctx.transfer_error_os(self.role(), text, e);
                return listing;
            }
        };
        // What the directory says of types is enough, unless its entries cannot be looked at, which
        // must be told of each.
        let is_open = dir.stat(b".", Follow::Never).is_ok();
        for found in batches.iter().flat_map(Batch::names) {
            let name = found.basename();
            let is_dir = match found.kind() {
                Some(kind) if is_open => kind == FileKind::Directory,
                _ => match self.look(dir, path, name) {
                    Some(stat) => stat.is_dir(),
                    None => continue,
                },
            };
            let kind = if is_dir {
                EntryKind::Directory
            } else {
                EntryKind::File
            };
            let verdict = match listed {
                Listed::Doomed => filters.check_in_doomed(path, name, kind),
                Listed::Staying => filters.check(path, name, kind),
            };
            if filtering::is_excluded(self.ctx, Side::Receiver, verdict, path, name, kind) {
                listing.kept += 1;
                continue;
            }
            listing.entries.push(Standing {
                name: found,
                is_dir,
            });
        }
        let order = self.ctx.era.order;
        listing
            .entries
            .sort_unstable_by(|a, b| order.compare(a.key(), b.key()));
        listing
    }

    /// What stands under a name, if anything; says why if that cannot be known.
    pub fn look(&self, dir: &Dir, path: &[u8], name: &[u8]) -> Option<Stat> {
        match dir.stat(name, Follow::Never) {
            Ok(stat) => Some(stat),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => {
                self.note_error();
                let name = self.shown(&join(path, name));
                let text = line!("readlink_stat(", name, ") failed");
                self.ctx.transfer_error_os(self.role(), text, e);
                None
            }
        }
    }

    /// Something of the destination could not be read.
    pub fn note_error(&self) {
        self.ctx.problems.add(self.role(), Problem::General);
        self.record.met_errors.store(true, Ordering::Relaxed);
    }

    pub fn is_mount_point(&self, stat: &Stat) -> bool {
        let device = self.record.device();
        self.ctx.options.one_file_system > 0 && device != 0 && stat.device != device
    }

    /// Whether a file of ours has to be made writable before it can be removed.
    pub fn needs_unlock(&self, stat: &Stat) -> bool {
        stat.permissions & 0o200 == 0
            && !self.ctx.am_root
            && stat.uid == self.ctx.identity.uid
            && stat.kind != FileKind::Symlink
    }

    /// Whether this is a backup itself. A name that is nothing but the suffix counts as one, if
    /// there is a directory before it.
    // rsync: delete.c is_backup_file()
    fn is_backup(&self, path: &[u8]) -> bool {
        let suffix = &self.ctx.options.suffix;
        path.len() > suffix.len() && path.ends_with(suffix)
    }

    fn info(&self, text: Vec<u8>) {
        let Purpose::Backup(Some(place)) = self.purpose else {
            return self.ctx.info(Role::Generator, text);
        };
        let message = Message {
            severity: Severity::Info,
            role: Role::Receiver,
            text,
            os_error: None,
        };
        self.ctx.narrator.message_after(place, message);
    }

    fn role(&self) -> Role {
        match self.purpose {
            Purpose::Backup(Some(_)) => Role::Receiver,
            Purpose::Backup(None) | Purpose::Deletion(_) => Role::Generator,
        }
    }

    fn shown(&self, path: &[u8]) -> Vec<u8> {
        crate::context::full_name(self.destination, path)
    }
}

/// What becomes of a directory whose content is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    /// It stays: rules about what is in it count.
    Staying,
    /// It goes, if what is in it can go.
    Doomed,
}

/// The filters that hold in the directory `path` of `base`, below one where `above` hold.
pub(crate) fn enter_filters(
    options: &Options,
    above: &DirFilters,
    base: Option<&Dir>,
    path: &[u8],
    dir: Option<&Dir>,
) -> Result<DirFilters, FilterError> {
    if !above.reads_directories() {
        return Ok(above.clone());
    }
    above.enter(path, &mut DirectoryFiles::new(options, base, path, dir))
}

/// The word for what room is made for.
// rsync: delete.c get_del_for_flag()
pub(crate) fn kind_word(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Regular => "regular file",
        FileKind::Directory => "directory",
        FileKind::Symlink => "symlink",
        kind if kind.is_device() => "device file",
        _ => "special file",
    }
}
