//! Who of several workers runs what, and when one of them has to be woken.
//!
//! What is submitted from outside waits in one queue. A worker deals itself several operations at a
//! time out of it onto a desk of its own, and what its handlers submit goes to that desk too: so
//! workers seldom meet at one lock. A worker that finds nothing else takes half of what waits on
//! another's desk; nothing is stuck behind an operation that takes long.
//!
//! There are never more threads awake than there are operations for: an idle lane sleeps without a
//! timeout. The first that a handler submits wakes nobody: its worker takes it itself when the handler
//! has returned. A chain of operations, each submitted by the handler of the one before, so stays on
//! one thread and costs no context switch. What the desk holds besides is for others, who are woken at
//! once: it does not wait for a handler that takes long.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ptr;
use std::sync::{Arc, PoisonError};

use crate::driver::Target;
use crate::slot::{EndedSlot, Life, WaitingSlot};
use crate::sync::{AtomicUsize, Condvar, HANDLING_FOR, Mutex, MutexGuard, Ordering};

/// The most that a worker deals itself at a time of what is short. What takes long is taken one by one,
/// in the order in which it came: the kernel's own reading ahead relies on that.
const HAND: usize = 16;
/// How often a worker helps itself from its own desk before it looks what came from outside.
const TURNS: u32 = 32;

/// What waits for workers, and where it waits.
pub(crate) struct Lane {
    queue: Mutex<Queue>,
    desks: Vec<Desk>,
    /// Workers asleep whom nobody has woken yet: what `queue` says, for those who do not hold it.
    sleepers: AtomicUsize,
    work_arrived: Condvar,
    worker_ended: Condvar,
}

struct Queue {
    waiting: VecDeque<WaitingSlot>,
    /// Workers asleep, and how many of those have been woken but are not up yet.
    idle: usize,
    waking: usize,
    alive: usize,
    closed: bool,
}

/// One worker's own. Whoever wants it and the queue locks the queue first.
#[repr(align(128))]
struct Desk(Mutex<OnDesk>);

struct OnDesk {
    waiting: VecDeque<WaitingSlot>,
    /// What the worker is busy with, for those who cancel.
    running: Option<Arc<Life>>,
    turns: u32,
    closed: bool,
}

impl Lane {
    pub fn new(workers: usize) -> Self {
        let queue = Queue {
            waiting: VecDeque::new(),
            idle: 0,
            waking: 0,
            alive: 0,
            closed: false,
        };
        let desk = |_| {
            Desk(Mutex::new(OnDesk {
                waiting: VecDeque::new(),
                running: None,
                turns: 0,
                closed: false,
            }))
        };
        Self {
            queue: Mutex::new(queue),
            desks: (0..workers).map(desk).collect(),
            sleepers: AtomicUsize::new(0),
            work_arrived: Condvar::new(),
            worker_ended: Condvar::new(),
        }
    }

    /// Takes a slot over, or hands it back if the lane has been closed.
    pub fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        let (lane, worker) = HANDLING_FOR.with(Cell::get);
        if lane == self.address() {
            let mut desk = self.desks[worker].lock();
            if desk.closed {
                return Err(slot);
            }
            desk.waiting.push_back(slot);
            let others = desk.waiting.len() > 1;
            drop(desk);
            self.wake_for(others);
        } else {
            let mut queue = self.lock();
            if queue.closed {
                return Err(slot);
            }
            queue.waiting.push_back(slot);
            self.wake(queue);
        }
        Ok(())
    }

    /// Waits for the next operation of a worker; none comes after the lane has closed and run empty.
    pub fn next(&self, worker: usize) -> Option<WaitingSlot> {
        if let Some(slot) = self.next_of_own(worker) {
            return Some(slot);
        }
        let mut queue = self.lock();
        loop {
            if let Some(slot) = self.deal(&mut queue, worker) {
                self.pass_on(queue);
                return Some(slot);
            }
            // Who lays something on a desk after we have looked there sees that we sleep.
            queue.idle += 1;
            self.note_sleepers(&queue);
            let taken = self.take_half_of_another(worker);
            if taken.is_some() || queue.closed {
                queue.idle -= 1;
                self.note_sleepers(&queue);
                self.pass_on(queue);
                return taken;
            }
            queue = self
                .work_arrived
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
            // A spurious wake-up may count one too many off: then one more is woken later on.
            queue.waking = queue.waking.saturating_sub(1);
            self.note_sleepers(&queue);
        }
    }

    /// Runs the handler of what a worker has brought to its end.
    pub fn dispatch(&self, worker: usize, ended: EndedSlot) {
        HANDLING_FOR.with(|handling| handling.set((self.address(), worker)));
        ended.dispatch();
        HANDLING_FOR.with(|handling| handling.set((0, 0)));
    }

    /// Requests the end of all that `target` names.
    pub fn cancel(&self, target: Target<'_>) {
        let request = |life: &Arc<Life>| {
            if target.includes(life) {
                life.request_cancel();
            }
        };
        // Nothing is dealt or taken from a desk to another meanwhile.
        let queue = self.lock();
        queue
            .waiting
            .iter()
            .map(|slot| slot.life())
            .for_each(request);
        for desk in &self.desks {
            let desk = desk.lock();
            let waiting = desk.waiting.iter().map(|slot| slot.life());
            waiting.chain(&desk.running).for_each(request);
        }
    }

    /// Takes nothing more, cancels what there is, and sends the workers home when that has ended.
    pub fn close(&self) {
        self.lock().closed = true;
        for desk in &self.desks {
            desk.lock().closed = true;
        }
        self.cancel(Target::All);
        self.work_arrived.notify_all();
    }

    /// Counts a worker in, before it starts.
    pub fn enter(&self) {
        self.lock().alive += 1;
    }

    /// Counts a worker out.
    pub fn leave(&self) {
        self.lock().alive -= 1;
        self.worker_ended.notify_all();
    }

    pub fn wait_for_the_last_worker(&self) {
        let mut queue = self.lock();
        while queue.alive > 0 {
            queue = self
                .worker_ended
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What lies on the worker's own desk, unless it is time to look into the queue.
    fn next_of_own(&self, worker: usize) -> Option<WaitingSlot> {
        let mut desk = self.desks[worker].lock();
        desk.running = None;
        desk.turns += 1;
        if desk.turns > TURNS {
            desk.turns = 0;
            return None;
        }
        let slot = desk.begin_next()?;
        let others = !desk.waiting.is_empty();
        drop(desk);
        self.wake_for(others);
        Some(slot)
    }

    /// Gives the worker its share of the queue, the first of it to run now. If the queue is empty
    /// there may still be something on its desk.
    fn deal(&self, queue: &mut Queue, worker: usize) -> Option<WaitingSlot> {
        let mut desk = self.desks[worker].lock();
        let Some(first) = queue.waiting.pop_front() else {
            return desk.begin_next();
        };
        if desk.waiting.is_empty() && first.is_short() {
            let share = (queue.waiting.len() / self.desks.len()).min(HAND - 1);
            let share = queue.waiting.iter().take(share);
            let short = share.take_while(|slot| slot.is_short()).count();
            desk.waiting.extend(queue.waiting.drain(..short));
        }
        desk.running = Some(Arc::clone(first.life()));
        Some(first)
    }

    /// Takes half of what waits on another's desk. The caller holds the queue.
    fn take_half_of_another(&self, worker: usize) -> Option<WaitingSlot> {
        let others = (1..self.desks.len()).map(|step| (worker + step) % self.desks.len());
        for other in others {
            let mut taken = {
                let mut desk = self.desks[other].lock();
                let half = desk.waiting.len().div_ceil(2);
                if half == 0 {
                    continue;
                }
                let rest = desk.waiting.split_off(half);
                std::mem::replace(&mut desk.waiting, rest)
            };
            let mut desk = self.desks[worker].lock();
            desk.waiting.append(&mut taken);
            return desk.begin_next();
        }
        None
    }

    /// Wakes a worker, if one sleeps, for what else there is.
    fn pass_on(&self, queue: MutexGuard<'_, Queue>) {
        let desks_are_empty = || self.desks.iter().all(|desk| desk.lock().waiting.is_empty());
        if queue.idle > queue.waking && !(queue.waiting.is_empty() && desks_are_empty()) {
            self.wake(queue);
        }
    }

    /// Wakes a worker, if one sleeps, for what a desk holds besides what its own worker takes next. The
    /// caller has looked at that desk: who went to sleep before it did is seen here.
    fn wake_for(&self, others: bool) {
        if others && self.sleepers.load(Ordering::Acquire) > 0 {
            self.wake(self.lock());
        }
    }

    /// Wakes a worker for an operation that has arrived, if one sleeps that nobody has woken yet.
    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        if queue.idle > queue.waking {
            queue.waking += 1;
            self.note_sleepers(&queue);
            drop(queue);
            self.work_arrived.notify_one();
        }
    }

    fn note_sleepers(&self, queue: &Queue) {
        let sleepers = queue.idle.saturating_sub(queue.waking);
        self.sleepers.store(sleepers, Ordering::Release);
    }

    /// What tells it from other lanes.
    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under this lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, OnDesk> {
        // Nor under this one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OnDesk {
    fn begin_next(&mut self) -> Option<WaitingSlot> {
        let slot = self.waiting.pop_front()?;
        self.running = Some(Arc::clone(slot.life()));
        Some(slot)
    }
}
