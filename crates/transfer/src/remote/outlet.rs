//! The one writer of the stream to the other side: a thread that takes what the roles have to say
//! and writes it, in frames once the stream carries messages too.
//!
//! *Reading never waits on writing* is the rule that keeps two programs from waiting for each other
//! for ever. So what a reader says ([`Outlet::message`]) is always taken; only data, which those
//! send who do not read, waits while much is queued.
// rsync: io.c perform_io(), send_msg(), maybe_send_keepalive(), sleep_for_bwlimit()

use crate::control::Control;
use fast_io::Buffer;
use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use wire::message::{HEADER, MAX_FRAME, MessageCode};
use wire::token::literals;

/// How much data may be queued.
const AT_MOST: usize = 4 * 1024 * 1024;
/// How much may be queued of what never waits.
const LATE_AT_MOST: usize = 64 * 1024 * 1024;
/// Small pieces of data are put together up to this size.
const CHUNK: usize = 128 * 1024;
/// How many chunks are kept for more: as many as there can be at once.
const SPARE: usize = AT_MOST / CHUNK;
/// So much is worth waking the writer for; less waits until somebody flushes.
const WORTH_WRITING: usize = 64 * 1024;

/// Where the roles put what is for the other side.
pub(crate) struct Outlet {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// There is something to write.
    wanted: Condvar,
    /// There is room, or nothing more to wait for.
    room: Condvar,
    written: AtomicU64,
    /// Is told of whatever is written.
    alive: OnceLock<Arc<Control>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Chunk>,
    /// Chunks that were written, to be filled again: memory that is new each time has to be made by
    /// the system, page by page.
    spare: Vec<Vec<u8>>,
    bytes: usize,
    /// Bytes that were ever queued, headers included.
    accepted: u64,
    /// How many of them are for the copy alone.
    aside: u64,
    /// Bytes that were taken from the queue, and up to where they are wanted on their way.
    taken: u64,
    wanted: u64,
    /// The writer waits for something to write, and how many wait for room: waking nobody is a
    /// system call too.
    idle: bool,
    crowded: usize,
    /// Data goes in frames.
    framed: bool,
    ended: bool,
    /// The session is stopped: nobody waits for room any more, data is dropped, messages are not.
    hurried: bool,
    /// The writer is through, and has let go of the stream.
    closed: bool,
    lost: Option<io::ErrorKind>,
    /// Is told when this side gives the other up.
    on_given_up: Option<Box<dyn Fn() + Send>>,
    /// How long nothing may be said.
    lull: Option<Duration>,
}

enum Chunk {
    /// As it is: before there are frames.
    Raw(Vec<u8>),
    Data(Vec<u8>),
    /// Content that crosses as it is: literals, whose numbers are made where they are written.
    Literals(Buffer),
    /// With its header.
    Message(Vec<u8>),
    /// From here on data goes here too.
    Copy(Box<dyn Write + Send>),
    /// For the copy alone.
    Aside(Vec<u8>),
}

impl Chunk {
    fn len(&self) -> usize {
        match self {
            Chunk::Raw(bytes)
            | Chunk::Data(bytes)
            | Chunk::Message(bytes)
            | Chunk::Aside(bytes) => bytes.len(),
            Chunk::Copy(_) => 0,
            Chunk::Literals(buffer) => {
                buffer.len() + 4 * buffer.len().div_ceil(wire::token::MAX_LITERAL)
            }
        }
    }
}

/// How fast may be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Bytes a second.
    pub bytes_per_second: u64,
}

impl Outlet {
    /// Starts the writer.
    pub fn start(to: Box<dyn Write + Send>, pace: Option<Pace>) -> io::Result<Outlet> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wanted: Condvar::new(),
            room: Condvar::new(),
            written: AtomicU64::new(0),
            alive: OnceLock::new(),
        });
        let writer = Writer {
            shared: shared.clone(),
            to,
            brake: pace.map(Brake::new),
            copy: None,
            said: Instant::now(),
        };
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || writer.run())?;
        Ok(Outlet { shared })
    }

    /// From here on data goes in frames, and messages may go between them.
    pub fn start_frames(&self) {
        self.shared.lock().framed = true;
    }

    /// From here on data goes as it is, and messages are dropped.
    pub fn pause_frames(&self) {
        self.shared.lock().framed = false;
    }

    /// Queues the last data that goes as it is: from then on it goes in frames. That is one step,
    /// for what answers this data may be on its way before it is over.
    pub fn data_before_frames(&self, bytes: &[u8]) {
        let Some(mut state) = self.room() else {
            return;
        };
        state.count(bytes.len());
        state.queue.push_back(Chunk::Raw(bytes.to_vec()));
        state.framed = true;
        self.wake(&mut state);
    }

    /// Whether messages may go.
    pub fn has_frames(&self) -> bool {
        self.shared.lock().framed
    }

    /// From here on `control` is told of whatever is written, but for what only keeps it alive.
    pub fn keeps_alive(&self, control: Arc<Control>) {
        self.shared.alive.get_or_init(|| control);
    }

    /// From here on an empty frame is sent when nothing else was for so long.
    pub fn keep_alive(&self, lull: Duration) {
        self.shared.lock().lull = Some(lull);
        self.shared.wanted.notify_one();
    }

    /// All data that is queued from here on is written to `copy` too (`--write-batch`).
    pub fn copy_to(&self, copy: Box<dyn Write + Send>) {
        self.shared.lock().queue.push_back(Chunk::Copy(copy));
    }

    /// Queues what is for the copy alone; waits while much is queued.
    pub fn aside(&self, bytes: Vec<u8>) {
        let Some(mut state) = self.room() else {
            return;
        };
        state.count(bytes.len());
        state.aside += bytes.len() as u64;
        state.queue.push_back(Chunk::Aside(bytes));
        self.wake(&mut state);
    }

    /// Queues data; waits while much is queued. Pieces that belong together must come together if
    /// others send data too.
    pub fn data(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let Some(mut state) = self.room() else {
            return;
        };
        state.count(bytes.len());
        let framed = state.framed;
        match (state.queue.back_mut(), framed) {
            (Some(Chunk::Data(last)), true) | (Some(Chunk::Raw(last)), false)
                if last.len() + bytes.len() <= CHUNK =>
            {
                last.extend_from_slice(bytes);
            }
            _ => {
                let mut chunk = state.spare.pop().unwrap_or_default();
                chunk.reserve(bytes.len().max(CHUNK));
                chunk.extend_from_slice(bytes);
                state.push_data(chunk);
            }
        }
        if state.bytes >= WORTH_WRITING && state.idle {
            self.shared.wanted.notify_one();
        }
    }

    /// Queues data that is large enough to go on its own.
    pub fn owned_data(&self, bytes: Vec<u8>) {
        let Some(mut state) = self.room() else {
            return;
        };
        state.count(bytes.len());
        state.push_data(bytes);
        self.wake(&mut state);
    }

    /// Queues content that is not compressed, without a copy of it.
    pub fn literals(&self, content: Buffer) {
        let Some(mut state) = self.room() else {
            return;
        };
        let chunk = Chunk::Literals(content);
        state.count(chunk.len());
        state.queue.push_back(chunk);
        self.wake(&mut state);
    }

    /// Waits while much is queued: whoever has a great many messages for the other side, and does not
    /// read, does so between them.
    pub fn wait_for_room(&self) {
        drop(self.room());
    }

    /// Queues a message. Never waits.
    pub fn message(&self, code: MessageCode, payload: &[u8]) {
        let mut state = self.shared.lock();
        if !state.framed || !state.takes_late() {
            return;
        }
        let mut framed = Vec::with_capacity(HEADER + payload.len());
        framed.extend(code.header(payload.len()));
        framed.extend_from_slice(payload);
        state.count(framed.len());
        state.queue.push_back(Chunk::Message(framed));
        self.wake(&mut state);
    }

    /// Queues data that is not counted against the bound. Never waits: for those who read.
    pub fn late_data(&self, bytes: &[u8]) {
        let mut state = self.shared.lock();
        if state.takes_late() {
            state.count(bytes.len());
            state.push_data(bytes.to_vec());
            self.wake(&mut state);
        }
    }

    /// Has everything queued written soon: whoever is about to wait for an answer says so.
    pub fn flush(&self) {
        let mut state = self.shared.lock();
        if !state.queue.is_empty() {
            self.wake(&mut state);
        }
    }

    /// Writes what is queued, and ends the stream. With a bound, what the other side has not taken by
    /// then stays unwritten.
    pub fn end(&self, at_most: Option<Duration>) {
        let mut state = self.shared.lock();
        state.ended = true;
        self.shared.wanted.notify_one();
        let deadline = at_most.map(|most| Instant::now() + most);
        while !state.closed {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            state = match left {
                // Nothing more is written, whether or not the writer comes back.
                _ if state.lost.is_some() => return,
                None => {
                    let waited = self.shared.room.wait(state);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
                // The writer is stuck in a write, and is left to it.
                Some(left) if left.is_zero() => return,
                Some(left) => {
                    let waited = self.shared.room.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Keeps nobody waiting any more: the session is stopped.
    pub fn hurry(&self) {
        self.shared.lock().hurried = true;
        self.shared.room.notify_all();
    }

    /// Drops what is queued: nobody will read it.
    pub fn abandon(&self) {
        self.shared.lock().lose(io::ErrorKind::BrokenPipe);
        self.shared.room.notify_all();
        self.shared.wanted.notify_one();
    }

    /// Whether the other side takes nothing any more.
    pub fn is_lost(&self) -> bool {
        self.shared.lock().lost.is_some()
    }

    /// `tell` is called when this side gives the other up: it must not wait for anything.
    pub fn on_given_up(&self, tell: impl Fn() + Send + 'static) {
        self.shared.lock().on_given_up = Some(Box::new(tell));
    }

    /// Whether this side gave the other up, which need not know: it is still there.
    pub fn is_given_up(&self) -> bool {
        let given_up = [io::ErrorKind::WouldBlock, io::ErrorKind::Other];
        let lost = self.shared.lock().lost;
        lost.is_some_and(|why| given_up.contains(&why))
    }

    /// Bytes written so far, headers included.
    pub fn written(&self) -> u64 {
        self.shared.written.load(Ordering::Relaxed)
    }

    /// Bytes written or queued so far, but for those that go aside.
    pub fn accepted(&self) -> u64 {
        let state = self.shared.lock();
        state.accepted - state.aside
    }

    /// The state, once there is room. `None` if nothing is taken any more.
    fn room(&self) -> Option<MutexGuard<'_, State>> {
        let mut state = self.shared.lock();
        while state.bytes >= AT_MOST && state.lost.is_none() && !state.hurried {
            self.wake(&mut state);
            state.crowded += 1;
            state = self
                .shared
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.crowded -= 1;
        }
        (state.lost.is_none() && !state.hurried).then_some(state)
    }

    fn wake(&self, state: &mut State) {
        state.wanted = state.accepted;
        if state.idle {
            self.shared.wanted.notify_one();
        }
    }
}

impl State {
    fn lose(&mut self, why: io::ErrorKind) {
        self.lost.get_or_insert(why);
        self.queue.clear();
        self.bytes = 0;
    }

    fn give_up(&mut self, why: io::ErrorKind) {
        let is_news = self.lost.is_none();
        self.lose(why);
        if let (Some(tell), true) = (&self.on_given_up, is_news) {
            tell();
        }
    }

    /// Whether there is room for what never waits. A side that takes nothing of so much is lost.
    fn takes_late(&mut self) -> bool {
        if self.bytes >= LATE_AT_MOST {
            self.give_up(io::ErrorKind::WouldBlock);
        }
        self.lost.is_none()
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.accepted += bytes as u64;
    }

    fn keep(&mut self, mut chunk: Vec<u8>) {
        if chunk.capacity() == CHUNK && self.spare.len() < SPARE {
            chunk.clear();
            self.spare.push(chunk);
        }
    }

    fn push_data(&mut self, bytes: Vec<u8>) {
        self.queue.push_back(if self.framed {
            Chunk::Data(bytes)
        } else {
            Chunk::Raw(bytes)
        });
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Writer {
    shared: Arc<Shared>,
    to: Box<dyn Write + Send>,
    brake: Option<Brake>,
    copy: Option<Box<dyn Write + Send>>,
    /// When something was last said to the other side.
    said: Instant,
}

impl Writer {
    fn run(mut self) {
        let written = catch_unwind(AssertUnwindSafe(|| self.write_queue()));
        if written.is_err() {
            // Its panic has been told. Nobody may wait for room that never comes.
            self.shared.lock().give_up(io::ErrorKind::Other);
        }
        let Writer {
            shared, to, copy, ..
        } = self;
        drop(copy);
        // The other side sees the end before anybody here does.
        drop(to);
        shared.lock().closed = true;
        shared.room.notify_all();
    }

    fn write_queue(&mut self) {
        while let Some(chunk) = self.next() {
            let is_nothing = chunk.len() == 0;
            let result = self.record(&chunk).and_then(|()| self.write(chunk));
            if let (Some(control), false) = (self.shared.alive.get(), is_nothing) {
                control.sign_of_life();
            }
            if let Err(error) = result {
                let mut state = self.shared.lock();
                state.lose(error.kind());
                self.shared.room.notify_all();
                return;
            }
        }
        let _ = self.to.flush();
    }

    /// The next chunk, when it is wanted. `None` at the end.
    fn next(&mut self) -> Option<Chunk> {
        let mut state = self.shared.lock();
        let mut silent_since = Instant::now();
        loop {
            if state.lost.is_some() {
                return None;
            }
            let wanted = state.taken < state.wanted || state.bytes >= WORTH_WRITING || state.ended;
            // Who writes aside for long has to be heard of meanwhile.
            if let (Some(lull), Some(Chunk::Aside(_))) = (state.lull, state.queue.front())
                && state.framed
                && self.said.elapsed() >= lull
            {
                return Some(Chunk::Data(Vec::new()));
            }
            if wanted && let Some(chunk) = state.queue.pop_front() {
                state.bytes -= chunk.len();
                state.taken += chunk.len() as u64;
                if state.crowded > 0 && state.bytes <= AT_MOST / 2 {
                    self.shared.room.notify_all();
                }
                return Some(chunk);
            }
            if state.ended {
                return None;
            }
            state.idle = true;
            let Some(lull) = state.lull else {
                state = self
                    .shared
                    .wanted
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.idle = false;
                continue;
            };
            (state, _) = self
                .shared
                .wanted
                .wait_timeout(state, lull)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle = false;
            if silent_since.elapsed() >= lull {
                silent_since = Instant::now();
                if state.queue.is_empty() && state.framed {
                    return Some(Chunk::Data(Vec::new()));
                }
                state.wanted = state.accepted;
            }
        }
    }

    fn record(&mut self, chunk: &Chunk) -> io::Result<()> {
        let Some(copy) = &mut self.copy else {
            return Ok(());
        };
        match chunk {
            Chunk::Raw(bytes) | Chunk::Data(bytes) | Chunk::Aside(bytes) => copy.write_all(bytes),
            Chunk::Literals(content) => literals(content).try_for_each(|(number, bytes)| {
                copy.write_all(&number).and_then(|()| copy.write_all(bytes))
            }),
            Chunk::Message(_) | Chunk::Copy(_) => Ok(()),
        }
    }

    fn write(&mut self, chunk: Chunk) -> io::Result<()> {
        let len = chunk.len();
        let framed = self.shared.lock().framed;
        match chunk {
            Chunk::Copy(copy) => {
                self.copy = Some(copy);
                Ok(())
            }
            Chunk::Aside(_) => Ok(()),
            Chunk::Raw(bytes) | Chunk::Message(bytes) => {
                self.write_all(&mut [IoSlice::new(&bytes)])
            }
            Chunk::Data(bytes) => {
                // A list or the sums of a large file may be more than a frame holds; nothing is a
                // frame too.
                let (first, rest) = bytes.split_at(bytes.len().min(MAX_FRAME));
                for part in std::iter::once(first).chain(rest.chunks(MAX_FRAME)) {
                    let header = MessageCode::Data.header(part.len());
                    self.write_all(&mut [IoSlice::new(&header), IoSlice::new(part)])?;
                }
                self.shared.lock().keep(bytes);
                Ok(())
            }
            Chunk::Literals(content) => {
                let header = MessageCode::Data.header(len);
                let literals: Vec<([u8; 4], &[u8])> = literals(&content).collect();
                let mut parts = Vec::with_capacity(1 + 2 * literals.len());
                if framed {
                    parts.push(IoSlice::new(&header));
                }
                for (number, bytes) in &literals {
                    parts.extend([IoSlice::new(number), IoSlice::new(bytes)]);
                }
                self.write_all(&mut parts)
            }
        }
    }

    fn write_all(&mut self, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        self.said = Instant::now();
        // Nothing has no bytes to write, and would look like a stream that takes none.
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            let written = match &self.brake {
                None => self.to.write_vectored(parts),
                Some(brake) => self
                    .to
                    .write(&parts[0][..parts[0].len().min(brake.at_once)]),
            };
            let written = match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            IoSlice::advance_slices(&mut parts, written);
            self.shared
                .written
                .fetch_add(written as u64, Ordering::Relaxed);
            if let Some(brake) = &mut self.brake {
                brake.after(written);
            }
        }
        self.to.flush()
    }
}

/// Holds writing to a pace, by pauses of a tenth of a second or more.
// rsync: io.c sleep_for_bwlimit()
struct Brake {
    bytes_per_second: f64,
    at_once: usize,
    /// Bytes that were written sooner than they should have been.
    ahead: f64,
    last: Instant,
}

const LEAST_PAUSE: Duration = Duration::from_millis(100);

impl Brake {
    fn new(pace: Pace) -> Brake {
        let bytes_per_second = pace.bytes_per_second.max(1);
        Brake {
            bytes_per_second: bytes_per_second as f64,
            at_once: usize::try_from(bytes_per_second / 8)
                .unwrap_or(usize::MAX)
                .max(512),
            ahead: 0.0,
            last: Instant::now(),
        }
    }

    fn after(&mut self, written: usize) {
        let now = Instant::now();
        self.ahead -= (now - self.last).as_secs_f64() * self.bytes_per_second;
        self.ahead = self.ahead.max(0.0) + written as f64;
        self.last = now;
        let pause = Duration::from_secs_f64(self.ahead / self.bytes_per_second);
        if pause >= LEAST_PAUSE {
            std::thread::sleep(pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// As a file list of half a million names, or the sums of many small blocks.
    #[test]
    fn data_of_more_than_a_frame_goes_in_several() {
        let written = Written::default();
        let outlet = Outlet::start(Box::new(written.clone()), None).unwrap();
        outlet.start_frames();
        let bytes = vec![7; 2 * MAX_FRAME + 5];
        outlet.owned_data(bytes.clone());
        outlet.end(None);
        let mut expected = Vec::new();
        wire::mux::put_data(&mut expected, &bytes);
        assert!(*written.0.lock().unwrap() == expected);
    }

    /// Takes a byte when it is told to.
    struct Slow(std::sync::mpsc::Receiver<()>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// As a server that deletes millions of files while its client takes its time.
    #[test]
    fn who_waits_between_messages_loses_nobody() {
        let (go, held) = std::sync::mpsc::channel();
        let outlet = Arc::new(Outlet::start(Box::new(Slow(held)), None).unwrap());
        outlet.start_frames();
        let told = outlet.clone();
        let teller = std::thread::spawn(move || {
            for _ in 0..2 * LATE_AT_MOST / CHUNK {
                told.message(MessageCode::Info, &[b'x'; CHUNK]);
                told.wait_for_room();
            }
        });
        while outlet.accepted() < AT_MOST as u64 {
            std::thread::yield_now();
        }
        drop(go);
        teller.join().unwrap();
        assert!(!outlet.is_lost());
    }
}
