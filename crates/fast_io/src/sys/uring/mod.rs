//! The driver for Linux's io_uring: one ring, one thread that owns it, one work lane beside it.
//!
//! Submitters put slots into an inbox and ring a bell only if the ring's thread sleeps; it fills the
//! ring from the inbox, so that under load one system call submits and reaps many operations. The
//! thread alone touches the ring ([`ring`]), which needs no lock then and lets the kernel spare
//! itself one too (`SINGLE_ISSUER`). An operation's `user_data` is its place in a table of that
//! thread's ([`table`]): an index, not a search.
//!
//! What no ring does, or does no better, goes to the [lane](crate::driver::threads).

mod ring;
mod table;

use std::io;
use std::mem;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use crate::config::PumpConfig;
use crate::driver::threads::Threads;
use crate::driver::{Driver, Target};
use crate::file::FileId;
use crate::operation::Kind;
use crate::slot::{self, Life, WaitingSlot};

/// A ring, its thread and a work lane.
pub(crate) struct Uring {
    inbox: Arc<Inbox>,
    lane: Threads,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the ring's thread is to do next.
pub(super) enum Command {
    Run(WaitingSlot),
    CancelOne(Arc<Life>),
    CancelFile(FileId),
    CancelAll,
}

/// Where commands wait for the ring's thread.
pub(super) struct Inbox {
    state: Mutex<InboxState>,
    thread_ended: Condvar,
    bell: OwnedFd,
}

#[derive(Default)]
struct InboxState {
    commands: Vec<Command>,
    /// The ring's thread waits, or is about to, and has to be rung for.
    asleep: bool,
    closed: bool,
    ended: bool,
}

/// What [`Inbox::take`] found.
pub(super) enum Delivery {
    /// Commands.
    Commands(Vec<Command>),
    /// None: from now on the bell rings for the next.
    Nothing,
    /// None, and there will be none.
    Closed,
}

impl Uring {
    /// Makes a ring and starts its thread.
    ///
    /// # Errors
    /// That of the system if it forbids rings (`EPERM`, `ENOSYS`), or has one that cannot do what is
    /// needed.
    pub fn start(config: &PumpConfig) -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC)?;
        let inbox = Arc::new(Inbox {
            state: Mutex::default(),
            thread_ended: Condvar::new(),
            bell,
        });
        let (started, ring_started) = mpsc::sync_channel(1);
        let for_thread = Arc::clone(&inbox);
        // A ring belongs to the thread that makes it.
        let thread = thread::Builder::new()
            .name("fast_io-ring".to_owned())
            .spawn(move || run(&for_thread, &started))?;
        match ring_started.recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(io::Error::other("the ring's thread died")),
        }
        let uring = Self {
            inbox,
            lane: Threads::start(config)?,
            thread: Mutex::new(Some(thread)),
        };
        Ok(uring)
    }
}

/// Starts the driver; see [`Uring::start`].
pub(crate) fn start_uring(config: &PumpConfig) -> io::Result<Arc<dyn Driver>> {
    Ok(Arc::new(Uring::start(config)?))
}

fn run(inbox: &Inbox, started: &SyncSender<io::Result<()>>) {
    slot::enter_pump_thread();
    match ring::Ring::new() {
        Ok(ring) => {
            // The other end waits for this.
            let _ = started.send(Ok(()));
            ring::serve(ring, inbox);
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    }
    inbox.lock().ended = true;
    inbox.thread_ended.notify_all();
}

impl Driver for Uring {
    fn name(&self) -> &'static str {
        "uring"
    }

    fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        match slot.kind() {
            Kind::Work(_) => self.lane.push(slot),
            Kind::Read { .. } | Kind::Write { .. } => match self.inbox.post(Command::Run(slot)) {
                Err(Command::Run(slot)) => Err(slot),
                _ => Ok(()),
            },
        }
    }

    fn cancel(&self, target: Target<'_>) {
        let command = match target {
            Target::One(life) => Command::CancelOne(Arc::clone(life)),
            Target::File(file) => Command::CancelFile(file.id()),
            Target::All => Command::CancelAll,
        };
        // After the end there is nothing left to cancel.
        let _ = self.inbox.post(command);
        self.lane.cancel(target);
    }

    fn shut_down(&self) {
        self.inbox.close();
        self.lane.shut_down();
        if slot::on_pump_thread() {
            return;
        }
        self.inbox.wait_for_the_thread();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            thread.join().expect("the ring's thread never panics");
        }
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl Inbox {
    /// Puts a command in and wakes the ring's thread if it sleeps. Hands the command back if there
    /// is nobody to take it any more.
    fn post(&self, command: Command) -> Result<(), Command> {
        let mut state = self.lock();
        if state.closed {
            return Err(command);
        }
        state.commands.push(command);
        self.wake(state);
        Ok(())
    }

    fn close(&self) {
        let mut state = self.lock();
        if !state.closed {
            state.commands.push(Command::CancelAll);
            state.closed = true;
        }
        self.wake(state);
    }

    fn wake(&self, mut state: MutexGuard<'_, InboxState>) {
        if mem::take(&mut state.asleep) {
            drop(state);
            self.ring();
        }
    }

    pub(super) fn ring(&self) {
        // An eventfd takes eight bytes, or blocks when its count is at 2^64: never here.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    /// Takes what there is; `spare` becomes the next vector to fill. The thread may sleep if that is
    /// nothing, and then calls [`awake`](Self::awake).
    pub(super) fn take(&self, spare: Vec<Command>) -> Delivery {
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
    pub(super) fn awake(&self) {
        self.lock().asleep = false;
    }

    pub(super) fn bell(&self) -> &OwnedFd {
        &self.bell
    }

    fn wait_for_the_thread(&self) {
        let mut state = self.lock();
        while !state.ended {
            state = self
                .thread_ended
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, InboxState> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
