//! Who owns an operation that a kernel knows by its address, who is to stop it, and who goes last.
//!
//! These are all the races of a completion port, apart from the port itself, so that the model
//! checker can try them on a system that has none (`model/port.rs`). `sys/iocp/` is built of them.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use crate::slot::Life;
use crate::sync::{AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, UnsafeCell, fence};

/// Something that is given away by address, and that whoever learns first that it is back may take.
///
/// A packet passes it on from thread to thread, and needs no more than that. But a call that is over
/// at once is taken back by its submitter, and a packet may come for it nevertheless: then one of
/// the two gets it. Loans are numbered, so that a submitter who comes too late does not take what
/// has been lent again meanwhile.
pub(crate) struct Loan<T> {
    /// The number of the loan, which is odd; or an even one when it is over.
    number: AtomicU64,
    held: UnsafeCell<Option<T>>,
}

// SAFETY: what it holds may be sent between threads, and only one at a time gets at it: the one that
// lends it, which has it, and the one that ends the loan.
unsafe impl<T: Send> Sync for Loan<T> {}

impl<T> Loan<T> {
    /// Nothing is lent yet.
    pub fn new() -> Self {
        Self {
            number: AtomicU64::new(0),
            held: UnsafeCell::new(None),
        }
    }

    /// Gives it away; returns the number of this loan.
    ///
    /// # Safety
    /// Nothing is lent here now: the caller has taken it back, or has never lent any.
    pub unsafe fn lend(&self, thing: T) -> u64 {
        self.held.with_mut(|held| {
            // SAFETY: it is not lent, so nobody else looks.
            unsafe { *held = Some(thing) }
        });
        let number = self.number.load(Ordering::Relaxed) + 1;
        self.number.store(number, Ordering::Release);
        number
    }

    /// Ends the loan of this number, unless somebody has.
    pub fn take(&self, number: u64) -> Option<T> {
        let ended =
            self.number
                .compare_exchange(number, number + 1, Ordering::AcqRel, Ordering::Relaxed);
        ended.ok()?;
        self.held.with_mut(|held| {
            // SAFETY: only one thread ends a loan, and nobody lends before that thread has it.
            unsafe { (*held).take() }
        })
    }

    /// Ends whatever loan there is.
    pub fn take_any(&self) -> Option<T> {
        let number = self.number.load(Ordering::Relaxed);
        if number % 2 == 1 {
            self.take(number)
        } else {
            None
        }
    }
}

/// The addresses at which something is lent now, for handles that may send packets which nobody
/// promised.
///
/// A call that is over at once is taken back, and what it was lent with is freed. A packet that
/// comes for it all the same, soon or late, has an address at which nothing is any more, or by then
/// something else. So such a packet is not followed, but looked up here first:
///
/// - Nothing is lent at its address: it is a stale one, and the address is not looked at.
/// - Something is. That is there to be looked at, as who takes it strikes it off first; and whether
///   it is done is what the kernel has written down there, not what the packet says. Should the
///   packet have been meant for what was there before, this is taken a moment before its own packet
///   comes, which then is the stale one.
///
/// Nothing has to be kept for packets that may never come.
pub(crate) struct Roll(Mutex<BTreeSet<usize>>);

impl Roll {
    pub fn new() -> Self {
        Self(Mutex::new(BTreeSet::new()))
    }

    /// Notes that something has been lent at this address: before the kernel hears of it.
    pub fn enter(&self, address: usize) {
        self.lock().insert(address);
    }

    /// If something is lent at this address, has `take` take it back, and strikes it off if that
    /// did.
    pub fn take<T>(&self, address: usize, take: impl FnOnce() -> Option<T>) -> Option<T> {
        let mut lent = self.lock();
        if !lent.contains(&address) {
            return None;
        }
        let taken = take()?;
        lent.remove(&address);
        Some(taken)
    }

    #[cfg(all(test, windows))]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        // Nothing that can panic runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often all operations of a handle have been asked to end.
///
/// A kernel stops only what it has. So whoever asks notes that first and tells the kernel then, and
/// a submitter looks at the notes once more when the kernel has begun: one of the two sees the other.
#[derive(Debug)]
pub(crate) struct Sweeps(AtomicU64);

impl Sweeps {
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// How many there have been: what an operation has to know when it is submitted.
    pub fn so_far(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Asks for the end of all operations on the handle.
    pub fn sweep(&self, tell_the_kernel: impl FnOnce()) {
        self.0.fetch_add(1, Ordering::SeqCst);
        ask_to_stop(tell_the_kernel);
    }

    /// Whether somebody asked for the end of an operation, of all on its handle since there had been
    /// `before`, or its deadline has passed.
    pub fn is_to_stop(&self, before: u64, life: &Life) -> bool {
        fence(Ordering::SeqCst);
        if self.so_far() != before {
            life.request_cancel();
        }
        life.is_to_stop()
    }
}

/// Tells the kernel to stop an operation, when the reason has been noted in its life.
pub(crate) fn ask_to_stop(tell_the_kernel: impl FnOnce()) {
    fence(Ordering::SeqCst);
    tell_the_kernel();
}

/// Counts who is there until the doors close, and tells who goes last.
pub(crate) struct Attendance(AtomicUsize);

/// Set when nobody may join any more.
const CLOSED: usize = 1 << (usize::BITS - 1);

impl Attendance {
    pub fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Joins, unless it is too late.
    #[must_use]
    pub fn enter(&self) -> bool {
        let join = |count| (count & CLOSED == 0).then_some(count + 1);
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, join)
            .is_ok()
    }

    /// Leaves; says whether nobody is left and nobody may join.
    #[must_use]
    pub fn leave(&self) -> bool {
        self.0.fetch_sub(1, Ordering::SeqCst) == CLOSED | 1
    }

    /// Lets nobody join any more; says whether it did that now and nobody is there.
    #[must_use]
    pub fn close(&self) -> bool {
        self.0.fetch_or(CLOSED, Ordering::SeqCst) == 0
    }

    pub fn is_closed(&self) -> bool {
        self.0.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// How many are there.
    #[cfg(windows)]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst) & !CLOSED
    }
}
