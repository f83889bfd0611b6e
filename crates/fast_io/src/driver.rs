//! The seam behind which a kernel's way of completing operations hides.
//!
//! A driver takes [`WaitingSlot`]s and brings each to its end; everything that callers can observe
//! (bounds, exactly-once, panics, buffers) is kept outside, in `pump.rs`, `ledger.rs` and
//! `slot.rs`, so that it is the same whichever driver runs.

pub(crate) mod closing;
pub(crate) mod deadlines;
pub(crate) mod inbox;
mod lane;
// Ports are built of it, and their model.
#[cfg(any(windows, all(loom, test)))]
pub(crate) mod lending;
mod readiness;
pub(crate) mod scripted;
pub(crate) mod side_ring;
mod sockets;
pub(crate) mod threads;

use std::io;
use std::sync::Arc;

use crate::config::{Backend, PumpConfig};
use crate::driver::side_ring::Means;
use crate::file::SharedFile;
use crate::ledger::Ledger;
use crate::posting::Posted;
use crate::slot::{Life, Part, RunningSlot, Step, WaitingSlot};
use crate::socket::SharedSocket;
use crate::sys;

/// Brings slots to their end.
pub(crate) trait Driver: Send + Sync {
    /// The name that `--io-backend` knows it by.
    fn name(&self) -> &'static str;

    /// Takes a slot over, or hands it back if the driver has been shut down.
    fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot>;

    /// Requests the end of what `target` names. Of a single operation the end has been requested
    /// already: what remains is to tell the kernel, where that has it.
    fn cancel(&self, target: Target<'_>);

    /// Cancels and drains everything and ends the threads; called on one of those, it does not
    /// wait. Idempotent, from any thread.
    fn shut_down(&self);

    /// Posts a packet by hand, if there is a port to post it to.
    fn post(&self, _posted: Posted) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Packets that came to the port and meant nothing.
    fn stray_packets(&self) -> u64 {
        0
    }
}

/// What to cancel.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    One(&'a Arc<Life>),
    File(&'a SharedFile),
    Socket(&'a SharedSocket),
    All,
}

impl Target<'_> {
    /// Whether it names the operation whose life this is.
    fn includes(&self, life: &Arc<Life>) -> bool {
        match self {
            Target::One(one) => Arc::ptr_eq(one, life),
            Target::File(file) => life.touches(file.id()),
            Target::Socket(socket) => life.touches(socket.id()),
            Target::All => true,
        }
    }
}

/// Starts the driver that the configuration asks for.
pub(crate) fn start(config: &PumpConfig, ledger: &Arc<Ledger>) -> io::Result<Arc<dyn Driver>> {
    match config.backend() {
        Backend::Auto if sys::TELLS_WHAT_WAITS => {
            let means = Means::OF_THE_SYSTEM;
            let threads = threads::Threads::start_beside_a_ring(config, ledger, means)?;
            Ok(Arc::new(threads))
        }
        Backend::Auto | Backend::Threads => Ok(Arc::new(threads::Threads::start(config)?)),
        Backend::Iocp => sys::start_iocp(config, ledger),
        Backend::Uring => sys::start_uring(config),
        Backend::Scripted(script) => Ok(Arc::new(scripted::Scripted::start(script)?)),
    }
}

/// Does the next part of a running operation with plain system calls: on files they block, on
/// sockets they do not.
pub(crate) fn perform_part(mut slot: RunningSlot, longest: usize) -> Step {
    let moved = match slot.part() {
        Part::Read { file, offset, room } => {
            let len = room.len().min(longest);
            sys::read_part(file, &mut room[..len], offset)
        }
        Part::Write {
            file,
            offset,
            bytes,
        } => {
            let len = bytes.len().min(longest);
            sys::write_part(file, &bytes[..len], offset)
        }
        Part::Sync { file } => file.sync_all().map(|()| 0),
        Part::Socket(part) => sockets::perform(part, longest),
        Part::Whole => return Step::Done(slot.run_whole()),
    };
    slot.absorb(moved)
}
