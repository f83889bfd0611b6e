//! The driver that works everywhere: worker threads that make ordinary system calls.
//!
//! It is also the work lane that other drivers route to what their kernel cannot do
//! asynchronously. One queue under one lock, one condition variable, and never more threads awake
//! than there are operations for: an idle lane sleeps without a timeout.
//!
//! What a handler submits wakes nobody at once: its worker takes the first itself when the handler
//! has returned, and only then wakes another for the rest. A chain of operations, each submitted by
//! the handler of the one before, so stays on one thread and costs no context switch.
//!
//! Operations on sockets wait elsewhere, for [readiness](super::readiness), and no worker with them.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::ptr;
use std::sync::{Arc, PoisonError};

use crate::config::PumpConfig;
use crate::driver::readiness::{Readiness, Straight};
use crate::driver::{Driver, Target, perform_part};
use crate::slot::{self, EndedSlot, Life, RunningSlot, Step, WaitingSlot};
use crate::sync::{Condvar, HANDLING_FOR, JoinHandle, Mutex, MutexGuard, thread};

/// A bounded number of threads that share one queue of slots.
pub(crate) struct Threads {
    lane: Arc<Lane>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    sockets: Readiness,
}

struct Lane {
    queue: Mutex<Queue>,
    work_arrived: Condvar,
    worker_ended: Condvar,
}

struct Queue {
    waiting: VecDeque<WaitingSlot>,
    /// What each worker is busy with, for those who cancel.
    running: Vec<Option<Arc<Life>>>,
    /// Workers asleep, and how many of those have been woken but are not up yet.
    idle: usize,
    waking: usize,
    alive: usize,
    closed: bool,
}

impl Threads {
    /// Starts as many workers as `config` says.
    pub fn start(config: &PumpConfig) -> io::Result<Self> {
        let queue = Queue {
            waiting: VecDeque::new(),
            running: vec![None; config.workers()],
            idle: 0,
            waking: 0,
            alive: 0,
            closed: false,
        };
        let lane = Arc::new(Lane {
            queue: Mutex::new(queue),
            work_arrived: Condvar::new(),
            worker_ended: Condvar::new(),
        });
        // Should one not start, dropping this ends those that did.
        let threads = Self {
            lane,
            workers: Mutex::new(Vec::new()),
            sockets: Readiness::new(Arc::new(Straight)),
        };
        for number in 0..config.workers() {
            threads.add_worker(number)?;
        }
        Ok(threads)
    }

    fn add_worker(&self, number: usize) -> io::Result<()> {
        let lane = Arc::clone(&self.lane);
        lane.lock().alive += 1;
        let thread = thread::Builder::new().name(format!("fast_io-{number}"));
        match thread.spawn(move || lane.work(number)) {
            Ok(worker) => {
                self.workers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(worker);
                Ok(())
            }
            Err(error) => {
                self.lane.lock().alive -= 1;
                Err(error)
            }
        }
    }
}

impl Driver for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        if slot.kind().socket().is_some() {
            return self.sockets.push(slot);
        }
        let mut queue = self.lane.lock();
        if queue.closed {
            return Err(slot);
        }
        queue.waiting.push_back(slot);
        if HANDLING_FOR.with(Cell::get) != self.lane.address() {
            self.lane.wake(queue);
        }
        Ok(())
    }

    fn cancel(&self, target: Target<'_>) {
        self.sockets.cancel(target);
        // The workers look for themselves, between parts.
        if let Target::One(_) = target {
            return;
        }
        let queue = self.lane.lock();
        let waiting = queue.waiting.iter().map(|slot| slot.life());
        for life in waiting.chain(queue.running.iter().flatten()) {
            if target.includes(life) {
                life.request_cancel();
            }
        }
    }

    fn shut_down(&self) {
        self.lane.lock().closed = true;
        self.cancel(Target::All);
        self.lane.work_arrived.notify_all();
        self.sockets.shut_down();
        if slot::on_pump_thread() {
            return;
        }
        self.lane.wait_for_the_last_worker();
        let workers =
            std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            // A worker catches every panic of its operations; nothing else in it can.
            worker.join().expect("a worker thread never panics");
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl Lane {
    /// The life of one worker.
    fn work(&self, number: usize) {
        slot::enter_pump_thread();
        while let Some(slot) = self.next(number) {
            let ended = match slot.begin() {
                Ok(running) => run(running),
                Err(cancelled) => cancelled,
            };
            HANDLING_FOR.with(|lane| lane.set(self.address()));
            ended.dispatch();
            HANDLING_FOR.with(|lane| lane.set(0));
        }
        self.lock().alive -= 1;
        self.worker_ended.notify_all();
    }

    /// Waits for the next operation; none comes after the lane has closed and run empty.
    fn next(&self, number: usize) -> Option<WaitingSlot> {
        let mut queue = self.lock();
        queue.running[number] = None;
        loop {
            if let Some(slot) = queue.waiting.pop_front() {
                queue.running[number] = Some(Arc::clone(slot.life()));
                if !queue.waiting.is_empty() {
                    self.wake(queue);
                }
                return Some(slot);
            }
            if queue.closed {
                return None;
            }
            queue.idle += 1;
            queue = self
                .work_arrived
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
            // A spurious wake-up may count one too many off: then one more is woken later on.
            queue.waking = queue.waking.saturating_sub(1);
        }
    }

    /// What tells it from other lanes.
    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Wakes a worker for an operation that has arrived, if one sleeps that nobody has woken yet.
    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        if queue.idle > queue.waking {
            queue.waking += 1;
            drop(queue);
            self.work_arrived.notify_one();
        }
    }

    fn wait_for_the_last_worker(&self) {
        let mut queue = self.lock();
        while queue.alive > 0 {
            queue = self
                .worker_ended
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under this lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries one operation out to its end.
fn run(mut slot: RunningSlot) -> EndedSlot {
    loop {
        match perform_part(slot, usize::MAX) {
            Step::More(rest) | Step::Wait(rest) => slot = rest,
            Step::Done(ended) => return ended,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::{Arc, Barrier};

    use crate::{Backend, Completion, CompletionPump, Operation, PumpConfig};

    #[test]
    fn what_a_handler_leaves_to_others_is_begun() {
        let config = PumpConfig::default().with_backend(Backend::Threads);
        let pump = CompletionPump::start(&config.with_workers(3)).unwrap();
        let pump = Arc::new(pump);
        for _ in 0..100 {
            let (again, meeting) = (Arc::clone(&pump), Arc::new(Barrier::new(3)));
            pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
                for _ in 0..3 {
                    let meeting = Arc::clone(&meeting);
                    // None of the three ends before all have begun: it takes every worker.
                    let work = Operation::work(move || Ok(u64::from(meeting.wait().is_leader())));
                    again.submit(work, |_: Completion| {});
                }
            });
            pump.drain();
        }
    }
}
