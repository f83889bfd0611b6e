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
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex, mpsc};
    use std::thread;
    use std::time::Instant;

    use super::{BELIEVED, Expected, Means, SideRing, Temperature};
    use crate::driver::threads::Threads;
    use crate::driver::{Driver, Target};
    use crate::ledger::Ledger;
    use crate::slot::WaitingSlot;
    use crate::{
        Buffer, CompletionPump, Operation, PumpConfig, SharedFile, SharedSocket, oneshot_handler,
    };

    const COLD: fn(&SharedFile, &mut [u8], u64) -> io::Result<usize> =
        |_, _, _| Err(io::ErrorKind::WouldBlock.into());

    /// One byte of a file that has it, by a pump with these means.
    fn read_by(means: Means) -> (Arc<SideRing>, u64) {
        let ledger = Arc::new(Ledger::new(8, 1 << 20));
        let config = PumpConfig::default();
        let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
        let ring = driver.ring().unwrap();
        let pump = CompletionPump::on(Arc::new(driver), ledger);
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"x").unwrap();
        let (handler, receiver) = oneshot_handler();
        let read = Operation::read(file.into(), 0, Buffer::with_capacity(2), 2);
        pump.submit(read, handler);
        let completion = receiver.wait();
        assert_eq!(&*completion.buffer, b"x");
        (ring, completion.result.unwrap())
    }

    #[test]
    fn a_read_that_would_wait_goes_to_the_ring() {
        // Whatever completes it will do.
        let start = |_| -> io::Result<Arc<dyn Driver>> {
            Ok(Arc::new(Threads::start(&PumpConfig::default())?))
        };
        let (ring, read) = read_by(Means {
            few: 0,
            start,
            is_offered: || true,
            read_at_once: COLD,
        });
        assert!(matches!(ring.ring.get(), Some(Some(_))) && read == 1);
    }

    #[test]
    fn a_file_is_synced_by_the_ring_unless_that_is_all_there_is_to_do() {
        for (few, by_the_ring) in [(0, true), (1, false)] {
            let ledger = Arc::new(Ledger::new(8, 1 << 20));
            let means = Means {
                few,
                start: |_| Ok(Arc::new(Threads::start(&PumpConfig::default())?)),
                is_offered: || true,
                read_at_once: COLD,
            };
            let config = PumpConfig::default();
            let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
            let ring = driver.ring().unwrap();
            let pump = CompletionPump::on(Arc::new(driver), ledger);
            let (handler, receiver) = oneshot_handler();
            let file = SharedFile::from(tempfile::tempfile().unwrap());
            pump.submit(Operation::sync(file), handler);
            assert_eq!(receiver.wait().result.unwrap(), 0);
            assert_eq!(ring.ring.get().is_some(), by_the_ring);
        }
    }

    #[test]
    fn where_rings_are_refused_workers_wait() {
        let (ring, read) = read_by(Means {
            few: 0,
            start: |_| Err(io::ErrorKind::PermissionDenied.into()),
            is_offered: || false,
            read_at_once: COLD,
        });
        assert!(matches!(ring.ring.get(), Some(None)) && read == 1);
        assert!(!ring.is_offered());
    }

    #[test]
    fn a_refusal_that_may_pass_is_forgotten() {
        static ASKED: Mutex<Vec<Instant>> = Mutex::new(Vec::new());
        let ledger = Arc::new(Ledger::new(8, 1 << 20));
        let start = |_| -> io::Result<Arc<dyn Driver>> {
            let mut asked = ASKED.lock().unwrap();
            asked.push(Instant::now());
            match asked.len() {
                // That of a process that has too many files open has no stable kind.
                1 => Err(io::Error::other("no descriptor is left")),
                2 => Err(io::ErrorKind::OutOfMemory.into()),
                _ => Ok(Arc::new(Threads::start(&PumpConfig::default())?)),
            }
        };
        let means = Means {
            few: 0,
            start,
            is_offered: || true,
            read_at_once: COLD,
        };
        let config = PumpConfig::default();
        let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
        let ring = driver.ring().unwrap();
        let pump = CompletionPump::on(Arc::new(driver), ledger);
        let file = SharedFile::from(tempfile::tempfile().unwrap());
        while ring.ring.get().is_none() {
            let (handler, receiver) = oneshot_handler();
            pump.submit(Operation::sync(file.clone()), handler);
            assert_eq!(receiver.wait().result.unwrap(), 0);
            thread::sleep(BELIEVED / 20);
        }
        assert!(matches!(ring.ring.get(), Some(Some(_))));
        let asked = ASKED.lock().unwrap();
        assert_eq!(asked.len(), 3);
        // Not for each operation.
        assert!(asked.windows(2).all(|two| two[1] - two[0] >= BELIEVED));
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_that_waits_for_readiness_stays_there() {
        static ALLOWED: AtomicBool = AtomicBool::new(false);
        let ledger = Arc::new(Ledger::new(8, 1 << 20));
        let means = Means {
            few: 0,
            start: |_| {
                if ALLOWED.load(Ordering::Relaxed) {
                    Ok(Arc::new(Threads::start(&PumpConfig::default())?))
                } else {
                    Err(io::ErrorKind::OutOfMemory.into())
                }
            },
            is_offered: || true,
            read_at_once: COLD,
        };
        let config = PumpConfig::default();
        let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
        let ring = driver.ring().unwrap();
        let pump = CompletionPump::on(Arc::new(driver), ledger);
        let (here, there) = std::os::unix::net::UnixStream::pair().unwrap();
        let (here, there) = (SharedSocket::from(here), SharedSocket::from(there));
        let receive = || Operation::receive(here.clone(), vec![0; 8].into(), 8);
        let (handler, receiver) = oneshot_handler();
        pump.submit(receive(), handler);
        ALLOWED.store(true, Ordering::Relaxed);
        thread::sleep(BELIEVED);
        let send = |socket: &SharedSocket| {
            let (handler, sent) = oneshot_handler();
            let send = Operation::send(socket.clone(), b"x".to_vec().into(), ..);
            pump.submit(send, handler);
            assert_eq!(sent.wait().result.unwrap(), 1);
        };
        send(&here);
        assert!(ring.ring.get().is_none(), "the ring was asked for");
        // A new one is the ring's.
        send(&there);
        assert!(matches!(ring.ring.get(), Some(Some(_))));
        assert_eq!(receiver.wait().result.unwrap(), 1);
    }

    /// A ring that keeps what it is given, and counts what it is told to cancel.
    struct Keeper;

    static KEPT: Mutex<Vec<WaitingSlot>> = Mutex::new(Vec::new());
    static CANCELS: AtomicUsize = AtomicUsize::new(0);

    impl Driver for Keeper {
        fn name(&self) -> &'static str {
            "keeper"
        }

        fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
            KEPT.lock().unwrap().push(slot);
            Ok(())
        }

        fn cancel(&self, _target: Target<'_>) {
            CANCELS.fetch_add(1, Ordering::Relaxed);
        }

        fn shut_down(&self) {
            KEPT.lock().unwrap().clear();
        }
    }

    #[test]
    fn the_ring_is_told_once_and_only_of_what_it_has() {
        let ledger = Arc::new(Ledger::new(8, 1 << 20));
        let means = Means {
            few: 0,
            start: |_| Ok(Arc::new(Keeper)),
            is_offered: || true,
            read_at_once: COLD,
        };
        let config = PumpConfig::default();
        let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
        let pump = CompletionPump::on(Arc::new(driver), ledger);
        let file = SharedFile::from(tempfile::tempfile().unwrap());
        let (handler, synced) = oneshot_handler();
        let sync = pump.submit(Operation::sync(file), handler);
        let (release, released) = mpsc::channel::<()>();
        let work = Operation::work(move || Ok(u64::from(released.recv().is_err())));
        let (handler, worked) = oneshot_handler();
        let work = pump.submit(work, handler);
        for _ in 0..3 {
            assert!(work.cancel());
        }
        assert_eq!(CANCELS.load(Ordering::Relaxed), 0, "a worker has it");
        for _ in 0..3 {
            assert!(sync.clone().cancel());
        }
        assert_eq!(CANCELS.load(Ordering::Relaxed), 1);
        drop(release);
        assert!(worked.wait().cancel_requested);
        pump.shut_down();
        assert!(synced.wait().cancel_requested);
        assert!(!sync.cancel(), "too late");
    }

    #[test]
    fn nothing_read_is_not_believed_to_be_the_end() {
        let (ring, read) = read_by(Means {
            few: 0,
            start: |_| unreachable!("no ring is needed"),
            is_offered: || true,
            read_at_once: |_, _, _| Ok(0),
        });
        assert_eq!(read, 1);
        // The pump has ended: there will be no ring.
        assert!(matches!(ring.ring.get(), Some(None)));
    }

    #[test]
    fn a_file_system_that_cannot_tell_is_asked_once() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let (_, read) = read_by(Means {
            few: 0,
            start: |_| unreachable!("no ring is needed"),
            is_offered: || true,
            read_at_once: |_, _, _| {
                ASKED.fetch_add(1, Ordering::Relaxed);
                Err(io::ErrorKind::Unsupported.into())
            },
        });
        // One byte, and then the end of the file.
        assert_eq!((read, ASKED.load(Ordering::Relaxed)), (1, 1));
    }

    #[test]
    fn a_cold_file_is_tried_again_after_a_while() {
        let file = Temperature::default();
        assert_eq!(file.next(), Expected::Anything);
        file.note_cold();
        let unasked = (0..100).take_while(|_| file.next() == Expected::Wait);
        assert_eq!(unasked.count(), 32);
        file.note_cold();
        file.note_warm();
        assert_eq!(file.next(), Expected::NoWait);
        file.note_unknowable();
        assert_eq!(file.next(), Expected::Anything);
        assert!(file.is_unknowable());
    }
}
