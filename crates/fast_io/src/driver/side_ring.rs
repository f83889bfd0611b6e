//! The ring beside the workers, for what it does better: where `auto` says which goes where.
//!
//! - *Sockets.* It takes half the time that waiting for readiness and then making the call does.
//! - *Short reads that would make a worker wait for the disk.* A worker asks for what is in memory
//!   first, which costs no more than asking for all. Where that is not there it gives the read to the
//!   ring, which has as many under way as there are, and a worker one. (One alone it waits for. Long reads keep a disk busy
//!   two at a time, and several workers copy them, and see to what becomes of them, faster.)
//! - *Bringing files to the device, several at once.* The kernel waits with as many as there are, and
//!   those share a device's flushes; workers wait with one each.
//! - *Tiny reads while much is in flight.* What they cost is the system call and the meeting of
//!   workers; one thread that gives the kernel many at a time has neither.
//!
//! Everything else (writes, other reads, one file to be brought to the device, work) is for the workers.
//!
//! The ring is made with the first of these, so that whoever never has one pays nothing, and
//! privileges are dropped by then. Where the system refuses rings, or a file system cannot tell what is
//! in memory, all is as it would be without this. A refusal that may pass (no descriptor, no memory is
//! left) is forgotten after a while; sockets that have begun to wait for readiness go on with that.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::driver::closing::Closers;
use crate::driver::{Driver, Target};
use crate::file::SharedFile;
use crate::ledger::Ledger;
use crate::operation::Kind;
use crate::slot::{Part, RunningSlot, Step, WaitingSlot};
use crate::sys;

/// The longest read that is given to the ring when it has to wait, or the file's last reads had to.
const SHORT: usize = 64 << 10;
/// The longest read that is given to the ring because much is in flight, and how much that is.
const TINY: usize = 16 << 10;
const MUCH: usize = 16;
/// How long a refusal is believed that may pass: asking takes a thread each time.
const BELIEVED: Duration = Duration::from_millis(100);

/// The ring, once there is one.
pub(crate) struct SideRing {
    ledger: Arc<Ledger>,
    closers: Closers,
    means: Means,
    /// None says that there is none and will be none.
    ring: OnceLock<Option<Arc<dyn Driver>>>,
    /// Held by whoever makes it. After a refusal that may pass: when to try again.
    next_try: Mutex<Option<Instant>>,
    /// Whether one could be made, for those who only ask.
    offered: OnceLock<bool>,
}

/// What of it is the system's; tests have their own.
pub(crate) struct Means {
    /// So few operations in flight that a worker may just as well wait.
    pub few: usize,
    pub start: fn(Closers) -> io::Result<Arc<dyn Driver>>,
    pub is_offered: fn() -> bool,
    pub read_at_once: fn(&SharedFile, &mut [u8], u64) -> io::Result<usize>,
}

impl Means {
    pub const OF_THE_SYSTEM: Self = Self {
        few: 1,
        start: sys::start_ring,
        is_offered: sys::offers_rings,
        read_at_once: sys::read_at_once,
    };
}

/// What reads of a file have shown about the next ones.
#[derive(Debug, Default)]
pub(crate) struct Temperature(AtomicU8);

/// How a read without waiting went.
pub(crate) enum Tried {
    /// It has moved on by a part, or is over.
    Went(Step),
    /// The ring has it now.
    Given,
    /// It is to be done with calls that wait.
    Not(RunningSlot),
}

impl SideRing {
    pub fn new(ledger: &Arc<Ledger>, closers: Closers, means: Means) -> Self {
        Self {
            means,
            closers,
            ledger: Arc::clone(ledger),
            ring: OnceLock::new(),
            next_try: Mutex::default(),
            offered: OnceLock::new(),
        }
    }

    /// Whether there is a ring, or would be.
    pub fn is_offered(&self) -> bool {
        match self.ring.get() {
            Some(made) => made.is_some(),
            None => *self.offered.get_or_init(self.means.is_offered),
        }
    }

    /// Whether the operation is best given to the ring at once.
    pub fn suits(&self, slot: &WaitingSlot) -> bool {
        match slot.kind() {
            Kind::Read { file, len, .. } => match file.temperature().next() {
                Expected::Wait => *len <= SHORT && !self.may_wait(),
                Expected::NoWait => *len <= TINY && self.ledger.operations() >= MUCH,
                Expected::Anything => false,
            },
            Kind::Sync { .. } => !self.may_wait(),
            kind => kind
                .socket()
                .is_some_and(|socket| !socket.returns_at_once()),
        }
    }

    /// Gives an operation to the ring, or hands it back if there is none.
    pub fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        match self.made() {
            Some(ring) => {
                slot.life().hand_over();
                ring.push(slot)
            }
            None => Err(slot),
        }
    }

    /// The ring, which is made now at the latest.
    pub fn made(&self) -> Option<&Arc<dyn Driver>> {
        if let Some(made) = self.ring.get() {
            return made.as_ref();
        }
        let mut next_try = self.lock();
        if self.ring.get().is_none() && next_try.is_none_or(|then| Instant::now() >= then) {
            match (self.means.start)(Arc::clone(&self.closers)) {
                Err(error) if !lasts(&error) => *next_try = Some(Instant::now() + BELIEVED),
                made => drop(self.ring.set(made.ok())),
            }
        }
        drop(next_try);
        self.ring.get()?.as_ref()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        // Nothing that can panic runs under this lock.
        self.next_try.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the next part of a read as far as that is possible without waiting, and gives the rest
    /// to the ring.
    pub fn try_read(&self, mut slot: RunningSlot) -> Tried {
        if self.may_wait() || matches!(self.ring.get(), Some(None)) {
            return Tried::Not(slot);
        }
        let Part::Read { file, offset, room } = slot.part() else {
            return Tried::Not(slot);
        };
        if room.len() > SHORT || file.temperature().is_unknowable() {
            return Tried::Not(slot);
        }
        let wants_some = !room.is_empty();
        match (self.means.read_at_once)(file, room, offset) {
            // The end of the file, or a fault of Linux 5.9 and 5.10 (preadv2(2)).
            Ok(0) if wants_some => Tried::Not(slot),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                file.temperature().note_cold();
                self.give(slot)
            }
            Err(error) if sys::is_never_supported(&error) => {
                file.temperature().note_unknowable();
                Tried::Not(slot)
            }
            moved => {
                file.temperature().note_warm();
                Tried::Went(slot.absorb(moved))
            }
        }
    }

    fn may_wait(&self) -> bool {
        self.ledger.operations() <= self.means.few
    }

    fn give(&self, slot: RunningSlot) -> Tried {
        match self.push(slot.wait_again()) {
            Ok(()) => Tried::Given,
            Err(slot) => match slot.begin() {
                Ok(slot) => Tried::Not(slot),
                Err(cancelled) => Tried::Went(Step::Done(cancelled)),
            },
        }
    }

    /// See [`Driver::cancel`].
    pub fn cancel(&self, target: Target<'_>) {
        if let Some(Some(ring)) = self.ring.get() {
            ring.cancel(target);
        }
    }

    /// See [`Driver::shut_down`]. No ring is made any more.
    pub fn shut_down(&self) {
        if self.ring.get().is_none() {
            // Nobody is making one meanwhile.
            let _making = self.lock();
            let _ = self.ring.set(None);
        }
        if let Some(Some(ring)) = self.ring.get() {
            ring.shut_down();
        }
    }
}

/// Whether a system that has refused a ring so will do it again: it forbids rings (`EPERM`), has none
/// (`ENOSYS`), or none that can do what is needed.
fn lasts(refusal: &io::Error) -> bool {
    matches!(
        refusal.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput
    )
}

/// What the next read of a file will probably do.
#[derive(Debug, PartialEq)]
enum Expected {
    Wait,
    NoWait,
    /// Nobody has tried yet, or trying tells nothing.
    Anything,
}

impl Temperature {
    const UNTRIED: u8 = 0;
    const WARM: u8 = 1;
    /// From here down to `WARM` it is cold: so many reads go to the ring before one is tried again.
    const COLD: u8 = Self::WARM + 32;
    const UNKNOWABLE: u8 = u8::MAX;

    /// What the next read, which it counts, is expected to do.
    fn next(&self) -> Expected {
        let cooling = |now| (Self::WARM < now && now <= Self::COLD).then(|| now - 1);
        match self.0.load(Ordering::Relaxed) {
            Self::UNTRIED | Self::UNKNOWABLE => Expected::Anything,
            Self::WARM => Expected::NoWait,
            _ => {
                let order = Ordering::Relaxed;
                let counted = self.0.fetch_update(order, order, cooling);
                counted.map_or(Expected::Anything, |_| Expected::Wait)
            }
        }
    }

    fn note_warm(&self) {
        self.note(Self::WARM);
    }

    fn note_cold(&self) {
        self.note(Self::COLD);
    }

    /// Its file system does not tell what would wait.
    fn note_unknowable(&self) {
        self.note(Self::UNKNOWABLE);
    }

    fn is_unknowable(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::UNKNOWABLE
    }

    fn note(&self, now: u8) {
        // All workers share it: what is so already is left alone.
        if self.0.load(Ordering::Relaxed) != now {
            self.0.store(now, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
