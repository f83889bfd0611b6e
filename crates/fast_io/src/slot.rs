//! The life of one operation, from submission to the one run of its handler.
//!
//! ```text
//! WaitingSlot ──begin──▶ RunningSlot ──absorb…──▶ EndedSlot ──dispatch──▶ (gone)
//!    │  ▲───wait_again──────┘                         ▲ │
//!    │  └──────────────── wait_to_close ──────────────┼─┘
//!    └────────── cancelled, refused, or over ─────────┘
//! ```
//!
//! Each arrow consumes its slot, so no driver can complete an operation twice; and a slot that is
//! dropped anywhere on the way completes with [`Cancelled`], so none can forget one either. What a
//! [`Ticket`](crate::Ticket) shares with its slot is only the small [`Life`].
//!
//! The slot stays at one address on the heap for all of its life: a driver whose kernel knows
//! operations by address (a port by its `OVERLAPPED`, a ring by its `user_data`) finds the handler
//! by it, without a map.

mod life;

pub(crate) use life::Life;

use std::cell::Cell;
use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use socket2::SockAddr;

use crate::completion::{Cancelled, Completion, CompletionHandler};
use crate::file::SharedFile;
use crate::ledger::Ledger;
use crate::operation::{Kind, Operation};
use crate::socket::SharedSocket;
use crate::sync::ON_PUMP_THREAD;

/// Submitted, not begun.
pub(crate) struct WaitingSlot(Box<Body>);

/// Begun: the kernel or a worker may be using its buffer.
pub(crate) struct RunningSlot(Box<Body>);

/// Ended, its handler not run yet.
pub(crate) struct EndedSlot(Box<Body>, io::Result<u64>);

/// What a worker has to do next for a running slot.
pub(crate) enum Part<'a> {
    Read {
        file: &'a SharedFile,
        offset: u64,
        room: &'a mut [u8],
    },
    Write {
        file: &'a SharedFile,
        offset: u64,
        bytes: &'a [u8],
    },
    Sync {
        file: &'a SharedFile,
    },
    /// To be done with a call that does not wait: see [`SocketPart::perform`].
    Socket(SocketPart<'a>),
    /// The rest has no parts: take it with [`RunningSlot::run_whole`].
    Whole,
}

/// What to do next with a socket.
pub(crate) enum SocketPart<'a> {
    /// What connects is to be put where the slot keeps it.
    Accept {
        listener: &'a SharedSocket,
        accepted: &'a mut Option<SharedSocket>,
    },
    Connect {
        socket: &'a SharedSocket,
        address: &'a SockAddr,
        begun: &'a mut bool,
    },
    Receive {
        socket: &'a SharedSocket,
        room: &'a mut [u8],
    },
    Send {
        socket: &'a SharedSocket,
        bytes: &'a [u8],
    },
}

/// Where a running slot stands after one part.
pub(crate) enum Step {
    More(RunningSlot),
    /// The socket was not ready for it: the same part again when it is.
    Wait(RunningSlot),
    Done(EndedSlot),
}

impl Deref for WaitingSlot {
    type Target = Body;

    fn deref(&self) -> &Body {
        &self.0
    }
}

impl Deref for RunningSlot {
    type Target = Body;

    fn deref(&self) -> &Body {
        &self.0
    }
}

/// What a slot holds: on the heap from submission to end, so that its address can be the key of the
/// operation.
pub(crate) struct Body {
    life: Arc<Life>,
    kind: Kind,
    transferred: u64,
    /// What it came to, while it waits with nothing left to do but to let go of its file.
    outcome: Option<io::Result<u64>>,
    weight: u64,
    deadline: Option<Instant>,
    /// Taken when the handler runs; a body dropped before that runs it.
    handler: Option<Box<dyn CompletionHandler>>,
    ledger: Arc<Ledger>,
}

impl WaitingSlot {
    /// Makes the slot of an operation whose weight the ledger has admitted.
    pub fn new(
        operation: Operation,
        handler: Box<dyn CompletionHandler>,
        ledger: Arc<Ledger>,
    ) -> Self {
        let weight = operation.weight();
        let life = Arc::new(Life::new(operation.kind.handle()));
        // What works on files waits for nobody.
        let waits = operation.kind.socket().is_some();
        Self(Box::new(Body {
            life,
            kind: operation.kind,
            transferred: 0,
            outcome: None,
            weight,
            deadline: operation.deadline.filter(|_| waits),
            handler: Some(handler),
            ledger,
        }))
    }

    /// Begins, unless it is over already or somebody asked for the end before.
    pub fn begin(mut self) -> Result<RunningSlot, EndedSlot> {
        if let Some(result) = self.0.outcome.take() {
            Err(EndedSlot(self.0, result))
        } else if self.0.life.cancel_requested() {
            Err(self.refuse(Cancelled.into()))
        } else {
            Ok(RunningSlot(self.0))
        }
    }

    /// Ends it unbegun.
    pub fn refuse(self, error: io::Error) -> EndedSlot {
        EndedSlot(self.0, Err(error))
    }
}

impl RunningSlot {
    /// The bytes not moved yet, and where they belong.
    pub fn part(&mut self) -> Part<'_> {
        let done = self.0.transferred;
        match &mut self.0.kind {
            Kind::Read {
                file,
                offset,
                buffer,
                len,
            } => {
                let room = &mut buffer.room_mut()[done as usize..*len];
                Part::Read {
                    file,
                    offset: offset.saturating_add(done),
                    room,
                }
            }
            Kind::Write {
                file,
                offset,
                buffer,
                range,
            } => {
                let bytes = &buffer[range.start + done as usize..range.end];
                Part::Write {
                    file,
                    offset: offset.saturating_add(done),
                    bytes,
                }
            }
            Kind::Sync { file } => Part::Sync { file },
            Kind::Accept { listener, accepted } => {
                Part::Socket(SocketPart::Accept { listener, accepted })
            }
            Kind::Connect {
                socket,
                address,
                begun,
            } => Part::Socket(SocketPart::Connect {
                socket,
                address,
                begun,
            }),
            Kind::Receive {
                socket,
                buffer,
                len,
            } => Part::Socket(SocketPart::Receive {
                socket,
                room: &mut buffer.room_mut()[..*len],
            }),
            Kind::Send {
                socket,
                buffer,
                range,
            } => Part::Socket(SocketPart::Send {
                socket,
                bytes: &buffer[range.start + done as usize..range.end],
            }),
            Kind::Work(_) => Part::Whole,
        }
    }

    /// Takes in what one part came to: continues short counts, ends at the end of the file, at an
    /// error, when all is done, or between parts when asked to. Where a socket was not ready, it
    /// waits.
    pub fn absorb(mut self, moved: io::Result<usize>) -> Step {
        let moved = match moved {
            Ok(moved) => moved as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return self.unless_stopped();
            }
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && self.0.kind.socket().is_some() =>
            {
                return match self.unless_stopped() {
                    Step::More(slot) => Step::Wait(slot),
                    stopped => stopped,
                };
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                if let Some(socket) = self.0.kind.socket() {
                    socket.note_reset();
                }
                return Step::Done(EndedSlot(self.0, Err(error)));
            }
            // After a reset the system only says that nothing can be sent.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
                ) && self.0.kind.socket().is_some_and(SharedSocket::was_reset) =>
            {
                let error = io::ErrorKind::ConnectionReset.into();
                return Step::Done(EndedSlot(self.0, Err(error)));
            }
            Err(error) => return Step::Done(EndedSlot(self.0, Err(error))),
        };
        self.0.transferred += moved;
        let (wanted, is_write) = match &self.0.kind {
            Kind::Read { len, .. } => (*len, false),
            Kind::Write { range, .. } | Kind::Send { range, .. } => (range.len(), true),
            Kind::Receive { socket, .. } if moved == 0 && socket.was_reset() => {
                let error = io::ErrorKind::ConnectionReset.into();
                return Step::Done(EndedSlot(self.0, Err(error)));
            }
            // What has arrived is all that was asked for.
            Kind::Receive { .. } => (0, false),
            Kind::Sync { .. } | Kind::Accept { .. } | Kind::Connect { .. } | Kind::Work(_) => {
                (0, false)
            }
        };
        let transferred = self.0.transferred;
        if transferred >= wanted as u64 || (moved == 0 && !is_write) {
            Step::Done(EndedSlot(self.0, Ok(transferred)))
        } else if moved == 0 {
            Step::Done(EndedSlot(self.0, Err(io::ErrorKind::WriteZero.into())))
        } else {
            self.unless_stopped()
        }
    }

    /// Puts what is left of it back into line: another will go on with it.
    pub fn wait_again(self) -> WaitingSlot {
        WaitingSlot(self.0)
    }

    /// Runs an operation that has no parts, on the thread that calls.
    pub fn run_whole(mut self) -> EndedSlot {
        let result = match std::mem::replace(&mut self.0.kind, Kind::Work(Box::new(|| Ok(0)))) {
            Kind::Work(work) => self.run_work(work),
            other => {
                self.0.kind = other;
                Err(io::ErrorKind::InvalidInput.into())
            }
        };
        EndedSlot(self.0, result)
    }

    /// Counts what had been moved by a call that was then given up.
    #[cfg(windows)]
    pub fn count_moved(&mut self, moved: usize) {
        if let Kind::Send { range, .. } = &self.0.kind {
            self.0.transferred = (self.0.transferred + moved as u64).min(range.len() as u64);
        }
    }

    /// Ends it as it was asked to: by whoever cancelled it, or by its deadline.
    pub fn give_up(self) -> EndedSlot {
        let reason = self.0.life.reason_to_stop();
        self.fail(reason.unwrap_or_else(|| Cancelled.into()))
    }

    /// Ends it with an error of the driver's own.
    pub fn fail(self, error: io::Error) -> EndedSlot {
        EndedSlot(self.0, Err(error))
    }

    fn unless_stopped(self) -> Step {
        match self.0.life.reason_to_stop() {
            Some(reason) => Step::Done(self.fail(reason)),
            None => Step::More(self),
        }
    }

    fn run_work(&self, work: Box<dyn FnOnce() -> io::Result<u64> + Send>) -> io::Result<u64> {
        caught(&self.0.ledger, work).unwrap_or_else(|| Err(io::Error::other("the work panicked")))
    }
}

impl EndedSlot {
    /// Whether its file is closed when this lets go of it. Should another holder let go in this very
    /// moment, it may be so although this says no.
    #[cfg(any(windows, target_os = "linux", target_os = "android"))]
    pub fn is_to_close(&self) -> bool {
        self.0.kind.file().is_some_and(SharedFile::is_held_once)
    }

    /// Puts it back into line: another will let go of its file and run its handler.
    #[cfg(any(windows, target_os = "linux", target_os = "android"))]
    pub fn wait_to_close(self) -> WaitingSlot {
        let Self(mut body, result) = self;
        body.outcome = Some(result);
        WaitingSlot(body)
    }

    /// Runs the handler, exactly once; a panic in it is caught and counted.
    pub fn dispatch(mut self) {
        let result = std::mem::replace(&mut self.1, Ok(0));
        self.0.run_handler(result);
    }
}

impl Body {
    pub fn life(&self) -> &Arc<Life> {
        &self.life
    }

    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether what is left of it takes so little that handing it over would be a large part of it.
    pub fn is_short(&self) -> bool {
        // Closing may take long.
        self.outcome.is_none() && self.kind.is_short()
    }

    /// Bytes moved so far.
    pub fn transferred(&self) -> u64 {
        self.transferred
    }

    fn run_handler(&mut self, result: io::Result<u64>) {
        let Some(handler) = self.handler.take() else {
            return;
        };
        let cancel_requested = self.life.end();
        let transferred = self.transferred;
        let is_read = matches!(self.kind, Kind::Read { .. } | Kind::Receive { .. });
        let mut spent = std::mem::replace(&mut self.kind, Kind::Work(Box::new(|| Ok(0))));
        let accepted = match &mut spent {
            Kind::Accept { accepted, .. } => accepted.take(),
            _ => None,
        };
        // The operation's hold on its files goes before the handler runs, so that the handler of
        // the last operation can have the file to itself.
        // (What a closure has captured may panic when it is dropped.)
        let mut buffer = caught(&self.ledger, || spent.into_buffer()).unwrap_or_default();
        if is_read {
            buffer.set_filled(transferred as usize);
        }
        self.ledger.release(self.weight);
        let completion = Completion {
            result,
            transferred,
            buffer,
            accepted,
            cancel_requested,
        };
        caught(&self.ledger, || handler.complete(completion));
        self.ledger.count_finished();
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let outcome = self.outcome.take();
        self.run_handler(outcome.unwrap_or_else(|| Err(Cancelled.into())));
    }
}

/// Runs what is the caller's. A panic in it is caught and counted.
pub(crate) fn caught<R>(ledger: &Ledger, run: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Some(value),
        Err(thrown) => {
            ledger.count_panic();
            // What was thrown is the caller's too, and may panic when it is dropped; so may what that
            // throws. Whoever goes on with it leaks.
            let mut thrown = thrown;
            for _ in 0..4 {
                match catch_unwind(AssertUnwindSafe(|| drop(thrown))) {
                    Ok(()) => return None,
                    Err(again) => thrown = again,
                }
            }
            std::mem::forget(thrown);
            None
        }
    }
}

/// Marks the calling thread as one that runs handlers: it must never wait for other operations.
pub(crate) fn enter_pump_thread() {
    ON_PUMP_THREAD.with(|on| on.set(true));
}

/// Whether the calling thread runs handlers.
pub(crate) fn on_pump_thread() -> bool {
    ON_PUMP_THREAD.with(Cell::get)
}
