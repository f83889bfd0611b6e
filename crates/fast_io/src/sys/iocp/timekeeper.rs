//! The deadlines of what the port has. A port tells of what is done, never of what is not: one
//! thread sleeps until the nearest deadline and has the kernel stop what has come to it. It is
//! started with the first operation that has one, and sleeps without a limit while there is none.

use std::cmp::Ordering;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use crate::driver::deadlines::Deadlines;
use crate::slot;
use crate::sys::iocp::hold::PortSlot;

/// Watches over deadlines.
pub(super) struct Timekeeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// How often the thread has looked around.
    #[cfg(test)]
    rounds: std::sync::atomic::AtomicU64,
}

struct State {
    deadlines: Deadlines<Watched>,
    closed: bool,
}

/// An operation by its address, which is nobody else's while this exists.
struct Watched(Weak<PortSlot>);

impl Timekeeper {
    pub fn new() -> Self {
        let state = State {
            deadlines: Deadlines::new(),
            closed: false,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: Condvar::new(),
                #[cfg(test)]
                rounds: Default::default(),
            }),
            thread: Mutex::default(),
        }
    }

    /// Watches over an operation, if it has a deadline, until it is [forgotten](Self::forget).
    ///
    /// # Errors
    /// If the system refuses the thread that it takes.
    pub fn watch(&self, slot: &Arc<PortSlot>) -> io::Result<()> {
        if slot.deadline().is_none() {
            return Ok(());
        }
        self.start()?;
        let mut state = self.shared.lock();
        let before = state.deadlines.nearest();
        let watched = Watched(Arc::downgrade(slot));
        state.deadlines.insert(slot.deadline(), watched);
        let is_nearest = state.deadlines.nearest() != before;
        drop(state);
        if is_nearest {
            self.shared.changed.notify_one();
        }
        Ok(())
    }

    /// The operation has ended.
    pub fn forget(&self, slot: &Arc<PortSlot>) {
        if slot.deadline().is_some() {
            let watched = Watched(Arc::downgrade(slot));
            self.shared
                .lock()
                .deadlines
                .remove(slot.deadline(), watched);
        }
    }

    /// Ends the thread. On a thread of the pump it does not wait for that.
    pub fn shut_down(&self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
        if slot::on_pump_thread() {
            return;
        }
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            thread.join().expect("it runs nothing that panics");
        }
    }

    #[cfg(test)]
    pub fn rounds(&self) -> u64 {
        self.shared
            .rounds
            .load(std::sync::atomic::Ordering::Relaxed)
    }

    fn start(&self) -> io::Result<()> {
        let mut thread = lock(&self.thread);
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let named = thread::Builder::new().name("fast_io-deadlines".to_owned());
            *thread = Some(named.spawn(move || shared.keep())?);
        }
        Ok(())
    }
}

impl Shared {
    fn keep(&self) {
        let mut state = self.lock();
        while !state.closed {
            #[cfg(test)]
            self.rounds
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if let Some(Watched(expired)) = state.deadlines.pop_expired() {
                drop(state);
                if let Some(slot) = expired.upgrade() {
                    slot.life().time_out();
                    slot.cancel();
                }
                state = self.lock();
                continue;
            }
            state = match state.deadlines.until_nearest() {
                Some(limit) => {
                    let woken = self.changed.wait_timeout(state, limit);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.changed.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Ord for Watched {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_ptr().addr().cmp(&other.0.as_ptr().addr())
    }
}

impl PartialOrd for Watched {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Watched {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Watched {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
