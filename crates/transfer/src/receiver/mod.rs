//! The receiver: rebuilds files and commits them, several at once, on the pump's work lane.
//!
//! - this file: takes transfers, runs them, remembers how they ended;
//! - [`file`]: one file, from opening its target to its end; [`finish`]: how it gets the name that
//!   it stays under;
//! - [`content`]: how the bytes get there: cloned, copied in the kernel, or streamed;
//! - [`stream`]: bytes that are looked at on their way; [`signature`] of what they are compared
//!   with, [`holes`] where they are zeros; [`meter`]: how far they are;
//! - [`backup`], [`partial`]: what becomes of replaced and of unfinished files;
//! - [`from_elsewhere`]: copies of files that this side has already;
//! - [`delayed`]: complete files that wait for the others;
//! - [`local`]: the transfers of files whose source is at hand;
//! - [`arriving`]: those whose content comes over a wire;
//! - [`compare`]: what `-c` looks at;
//! - [`xattrs`]: extended attributes;
//! - [`rebuild`]: the threads that look at content on its way.
// rsync: receiver.c recv_files()

pub(crate) mod arriving;
pub(crate) mod backup;
mod compare;
mod content;
mod delayed;
mod file;
mod finish;
mod from_elsewhere;
mod holes;
mod local;
mod meter;
mod partial;
mod rebuild;
pub(crate) mod signature;
mod stream;
pub(crate) mod xattrs;

use self::delayed::Delayed;
pub(crate) use self::file::Attempt;
use self::rebuild::Rebuilders;
use crate::attrs::Setter;
use crate::context::Context;
use crate::destination::{DestDir, Destination};
use crate::error::{Fatal, SessionError};
use crate::event::Role;
use crate::ids::Ids;
use crate::item::ItemFlags;
use crate::link::SegmentQueue;
use crate::narrator::{Moved, PlaceId};
use crate::origin::Origin;
use crate::removal::Removals;
use crate::segment::EntryRef;
use crate::xattrs::XattrRules;
use delta::{ChecksumKind, MatchStats};
use fast_io::dir::{Dir, Stat};
use fast_io::{BufferPool, Operation, WriteBatch};
use options::Append;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tree::entry::FileId;
use tree::filter::DirFilters;

const ROLE: Role = Role::Receiver;

/// Rebuilds files and commits them.
pub(crate) struct Receiver {
    ctx: Arc<Context>,
    ids: Arc<Ids>,
    /// Where content comes from.
    pub(crate) origin: Origin,
    queue: Arc<SegmentQueue>,
    /// The destination's whole path, for messages, and its root.
    destination: Vec<u8>,
    root: Option<Arc<DestDir>>,
    temp_dir: Option<Dir>,
    /// Which extended attributes count, if any.
    pub(crate) xattrs: Option<XattrRules>,
    /// The rules that protect what is in older backups, and what was removed of them.
    filters: DirFilters,
    removals: Removals,
    /// Whether the destination can give names to unnamed files.
    links_files: OnceLock<bool>,
    /// Whether `%C` is shown: then bytes are summed on their way.
    shows_checksums: bool,
    checksum_kind: ChecksumKind,
    buffers: BufferPool,
    writes: WriteBatch,
    rebuilders: Rebuilders,
    outcomes: Mutex<Outcomes>,
    /// The session ends early.
    failed: AtomicBool,
}

#[derive(Default)]
struct Outcomes {
    /// Transfers of files with several names, and whether they arrived.
    finished: Vec<(EntryRef, bool)>,
    /// Transfers to be done once more.
    again: Vec<EntryRef>,
    /// Complete files that wait for the end.
    delayed: Vec<Delayed>,
    fatal: Option<SessionError>,
    matches: MatchStats,
}

/// One file to transfer.
pub(crate) struct Job {
    pub entry: EntryRef,
    /// What differs, for the other side of a wire.
    pub flags: ItemFlags,
    pub place: PlaceId,
    pub dir: Arc<DestDir>,
    /// The name that it gets, where that is not the entry's own.
    pub name: Option<Box<[u8]>>,
    pub mode: u32,
    /// What stands under its name.
    pub existing: Option<Stat>,
    pub basis: Basis,
    /// It has several names: the generator waits to hear how it ended.
    pub linked: bool,
    pub standing: Standing,
    /// A second try is told and counted like the first.
    pub attempt: Attempt,
}

/// What of a transfer the session's counters have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing.
    Open,
    /// Its bytes: this is a second try.
    BytesDone,
    /// All: it waited for another name of the file, in vain.
    Done,
    /// None of it is counted: it is no transfer, but a copy made on this side.
    Apart,
}

/// What the new content is compared with.
pub(crate) enum Basis {
    /// What stands under its name, if anything does.
    Existing,
    /// An unfinished file in the partial directory.
    Partial(Box<Stat>),
    /// Another file of this side.
    Elsewhere(Box<Elsewhere>),
}

/// A file that stands in for one that the destination lacks.
pub(crate) struct Elsewhere {
    /// How it is called over a wire.
    pub kind: wire::item::Basis,
    pub dir: Arc<DestDir>,
    pub name: Box<[u8]>,
    pub stat: Stat,
}

impl Elsewhere {
    /// The name that crosses, where it is not the entry's own.
    pub fn similar_name(&self) -> Option<&[u8]> {
        matches!(self.kind, wire::item::Basis::Fuzzy(_)).then_some(&self.name)
    }
}

/// Why a file did not arrive. It has been told.
pub(super) enum Failure {
    /// This file did not.
    Skipped,
    /// The source changed while it was read, or is not what it was taken for: another try may do.
    /// With what is told of this one.
    Changed(Moved),
}

impl Job {
    pub fn leaf(&self) -> &[u8] {
        self.name
            .as_deref()
            .unwrap_or(self.entry.entry().basename())
    }

    /// The name below the destination.
    pub fn path(&self) -> Vec<u8> {
        tree::entry::join(&self.dir.path, self.leaf())
    }
}

impl Receiver {
    pub fn new(
        ctx: Arc<Context>,
        ids: Arc<Ids>,
        origin: Origin,
        queue: Arc<SegmentQueue>,
        destination: &Destination,
        temp_dir: Option<Dir>,
        filters: DirFilters,
    ) -> Receiver {
        let o = &ctx.options;
        let formats = o
            .out_format
            .iter()
            .chain(o.log_file.iter().map(|l| &l.format));
        let shows_checksums = formats
            .map(|f| &f.text)
            .any(|t| t.windows(2).any(|w| w == b"%C"));
        Receiver {
            shows_checksums,
            checksum_kind: signature::transfer_checksum(o),
            buffers: content::buffers(),
            writes: content::writes(&ctx.pump),
            rebuilders: Rebuilders::default(),
            ctx,
            ids,
            origin,
            queue,
            destination: destination.absolute.clone(),
            root: destination.root.clone(),
            temp_dir,
            xattrs: None,
            filters,
            removals: Removals::default(),
            links_files: OnceLock::new(),
            outcomes: Mutex::default(),
            failed: AtomicBool::new(false),
        }
    }

    /// Has it look at extended attributes.
    pub fn with_xattrs(self, xattrs: Option<XattrRules>) -> Receiver {
        Receiver { xattrs, ..self }
    }

    /// Whether only differences are moved. Locally whole files are the default.
    pub fn uses_delta(&self) -> bool {
        let o = &self.ctx.options;
        let by_default = matches!(self.origin, Origin::Away(_));
        o.append != Append::No || !o.whole_file.unwrap_or(!by_default)
    }

    /// Whether there is something that the generator has to look at.
    pub fn has_news(&self) -> bool {
        let outcomes = self.outcomes();
        !outcomes.finished.is_empty() || !outcomes.again.is_empty() || outcomes.fatal.is_some()
    }

    /// Hands transfers to the work lane, or asks the other side for them; waits while too much is
    /// in flight.
    pub fn submit(self: &Arc<Self>, jobs: Vec<Job>) {
        if let Origin::Away(requests) = &self.origin {
            return jobs.into_iter().for_each(|job| requests.ask(self, job));
        }
        if self.streams() {
            return self.rebuilders.take(self, jobs);
        }
        let receiver = self.clone();
        let work = move || {
            receiver.run(jobs);
            Ok(0)
        };
        let receiver = self.clone();
        self.ctx.pump.submit(
            Operation::work(work),
            move |completion: fast_io::Completion| {
                if let Err(error) = completion.result {
                    receiver.work_was_lost(&error);
                }
            },
        );
    }

    /// Waits until every transfer handed over has ended.
    pub fn drain(&self) {
        self.rebuilders.drain();
        self.ctx.pump.drain();
    }

    /// Ends the generator if a transfer met something that nothing can go on after.
    pub fn check(&self) -> Result<(), SessionError> {
        if !self.failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.outcomes().fatal {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The transfers of linked files that have ended since the last call.
    pub fn take_finished(&self) -> Vec<(EntryRef, bool)> {
        let mut finished = std::mem::take(&mut self.outcomes().finished);
        finished.sort_by_key(|(entry, _)| entry.number());
        finished
    }

    /// The files whose source was not steady, or not what `--append-verify` took it for, since
    /// the last call.
    // rsync: receiver.c recv_files(), MSG_REDO
    pub fn take_again(&self) -> Vec<EntryRef> {
        let mut again = std::mem::take(&mut self.outcomes().again);
        again.sort_by_key(EntryRef::number);
        again
    }

    /// Tells the figures of the delta search at `-vv`.
    pub fn report_matches(&self) {
        self.ctx.report_matches(&self.outcomes().matches);
    }

    /// Tells and counts how a file's transfer ended, and lets the generator know.
    pub(crate) fn conclude(&self, job: &Job, result: Result<Moved, Failure>) {
        let entry = job.entry.entry();
        if let Err(Failure::Changed(tried)) = result {
            let totals = || self.ctx.totals();
            self.ctx.narrator.end(job.place, entry, Some(tried), totals);
            self.outcomes().again.push(job.entry.clone());
            self.queue.ring();
            return;
        }
        self.ctx.control.sign_of_life();
        let moved = result.ok();
        // Counted when it is told: what is in flight by the events is not done by the counters.
        let totals = || {
            self.count(job, moved);
            self.ctx.totals()
        };
        self.ctx.narrator.end(job.place, entry, moved, totals);
        let waits = moved.is_some() && self.ctx.options.delay_updates;
        if moved.is_some() && !waits {
            self.remove_source_of(&job.entry, &job.dir, job.leaf());
        }
        if job.linked && !waits {
            self.outcomes()
                .finished
                .push((job.entry.clone(), moved.is_some()));
            self.queue.ring();
        } else {
            // Of names that others are linked to, the generator says so when they are; what waits for
            // the end is all the same through with the other side.
            self.origin.ended(&job.entry);
        }
    }

    /// The source of a file that is in its place may be removed, where that is wanted.
    fn remove_source_of(&self, entry: &EntryRef, dir: &DestDir, leaf: &[u8]) {
        if self.ctx.options.remove_source_files.is_some() {
            let stat = dir.dir.stat(leaf, fast_io::dir::Follow::Never).ok();
            let id = stat.map(|s| FileId {
                device: s.device,
                inode: s.inode,
            });
            self.origin.remove_source(entry, id);
        }
    }

    /// The other side cannot send a file that it was asked for, and has told why.
    pub(crate) fn not_sent(&self, job: Job) {
        self.pass_over(&job);
        self.conclude(&job, Err(Failure::Skipped));
    }

    /// None of a file's bytes will move.
    fn pass_over(&self, job: &Job) {
        if job.standing == Standing::Open {
            self.ctx.tally().totals.bytes_done += job.entry.entry().size;
        }
    }

    fn count(&self, job: &Job, moved: Option<Moved>) {
        let totals = &mut self.ctx.tally().totals;
        if moved.is_some() {
            totals.transferred_files += 1;
        }
        if job.standing != Standing::Done {
            totals.files_done += 1;
        }
    }

    /// Whether files in flight are to be given up.
    fn gives_up(&self) -> bool {
        self.ctx.control.is_stopped() || self.failed.load(Ordering::Relaxed)
    }

    /// Ends the session: what is in flight is given up.
    pub(crate) fn end_session(&self, error: SessionError) {
        self.outcomes().fatal.get_or_insert(error);
        self.failed.store(true, Ordering::Relaxed);
        self.queue.ring();
    }

    pub(crate) fn work_was_lost(&self, error: &io::Error) {
        if !fast_io::is_closed(error) && !fast_io::is_cancelled(error) {
            let text = crate::context::line!("a file's transfer was lost: ", error.to_string());
            let error = self.ctx.fatal(Fatal::Internal, ROLE, text);
            self.end_session(error);
        }
    }

    fn add_matches(&self, stats: MatchStats) {
        self.outcomes().matches += stats;
    }

    fn setter(&self) -> Setter<'_> {
        Setter {
            ctx: &self.ctx,
            ids: &self.ids,
            role: ROLE,
        }
    }

    /// A name below the destination, as errors show it.
    fn shown(&self, path: &[u8]) -> Vec<u8> {
        crate::context::full_name(&self.destination, path)
    }

    fn outcomes(&self) -> std::sync::MutexGuard<'_, Outcomes> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
