//! Puts what happens on several threads into the order in which rsync tells it.
//!
//! The generator decides entry by entry, in list order, and several files are copied at once.
//! Each entry worth a line takes a place in a queue when the generator decides on it; the line
//! is told when the entry is done and everything before it has been told.
//!
//! rsync's generator sends its messages (deletions, notices) ahead of the items that wait in
//! its output buffer, so that within one buffer's worth all messages come first. The narrator
//! keeps that order: items wait until their *window* closes, messages only for the windows before.
// rsync: io.c perform_io() (iobuf.msg goes before iobuf.out), log.c maybe_log_item()

mod telling;

use crate::event::{Event, EventSink, FileList, Message, Progress, Role, Severity, Stage, Totals};
use crate::item::ItemFlags;
use crate::segment::EntryRef;
use delta::Digest;
use options::{LineTime, Options};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tree::entry::Entry;

/// Tells a session's events in rsync's order.
pub(crate) struct Narrator {
    sink: Arc<dyn EventSink>,
    state: Mutex<State>,
    /// Nobody looks at items or progress: they need not be queued at all.
    silent: bool,
    /// Somebody looks at all files in flight.
    live: bool,
    /// Somebody looks at the parts of the list.
    tells_parts: bool,
    lines_before_transfer: bool,
    /// How much an open window holds.
    window: usize,
    itemize: u8,
    name_level: u8,
    source_dirs: Mutex<Vec<Arc<[u8]>>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Place>,
    /// The number of the queue's first place.
    first: u64,
    /// Places below this number belong to closed windows.
    closed: u64,
    /// What the items of the open window would weigh in rsync's output buffer.
    window_bytes: usize,
    totals: Totals,
    /// What is told when the items before this number have been.
    notices: VecDeque<(u64, Notice)>,
    /// Parts of the list that are done when the items before this number have been told: with the
    /// number of entries up to their end.
    part_ends: VecDeque<(u64, u64, Totals)>,
    /// What is told when all items have been.
    late: Vec<(PlaceId, Notice)>,
}

/// What waits for items.
enum Notice {
    Message(Message),
    Deleted(Box<[u8]>, u32),
}

/// An item's place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PlaceId(Option<u64>);

impl PlaceId {
    /// No place: nothing is told.
    pub const NONE: PlaceId = PlaceId(None);
}

/// What is known of an item when the generator decides on it.
#[derive(Debug)]
pub(crate) struct ItemRecord {
    pub entry: EntryRef,
    pub flags: ItemFlags,
    pub link_name: Option<Box<[u8]>>,
    /// The checksum of the list, under `-c`, where `%C` is shown.
    pub checksum: Option<Digest>,
}

/// What came of a file's transfer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    pub bytes: u64,
    pub sent_bytes: u64,
    pub checksum_bytes: u64,
    pub checksum: Option<Digest>,
}

struct Place {
    record: ItemRecord,
    state: PlaceState,
    /// Its `Started` progress has been told.
    announced: bool,
}

impl Place {
    /// How many entries of the list come after this one.
    fn to_check(&self, totals: Totals) -> u64 {
        totals
            .files_known
            .saturating_sub(self.record.entry.number() + 1)
    }
}

#[derive(Clone, Copy)]
enum PlaceState {
    Waiting,
    Moving,
    Done(Moved),
    Failed,
    /// A line without a transfer.
    Line,
}

/// In which order things are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// In the order in which a local rsync's processes tell them.
    OfRsync,
    /// As they come: a wire has its own order.
    AsItComes,
}

/// What rsync's output buffer holds.
const WINDOW: usize = 32 * 1024;

impl Narrator {
    pub fn new(sink: Arc<dyn EventSink>, options: &Options, order: Order) -> Narrator {
        let lines = options.out_format.is_some() || options.log_file.is_some() || options.json;
        let progress = options.info.progress > 0;
        let before = !options.json
            && options
                .out_format
                .as_ref()
                .is_some_and(|f| f.when == LineTime::Before);
        Narrator {
            sink,
            state: Mutex::default(),
            silent: !lines && !progress,
            tells_parts: options.info.progress >= 2 && !options.json,
            live: options.progress_bar || (options.json && progress),
            lines_before_transfer: before,
            window: match order {
                Order::OfRsync => WINDOW,
                Order::AsItComes => 0,
            },
            itemize: options.itemize(),
            name_level: options.info.name,
            source_dirs: Mutex::default(),
        }
    }

    /// Tells a message, as soon as its turn comes.
    pub fn message(&self, message: Message) {
        let mut state = self.lock();
        // The generator's notices follow the items of the windows before; errors, and what comes
        // from elsewhere, wait for nothing.
        let follows = self.window > 0
            && message.role == Role::Generator
            && matches!(message.severity, Severity::Info | Severity::Client);
        if follows && state.first < state.closed {
            let after = state.closed;
            state.notices.push_back((after, Notice::Message(message)));
        } else {
            self.sink.event(Event::Message(&message));
        }
    }

    /// Tells a message of the receiver's about an item's transfer: rsync's receiver is heard when
    /// the items that are on their way have been told.
    pub fn message_after(&self, place: PlaceId, message: Message) {
        if self.silent {
            return self.message(message);
        }
        let mut state = self.lock();
        state.late.push((place, Notice::Message(message)));
        self.tell(&mut state);
    }

    /// Tells at once how the making of the list goes.
    pub fn file_list(&self, event: FileList) {
        let _order = self.lock();
        self.sink.event(Event::FileList(event));
    }

    /// Tells something at once.
    pub fn direct(&self, event: Event<'_>) {
        let _order = self.lock();
        self.sink.event(event);
    }

    /// Tells a deletion, as soon as its turn comes.
    pub fn deleted(&self, name: &[u8], mode: u32) {
        let mut state = self.lock();
        if self.window > 0 && state.first < state.closed {
            let after = state.closed;
            state
                .notices
                .push_back((after, Notice::Deleted(name.into(), mode)));
        } else {
            self.sink.event(Event::Deleted { name, mode });
        }
    }

    /// Tells a deletion of the receiver's, see [`Self::message_after`].
    pub fn deleted_after(&self, place: PlaceId, name: &[u8], mode: u32) {
        if self.silent {
            return self.deleted(name, mode);
        }
        let mut state = self.lock();
        state.late.push((place, Notice::Deleted(name.into(), mode)));
        self.tell(&mut state);
    }

    /// Numbers a source directory, whose name items show with `%f`.
    pub fn source_dir(&self, number: u32, name: &[u8]) {
        let mut dirs = self
            .source_dirs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let number = number as usize;
        if dirs.len() <= number {
            dirs.resize(number + 1, Arc::default());
        }
        dirs[number] = name.into();
    }

    /// Tells an item that needs no transfer, if rsync would.
    // rsync: log.c maybe_log_item()
    pub fn item(&self, record: ItemRecord) {
        let significant = record.flags.is_significant();
        let linked = record.link_name.as_ref().is_some_and(|n| !n.is_empty());
        let itemized =
            self.itemize > 0 && (significant || linked || self.itemize > 1 || self.name_level >= 2);
        let local_change = record.flags.contains(ItemFlags::LOCAL_CHANGE) && significant;
        let wanted =
            itemized || local_change || linked || (record.entry.entry().is_dir() && significant);
        let weight = 3 + record.link_name.as_ref().map_or(0, |n| n.len() + 1);
        self.enqueue(
            record,
            weight,
            if wanted {
                PlaceState::Line
            } else {
                PlaceState::Failed
            },
        );
    }

    /// Tells an item whose transfer is only pretended.
    pub fn pretended(&self, record: ItemRecord) {
        self.enqueue(record, 3, PlaceState::Line);
    }

    /// Takes a place for an item whose transfer begins soon.
    pub fn transfer(&self, record: ItemRecord) -> PlaceId {
        self.enqueue(record, 3 + 16, PlaceState::Waiting)
    }

    fn enqueue(&self, record: ItemRecord, weight: usize, state: PlaceState) -> PlaceId {
        if self.silent {
            return PlaceId(None);
        }
        let mut queue = self.lock();
        let id = queue.first + queue.queue.len() as u64;
        queue.queue.push_back(Place {
            record,
            state,
            announced: false,
        });
        queue.window_bytes += weight;
        if queue.window_bytes >= self.window {
            self.close(&mut queue);
        }
        PlaceId(Some(id))
    }

    /// The generator is through with a part of the list, up to this number of entries.
    // rsync: sender.c send_files(), NDX_DONE
    pub fn part_end(&self, entries: u64, totals: impl FnOnce() -> Totals) {
        if self.tells_parts {
            let mut state = self.lock();
            let after = state.first + state.queue.len() as u64;
            state.part_ends.push_back((after, entries, totals()));
            self.tell(&mut state);
        }
    }

    /// Lets the items of this window be told.
    pub fn close_window(&self) {
        if !self.silent {
            self.close(&mut self.lock());
        }
    }

    fn close(&self, state: &mut State) {
        state.closed = state.first + state.queue.len() as u64;
        state.window_bytes = 0;
        self.tell(state);
    }

    /// Whether anybody looks at all files in flight and at the counters.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Tells where the session stands.
    pub fn totals(&self, totals: impl FnOnce() -> Totals) {
        if self.live {
            let _order = self.lock();
            self.sink.event(Event::Totals(&totals()));
        }
    }

    /// A file's content is about to move.
    pub fn begin(&self, place: PlaceId, entry: &Entry, totals: impl FnOnce() -> Totals) {
        let change = |place: &mut Place| place.state = PlaceState::Moving;
        self.update(place, change, entry, Stage::Started, 0, totals);
    }

    /// A file's content has moved this far.
    pub fn moving(
        &self,
        place: PlaceId,
        entry: &Entry,
        offset: u64,
        totals: impl FnOnce() -> Totals,
    ) {
        if self.silent && !self.live {
            return;
        }
        // The counters are read in order, so that they never go backwards.
        let mut state = self.lock();
        let mut totals = totals();
        self.flight(entry, Stage::Moving, offset, totals);
        state.totals = totals;
        if place.0 != Some(state.first) || state.first >= state.closed {
            return;
        }
        totals.files_to_check = state.queue[0].to_check(totals);
        self.sink.event(Event::Progress(&Progress {
            entry,
            stage: Stage::Moving,
            offset,
            size: entry.size,
            totals,
        }));
    }

    /// A file's transfer ended: well, with what moved, or badly, with nothing to tell.
    pub fn end(
        &self,
        place: PlaceId,
        entry: &Entry,
        moved: Option<Moved>,
        totals: impl FnOnce() -> Totals,
    ) {
        let state = moved.map_or(PlaceState::Failed, PlaceState::Done);
        let change = |place: &mut Place| place.state = state;
        self.update(place, change, entry, Stage::Finished, entry.size, totals);
    }

    fn update(
        &self,
        place: PlaceId,
        change: impl FnOnce(&mut Place),
        entry: &Entry,
        stage: Stage,
        offset: u64,
        totals: impl FnOnce() -> Totals,
    ) {
        if self.silent && !self.live {
            return;
        }
        let mut state = self.lock();
        let totals = totals();
        self.flight(entry, stage, offset, totals);
        let PlaceId(Some(id)) = place else { return };
        let at = (id - state.first) as usize;
        change(&mut state.queue[at]);
        state.totals = totals;
        self.tell(&mut state);
    }

    fn flight(&self, entry: &Entry, stage: Stage, offset: u64, totals: Totals) {
        if self.live {
            self.sink.event(Event::Flight(&Progress {
                entry,
                stage,
                offset,
                size: entry.size,
                totals,
            }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
