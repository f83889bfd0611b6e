//! The completion pump: operations go in, each comes out once at its handler.
//!
//! This file is the contract's front: admission against the bounds, the hand-over to a driver,
//! cancelling, and the end. What happens to one operation in between is told in `slot.rs`, how it
//! is carried out in `driver/`.

use std::fmt;
use std::io;
use std::sync::{Arc, Weak};

use crate::completion::{CompletionHandler, PumpClosed};
use crate::config::PumpConfig;
use crate::driver::{self, Driver};
use crate::file::SharedFile;
use crate::ledger::{Admission, Ledger};
use crate::operation::Operation;
use crate::posting::Posted;
use crate::slot::{self, Life, WaitingSlot};
use crate::socket::SharedSocket;

/// Carries out operations and runs their handlers. See the [crate's front page](crate) for the
/// contract. Share it with an [`Arc`].
pub struct CompletionPump {
    driver: Arc<dyn Driver>,
    ledger: Arc<Ledger>,
}

impl CompletionPump {
    /// Starts a pump.
    ///
    /// # Errors
    /// If the system refuses threads, or the driver that the configuration forces.
    pub fn start(config: &PumpConfig) -> io::Result<Self> {
        let ledger = Arc::new(Ledger::new(config.max_operations(), config.max_bytes()));
        let driver = driver::start(config, &ledger)?;
        Ok(Self { driver, ledger })
    }

    /// A pump on a driver that a test has made itself.
    #[cfg(test)]
    pub(crate) fn on(driver: Arc<dyn Driver>, ledger: Arc<Ledger>) -> Self {
        Self { driver, ledger }
    }

    /// Submits one operation; `handler` will receive its completion, exactly once, on one of the
    /// pump's threads. Waits while the pump is full, except on a thread of a pump (in a handler, in
    /// work): there it goes over the bound rather than wait for itself.
    ///
    /// After [`shut_down`](Self::shut_down) the handler runs before this returns, on the calling
    /// thread, with a [`PumpClosed`] error and the buffer.
    pub fn submit(&self, operation: Operation, handler: impl CompletionHandler) -> Ticket {
        self.submit_boxed(operation, Box::new(handler))
    }

    /// Like [`submit`](Self::submit), but never waits, and keeps to the bounds on every thread: in
    /// handlers and in work it is how to submit no more than there is room for.
    ///
    /// # Errors
    /// Hands operation and handler back, not run, if the pump is full.
    pub fn try_submit<H: CompletionHandler>(
        &self,
        operation: Operation,
        handler: H,
    ) -> Result<Ticket, Full<H>> {
        let weight = operation.weight();
        if self.ledger.try_admit(weight, Admission::Bounded) {
            Ok(self.push(operation, Box::new(handler)))
        } else {
            Err(Full { operation, handler })
        }
    }

    /// Asks to cancel every operation that reads or writes `file`. Each still completes: with an
    /// error for which [`is_cancelled`](crate::is_cancelled) holds, or, if it could not be stopped
    /// any more, with what it came to.
    pub fn cancel_file(&self, file: &SharedFile) {
        self.driver.cancel(driver::Target::File(file));
    }

    /// Asks to cancel every operation on `socket`, as [`cancel_file`](Self::cancel_file) does.
    pub fn cancel_socket(&self, socket: &SharedSocket) {
        self.driver.cancel(driver::Target::Socket(socket));
    }

    /// Asks to cancel every operation in flight.
    pub fn cancel_all(&self) {
        self.driver.cancel(driver::Target::All);
    }

    /// Waits until no operation is in flight and every handler has returned. Others may submit
    /// meanwhile, which prolongs it.
    ///
    /// On a thread of a pump it returns at once, drained or not. On one of this pump's it would wait for
    /// itself; and if threads of others did wait, two pumps whose handlers drain each other would do so
    /// for ever.
    pub fn drain(&self) {
        if !slot::on_pump_thread() {
            self.ledger.wait_until_finished();
        }
    }

    /// Ends the pump: refuses new operations, cancels those in flight, and returns when each
    /// handler has run and the threads have ended. May be called from several threads, and again.
    ///
    /// From inside a handler, of this pump or of another, it does all that but wait, since the handler
    /// itself may be waited for. Dropping the pump does the same.
    ///
    /// What cannot be stopped is waited for, however long that takes: work, and a worker's read of a pipe into
    /// which nobody writes.
    ///
    /// Should Windows never answer for an operation, not even to say that it was cancelled, this
    /// gives up after 30 seconds in which nothing happened at all. That operation then stays in
    /// [`operations_in_flight`](Self::operations_in_flight), and its memory is never freed.
    pub fn shut_down(&self) {
        self.driver.shut_down();
    }

    /// The operations in flight now.
    pub fn operations_in_flight(&self) -> usize {
        self.ledger.operations()
    }

    /// The bytes of buffers in flight now, each rounded up to whole KiB.
    pub fn bytes_in_flight(&self) -> u64 {
        self.ledger.bytes()
    }

    /// How many handlers and work closures have panicked so far.
    pub fn panics(&self) -> u64 {
        self.ledger.panics()
    }

    /// How many packets have come to the completion port, if there is one, that were nobody's. They
    /// are counted and dropped.
    pub fn stray_packets(&self) -> u64 {
        self.driver.stray_packets()
    }

    /// The name of the driver that runs, as `--version` shows it.
    pub fn backend_name(&self) -> &'static str {
        self.driver.name()
    }

    pub(crate) fn post(&self, posted: Posted) -> io::Result<()> {
        self.driver.post(posted)
    }

    fn submit_boxed(&self, operation: Operation, handler: Box<dyn CompletionHandler>) -> Ticket {
        let weight = operation.weight();
        let admission = if slot::on_pump_thread() {
            Admission::Overdraft
        } else {
            Admission::Bounded
        };
        if !self.ledger.try_admit(weight, admission) {
            self.ledger.admit(weight);
        }
        self.push(operation, handler)
    }

    fn push(&self, operation: Operation, handler: Box<dyn CompletionHandler>) -> Ticket {
        let slot = WaitingSlot::new(operation, handler, Arc::clone(&self.ledger));
        let ticket = Ticket {
            life: Arc::clone(slot.life()),
            driver: Arc::downgrade(&self.driver),
        };
        if let Err(refused) = self.driver.push(slot) {
            refused.refuse(PumpClosed.into()).dispatch();
        }
        ticket
    }
}

impl Drop for CompletionPump {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl fmt::Debug for CompletionPump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletionPump")
            .field("backend", &self.backend_name())
            .field("operations_in_flight", &self.operations_in_flight())
            .field("bytes_in_flight", &self.bytes_in_flight())
            .field("panics", &self.panics())
            .finish()
    }
}

/// Stands for one submitted operation, to cancel it by. Dropping it changes nothing.
#[derive(Clone)]
pub struct Ticket {
    life: Arc<Life>,
    driver: Weak<dyn Driver>,
}

impl Ticket {
    /// Asks to cancel the operation, and says whether it had not ended yet. If so, its handler
    /// will see [`cancel_requested`](crate::Completion::cancel_requested), with an error if it was
    /// stopped and its ordinary result if it succeeded anyway.
    pub fn cancel(&self) -> bool {
        let asked = self.life.request_cancel();
        // Once is enough, however often it is asked for: drivers may have to post it to a thread.
        if asked.in_time
            && asked.first
            && let Some(driver) = self.driver.upgrade()
        {
            driver.cancel(driver::Target::One(&self.life));
        }
        asked.in_time
    }
}

#[cfg(all(test, windows))]
impl Ticket {
    pub(crate) fn life(&self) -> &Arc<Life> {
        &self.life
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.life).finish()
    }
}

/// The pump had no room: here are the operation and its handler again.
pub struct Full<H> {
    /// What was to be submitted.
    pub operation: Operation,
    /// What was to receive its completion.
    pub handler: H,
}

impl<H> fmt::Debug for Full<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Full")
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}
