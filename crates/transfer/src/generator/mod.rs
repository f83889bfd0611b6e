//! The generator: decides what each destination entry needs, in list order.
//!
//! - this file: the walk through the list, and the handing over of transfers;
//! - [`decide`]: the decision for one entry, and by its kind [`directory`], [`nonregular`],
//!   [`regular`];
//! - [`lookup`]: what stands at the destination; [`itemize`]: what is told of an entry;
//! - [`alt_dest`]: what other directories have of what it lacks; [`fuzzy`]: what is like it;
//! - [`xattrs`]: extended attributes; [`acls`]: access control lists;
//! - [`create`]: making an entry in one step; [`hardlink`]: names of one file;
//! - [`delete`]: what the source lacks; [`prune`]: what `-m` leaves out.
// rsync: generator.c generate_files(), recv_generator()

mod acls;
mod alt_dest;
mod create;
mod decide;
mod delete;
mod directory;
mod fuzzy;
mod hardlink;
mod itemize;
mod lookup;
mod nonregular;
pub(crate) mod prune;
mod regular;
mod xattrs;

use crate::alternates::Alternates;
use crate::attrs::{AclsDiffer, Setter};
use crate::context::{Context, line};
use crate::destination::{DestDir, Destination};
use crate::error::{Fatal, SessionError};
use crate::event::Role;
use crate::ids::Ids;
use crate::link::{Next, SegmentQueue};
use crate::origin::Origin;
use crate::receiver::{Job, Receiver, Standing};
use crate::remote::requests::{Phase, Requests};
use crate::segment::{EntryRef, Parent, Segment};
use fast_io::dir::{Follow, Stat, Timestamp};
use options::DeleteWhen;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tree::entry::{Entry, FileId, split};
use tree::filter::DirFilters;

const ROLE: Role = Role::Generator;

/// Decides what each destination entry needs.
pub(crate) struct Generator {
    pub ctx: Arc<Context>,
    pub ids: Arc<Ids>,
    pub origin: Origin,
    pub receiver: Arc<Receiver>,
    pub destination: Destination,
    queue: Arc<SegmentQueue>,
    /// Segments that were taken from the queue but not looked at.
    ahead: VecDeque<Arc<Segment>>,
    /// The destination directories from the root down to where the walk is.
    open_dirs: Vec<Arc<DestDir>>,
    /// Such as the walk has left and will return to, where the list's order makes it.
    dirs_aside: Vec<Arc<DestDir>>,
    /// The times that directories are to have in the end, where entries may be made or removed in
    /// them after their turn: links to files that arrive late, and late deletions.
    late_times: HashMap<Vec<u8>, Timestamp>,
    /// The directory of the missing argument looked at last, where the list does not have it.
    absent_parent: Vec<u8>,
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
    /// How many directories were opened since none was in use for a transfer.
    dirs_opened: usize,
    /// How many transfers there were so far.
    handed_over: u64,
    /// Whether what is being decided on has been counted before.
    standing: Standing,
    last_totals: Instant,
    hard_links: hardlink::HardLinks,
    /// Files with several names whose extended attributes were set.
    linked_xattrs: RefCell<HashSet<FileId>>,
    /// Whether access control lists differed, of the entry whose attributes were just set.
    acls_differed: Cell<Option<AclsDiffer>>,
    deletions: delete::Deletions,
    /// Where files are looked for that the destination lacks, and what of it is open.
    alternates: Option<Alternates>,
    elsewhere: alt_dest::Opened,
    /// Where the entry stands in another directory that the one whose turn it is is compared with.
    compared: Option<xattrs::Place>,
    similar: fuzzy::Similar,
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
/// How many files may be asked for over a wire and not have come.
const MOST_ASKED: u64 = 20_000;
const SEND_OFF_EVERY: u64 = 200;
/// How often the counters are told while nothing else moves them on a display.
const TOTALS_EVERY: Duration = Duration::from_millis(100);
/// Under `-H`, how many entries must be known before the next is decided on.
const HARD_LINK_LOOKAHEAD: usize = 500;

impl Generator {
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        ctx: Arc<Context>,
        ids: Arc<Ids>,
        origin: Origin,
        receiver: Arc<Receiver>,
        destination: Destination,
        queue: Arc<SegmentQueue>,
        filters: DirFilters,
        alternates: Option<Alternates>,
        ahead: VecDeque<Arc<Segment>>,
    ) -> Generator {
        let mut generator = Generator {
            open_dirs: destination.root.iter().cloned().collect(),
            dirs_aside: Vec::new(),
            ctx,
            ids,
            origin,
            receiver,
            destination,
            queue,
            ahead: VecDeque::new(),
            late_times: HashMap::new(),
            absent_parent: Vec::new(),
            list_is_known: false,
            next_send_off: 0,
            skipped: None,
            dry_missing: None,
            batch: Vec::new(),
            batch_bytes: 0,
            dirs_opened: 0,
            handed_over: 0,
            standing: Standing::Done,
            last_totals: Instant::now(),
            hard_links: hardlink::HardLinks::default(),
            linked_xattrs: RefCell::default(),
            acls_differed: Cell::default(),
            deletions: delete::Deletions::new(filters),
            alternates,
            elsewhere: alt_dest::Opened::default(),
            compared: None,
            similar: fuzzy::Similar::default(),
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
            } else if let Some(segment) = self.next_segment()? {
                self.deletions.after_errors |= segment.after_errors;
                self.delete_pass(&segment)?;
                ctx.info(ROLE, format!("delta-transmission {text}"));
                self.ahead.push_front(segment);
            }
        } else if o.delete == Some(DeleteWhen::Before)
            && let Some(segment) = self.next_segment()?
        {
            self.deletions.after_errors |= segment.after_errors;
            self.delete_pass(&segment)?;
            self.ahead.push_front(segment);
        }
        let mut whole = None;
        let incremental = o.incremental_recursion();
        let mut part = None;
        let mut current: Option<Arc<Segment>> = None;
        while let Some(segment) = self.next_segment()? {
            self.tell_part(part.take());
            if let Some(left) = current.replace(segment.clone()) {
                self.origin.leave(&left);
            }
            let waits_for_list = o.incremental_recursion() && first && !o.preserve_hard_links;
            self.list_is_known = !waits_for_list && self.queue.has_ended();
            self.segment(&segment)?;
            // Told when it is known whether more comes.
            part = incremental.then_some(segment.first_index + segment.listed);
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
        if let Some(left) = current {
            self.origin.leave(&left);
        }
        self.open_dirs.truncate(1);
        self.dirs_aside.clear();
        self.flush();
        ctx.narrator.close_window();
        self.tell_part(part);
        match self.origin.clone() {
            Origin::Here(_) => {
                self.finish_hard_links()?;
                self.put_delayed_in_place()?;
            }
            Origin::Away(requests) => {
                self.finish_phases(&requests)?;
                self.put_delayed_in_place()?;
                if o.delay_updates {
                    requests.end_delayed();
                }
            }
        }
        if !incremental {
            // A list in one part is done three times: so many times rsync's sides agree on it.
            (0..3).for_each(|_| self.tell_part(Some(u64::MAX)));
        }
        if let Origin::Here(_) = self.origin {
            self.receiver.report_matches();
        }

        match o.delete {
            Some(DeleteWhen::Delay) => self.delete_remembered(),
            Some(DeleteWhen::After) => {
                // By now the sender has told what of the contents it could not read, too.
                self.deletions.after_errors |= ctx.problems.source_is_incomplete();
                if let Some(segment) = whole {
                    self.delete_pass(&segment)?;
                }
            }
            _ => {}
        }
        self.report_delete_limit();
        self.ctx.narrator.totals(|| self.ctx.totals());
        self.open_dirs.clear();
        self.dirs_aside.clear();
        if let Origin::Away(requests) = &self.origin {
            let deleted = self.ctx.tally().stats.deleted;
            requests.goodbye(&deleted);
            self.check()?;
        }
        Ok(())
    }

    /// Waits for what was asked for over the wire: first for what the list needs, then for what did
    /// not arrive as it should and was asked for again.
    // rsync: generator.c generate_files(), phases 1 and 2
    fn finish_phases(&mut self, requests: &Requests) -> Result<(), SessionError> {
        for phase in [Phase::List, Phase::Again] {
            requests.end_phase(phase, &self.ctx.tally().stats.deleted);
            loop {
                let receiver = self.receiver.clone();
                let held = self.names_held();
                let only_held = || held > 0 && requests.under_way() <= held;
                let answered = requests.wait_for(phase, || receiver.has_news() || only_held());
                let news = self.take_news()?;
                if !news && only_held() {
                    self.release_all();
                }
                if !answered && !news && requests.is_in_vain() {
                    let text = "the other side has ended before all had come that was asked for";
                    return Err(self.ctx.fatal(Fatal::Protocol, ROLE, text));
                }
                if answered && !news {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Brings the files that have waited for all others into place, and links their other names.
    // rsync: receiver.c handle_delayed_updates()
    fn put_delayed_in_place(&mut self) -> Result<(), SessionError> {
        for delayed in self.receiver.take_delayed() {
            self.ctx.check_stopped(ROLE)?;
            let file = delayed.entry.entry();
            let dir = match self.enter(file) {
                Ok(dir) => dir,
                Err(e) => {
                    let name = self.shown(&self.name(file));
                    let text = line!("rename failed for ", name);
                    self.ctx.transfer_error_os(Role::Receiver, text, e);
                    continue;
                }
            };
            let leaf = self.leaf(file).to_vec();
            let arrived = self.receiver.put_in_place(&delayed, &dir, &leaf);
            self.ctx.control.sign_of_life();
            if delayed.linked && arrived {
                self.finish_links(&delayed.entry, None)?;
            }
        }
        self.ctx.narrator.close_window();
        self.open_dirs.truncate(1);
        self.dirs_aside.clear();
        Ok(())
    }

    /// Ends the generator if nothing more can come.
    fn check(&self) -> Result<(), SessionError> {
        self.receiver.check()?;
        match &self.origin {
            Origin::Away(requests) => requests.read_failure().map_or(Ok(()), Err),
            Origin::Here(_) => Ok(()),
        }
    }

    /// Deals with what the receiver has to say. False if that is nothing.
    // rsync: generator.c check_for_finished_files()
    fn take_news(&mut self) -> Result<bool, SessionError> {
        self.check()?;
        self.ctx.check_stopped(ROLE)?;
        let again = self.transfer_again()?;
        Ok(self.link_finished()? || again)
    }

    /// The next segment of a list that comes over the wire. While it does not come, what the receiver
    /// has to say is dealt with: the other side may wait for just that before it sends more.
    fn await_segment(&mut self) -> Result<Option<Arc<Segment>>, SessionError> {
        loop {
            self.origin.flush();
            let receiver = self.receiver.clone();
            match self.queue.receive_or(|| receiver.has_news()) {
                Next::Segment(segment) => return Ok(Some(segment)),
                Next::End => {
                    self.check()?;
                    return Ok(None);
                }
                Next::News => self.take_news()?,
            };
        }
    }

    fn tell_part(&self, entries: Option<u64>) {
        if let Some(entries) = entries {
            self.ctx.narrator.part_end(entries, || self.ctx.totals());
        }
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

    fn next_segment(&mut self) -> Result<Option<Arc<Segment>>, SessionError> {
        let links = self.ctx.options.preserve_hard_links;
        let mut known: usize = self.ahead.iter().map(|s| s.entries.len()).sum();
        // Which of a file's names comes last must be known before the first is decided on.
        while self.ahead.is_empty() || (links && known < HARD_LINK_LOOKAHEAD) {
            let segment = match &self.origin {
                Origin::Here(_) => self.queue.receive(),
                Origin::Away(_) => self.await_segment()?,
            };
            let Some(segment) = segment else { break };
            known += segment.entries.len();
            // What could not be read counts from when rsync's generator hears of it.
            self.deletions.after_errors |= segment.after_errors;
            // Later lists come to rsync's receiver and generator both, and each says so.
            segment.tell_duplicates(&self.ctx);
            segment.tell_duplicates(&self.ctx);
            self.hard_links.register(&self.ctx, &segment);
            self.ahead.push_back(segment);
        }
        Ok(self.ahead.pop_front())
    }

    fn segment(&mut self, segment: &Arc<Segment>) -> Result<(), SessionError> {
        self.deletions.after_errors |= segment.after_errors;
        let o = &self.ctx.options;
        let incremental = o.incremental_recursion();
        let deletes = matches!(o.delete, Some(DeleteWhen::During | DeleteWhen::Delay));
        let own = match &segment.parent {
            Parent::None => None,
            Parent::Dot => incremental.then(|| EntryRef {
                segment: segment.clone(),
                index: 0,
                content: None,
            }),
            Parent::Entry(parent) => Some(parent.clone()),
        };
        if let Some(dir) = own {
            let dir = EntryRef {
                content: Some(segment.clone()),
                ..dir
            };
            self.take_turn(&dir, Visit::Full)?;
            if deletes {
                self.delete_around(&dir, segment)?;
            }
        }
        for index in 0..segment.entries.len() {
            let entry = EntryRef {
                segment: segment.clone(),
                index,
                content: None,
            };
            if segment.is_pruned(index) {
                self.count_done(entry.entry());
                continue;
            }
            let visit = if incremental {
                Visit::Early
            } else {
                Visit::Full
            };
            self.take_turn(&entry, visit)?;
            self.origin.keep_pace();
            if let (Origin::Away(requests), Some(_)) = (&self.origin, &self.receiver.xattrs) {
                let requests = requests.clone();
                self.wait_for_room(&requests)?;
            }
            if !incremental && deletes && entry.entry().is_dir() {
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

    /// Decides on one entry when its turn comes, and keeps count.
    fn take_turn(&mut self, entry: &EntryRef, visit: Visit) -> Result<(), SessionError> {
        let is_last = visit == Visit::Full || !entry.entry().is_dir();
        let handed_over = self.handed_over;
        self.standing = Standing::Open;
        let result = self.decide(entry, visit);
        self.standing = Standing::Done;
        if is_last && self.handed_over == handed_over {
            self.count_done(entry.entry());
        }
        if self.ctx.narrator.is_live() && self.last_totals.elapsed() >= TOTALS_EVERY {
            self.last_totals = Instant::now();
            self.ctx.narrator.totals(|| self.ctx.totals());
        }
        result
    }

    /// An entry needs no more work.
    fn count_done(&self, entry: &Entry) {
        let mut tally = self.ctx.tally();
        tally.totals.files_to_check = tally.totals.files_to_check.saturating_sub(1);
        tally.totals.files_done += 1;
        if entry.is_regular() || entry.is_symlink() {
            tally.totals.bytes_done += entry.size;
        }
    }

    /// The source file of an entry that is up to date may be removed.
    // rsync: io.c send_msg_success(), which asks what is behind a link
    fn remove_synchronized(&self, entry: &EntryRef) {
        let file = entry.entry();
        if self.ctx.options.dry_run {
            return;
        }
        // Source and destination may be one directory.
        if let Some((dir, _)) = self.there(file) {
            dir.touch();
        }
        let id = self.stat_path(&self.name(file), Follow::Always).ok();
        let id = id.map(|s| FileId {
            device: s.device,
            inode: s.inode,
        });
        self.origin.remove_source(entry, id);
    }

    fn setter(&self) -> Setter<'_> {
        Setter {
            ctx: &self.ctx,
            ids: &self.ids,
            role: ROLE,
        }
    }

    fn hand_over(&mut self, job: Job) -> Result<(), SessionError> {
        self.handed_over += 1;
        if job.standing == Standing::Open {
            let mut tally = self.ctx.tally();
            tally.totals.files_to_check = tally.totals.files_to_check.saturating_sub(1);
        }
        if let Origin::Away(requests) = &self.origin {
            // Asked for in the order in which items are told.
            let requests = requests.clone();
            self.wait_for_room(&requests)?;
            self.receiver.submit(vec![job]);
            return Ok(());
        }
        let leaves_dir = self
            .batch
            .last()
            .is_some_and(|last| !Arc::ptr_eq(&last.dir, &job.dir));
        if leaves_dir && self.batch.len() >= BATCH_FOR_DIR {
            self.flush();
        }
        // Files in flight keep their directories open.
        if self.dirs_opened >= self.ctx.open_files.dirs {
            self.dirs_opened = 0;
            self.flush();
            self.receiver.drain();
        }
        self.batch_bytes += job.entry.entry().size;
        self.batch.push(job);
        if self.batch.len() >= BATCH_FILES || self.batch_bytes >= BATCH_BYTES {
            self.flush();
        }
        Ok(())
    }

    /// Waits until more may be asked for. Files in flight keep their directories open.
    fn wait_for_room(&mut self, requests: &Requests) -> Result<(), SessionError> {
        let most = MOST_ASKED.min(self.ctx.open_files.dirs as u64);
        let receiver = self.receiver.clone();
        while !requests.wait_for_room(most, || receiver.has_news()) {
            self.take_news()?;
        }
        Ok(())
    }

    fn flush(&mut self) {
        self.batch_bytes = 0;
        if !self.batch.is_empty() {
            let jobs = std::mem::take(&mut self.batch);
            self.receiver.submit(jobs);
        }
    }
}

/// A name's directory and last component, as bytes of their own.
fn split_owned(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (dir, name) = split(path);
    (dir.to_vec(), name.to_vec())
}
