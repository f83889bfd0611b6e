//! The generator: decides what each destination entry needs, in list order.
//!
//! - this file: the walk through the list, and what is common to all kinds of entry;
//! - [`directory`], [`nonregular`], [`regular`]: the decision for one entry;
//! - [`create`]: making an entry in one step; [`hardlink`]: names of one file;
//! - [`delete`]: what the source lacks; [`prune`]: what `-m` leaves out.
// rsync: generator.c generate_files(), recv_generator()

mod create;
mod delete;
mod directory;
mod hardlink;
mod nonregular;
pub(crate) mod prune;
mod regular;

use crate::attrs::{Wanted, dest_mode, differences};
use crate::context::{Context, line};
use crate::destination::{DestDir, Destination};
use crate::error::{Fatal, SessionError};
use crate::event::{Event, Role};
use crate::ids::Ids;
use crate::item::ItemFlags;
use crate::link::SegmentQueue;
use crate::narrator::ItemRecord;
use crate::receiver::{Job, Receiver};
use crate::segment::{EntryRef, Note, Parent, Segment};
use crate::sender::Sender;
use fast_io::dir::{FileKind, Follow, Stat, Timestamp};
use options::DeleteWhen;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use tree::entry::{Entry, FileId, split};
use tree::filter::DirFilters;

const ROLE: Role = Role::Generator;

/// Decides what each destination entry needs.
pub(crate) struct Generator {
    pub ctx: Arc<Context>,
    pub ids: Arc<Ids>,
    pub sender: Arc<Sender>,
    pub receiver: Arc<Receiver>,
    pub destination: Destination,
    queue: Arc<SegmentQueue>,
    /// Segments that were taken from the queue but not looked at.
    ahead: VecDeque<Arc<Segment>>,
    /// The destination directories from the root down to where the walk is.
    open_dirs: Vec<Arc<DestDir>>,
    /// The times that directories are to have in the end, where entries may be made or removed in
    /// them after their turn: links to files that arrive late, and late deletions.
    late_times: HashMap<Vec<u8>, Timestamp>,
    /// No more of the list will come.
    list_is_known: bool,
    /// From which entry on to send off what was said, see [`Self::send_off`].
    next_send_off: u64,
    /// How deep the directory is whose content is skipped.
    skipped: Option<usize>,
    /// How deep the directory is that a dry run would have made.
    dry_missing: Option<usize>,
    /// Transfers that are decided but not handed over.
    batch: Vec<Job>,
    batch_bytes: u64,
    hard_links: hardlink::HardLinks,
    deletions: delete::Deletions,
}

/// What stands under an entry's name at the destination.
pub(crate) enum Found {
    Missing,
    There(Stat),
    Failed(io::Error),
}

/// How much of a directory is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visit {
    /// All of it.
    Full,
    /// Only that it is there: its own turn comes with its content.
    Early,
}

/// How many transfers are handed over together, so that handing over costs little.
const BATCH_FILES: usize = 256;
/// From this many on, a change of directory ends a batch: two threads that make files in one
/// directory wait for each other.
const BATCH_FOR_DIR: usize = 24;
/// How much content they may have together.
const BATCH_BYTES: u64 = 1024 * 1024;
const SEND_OFF_EVERY: u64 = 200;
/// Under `-H`, how many entries must be known before the next is decided on.
const HARD_LINK_LOOKAHEAD: usize = 500;

impl Generator {
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        ctx: Arc<Context>,
        ids: Arc<Ids>,
        sender: Arc<Sender>,
        receiver: Arc<Receiver>,
        destination: Destination,
        queue: Arc<SegmentQueue>,
        filters: DirFilters,
        ahead: VecDeque<Arc<Segment>>,
    ) -> Generator {
        let mut generator = Generator {
            open_dirs: destination.root.iter().cloned().collect(),
            ctx,
            ids,
            sender,
            receiver,
            destination,
            queue,
            ahead: VecDeque::new(),
            late_times: HashMap::new(),
            list_is_known: false,
            next_send_off: 0,
            skipped: None,
            dry_missing: None,
            batch: Vec::new(),
            batch_bytes: 0,
            hard_links: hardlink::HardLinks::default(),
            deletions: delete::Deletions::new(filters),
        };
        for segment in ahead {
            generator.hard_links.register(&generator.ctx, &segment);
            generator.ahead.push_back(segment);
        }
        generator
    }

    /// Goes through the whole list and waits until everything it asked for is done.
    pub fn run(&mut self) -> Result<(), SessionError> {
        let result = self.run_list();
        self.queue.abandon();
        result
    }

    fn run_list(&mut self) -> Result<(), SessionError> {
        let ctx = self.ctx.clone();
        let o = &ctx.options;
        let solo = self.destination.solo_name.is_some();
        let mut first = true;
        if o.debug.flist >= 1 {
            let delta = self.receiver.uses_delta();
            let text = if delta {
                "enabled"
            } else {
                "disabled for local transfer or --whole-file"
            };
            if o.delete != Some(DeleteWhen::Before) {
                ctx.info(ROLE, format!("delta-transmission {text}"));
            } else if let Some(segment) = self.next_segment() {
                self.deletions.after_errors |= segment.after_errors;
                if !solo {
                    self.delete_pass(&segment)?;
                }
                ctx.info(ROLE, format!("delta-transmission {text}"));
                self.ahead.push_front(segment);
            }
        } else if o.delete == Some(DeleteWhen::Before)
            && !solo
            && let Some(segment) = self.next_segment()
        {
            self.deletions.after_errors |= segment.after_errors;
            self.delete_pass(&segment)?;
            self.ahead.push_front(segment);
        }
        let mut whole = None;
        while let Some(segment) = self.next_segment() {
            let waits_for_list = o.incremental_recursion() && first && !o.preserve_hard_links;
            self.list_is_known = !waits_for_list && self.queue.has_ended();
            self.segment(&segment)?;
            if whole.is_none() && o.delete == Some(DeleteWhen::After) {
                whole = Some(segment);
            }
            if first && self.ahead.is_empty() {
                first = false;
                // Here rsync's generator waits for more of the list, which sends off what it
                // has said so far; under `-H` it has waited already.
                if !o.preserve_hard_links {
                    ctx.narrator.close_window();
                }
            }
        }
        if self.queue.is_broken() {
            return Err(SessionError {
                kind: Fatal::Interrupted,
                role: ROLE,
            });
        }
        self.open_dirs.truncate(1);
        self.flush();
        ctx.narrator.close_window();
        self.finish_hard_links()?;
        self.receiver.report_matches();

        match o.delete {
            Some(DeleteWhen::Delay) => self.delete_remembered(),
            Some(DeleteWhen::After) if !solo => {
                if let Some(segment) = whole {
                    self.delete_pass(&segment)?;
                }
            }
            _ => {}
        }
        self.report_delete_limit();
        self.open_dirs.clear();
        Ok(())
    }

    /// Hands over what waits, and waits until hard links' first names are all there.
    fn finish_hard_links(&mut self) -> Result<(), SessionError> {
        loop {
            self.flush();
            self.receiver.drain();
            self.receiver.check()?;
            // Files in flight were given up: nothing may be concluded from what is not there.
            self.ctx.check_stopped(ROLE)?;
            let again = self.transfer_again()?;
            if !self.link_finished()? && !again && self.batch.is_empty() {
                return Ok(());
            }
            self.ctx.narrator.close_window();
        }
    }

    fn next_segment(&mut self) -> Option<Arc<Segment>> {
        let o = &self.ctx.options;
        let mut known: usize = self.ahead.iter().map(|s| s.entries.len()).sum();
        // Which of a file's names comes last must be known before the first is decided on.
        while (self.ahead.is_empty() || (o.preserve_hard_links && known < HARD_LINK_LOOKAHEAD))
            && let Some(segment) = self.queue.receive()
        {
            known += segment.entries.len();
            // Later lists come to rsync's receiver and generator both, and each says so.
            segment.tell_duplicates(&self.ctx);
            segment.tell_duplicates(&self.ctx);
            self.hard_links.register(&self.ctx, &segment);
            self.ahead.push_back(segment);
        }
        self.ahead.pop_front()
    }

    fn segment(&mut self, segment: &Arc<Segment>) -> Result<(), SessionError> {
        self.deletions.after_errors |= segment.after_errors;
        let o = &self.ctx.options;
        let incremental = o.incremental_recursion();
        let deletes = matches!(o.delete, Some(DeleteWhen::During | DeleteWhen::Delay));
        let list_only = o.list_only;
        let own = match &segment.parent {
            Parent::None => None,
            Parent::Dot => incremental.then(|| EntryRef {
                segment: segment.clone(),
                index: 0,
            }),
            Parent::Entry(parent) => Some(parent.clone()),
        };
        if let Some(dir) = own {
            self.decide(&dir, Visit::Full)?;
            if deletes && self.destination.root.is_some() && !list_only {
                self.delete_around(&dir, segment)?;
            }
        }
        for index in 0..segment.entries.len() {
            if segment.is_pruned(index) {
                continue;
            }
            let entry = EntryRef {
                segment: segment.clone(),
                index,
            };
            let visit = if incremental {
                Visit::Early
            } else {
                Visit::Full
            };
            self.decide(&entry, visit)?;
            if !incremental && deletes && entry.entry().is_dir() && !list_only {
                self.delete_around(&entry, segment)?;
            }
            self.send_off(&entry);
        }
        Ok(())
    }

    /// Every so many entries rsync's generator sends off what it has said, if it need not fear
    /// to be kept waiting by a list that is still coming.
    // rsync: generator.c generate_files() loopchk_limit, io.c maybe_flush_socket()
    fn send_off(&mut self, entry: &EntryRef) {
        if entry.index_shown() >= self.next_send_off {
            self.next_send_off += SEND_OFF_EVERY;
            if self.list_is_known {
                self.ctx.narrator.close_window();
            }
        }
    }

    /// Decides on one entry and does what needs no content.
    fn decide(&mut self, entry: &EntryRef, visit: Visit) -> Result<(), SessionError> {
        let ctx = self.ctx.clone();
        let o = &ctx.options;
        let file = entry.entry();
        let is_dir = file.is_dir();
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
            let implied = is_dir && !o.implied_dirs && file.flags.implied_dir;
            if !(is_dir && (visit == Visit::Early || implied)) {
                ctx.narrator.direct(Event::Listed(file));
            }
            return Ok(());
        }
        if !is_dir || visit == Visit::Full {
            ctx.tally().totals.files_done += 1;
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
            file.mode
        } else {
            dest_mode(&ctx, file.mode, existing)
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
                if (kind.is_device() && o.preserve_devices && ctx.am_root)
                    || (kind.is_special() && o.preserve_specials) =>
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

    fn why_skipped(&self, entry: &EntryRef, stat: &Stat) -> &'static str {
        let file = entry.entry();
        let wanted = Wanted {
            entry: file,
            mode: file.mode,
        };
        if kind_class(file.mode) != kind_class(stat.mode()) {
            " (type change)"
        } else if !self.quick_check(file, stat) {
            if self.ctx.options.checksum {
                " (sum change)"
            } else {
                " (file change)"
            }
        } else if !crate::attrs::unchanged(&self.ctx, &self.ids, wanted, stat) {
            " (attr change)"
        } else {
            " (uptodate)"
        }
    }

    /// Whether an existing entry of the same kind holds the same, by a quick look.
    // rsync: generator.c quick_check_ok()
    fn quick_check(&self, file: &Entry, stat: &Stat) -> bool {
        let o = &self.ctx.options;
        match file.kind() {
            Some(FileKind::Regular) => {
                stat.size == file.size
                    && if o.checksum {
                        self.same_content(file)
                    } else {
                        o.size_only
                            || (!o.ignore_times
                                && crate::attrs::same_time(o.modify_window, stat.mtime, file.mtime))
                    }
            }
            // Without `-l` rsync's list does not say where a link leads.
            Some(FileKind::Symlink) if !o.preserve_links => false,
            // Its target was not even asked for.
            Some(FileKind::Symlink) if !o.preserve_links => false,
            Some(FileKind::Symlink) => self.there(file).is_some_and(|(dir, leaf)| {
                dir.dir
                    .read_link(leaf)
                    .is_ok_and(|target| target == file.link_target())
            }),
            Some(kind) if kind.is_special() => stat.kind == kind,
            Some(kind) if kind.is_device() => stat.special == file.device(),
            _ => true,
        }
    }

    /// Tells an item, if there is anything to tell.
    // rsync: generator.c itemize()
    fn itemize(
        &self,
        entry: &EntryRef,
        wanted: Wanted<'_>,
        stat: Option<&Stat>,
        flags: ItemFlags,
        link_name: Option<&[u8]>,
    ) {
        let flags = self.item_flags(wanted, stat, flags, link_name);
        let o = &self.ctx.options;
        let linked = link_name.is_some_and(|n| !n.is_empty());
        if flags.is_significant() || o.info.name >= 2 || o.itemize() > 1 || linked {
            if flags.contains(ItemFlags::IS_NEW) {
                self.ctx.tally().stats.created.add(entry.entry().mode);
            }
            let link_name = link_name.map(Into::into);
            self.ctx.narrator.item(ItemRecord {
                entry: entry.clone(),
                flags,
                link_name,
            });
        }
    }

    fn item_flags(
        &self,
        wanted: Wanted<'_>,
        stat: Option<&Stat>,
        flags: ItemFlags,
        link_name: Option<&[u8]>,
    ) -> ItemFlags {
        match stat {
            Some(stat) => {
                let relinked = link_name.is_some_and(<[u8]>::is_empty);
                differences(&self.ctx, &self.ids, wanted, stat, flags, false, relinked)
            }
            None => flags | ItemFlags::IS_NEW,
        }
    }

    /// Where attributes are set without an item being told, `-vv` names the entry.
    // rsync: rsync.c set_file_attrs() with ATTRS_REPORT
    fn report_name(&self, file: &Entry, applied: crate::attrs::Applied) {
        let o = &self.ctx.options;
        if o.itemize() > 0 || o.info.name < 2 {
            return;
        }
        let suffix = if applied == crate::attrs::Applied::Unchanged {
            " is uptodate"
        } else {
            ""
        };
        self.ctx.client(ROLE, line!(self.name(file), suffix));
    }

    /// The source file of an entry that is up to date may be removed.
    fn remove_synchronized(&self, file: &Entry, stat: Option<&Stat>) {
        if self.ctx.options.dry_run {
            return;
        }
        let id = stat.map(|s| FileId {
            device: s.device,
            inode: s.inode,
        });
        self.sender.remove_source(file, id);
    }

    // --- where an entry belongs -----------------------------------------------------------

    /// The name below the destination.
    fn name(&self, file: &Entry) -> Vec<u8> {
        match &self.destination.solo_name {
            Some(name) => name.clone(),
            None => strip_root(&file.path()).to_vec(),
        }
    }

    /// A name as errors show it.
    fn shown(&self, name: &[u8]) -> Vec<u8> {
        crate::context::full_name(&self.destination.absolute, name)
    }

    fn leaf<'a>(&'a self, file: &'a Entry) -> &'a [u8] {
        self.destination
            .solo_name
            .as_deref()
            .unwrap_or(&file.basename)
    }

    /// The open directory that an entry belongs into, if it was opened already.
    fn there<'a>(&'a self, file: &'a Entry) -> Option<(&'a Arc<DestDir>, &'a [u8])> {
        Some((self.open_dirs.last()?, self.leaf(file)))
    }

    fn look(&mut self, file: &Entry, follow_dir: bool) -> Found {
        if self.destination.root.is_none() {
            return Found::Missing;
        }
        if let Some(depth) = self.dry_missing {
            if file.depth() > depth {
                return Found::Missing;
            }
            self.dry_missing = None;
        }
        let o = &self.ctx.options;
        // `--no-implied-dirs` leaves it to the first entry in a directory to make it.
        let makes_path = o.relative && !o.implied_dirs && !o.dry_run;
        let entered = match self.enter(file) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && makes_path => {
                self.make_path(strip_root(&file.dirname))
            }
            other => other,
        };
        let dir = match entered {
            Ok(dir) => dir,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Found::Missing,
            Err(e) => return Found::Failed(e),
        };
        if &*file.basename == b"." && self.destination.solo_name.is_none() {
            return dir.dir.stat_self().map_or_else(Found::Failed, Found::There);
        }
        // What this session made holds nothing yet.
        if dir.fresh && !file.is_dir() {
            return Found::Missing;
        }
        let leaf = self.leaf(file);
        let mut stat = dir.dir.stat(leaf, Follow::Never);
        if follow_dir
            && let Ok(link) = &stat
            && link.kind == FileKind::Symlink
            && let Ok(behind) = dir.dir.stat(leaf, Follow::Always)
            && behind.is_dir()
        {
            stat = Ok(behind);
        }
        match stat {
            Ok(stat) => Found::There(stat),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Found::Missing,
            Err(e) => Found::Failed(e),
        }
    }

    /// Opens the directory that an entry belongs into. Those on the way stay open.
    fn enter(&mut self, file: &Entry) -> io::Result<Arc<DestDir>> {
        let path: &[u8] = if self.destination.solo_name.is_some() {
            b""
        } else {
            strip_root(&file.dirname)
        };
        self.enter_path(path)
    }

    fn enter_path(&mut self, path: &[u8]) -> io::Result<Arc<DestDir>> {
        let is_above = |dir: &[u8]| {
            dir.is_empty()
                || (path.starts_with(dir) && matches!(path.get(dir.len()), None | Some(b'/')))
        };
        while self.open_dirs.last().is_some_and(|d| !is_above(&d.path)) {
            self.open_dirs.pop();
        }
        let Some(mut dir) = self.open_dirs.last().cloned() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let rest = path[dir.path.len()..].to_vec();
        for name in rest.split(|&b| b == b'/').filter(|n| !n.is_empty()) {
            dir = self.open_below(&dir, name)?;
            self.open_dirs.push(dir.clone());
        }
        Ok(dir)
    }

    /// Opens a directory, making it and those above it where they are missing.
    // rsync: util1.c make_path()
    fn make_path(&mut self, path: &[u8]) -> io::Result<Arc<DestDir>> {
        let ends = path.iter().enumerate().filter(|&(_, &b)| b == b'/');
        let ends = ends.map(|(at, _)| at).chain([path.len()]);
        let mut entered = self.enter_path(b"")?;
        for end in ends {
            entered = match self.enter_path(&path[..end]) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    let (_, name) = split(&path[..end]);
                    entered.dir.create_dir(name, self.ctx.default_permissions)?;
                    self.enter_path(&path[..end])?
                }
                other => other?,
            };
        }
        Ok(entered)
    }

    fn open_below(&self, dir: &Arc<DestDir>, name: &[u8]) -> io::Result<Arc<DestDir>> {
        let opened = dir.open(name, self.ctx.options.keep_dirlinks, false)?;
        if let Some(&mtime) = self.late_times.get(&opened.path) {
            opened.restore_time(mtime);
        }
        Ok(opened)
    }

    /// Whether directories may be entered again after their turn.
    fn returns_to_dirs(&self) -> bool {
        let o = &self.ctx.options;
        o.preserve_hard_links || matches!(o.delete, Some(DeleteWhen::After | DeleteWhen::Delay))
    }

    // --- handing over ---------------------------------------------------------------------

    fn hand_over(&mut self, job: Job) {
        let leaves_dir = self
            .batch
            .last()
            .is_some_and(|last| !Arc::ptr_eq(&last.dir, &job.dir));
        if leaves_dir && self.batch.len() >= BATCH_FOR_DIR {
            self.flush();
        }
        self.batch_bytes += job.entry.entry().size;
        self.batch.push(job);
        if self.batch.len() >= BATCH_FILES || self.batch_bytes >= BATCH_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.batch_bytes = 0;
        if !self.batch.is_empty() {
            let jobs = std::mem::take(&mut self.batch);
            self.receiver.submit(jobs);
        }
    }
}

/// Names of `-R` may begin at the root of the file system; the destination's do not.
fn strip_root(path: &[u8]) -> &[u8] {
    let start = path.iter().position(|&b| b != b'/').unwrap_or(path.len());
    &path[start..]
}

/// What rsync takes for kinds of file: all special files are one, all devices are one.
// rsync: generator.c get_file_type()
fn kind_class(mode: u32) -> u8 {
    match FileKind::from_mode(mode) {
        Some(FileKind::Regular) => 1,
        Some(FileKind::Directory) => 2,
        Some(FileKind::Symlink) => 3,
        Some(kind) if kind.is_special() => 4,
        Some(_) => 5,
        None => 0,
    }
}

/// A name's directory and last component, as bytes of their own.
fn split_owned(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (dir, name) = split(path);
    (dir.to_vec(), name.to_vec())
}
