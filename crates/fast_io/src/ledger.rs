//! The pump's books: what is in flight, who waits for room, and what went wrong.
//!
//! Operations and bytes in flight are bounded so that memory stays flat however fast a caller
//! submits. Both counts live in one atomic word, which makes admission one compare-and-swap and
//! the path of a completion free of locks; the lock below is only for those who wait.

use std::sync::PoisonError;
use std::time::Duration;

use crate::sync::{AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering};

/// Bytes are counted in units of this many, rounded up, so that their sum fits its field.
const UNIT: u64 = 1024;
/// The low bits of the word count units, those above operations.
const UNIT_BITS: u32 = 40;
const UNIT_MASK: u64 = (1 << UNIT_BITS) - 1;
const ONE_OPERATION: u64 = 1 << UNIT_BITS;
/// The highest bit of the word: somebody waits for room. Being in the same word as what is waited
/// for, it is never missed.
const WAITED_FOR: u64 = 1 << 63;
/// The bit below: whoever waits has waited for much of it long enough, and takes any.
const AT_ONCE: u64 = 1 << 62;
const MARKS: u64 = WAITED_FOR | AT_ONCE;
/// As many operations as their field can count. What goes over every bound may be more (work that
/// submits millions), and is counted beside the word then. The units of all memory that a process
/// can have fit theirs.
const MOST_OPERATIONS: u64 = (AT_ONCE >> UNIT_BITS) - 1;

/// How long a submitter waits for much room before it waits for any: longer than a busy system keeps
/// threads from running.
const LULL: Duration = Duration::from_millis(10);

/// The same for the count of those unfinished, in its lowest bit.
const END_WAITED_FOR: usize = 1;
const ONE_UNFINISHED: usize = 2;

/// Counts operations and bytes in flight against their bounds.
#[derive(Debug)]
pub(crate) struct Ledger {
    max_operations: u64,
    max_units: u64,
    in_flight: AtomicU64,
    /// Operations for which that word had no place. It stays full until none of them is left.
    beyond: AtomicU64,
    /// Operations whose handlers have not returned yet; more than are in flight.
    unfinished: AtomicUsize,
    panics: AtomicU64,
    waiting: Mutex<()>,
    freed: Condvar,
}

/// Whether a bound applies to a submitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Keep to the bounds.
    Bounded,
    /// Go over them: for submitters that must not wait, because they run on the very threads that
    /// would make room.
    Overdraft,
}

impl Ledger {
    pub fn new(max_operations: usize, max_bytes: u64) -> Self {
        Self {
            max_operations: (max_operations as u64).min(MOST_OPERATIONS),
            max_units: max_bytes.div_ceil(UNIT),
            in_flight: AtomicU64::new(0),
            beyond: AtomicU64::new(0),
            unfinished: AtomicUsize::new(0),
            panics: AtomicU64::new(0),
            waiting: Mutex::new(()),
            freed: Condvar::new(),
        }
    }

    /// Admits one operation of `weight` bytes if there is room. One that is heavier than the bound
    /// itself is admitted when it is alone.
    pub fn try_admit(&self, weight: u64, admission: Admission) -> bool {
        let cost = cost(weight);
        let admit = |now: u64| {
            if self.fits(now, cost) {
                Some(now + cost)
            } else if admission == Admission::Bounded {
                None
            } else if operations(now) < MOST_OPERATIONS {
                Some(now + cost)
            } else {
                Some(now + (cost - ONE_OPERATION))
            }
        };
        let before = self
            .in_flight
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, admit);
        let Ok(before) = before else {
            return false;
        };
        if operations(before) == MOST_OPERATIONS {
            self.beyond.fetch_add(1, Ordering::AcqRel);
        }
        self.unfinished.fetch_add(ONE_UNFINISHED, Ordering::Relaxed);
        true
    }

    /// Admits one operation, waiting for room.
    pub fn admit(&self, weight: u64) {
        if self.try_admit(weight, Admission::Bounded) {
            return;
        }
        let cost = cost(weight);
        let mut mark = WAITED_FOR;
        let mut guard = self.lock();
        loop {
            // Takes the room, or leaves word in the same step that it is waited for.
            let admit_or_mark = |now: u64| {
                let next = if self.fits(now, cost) {
                    now + cost
                } else {
                    now | mark
                };
                Some(next)
            };
            let before =
                self.in_flight
                    .fetch_update(Ordering::AcqRel, Ordering::Acquire, admit_or_mark);
            if before.is_ok_and(|now| self.fits(now, cost)) {
                self.unfinished.fetch_add(ONE_UNFINISHED, Ordering::Relaxed);
                return;
            }
            if mark == WAITED_FOR {
                let (woken, waited) = self
                    .freed
                    .wait_timeout(guard, LULL)
                    .unwrap_or_else(PoisonError::into_inner);
                guard = woken;
                if waited.timed_out() {
                    // What is in flight may stay there: sockets that wait, say.
                    mark = MARKS;
                }
            } else {
                guard = self
                    .freed
                    .wait(guard)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn fits(&self, now: u64, cost: u64) -> bool {
        let now = now & !MARKS;
        let next = now + cost;
        now == 0 || next >> UNIT_BITS <= self.max_operations && next & UNIT_MASK <= self.max_units
    }

    /// Gives back what an operation had taken. Its buffer is the handler's from here on.
    pub fn release(&self, weight: u64) {
        // Operations are all alike: those beside the word go first. So there are never more there than
        // live ones that were counted there, and the word is never short of one.
        let one_less = |beyond: u64| beyond.checked_sub(1);
        let was_beyond = self
            .beyond
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less)
            .is_ok();
        let cost = if was_beyond {
            cost(weight) - ONE_OPERATION
        } else {
            cost(weight)
        };
        let before = self.in_flight.fetch_sub(cost, Ordering::AcqRel);
        if before & WAITED_FOR != 0 {
            // Waking a submitter for each single place would cost a context switch an operation:
            // for a moment it waits until a quarter is free.
            let left = (before & !MARKS) - cost;
            let roomy = |count: u64, max: u64| count <= max - max.div_ceil(4);
            if before & AT_ONCE != 0
                || roomy(left >> UNIT_BITS, self.max_operations)
                    && roomy(left & UNIT_MASK, self.max_units)
            {
                let guard = self.lock();
                self.in_flight.fetch_and(!MARKS, Ordering::AcqRel);
                drop(guard);
                self.freed.notify_all();
            }
        }
    }

    /// Notes that an operation's handler has returned.
    pub fn count_finished(&self) {
        let before = self.unfinished.fetch_sub(ONE_UNFINISHED, Ordering::AcqRel);
        if before == ONE_UNFINISHED | END_WAITED_FOR {
            let guard = self.lock();
            self.unfinished.fetch_and(!END_WAITED_FOR, Ordering::AcqRel);
            drop(guard);
            self.freed.notify_all();
        }
    }

    /// Waits until every handler has returned.
    pub fn wait_until_finished(&self) {
        let mut guard = self.lock();
        while self.unfinished.fetch_or(END_WAITED_FOR, Ordering::AcqRel) >= ONE_UNFINISHED {
            guard = self
                .freed
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    pub fn operations(&self) -> usize {
        let counted = operations(self.in_flight.load(Ordering::Acquire));
        (counted + self.beyond.load(Ordering::Acquire)) as usize
    }

    pub fn bytes(&self) -> u64 {
        (self.in_flight.load(Ordering::Acquire) & UNIT_MASK) * UNIT
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operations that the word counts.
fn operations(word: u64) -> u64 {
    (word & !MARKS) >> UNIT_BITS
}

fn cost(weight: u64) -> u64 {
    ONE_OPERATION + weight.div_ceil(UNIT).min(UNIT_MASK)
}

#[cfg(test)]
impl Ledger {
    /// One whose word has room for `room` more operations; all others weigh nothing.
    pub(crate) fn nearly_overflowing(room: u64) -> Self {
        let ledger = Self::new(4, 1 << 20);
        let live = MOST_OPERATIONS - room;
        ledger
            .in_flight
            .store(live * ONE_OPERATION, Ordering::Release);
        ledger
            .unfinished
            .store(live as usize * ONE_UNFINISHED, Ordering::Release);
        ledger
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;

    use super::{Admission, Ledger, MOST_OPERATIONS, UNIT};

    #[test]
    fn more_operations_than_the_word_has_places_for_are_counted() {
        let ledger = Ledger::nearly_overflowing(2);
        let most = MOST_OPERATIONS as usize;
        for count in 1..=5 {
            assert!(ledger.try_admit(UNIT, Admission::Overdraft));
            assert_eq!(ledger.operations(), most - 2 + count);
            assert_eq!(ledger.bytes(), count as u64 * UNIT);
        }
        assert!(!ledger.try_admit(0, Admission::Bounded), "it is full");
        for count in (0..5).rev() {
            ledger.release(UNIT);
            ledger.count_finished();
            assert_eq!(ledger.operations(), most - 2 + count);
            assert_eq!(ledger.bytes(), count as u64 * UNIT);
        }
        assert!(!ledger.try_admit(0, Admission::Bounded), "it is full still");
    }

    #[test]
    fn who_waits_is_woken_when_there_is_room_again() {
        let ledger = Ledger::nearly_overflowing(1);
        for _ in 0..3 {
            assert!(ledger.try_admit(0, Admission::Overdraft));
        }
        thread::scope(|threads| {
            threads.spawn(|| ledger.admit(0));
            for _ in 0..MOST_OPERATIONS + 2 {
                ledger.release(0);
                ledger.count_finished();
            }
        });
        assert_eq!(ledger.operations(), 1);
        ledger.release(0);
        ledger.count_finished();
        ledger.wait_until_finished();
    }
}
