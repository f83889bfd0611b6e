//! The life of one operation, from submission to the one run of its handler.
//!
//! ```text
//! WaitingSlot ──begin──▶ RunningSlot ──absorb…──▶ EndedSlot ──dispatch──▶ (gone)
//!      └────────── cancelled or refused ─────────────▲
//! ```
//!
//! Each arrow consumes its slot, so no driver can complete an operation twice; and a slot that is
//! dropped anywhere on the way completes with [`Cancelled`], so none can forget one either. What a
//! [`Ticket`](crate::Ticket) shares with its slot is only the small [`Life`].
//!
//! The slot stays at one address on the heap for all of its life: a driver whose kernel knows
//! operations by address (a port by its `OVERLAPPED`, a ring by its `user_data`) finds the handler
//! by it, without a map.

use std::cell::Cell;
use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::buffer::Buffer;
use crate::completion::{Cancelled, Completion, CompletionHandler};
use crate::file::{FileId, SharedFile};
use crate::ledger::Ledger;
use crate::operation::{Kind, Operation};
use crate::sync::{AtomicU8, ON_PUMP_THREAD, Ordering};
#[cfg(windows)]
use crate::sys;

/// What everyone may know of an operation while it lives.
#[derive(Debug)]
pub(crate) struct Life {
    state: AtomicU8,
    /// The identity of the file it works on, if any.
    file: Option<FileId>,
    /// Where to find it while a port has it.
    #[cfg(windows)]
    pub whereabouts: sys::Whereabouts,
}

const ENDED: u8 = 0b01;
const CANCEL_REQUESTED: u8 = 0b10;

impl Life {
    fn new(file: Option<FileId>) -> Self {
        Self {
            state: AtomicU8::new(0),
            file,
            #[cfg(windows)]
            whereabouts: sys::Whereabouts::default(),
        }
    }

    /// Whether the operation works on `file`.
    pub fn touches(&self, file: FileId) -> bool {
        self.file == Some(file)
    }

    /// Asks for the end. Says whether that came in time to be noticed: an operation that had not
    /// ended yet may still succeed, but its completion will say that it was asked to stop.
    pub fn request_cancel(&self) -> bool {
        self.state.fetch_or(CANCEL_REQUESTED, Ordering::AcqRel) & ENDED == 0
    }

    pub fn cancel_requested(&self) -> bool {
        self.state.load(Ordering::Acquire) & CANCEL_REQUESTED != 0
    }

    /// Closes the book; says whether a cancel had been requested by then.
    fn end(&self) -> bool {
        self.state.fetch_or(ENDED, Ordering::AcqRel) & CANCEL_REQUESTED != 0
    }
}

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
    /// The rest has no parts: take it with [`RunningSlot::run_whole`].
    Whole,
}

/// Where a running slot stands after one part.
pub(crate) enum Step {
    More(RunningSlot),
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
    weight: u64,
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
        let life = Arc::new(Life::new(operation.file()));
        Self(Box::new(Body {
            life,
            kind: operation.kind,
            transferred: 0,
            weight,
            handler: Some(handler),
            ledger,
        }))
    }

    /// Begins, unless somebody asked for the end before.
    pub fn begin(self) -> Result<RunningSlot, EndedSlot> {
        if self.0.life.cancel_requested() {
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
            Kind::Work(_) => Part::Whole,
        }
    }

    /// Takes in what one part came to: continues short counts, ends at the end of the file, at an
    /// error, when all is done, or between parts when asked to.
    pub fn absorb(mut self, moved: io::Result<usize>) -> Step {
        let moved = match moved {
            Ok(moved) => moved as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return self.unless_cancelled();
            }
            Err(error) => return Step::Done(EndedSlot(self.0, Err(error))),
        };
        self.0.transferred += moved;
        let (wanted, is_write) = match &self.0.kind {
            Kind::Read { len, .. } => (*len, false),
            Kind::Write { range, .. } => (range.len(), true),
            Kind::Work(_) => (0, false),
        };
        let transferred = self.0.transferred;
        if transferred >= wanted as u64 || (moved == 0 && !is_write) {
            Step::Done(EndedSlot(self.0, Ok(transferred)))
        } else if moved == 0 {
            Step::Done(EndedSlot(self.0, Err(io::ErrorKind::WriteZero.into())))
        } else {
            self.unless_cancelled()
        }
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

    /// Ends it with an error of the driver's own.
    pub fn fail(self, error: io::Error) -> EndedSlot {
        EndedSlot(self.0, Err(error))
    }

    fn unless_cancelled(self) -> Step {
        if self.0.life.cancel_requested() {
            Step::Done(self.fail(Cancelled.into()))
        } else {
            Step::More(self)
        }
    }

    fn run_work(&self, work: Box<dyn FnOnce() -> io::Result<u64> + Send>) -> io::Result<u64> {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            self.0.ledger.count_panic();
            Err(io::Error::other("the work panicked"))
        })
    }
}

impl EndedSlot {
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

    fn run_handler(&mut self, result: io::Result<u64>) {
        let Some(handler) = self.handler.take() else {
            return;
        };
        let cancel_requested = self.life.end();
        let transferred = self.transferred;
        let is_read = matches!(self.kind, Kind::Read { .. });
        let spent = std::mem::replace(&mut self.kind, Kind::Work(Box::new(|| Ok(0))));
        // The operation's hold on its files goes before the handler runs, so that the handler of
        // the last operation can have the file to itself.
        let let_go = AssertUnwindSafe(|| Operation { kind: spent }.into_buffer());
        let mut buffer = catch_unwind(let_go).unwrap_or_else(|_| {
            // What a closure had captured panicked when it was dropped.
            self.ledger.count_panic();
            Buffer::default()
        });
        if is_read {
            buffer.set_filled(transferred as usize);
        }
        self.ledger.release(self.weight);
        let completion = Completion {
            result,
            transferred,
            buffer,
            cancel_requested,
        };
        let run = AssertUnwindSafe(|| handler.complete(completion));
        if catch_unwind(run).is_err() {
            self.ledger.count_panic();
        }
        self.ledger.count_finished();
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.run_handler(Err(Cancelled.into()));
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
