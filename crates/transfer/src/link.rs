//! The queue on which the file list crosses from the sender to the generator.
//!
//! It is bounded by entries, not by segments: the scan runs ahead of the generator, but only so far,
//! however many directories those entries are in. A directory is one segment, so the largest one
//! still crosses whole, as does a list without incremental recursion.
// rsync: flist.c send_extra_file_list(), rsync.h MIN_FILECNT_LOOKAHEAD, MAX_FILECNT_LOOKAHEAD

use crate::segment::Segment;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How many entries the generator waits for before it starts: what comes up while these are
/// listed is told before anything else.
const START_AT: u64 = 1_000;
/// How many entries may wait.
const AT_MOST: u64 = 10_000;

/// A bounded queue of segments with one sender and one receiver.
#[derive(Default)]
pub(crate) struct SegmentQueue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<Segment>>,
    waiting_entries: u64,
    listed: u64,
    /// It takes whatever comes: who fills it must not wait.
    unbounded: bool,
    ended: bool,
    broken: bool,
    abandoned: bool,
    /// How many threads wait: waking nobody is a system call too.
    asleep: usize,
}

/// What a queue has for one who also waits for something else.
pub(crate) enum Next {
    /// A segment.
    Segment(Arc<Segment>),
    /// Nothing yet, but what else was waited for is there.
    News,
    /// Nothing, now or later.
    End,
}

impl SegmentQueue {
    /// A queue into which a reader of the wire puts the list. Reading never waits for anything that
    /// waits for writing, and the generator does: so this queue is as long as the peer makes it. Whoever
    /// fills it looks at [`Self::waiting`].
    pub fn unbounded() -> SegmentQueue {
        let queue = SegmentQueue::default();
        queue.lock().unbounded = true;
        queue
    }

    /// Hands a segment over; waits while too many entries wait already. False if nobody will
    /// ever take it.
    pub fn send(&self, segment: Arc<Segment>) -> bool {
        let mut state = self.lock();
        while state.waiting_entries >= AT_MOST && !state.unbounded && !state.abandoned {
            state = self.sleep(state);
        }
        if state.abandoned {
            return false;
        }
        state.waiting_entries += segment.entries.len() as u64;
        state.listed += segment.entries.len() as u64;
        state.waiting.push_back(segment);
        self.wake(&state);
        true
    }

    /// How many entries wait.
    pub fn waiting(&self) -> u64 {
        self.lock().waiting_entries
    }

    /// Says that the list is complete, or that it breaks off here.
    pub fn end(&self, complete: bool) {
        let mut state = self.lock();
        state.ended = true;
        state.broken = !complete;
        self.wake(&state);
    }

    /// Whether the list broke off: then nothing may be concluded from what it lacks.
    pub fn is_broken(&self) -> bool {
        self.lock().broken
    }

    /// Whether all of the list has been handed over.
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// The next segment, or `None` when there will be none. If the list broke off, what was handed
    /// over before is not worth starting on any more: deletions least of all.
    pub fn receive(&self) -> Option<Arc<Segment>> {
        match self.receive_or(|| false) {
            Next::Segment(segment) => Some(segment),
            Next::News | Next::End => None,
        }
    }

    /// The next segment, unless there is news first. Whoever has some says so by [`Self::ring`].
    pub fn receive_or(&self, has_news: impl Fn() -> bool) -> Next {
        let mut state = self.lock();
        loop {
            if state.broken {
                return Next::End;
            }
            if let Some(segment) = state.waiting.pop_front() {
                state.waiting_entries -= segment.entries.len() as u64;
                self.wake(&state);
                return Next::Segment(segment);
            }
            if has_news() {
                return Next::News;
            }
            if state.ended {
                return Next::End;
            }
            state = self.sleep(state);
        }
    }

    /// Has those who wait look whether there is news.
    pub fn ring(&self) {
        self.wake(&self.lock());
    }

    /// Waits until a condition holds. Whoever brings that about says so by [`Self::ring`].
    pub fn wait_until(&self, holds: impl Fn() -> bool) {
        let mut state = self.lock();
        while !holds() {
            state = self.sleep(state);
        }
    }

    /// Waits until there is enough to start on.
    pub fn wait_for_start(&self) {
        let mut state = self.lock();
        while state.listed < START_AT && !state.ended {
            state = self.sleep(state);
        }
    }

    /// Says that nothing more will be taken, so that the sender does not wait for ever.
    pub fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned = true;
        state.waiting.clear();
        self.wake(&state);
    }

    fn sleep<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.asleep += 1;
        let mut state = self
            .changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
        state.asleep -= 1;
        state
    }

    fn wake(&self, state: &State) {
        if state.asleep > 0 {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
