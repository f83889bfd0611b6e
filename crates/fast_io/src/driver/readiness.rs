//! Sockets for every driver whose kernel completes nothing by itself: one thread waits for any of
//! them to be ready, and does on each what it is ready for.
//!
//! Workers that waited for sockets would all be waiting soon; here thousands of operations wait at
//! the price of one thread, which is started with the first of them. It runs their handlers too.

mod service;

pub(super) use service::Ready;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use polling::Poller;

use crate::driver::Target;
use crate::driver::inbox::{Bell, Inbox};
use crate::operation::Kind;
use crate::slot::{self, WaitingSlot};

/// How the thread goes about it. The default is straight on; tests have other wishes.
pub(super) trait Conduct: Send + Sync {
    /// Puts what is ready into the order in which it will be served.
    fn order(&self, _ready: &mut [Ready]) {}

    /// The most that the next part of an operation may move.
    fn longest_part(&self) -> usize {
        usize::MAX
    }

    /// How this operation, which begins now, is to fail.
    fn fault(&self, _kind: &Kind) -> Option<Fault> {
        None
    }

    /// Called before an operation is carried on: holds everything up until it returns.
    fn pass(&self) {}
}

/// A failure that the [`Conduct`] makes up.
pub(super) struct Fault {
    pub error: io::Error,
    /// Whether something is to be moved before.
    pub after_first_part: bool,
}

/// Operations just as they come.
pub(super) struct Straight;

impl Conduct for Straight {}

impl Bell for Poller {
    fn ring(&self) {
        // It fails where the poller's own descriptor is broken, and then nothing helps.
        let _ = self.notify();
    }
}

/// The thread that waits for sockets, once there are any.
pub(super) struct Readiness {
    conduct: Arc<dyn Conduct>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    inbox: Option<Arc<Inbox<Poller>>>,
    thread: Option<JoinHandle<()>>,
    closed: bool,
}

impl Readiness {
    pub fn new(conduct: Arc<dyn Conduct>) -> Self {
        Self {
            conduct,
            state: Mutex::default(),
        }
    }

    /// Takes an operation on a socket over; see [`Driver::push`](super::Driver::push). Should the
    /// system refuse the thread, the operation fails with the reason.
    pub fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        let mut state = self.lock();
        if state.closed {
            return Err(slot);
        }
        match state.started(&self.conduct) {
            Ok(inbox) => {
                drop(state);
                inbox.push(slot)
            }
            Err(error) => {
                drop(state);
                slot.refuse(error).dispatch();
                Ok(())
            }
        }
    }

    /// See [`Driver::cancel`](super::Driver::cancel).
    pub fn cancel(&self, target: Target<'_>) {
        if let Some(inbox) = &self.lock().inbox {
            inbox.cancel(target);
        }
    }

    /// See [`Driver::shut_down`](super::Driver::shut_down).
    pub fn shut_down(&self) {
        let mut state = self.lock();
        state.closed = true;
        let Some(inbox) = state.inbox.clone() else {
            return;
        };
        drop(state);
        inbox.close();
        if slot::on_pump_thread() {
            return;
        }
        inbox.wait_for_the_thread();
        let thread = self.lock().thread.take();
        if let Some(thread) = thread {
            // Every panic of an operation is caught in its slot; the thread has none of its own.
            thread
                .join()
                .expect("the thread that waits for sockets never panics");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The inbox of the thread, which runs from now on at the latest.
    fn started(&mut self, conduct: &Arc<dyn Conduct>) -> io::Result<Arc<Inbox<Poller>>> {
        if let Some(inbox) = &self.inbox {
            return Ok(Arc::clone(inbox));
        }
        let inbox = Arc::new(Inbox::new(Poller::new()?));
        let (for_thread, conduct) = (Arc::clone(&inbox), Arc::clone(conduct));
        let thread = thread::Builder::new()
            .name("fast_io-sockets".to_owned())
            .spawn(move || {
                slot::enter_pump_thread();
                service::serve(&for_thread, &*conduct);
                for_thread.end();
            })?;
        self.thread = Some(thread);
        self.inbox = Some(Arc::clone(&inbox));
        Ok(inbox)
    }
}
