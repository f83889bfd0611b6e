//! What the receiving side asks of a sender behind the wire, and how it keeps track of it: items and
//! requests in the generator's order, what has been answered, and which parts of the list are
//! done with.
// rsync: generator.c recv_generator(), itemize(), check_for_finished_files(); io.c
// got_flist_entry_status()

use super::agreement::Agreement;
use super::outlet::Outlet;
use crate::error::SessionError;
use crate::link::SegmentQueue;
use crate::narrator::ItemRecord;
use crate::receiver::signature::Compared;
use crate::receiver::xattrs::Standing;
use crate::receiver::{Attempt, Basis, Elsewhere, Job, Receiver};
use crate::segment::{EntryRef, Segment};
use crate::stats::KindCounts;
use crate::xattrs;
use delta::ChecksumKind;
use options::{DeleteWhen, Options};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::Ndx;
use wire::flist::xattr::{put_wanted, put_wanted_end};
use wire::item::{Basis as BasisKind, Item, ItemFlags};
use wire::message::MessageCode;
use wire::ndx::NdxWriter;

/// What is asked of a sender behind the wire.
pub(crate) struct Requests {
    outlet: Arc<Outlet>,
    queue: Arc<SegmentQueue>,
    agreement: Agreement,
    /// A batch file says what it says.
    is_replay: bool,
    /// Nothing is done with content. Nor does any come, but out of a batch file, or if all this is
    /// only for one.
    dry_run: bool,
    /// A batch file is all that comes of this session: content is asked for as if it were used.
    only_writes: bool,
    /// Values of extended attributes are asked for.
    xattrs: bool,
    /// Complete files wait for the end of all transfers.
    delays_updates: bool,
    /// Deletions come when everything else is done.
    deletes_late: bool,
    /// The other side is told how much was deleted.
    tells_deletions: bool,
    state: Mutex<State>,
}

struct State {
    numbers: NdxWriter,
    /// What was asked for and has not begun to come, by number.
    asked: HashMap<u32, Job>,
    /// What a dry run wants of a batch file, or for one, and has not met, by number.
    pretended: HashMap<u32, EntryRef>,
    /// Entries whose attributes are set when their items come back, in this order.
    late: VecDeque<(u32, Standing)>,
    /// How many transfers have not ended.
    under_way: u64,
    /// Somebody waits until there are fewer than this.
    room_below: u64,
    /// Parts of the list that are not done with, oldest first.
    parts: VecDeque<Part>,
    /// How many phases the other side has ended.
    phases_ended: usize,
    /// How many phases this side is through with asking in.
    phases_asked: usize,
    /// Everything that comes has come.
    all_read: bool,
    /// Why no more can be read.
    read_failure: Option<SessionError>,
}

/// How many items a batch file may owe.
const MOST_LATE: usize = 100;

/// A segment and how many of its transfers have not ended.
struct Part {
    ordinal: u64,
    under_way: u64,
    /// The generator is through with it.
    left: bool,
}

/// A part of the session, which both sides end together.
// rsync: sender.c send_files(), the variable `phase`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// What the list needs.
    List,
    /// What did not arrive as it should, again.
    Again,
}

/// What was wanted and does not come.
pub(crate) struct Missing {
    pub entry: EntryRef,
    /// Not in a dry run.
    pub job: Option<Job>,
}

impl Missing {
    fn of(job: Job) -> Missing {
        Missing {
            entry: job.entry.clone(),
            job: Some(job),
        }
    }
}

impl Requests {
    pub fn new(
        outlet: Arc<Outlet>,
        queue: Arc<SegmentQueue>,
        agreement: Agreement,
        options: &Options,
        is_replay: bool,
    ) -> Requests {
        Requests {
            outlet,
            queue,
            agreement,
            is_replay,
            dry_run: options.dry_run,
            only_writes: options.only_writes_batch(),
            xattrs: xattrs::are_exchanged(options),
            delays_updates: options.delay_updates,
            deletes_late: matches!(options.delete, Some(DeleteWhen::Delay | DeleteWhen::After)),
            tells_deletions: options.delete.is_some() || options.force_delete,
            state: Mutex::new(State {
                numbers: NdxWriter::new(agreement.protocol),
                asked: HashMap::new(),
                pretended: HashMap::new(),
                late: VecDeque::new(),
                under_way: 0,
                room_below: 0,
                parts: VecDeque::new(),
                phases_ended: 0,
                phases_asked: 0,
                all_read: false,
                read_failure: None,
            }),
        }
    }

    /// The checksum that the list has of files under `-c`.
    pub fn listed_kind(&self) -> ChecksumKind {
        self.agreement.list_checksum
    }

    /// Says what is done with an entry that needs no content, or of which none is wanted.
    pub fn item(&self, record: ItemRecord) {
        let mut out = Vec::new();
        let mut state = self.lock();
        let name = record.link_name.as_deref();
        self.put_item(
            &mut state,
            &mut out,
            &record.entry,
            record.flags.0,
            None,
            name,
        );
        // The generator alone sends data, but for the ends of parts: so this order is the wire's.
        drop(state);
        self.outlet.data(&out);
    }

    /// Says what would be asked for, were this no dry run; for a batch file alone, asks for it.
    pub fn pretend(&self, record: ItemRecord, receiver: &Receiver, compared: &Compared<'_>) {
        let mut out = Vec::new();
        let elsewhere = compared.elsewhere.filter(|_| compared.partial.is_none());
        let basis = match compared.partial {
            Some(_) => Some(BasisKind::PartialDir),
            None => elsewhere.map(|elsewhere| elsewhere.kind),
        };
        let basis = basis.filter(|_| self.only_writes);
        let name = elsewhere.and_then(Elsewhere::similar_name);
        let name = name.filter(|_| self.only_writes);
        {
            let mut state = self.lock();
            let (entry, flags) = (&record.entry, record.flags.0);
            self.put_item(&mut state, &mut out, entry, flags, basis, name);
        }
        if self.only_writes {
            receiver.put_signature(compared, &self.agreement, &mut out);
        }
        if self.only_writes || self.is_replay {
            let number = record.entry.wire_number();
            self.lock().pretended.insert(number, record.entry);
        }
        if self.is_replay {
            self.queue.ring();
        }
        self.outlet.data(&out);
    }

    fn put_item(
        &self,
        state: &mut State,
        out: &mut Vec<u8>,
        entry: &EntryRef,
        flags: u16,
        basis: Option<BasisKind>,
        name: Option<&[u8]>,
    ) {
        let flags = ItemFlags(flags);
        if !self.agreement.protocol.has_items() && !flags.contains(ItemFlags::TRANSFER) {
            return;
        }
        state.numbers.put(out, Ndx::File(entry.wire_number()));
        let item = Item {
            flags,
            basis,
            name: name.map(<[u8]>::to_vec),
        };
        item.put(out, self.agreement.protocol);
        if self.xattrs && item.xattrs_follow(self.agreement.protocol) {
            let mut prior = 0;
            for wanted in entry.entry().xattrs().iter().flat_map(|x| x.take_wanted()) {
                put_wanted(out, &mut prior, wanted.number);
            }
            put_wanted_end(out);
        }
    }

    /// Expects an item to come back, with the values of attributes that are then set.
    pub fn expect_xattrs(&self, entry: &EntryRef, at: Standing) {
        let mut state = self.lock();
        if self.is_replay && state.late.len() >= MOST_LATE {
            // What a batch file does not have never comes.
            state.late.pop_front();
        }
        state.late.push_back((entry.wire_number(), at));
        drop(state);
        if self.is_replay {
            self.queue.ring();
        }
    }

    /// Where the attributes are to be set of an entry whose item came back. Those that should have come
    /// before it do not come any more.
    pub fn take_late(&self, number: u32) -> Option<Standing> {
        let mut state = self.lock();
        let at = state.late.iter().position(|(late, _)| *late == number)?;
        let mut taken = state.late.drain(..=at);
        let found = taken.next_back().map(|(_, at)| at);
        drop(taken);
        let is_news = state.waits() < state.room_below;
        if is_news {
            state.room_below = 0;
        }
        drop(state);
        if is_news {
            self.queue.ring();
        }
        found
    }

    /// Asks for a file's content, with the sums of what is there already.
    pub fn ask(&self, receiver: &Arc<Receiver>, job: Job) {
        let mut out = Vec::new();
        let number = job.entry.wire_number();
        let (basis, name) = match &job.basis {
            Basis::Existing => (None, None),
            Basis::Partial(_) => (Some(BasisKind::PartialDir), None),
            Basis::Elsewhere(elsewhere) => (Some(elsewhere.kind), elsewhere.similar_name()),
        };
        {
            let mut state = self.lock();
            self.put_item(&mut state, &mut out, &job.entry, job.flags.0, basis, name);
        }
        let first = job.attempt == Attempt::First;
        if !self.is_replay {
            receiver.put_signature(&job.compared(), &self.agreement, &mut out);
        }
        {
            let mut state = self.lock();
            if first {
                state.under_way += 1;
                if let Some(part) = state.part(job.entry.segment.ordinal()) {
                    part.under_way += 1;
                }
            }
            state.asked.insert(number, job);
        }
        if self.is_replay {
            self.queue.ring();
        }
        self.outlet.data(&out);
    }

    /// The job of which the content comes now. `None`: nobody asked for it.
    pub fn take(&self, number: u32) -> Option<Job> {
        self.lock().asked.remove(&number)
    }

    /// Whether a dry run wants the content that comes now.
    pub fn take_pretended(&self, number: u32) -> bool {
        self.lock().pretended.remove(&number).is_some()
    }

    /// Whether a batch file takes the sender's place.
    pub fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// Waits until this side knows whether it wants the content of a number that is in a batch file:
    /// it may not have come so far. Meanwhile it may want others that would have come before; they
    /// are not in the file, and the caller comes again when they are given up.
    // rsync: receiver.c gen_wants_ndx(), we_want_redo()
    pub fn wait_to_know(&self, number: u32, ordinal: u64) -> Vec<Missing> {
        self.wait_or_miss(number, |state| {
            let has_left = || match state.parts.front() {
                Some(first) => ordinal
                    .checked_sub(first.ordinal)
                    .is_none_or(|at| state.parts.get(at as usize).is_some_and(|part| part.left)),
                None => true,
            };
            state.asked.contains_key(&number)
                || state.late.iter().any(|(late, _)| *late == number)
                || state.pretended.contains_key(&number)
                || (state.phases_ended == 0 && has_left())
                || state.phases_asked > state.phases_ended
        })
    }

    /// Waits until this side is through with asking in the phase that a batch file ends, in the same
    /// way.
    pub fn wait_for_all_asked(&self) -> Vec<Missing> {
        self.wait_or_miss(u32::MAX, |state| {
            // Those after the second are not asked in.
            state.phases_asked > state.phases_ended.min(1)
        })
    }

    fn wait_or_miss(&self, below: u32, is_over: impl Fn(&State) -> bool) -> Vec<Missing> {
        self.queue.wait_until(|| {
            let state = self.lock();
            let mut wanted = state.asked.keys().chain(state.pretended.keys());
            let misses = wanted.any(|wanted| *wanted < below);
            misses || is_over(&state) || state.read_failure.is_some()
        });
        let mut state = self.lock();
        let asked = state.asked.extract_if(|number, _| *number < below);
        let mut missing: Vec<Missing> = asked.map(|(_, job)| Missing::of(job)).collect();
        let pretended = state.pretended.extract_if(|number, _| *number < below);
        missing.extend(pretended.map(|(_, entry)| Missing { entry, job: None }));
        missing.sort_by_key(|missing| missing.entry.number());
        missing
    }

    /// The other side can send nothing of what was asked for and has not come: it would have come
    /// by now. What was asked for again before a first phase ended comes in the second.
    pub fn take_unanswered(&self, phase: Phase) -> Vec<Missing> {
        let mut state = self.lock();
        let late = |job: &Job| phase == Phase::List && job.attempt == Attempt::Again;
        let unanswered = state.asked.extract_if(|_, job| !late(job));
        let mut missing: Vec<Missing> = unanswered.map(|(_, job)| Missing::of(job)).collect();
        missing.sort_by_key(|missing| missing.entry.number());
        missing
    }

    /// A name waits for another one's transfer.
    pub fn hold(&self, entry: &EntryRef) {
        let mut state = self.lock();
        state.under_way += 1;
        if let Some(part) = state.part(entry.segment.ordinal()) {
            part.under_way += 1;
        }
    }

    /// How many transfers have not ended, and how many names wait for one.
    pub fn under_way(&self) -> u64 {
        self.lock().under_way
    }

    /// A transfer ended for good.
    pub fn ended(&self, entry: &EntryRef) {
        let mut state = self.lock();
        state.under_way = state.under_way.saturating_sub(1);
        if let Some(part) = state.part(entry.segment.ordinal()) {
            part.under_way = part.under_way.saturating_sub(1);
        }
        self.end_parts(&mut state);
        // For the rest nobody waits, and waking somebody for nothing is dear.
        let is_news = state.under_way == 0 || (state.waits() < state.room_below);
        if is_news {
            state.room_below = 0;
        }
        drop(state);
        if is_news {
            self.queue.ring();
        }
    }

    /// A part of the list begins: nothing of it has been asked for.
    pub fn begin(&self, segment: &Segment) {
        self.lock().parts.push_back(Part {
            ordinal: segment.ordinal(),
            under_way: 0,
            left: false,
        });
    }

    /// The generator is through with a segment.
    pub fn leave(&self, segment: &Arc<Segment>) {
        let mut state = self.lock();
        if let Some(part) = state.part(segment.ordinal()) {
            part.left = true;
        }
        self.end_parts(&mut state);
        drop(state);
        if self.is_replay {
            self.queue.ring();
        }
    }

    /// Tells the other side which parts of an incremental list are done with.
    fn end_parts(&self, state: &mut State) {
        if !self.agreement.protocol.is_incremental() {
            return;
        }
        while let Some(part) = state.parts.front()
            && part.left
            && part.under_way == 0
        {
            state.parts.pop_front();
            let mut out = Vec::new();
            state.numbers.put(&mut out, Ndx::Done);
            // Not waiting: whoever ends a transfer may be the one who reads.
            self.outlet.late_data(&out);
        }
    }

    /// Says that nothing more is asked for in this phase.
    // rsync: generator.c generate_files(), EARLY_DELAY_DONE_MSG, EARLY_DELETE_DONE_MSG
    pub fn end_phase(&self, phase: Phase, deleted: &KindCounts) {
        let protocol = self.agreement.protocol;
        let mut out = Vec::new();
        let mut state = self.lock();
        state.phases_asked += 1;
        match phase {
            // The end of the last part says it.
            Phase::List if protocol.is_incremental() => {}
            Phase::List => state.numbers.put(&mut out, Ndx::Done),
            Phase::Again => {
                state.numbers.put(&mut out, Ndx::Done);
                // Where nothing is held back until the end of the session, that phase ends too.
                let delays = self.delays_updates;
                if protocol.has_items() && !delays {
                    state.numbers.put(&mut out, Ndx::Done);
                }
                if protocol.has_late_errors() && !self.deletes_late {
                    self.put_deleted(&mut state, &mut out, deleted);
                    if !delays {
                        state.numbers.put(&mut out, Ndx::Done);
                    }
                }
            }
        }
        drop(state);
        if self.is_replay {
            self.queue.ring();
        }
        self.outlet.data(&out);
        self.outlet.flush();
    }

    /// Says that what was held back until all had arrived is in its place.
    // rsync: generator.c generate_files(), the phase for --delay-updates
    pub fn end_delayed(&self) {
        let protocol = self.agreement.protocol;
        let mut out = Vec::new();
        let mut state = self.lock();
        if protocol.has_items() {
            state.numbers.put(&mut out, Ndx::Done);
            if protocol.has_late_errors() && !self.deletes_late {
                state.numbers.put(&mut out, Ndx::Done);
            }
        }
        drop(state);
        self.outlet.data(&out);
        self.outlet.flush();
    }

    fn put_deleted(&self, state: &mut State, out: &mut Vec<u8>, deleted: &KindCounts) {
        if self.tells_deletions {
            state.numbers.put(out, Ndx::Deletions);
            super::stats::deletions(deleted).put(out);
        }
    }

    /// Waits until the other side has answered everything of this phase, or there is news. True if
    /// everything is answered.
    pub fn wait_for(&self, phase: Phase, has_news: impl Fn() -> bool) -> bool {
        self.outlet.flush();
        let answered = || {
            let state = self.lock();
            state.under_way == 0 && state.phases_ended > phase as usize
        };
        let failed = || self.read_failure().is_some() || self.is_in_vain();
        self.queue
            .wait_until(|| answered() || has_news() || failed());
        answered()
    }

    /// The other side has ended the session, and something was asked for that it will never answer.
    pub fn is_in_vain(&self) -> bool {
        let state = self.lock();
        state.all_read && !state.asked.is_empty()
    }

    /// The other side has ended a phase.
    pub fn phase_ended(&self) {
        let mut state = self.lock();
        state.phases_ended += 1;
        // What did not come back by now never does.
        state.late.clear();
        drop(state);
        self.queue.ring();
    }

    /// Nothing more can be read, which has been told.
    pub fn fail(&self, error: SessionError) {
        self.lock().read_failure.get_or_insert(error);
        self.queue.end(false);
        self.queue.ring();
    }

    /// Why nothing more can be read, if that is so.
    pub fn read_failure(&self) -> Option<SessionError> {
        self.lock().read_failure
    }

    /// Everything that comes has come.
    pub fn all_read(&self) {
        self.lock().all_read = true;
        self.queue.ring();
    }

    /// Ends the session with the other side: when deletions that come last are told, and it has
    /// nothing more to say.
    // rsync: generator.c generate_files(), main.c do_recv()
    pub fn goodbye(&self, deleted: &KindCounts) {
        let protocol = self.agreement.protocol;
        let mut out = Vec::new();
        if protocol.has_late_errors() && self.deletes_late {
            let mut state = self.lock();
            self.put_deleted(&mut state, &mut out, deleted);
            state.numbers.put(&mut out, Ndx::Done);
        }
        self.outlet.data(&out);
        self.outlet.flush();
        let is_over = || {
            let state = self.lock();
            state.all_read || state.read_failure.is_some()
        };
        self.queue.wait_until(is_over);
        out.clear();
        self.lock().numbers.put(&mut out, Ndx::Done);
        self.outlet.data(&out);
        self.outlet.flush();
    }

    /// The source of this entry is safely at the destination, and may be removed.
    pub fn remove_source(&self, entry: &EntryRef) {
        let number = entry.wire_number().to_le_bytes();
        self.outlet.message(MessageCode::Success, &number);
    }

    /// Waits while much is on its way to the other side. Not for those who read.
    pub fn keep_pace(&self) {
        self.outlet.wait_for_room();
    }

    /// Sends off what was asked for.
    pub fn flush(&self) {
        self.outlet.flush();
    }

    /// Waits until there is room for more in memory, and among the directories that are open; or for
    /// news. True if there is room.
    pub fn wait_for_room(&self, most: u64, has_news: impl Fn() -> bool) -> bool {
        let has_room = || {
            let state = self.lock();
            let waits = if self.is_replay {
                state.under_way
            } else {
                state.waits()
            };
            waits < most || state.read_failure.is_some() || state.all_read
        };
        if has_room() {
            return true;
        }
        // When it waits, it waits for room for many.
        self.lock().room_below = most - most / 4;
        self.outlet.flush();
        self.queue.wait_until(|| has_room() || has_news());
        has_room()
    }

    /// Whether this session only becomes a batch file.
    pub fn only_writes(&self) -> bool {
        self.only_writes
    }

    /// Whether content is only pretended to be transferred.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many transfers and items are awaited, which keep directories open.
    fn waits(&self) -> u64 {
        self.under_way + self.late.len() as u64
    }

    /// A part by its segment's number, unless it is done with.
    fn part(&mut self, ordinal: u64) -> Option<&mut Part> {
        let at = ordinal.checked_sub(self.parts.front()?.ordinal)?;
        self.parts.get_mut(at as usize)
    }
}
