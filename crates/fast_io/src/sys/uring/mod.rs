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
use std::os::fd::{AsRawFd, RawFd};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use crate::config::PumpConfig;
use crate::driver::closing::Closers;
use crate::driver::inbox::{Bell, Inbox};
use crate::driver::threads::Threads;
use crate::driver::{Driver, Target};
use crate::operation::Kind;
use crate::slot::{self, WaitingSlot};

/// A ring and a work lane.
struct Uring {
    ring: OwnedRing,
    lane: Threads,
}

/// A ring and its thread.
struct OwnedRing {
    inbox: Arc<Inbox<Eventfd>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Wakes the ring's thread: the ring reads it.
struct Eventfd(OwnedFd);

impl AsRawFd for Eventfd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// What to do when an ordinary user's share of locked memory is used up: the kernel gives back what
/// closed rings had, but only a moment later.
#[derive(Clone, Copy)]
enum Patience {
    None,
    /// Up to a second.
    Some,
}

impl OwnedRing {
    /// Makes a ring and starts its thread.
    ///
    /// # Errors
    /// That of the system if it forbids rings (`EPERM`, `ENOSYS`), or has one that cannot do what is
    /// needed.
    fn start(patience: Patience, closers: Closers) -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC)?;
        let inbox = Arc::new(Inbox::new(Eventfd(bell)));
        let (started, ring_started) = mpsc::sync_channel(1);
        let for_thread = Arc::clone(&inbox);
        // A ring belongs to the thread that makes it.
        let thread = thread::Builder::new()
            .name("fast_io-ring".to_owned())
            .spawn(move || run(&for_thread, patience, closers, &started))?;
        match ring_started.recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(io::Error::other("the ring's thread died")),
        }
        Ok(Self {
            inbox,
            thread: Mutex::new(Some(thread)),
        })
    }
}

/// Starts the driver.
pub(crate) fn start_uring(config: &PumpConfig) -> io::Result<Arc<dyn Driver>> {
    let lane = Threads::start(config)?;
    let ring = OwnedRing::start(Patience::Some, Arc::clone(lane.closers()))?;
    Ok(Arc::new(Uring { ring, lane }))
}

/// Starts a ring alone, beside another's lane, while somebody waits.
pub(crate) fn start_ring(closers: Closers) -> io::Result<Arc<dyn Driver>> {
    Ok(Arc::new(OwnedRing::start(Patience::None, closers)?))
}

/// Whether the system would let us have a ring now.
pub(crate) fn offers_rings() -> bool {
    ring::Ring::new(Patience::None).is_ok()
}

fn run(
    inbox: &Inbox<Eventfd>,
    patience: Patience,
    closers: Closers,
    started: &SyncSender<io::Result<()>>,
) {
    slot::enter_pump_thread();
    match ring::Ring::new(patience) {
        Ok(ring) => {
            // The other end waits for this.
            let _ = started.send(Ok(()));
            ring::serve(ring, inbox, closers);
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    }
    inbox.end();
}

impl Driver for Uring {
    fn name(&self) -> &'static str {
        "uring"
    }

    fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        match slot.kind() {
            Kind::Work(_) => self.lane.push(slot),
            _ => self.ring.push(slot),
        }
    }

    fn cancel(&self, target: Target<'_>) {
        self.ring.cancel(target);
        self.lane.cancel(target);
    }

    fn shut_down(&self) {
        self.ring.inbox.close();
        self.lane.shut_down();
        self.ring.shut_down();
    }
}

impl Driver for OwnedRing {
    fn name(&self) -> &'static str {
        "uring"
    }

    fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        self.inbox.push(slot)
    }

    fn cancel(&self, target: Target<'_>) {
        self.inbox.cancel(target);
    }

    fn shut_down(&self) {
        self.inbox.close();
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

impl Drop for OwnedRing {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl Bell for Eventfd {
    fn ring(&self) {
        // An eventfd takes eight bytes, or blocks when its count is at 2^64: never here.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}
