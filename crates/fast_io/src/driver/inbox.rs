//! Where commands wait for the one thread of a driver that owns a ring or a poller.
//!
//! Submitters put commands in and ring a bell only if that thread sleeps, so that under load it
//! takes many at once and nobody makes a system call to wake it.

use std::mem;
use std::sync::{Arc, PoisonError};

use crate::driver::Target;
use crate::file::HandleId;
use crate::slot::{Life, WaitingSlot};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// What the thread is to do next.
pub(crate) enum Command {
    Run(WaitingSlot),
    CancelOne(Arc<Life>),
    CancelHandle(HandleId),
    CancelAll,
}

/// Wakes the thread from wherever it sleeps.
pub(crate) trait Bell: Send + Sync {
    fn ring(&self);
}

/// Commands on their way to the thread.
pub(crate) struct Inbox<B> {
    state: Mutex<State>,
    thread_ended: Condvar,
    bell: B,
}

#[derive(Default)]
struct State {
    commands: Vec<Command>,
    /// The thread sleeps, or is about to, and has to be rung for.
    asleep: bool,
    closed: bool,
    ended: bool,
}

/// What [`Inbox::take`] found.
pub(crate) enum Delivery {
    /// Commands.
    Commands(Vec<Command>),
    /// None: from now on the bell rings for the next.
    Nothing,
    /// None, and there will be none.
    Closed,
}

impl<B: Bell> Inbox<B> {
    pub fn new(bell: B) -> Self {
        Self {
            state: Mutex::default(),
            thread_ended: Condvar::new(),
            bell,
        }
    }

    pub fn bell(&self) -> &B {
        &self.bell
    }

    /// Puts an operation in, or hands it back if there is nobody to take it any more.
    pub fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        match self.post(Command::Run(slot)) {
            Err(Command::Run(slot)) => Err(slot),
            _ => Ok(()),
        }
    }

    /// Passes on what to cancel. After the end there is nothing left to.
    pub fn cancel(&self, target: Target<'_>) {
        let command = match target {
            Target::One(life) => Command::CancelOne(Arc::clone(life)),
            Target::File(file) => Command::CancelHandle(file.id()),
            Target::Socket(socket) => Command::CancelHandle(socket.id()),
            Target::All => Command::CancelAll,
        };
        let _ = self.post(command);
    }

    fn post(&self, command: Command) -> Result<(), Command> {
        let mut state = self.lock();
        if state.closed {
            return Err(command);
        }
        state.commands.push(command);
        self.wake(state);
        Ok(())
    }

    /// Cancels everything and takes nothing more.
    pub fn close(&self) {
        let mut state = self.lock();
        if !state.closed {
            state.commands.push(Command::CancelAll);
            state.closed = true;
        }
        self.wake(state);
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if mem::take(&mut state.asleep) {
            drop(state);
            self.bell.ring();
        }
    }

    /// Takes what there is; `spare` becomes the next vector to fill. The thread may sleep if that is
    /// nothing, and then calls [`awake`](Self::awake).
    pub fn take(&self, spare: Vec<Command>) -> Delivery {
        let mut state = self.lock();
        if !state.commands.is_empty() {
            state.asleep = false;
            return Delivery::Commands(mem::replace(&mut state.commands, spare));
        }
        state.asleep = true;
        if state.closed {
            Delivery::Closed
        } else {
            Delivery::Nothing
        }
    }

    /// Says that the thread is up and will look for itself: commands of its own handlers, say.
    pub fn awake(&self) {
        self.lock().asleep = false;
    }

    /// Says that the thread has ended.
    pub fn end(&self) {
        self.lock().ended = true;
        self.thread_ended.notify_all();
    }

    pub fn wait_for_the_thread(&self) {
        let mut state = self.lock();
        while !state.ended {
            state = self
                .thread_ended
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
