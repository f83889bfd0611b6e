//! The threads that look at content on its way: several files at once, each read ahead and
//! written behind on the pump while its thread searches, sums or looks for holes.
//!
//! They are threads of their own because they wait for the pump, which the pump's own threads
//! must not.

use super::{Job, Receiver};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A few threads and the files that wait for one.
#[derive(Default)]
pub(super) struct Rebuilders {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<Job>>,
    busy: usize,
    threads: usize,
    ended: bool,
}

/// How many batches of files may wait.
const AT_MOST: usize = 4;

impl Rebuilders {
    /// Takes files to rebuild; waits while many wait already.
    pub fn take(&self, receiver: &Arc<Receiver>, jobs: Vec<Job>) {
        let mut state = self.shared.lock();
        while state.waiting.len() >= AT_MOST {
            state = self.shared.wait(state);
        }
        let wanted = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .clamp(2, 8)
            .min(receiver.ctx.open_files.threads);
        // A file's rebuilding is a thread's work: share a batch among the threads.
        let share = jobs.len().div_ceil(wanted).max(1);
        let mut jobs = jobs.into_iter();
        loop {
            let part: Vec<Job> = jobs.by_ref().take(share).collect();
            if part.is_empty() {
                break;
            }
            state.waiting.push_back(part);
            if state.threads < wanted {
                state.threads += 1;
                let shared = self.shared.clone();
                // The receiver owns these threads' queue: a thread holds on to it only weakly.
                let receiver = Arc::downgrade(receiver);
                std::thread::spawn(move || {
                    while let Some(part) = shared.next() {
                        if let Some(receiver) = receiver.upgrade() {
                            let run = std::panic::AssertUnwindSafe(|| receiver.run(part));
                            if std::panic::catch_unwind(run).is_err() {
                                receiver.work_was_lost(&std::io::Error::other("panic"));
                            }
                        }
                        shared.done();
                    }
                });
            }
        }
        self.shared.changed.notify_all();
    }

    /// Waits until nothing waits and nothing is being rebuilt.
    pub fn drain(&self) {
        let mut state = self.shared.lock();
        while state.busy > 0 || !state.waiting.is_empty() {
            state = self.shared.wait(state);
        }
    }
}

impl Drop for Rebuilders {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn next(&self) -> Option<Vec<Job>> {
        let mut state = self.lock();
        loop {
            if let Some(part) = state.waiting.pop_front() {
                state.busy += 1;
                self.changed.notify_all();
                return Some(part);
            }
            if state.ended {
                return None;
            }
            state = self.wait(state);
        }
    }

    fn done(&self) {
        self.lock().busy -= 1;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}
