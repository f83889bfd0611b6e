//! The test driver: real I/O in an order, in pieces and with the errors of your choosing.
//!
//! What a kernel does once in a million runs (completing out of order, in part, or not at all)
//! this driver does on demand and repeatably, so that everything built on the pump can be tested
//! against it. One thread carries operations out, and another those on sockets, when these are ready
//! for it; a [`Script`] says how.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::driver::readiness::{Conduct, Fault, Readiness, Ready};
use crate::driver::{Driver, Target, perform_part};
use crate::operation::Kind;
use crate::slot::{self, EndedSlot, Life, RunningSlot, Step, WaitingSlot};

/// How the scripted driver misbehaves. The default does not: it completes operations whole, without
/// injected errors, in a seeded order.
#[derive(Debug, Clone, Default)]
pub struct Script {
    seed: u64,
    longest_part: Option<usize>,
    faults: Vec<ScriptedFault>,
    gate: Option<Gate>,
}

impl Script {
    /// A script whose choices follow from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Moves reads and writes, and what sockets receive and send, in parts of 1 to `bytes` bytes, as kernels are free to do.
    pub fn with_short_counts(mut self, bytes: usize) -> Self {
        self.longest_part = Some(bytes.max(1));
        self
    }

    /// Makes the `nth` operation (from 1) among the `victims` fail. Where counts are short, the
    /// fault of a read, write or send strikes after its first part.
    pub fn failing_nth(
        mut self,
        victims: Victims,
        nth: u64,
        error: impl Into<InjectedError>,
    ) -> Self {
        self.faults.push(ScriptedFault {
            victims,
            first: nth.max(1),
            every: None,
            error: error.into(),
            seen: 0,
        });
        self
    }

    /// Makes every `nth` operation among the `victims` fail.
    pub fn failing_every(
        mut self,
        victims: Victims,
        nth: u64,
        error: impl Into<InjectedError>,
    ) -> Self {
        let nth = nth.max(1);
        self.faults.push(ScriptedFault {
            victims,
            first: nth,
            every: Some(nth),
            error: error.into(),
            seen: 0,
        });
        self
    }

    /// Completes nothing while `gate` is closed (shutting down opens it).
    pub fn with_gate(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }
}

/// Which operations a fault counts, and strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Victims {
    /// Reads.
    Reads,
    /// Writes.
    Writes,
    /// Files to be brought to the device.
    Syncs,
    /// Connections to be accepted.
    Accepts,
    /// Connections to be made.
    Connects,
    /// Bytes to be received.
    Receives,
    /// Bytes to be sent.
    Sends,
    /// Work: the closure is dropped without being run.
    Work,
    /// All operations.
    All,
}

/// An error to inject: an [`io::ErrorKind`], or the system's own number of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedError {
    /// An error of this kind.
    Kind(io::ErrorKind),
    /// The system's error of this number (`errno`, or a Win32 error).
    Os(i32),
}

impl From<io::ErrorKind> for InjectedError {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Kind(kind)
    }
}

impl From<i32> for InjectedError {
    fn from(number: i32) -> Self {
        Self::Os(number)
    }
}

impl InjectedError {
    fn make(self) -> io::Error {
        match self {
            Self::Kind(kind) => kind.into(),
            Self::Os(number) => io::Error::from_raw_os_error(number),
        }
    }
}

/// Holds a scripted driver back, so that a test can fill its queue before anything completes.
/// Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// A gate that nothing passes.
    pub fn closed() -> Self {
        Self {
            shared: Arc::new((Mutex::new(false), Condvar::new())),
        }
    }

    /// Lets everything pass from now on.
    pub fn open(&self) {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.1.notify_all();
    }

    fn pass(&self) {
        let mut open = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*open {
            open = self
                .shared
                .1
                .wait(open)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[derive(Debug, Clone)]
struct ScriptedFault {
    victims: Victims,
    first: u64,
    every: Option<u64>,
    error: InjectedError,
    seen: u64,
}

impl ScriptedFault {
    /// Counts an operation, and says whether it is one to strike.
    fn strikes(&mut self, kind: &Kind) -> bool {
        let counts = match self.victims {
            Victims::Reads => matches!(kind, Kind::Read { .. }),
            Victims::Writes => matches!(kind, Kind::Write { .. }),
            Victims::Syncs => matches!(kind, Kind::Sync { .. }),
            Victims::Accepts => matches!(kind, Kind::Accept { .. }),
            Victims::Connects => matches!(kind, Kind::Connect { .. }),
            Victims::Receives => matches!(kind, Kind::Receive { .. }),
            Victims::Sends => matches!(kind, Kind::Send { .. }),
            Victims::Work => matches!(kind, Kind::Work(_)),
            Victims::All => true,
        };
        self.seen += u64::from(counts);
        counts
            && match self.every {
                Some(every) => self.seen.is_multiple_of(every),
                None => self.seen == self.first,
            }
    }
}

/// One thread that follows a [`Script`].
pub(crate) struct Scripted {
    stage: Arc<Stage>,
    part: Arc<Part>,
    sockets: Readiness,
    worker: Mutex<Option<JoinHandle<()>>>,
}

struct Stage {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    waiting: Vec<WaitingSlot>,
    running: Option<Arc<Life>>,
    closed: bool,
    ended: bool,
}

impl Scripted {
    /// Starts the driver's thread.
    pub fn start(script: &Script) -> io::Result<Self> {
        let queue = Queue {
            waiting: Vec::new(),
            running: None,
            closed: false,
            ended: false,
        };
        let stage = Arc::new(Stage {
            queue: Mutex::new(queue),
            changed: Condvar::new(),
        });
        let part = Arc::new(Part {
            longest: script.longest_part,
            gate: script.gate.clone(),
            memory: Mutex::new(Memory {
                faults: script.faults.clone(),
                dice: Dice(script.seed),
            }),
        });
        let player = Player {
            stage: Arc::clone(&stage),
            part: Arc::clone(&part),
        };
        let worker = thread::Builder::new()
            .name("fast_io-scripted".into())
            .spawn(move || player.play())?;
        Ok(Self {
            stage,
            sockets: Readiness::new(Arc::clone(&part) as Arc<dyn Conduct>),
            part,
            worker: Mutex::new(Some(worker)),
        })
    }
}

impl Driver for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        if slot.kind().socket().is_some() {
            return self.sockets.push(slot);
        }
        let mut queue = self.stage.lock();
        if queue.closed {
            return Err(slot);
        }
        queue.waiting.push(slot);
        self.stage.changed.notify_all();
        Ok(())
    }

    fn cancel(&self, target: Target<'_>) {
        self.sockets.cancel(target);
        let queue = self.stage.lock();
        let waiting = queue.waiting.iter().map(|slot| slot.life());
        for life in waiting.chain(&queue.running) {
            if target.includes(life) {
                life.request_cancel();
            }
        }
    }

    fn shut_down(&self) {
        self.stage.lock().closed = true;
        self.cancel(Target::All);
        if let Some(gate) = &self.part.gate {
            gate.open();
        }
        self.stage.changed.notify_all();
        self.sockets.shut_down();
        if slot::on_pump_thread() {
            return;
        }
        let mut queue = self.stage.lock();
        while !queue.ended {
            queue = self
                .stage
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(queue);
        let worker = self
            .worker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(worker) = worker {
            // Every panic of an operation is caught in its slot; the thread has none of its own.
            worker.join().expect("the scripted thread never panics");
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl Stage {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own state.
struct Player {
    stage: Arc<Stage>,
    part: Arc<Part>,
}

/// What the script says, and how far it has been followed: one for both threads.
struct Part {
    longest: Option<usize>,
    gate: Option<Gate>,
    memory: Mutex<Memory>,
}

struct Memory {
    faults: Vec<ScriptedFault>,
    dice: Dice,
}

impl Part {
    /// Counts an operation, and says how it is to fail.
    fn strike(&self, kind: &Kind) -> Option<InjectedError> {
        let mut injected = None;
        // Every fault counts every operation, struck by another or not.
        for fault in &mut self.memory().faults {
            if fault.strikes(kind) {
                injected = injected.or(Some(fault.error));
            }
        }
        injected
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conduct for Part {
    fn order(&self, ready: &mut [Ready]) {
        for last in (1..ready.len()).rev() {
            ready.swap(last, self.memory().dice.below(last + 1));
        }
    }

    fn longest_part(&self) -> usize {
        self.longest
            .map_or(usize::MAX, |longest| 1 + self.memory().dice.below(longest))
    }

    fn fault(&self, kind: &Kind) -> Option<Fault> {
        let sends = matches!(kind, Kind::Send { range, .. } if !range.is_empty());
        self.strike(kind).map(|injected| Fault {
            error: injected.make(),
            after_first_part: sends && self.longest.is_some(),
        })
    }

    fn pass(&self) {
        if let Some(gate) = &self.gate {
            gate.pass();
        }
    }
}

impl Player {
    fn play(&self) {
        slot::enter_pump_thread();
        while let Some(slot) = self.next() {
            let ended = match slot.begin() {
                Ok(running) => self.run(running),
                Err(cancelled) => cancelled,
            };
            ended.dispatch();
        }
        self.stage.lock().ended = true;
        self.stage.changed.notify_all();
    }

    /// Takes any of the waiting operations, as the dice fall.
    fn next(&self) -> Option<WaitingSlot> {
        let mut queue = self.stage.lock();
        queue.running = None;
        while queue.waiting.is_empty() && !queue.closed {
            queue = self
                .stage
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(gate) = &self.part.gate {
            drop(queue);
            gate.pass();
            queue = self.stage.lock();
        }
        if queue.waiting.is_empty() {
            return None;
        }
        let chosen = self.part.memory().dice.below(queue.waiting.len());
        let slot = queue.waiting.remove(chosen);
        queue.running = Some(Arc::clone(slot.life()));
        Some(slot)
    }

    fn run(&self, mut slot: RunningSlot) -> EndedSlot {
        let injected = self.part.strike(slot.kind());
        let whole = matches!(slot.kind(), Kind::Sync { .. } | Kind::Work(_));
        let in_parts = self.part.longest.is_some() && !whole;
        let mut first_part = true;
        loop {
            if let Some(error) = injected
                && !(in_parts && first_part)
            {
                return slot.fail(error.make());
            }
            first_part = false;
            match perform_part(slot, self.part.longest_part()) {
                Step::More(rest) | Step::Wait(rest) => slot = rest,
                Step::Done(ended) => return ended,
            }
        }
    }
}

/// A small generator of repeatable choices (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
