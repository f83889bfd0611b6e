//! How an operation ends: its [`Completion`], and the [`CompletionHandler`] that receives it.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError};

use crate::buffer::Buffer;
use crate::slot;
use crate::socket::SharedSocket;
use crate::sync::{Condvar, Mutex, MutexGuard};

/// What became of one operation.
#[derive(Debug)]
#[non_exhaustive]
pub struct Completion {
    /// For reads, writes and copies the bytes moved, fewer than asked only at the end of the file
    /// (or where a copy was told to stop); the bytes received or sent; 0 for a connection that was
    /// accepted or made; for work what the closure returned.
    pub result: io::Result<u64>,
    /// Bytes that were moved, even if `result` is an error: a write that filled the disk had
    /// written this much. Equal to the result if that is a byte count.
    pub transferred: u64,
    /// The operation's own buffer, handed back whatever happened. A read has filled it with the
    /// bytes it got. Empty, without capacity, for work and copies.
    pub buffer: Buffer,
    /// The connection that an [`accept`](crate::Operation::accept) waited for.
    pub accepted: Option<SharedSocket>,
    /// Whether somebody asked to cancel this operation. With an `Ok` result it had succeeded
    /// anyway, and the bytes did move.
    pub cancel_requested: bool,
}

/// Receives the completion of one operation, exactly once, on one of the pump's threads.
///
/// Every `FnOnce(Completion)` closure is one. A handler may submit further operations; it must not
/// wait for other operations of the pump, whose threads it occupies, and should be short. The first
/// operation that it submits to a worker begins only when it has returned; others may take the rest
/// at once. A handler on a ring's thread keeps all of the ring's completions waiting.
pub trait CompletionHandler: Send + 'static {
    /// Called when the operation has ended, well or badly. A panic in here is caught and counted.
    fn complete(self: Box<Self>, completion: Completion);
}

impl<F: FnOnce(Completion) + Send + 'static> CompletionHandler for F {
    fn complete(self: Box<Self>, completion: Completion) {
        (*self)(completion);
    }
}

/// A handler, and the receiver of the completion that it will be given.
pub fn oneshot_handler() -> (OneshotHandler, OneshotReceiver) {
    let (sender, cell) = oneshot();
    (OneshotHandler { sender }, OneshotReceiver { cell })
}

/// The handler of [`oneshot_handler`].
#[derive(Debug)]
pub struct OneshotHandler {
    sender: OneshotSender<Completion>,
}

impl CompletionHandler for OneshotHandler {
    fn complete(self: Box<Self>, completion: Completion) {
        self.sender.send(completion);
    }
}

/// The receiver of [`oneshot_handler`].
#[derive(Debug)]
pub struct OneshotReceiver {
    cell: Arc<Cell<Completion>>,
}

impl OneshotReceiver {
    /// Waits for the completion.
    ///
    /// A handler that was dropped without being submitted yields [`PumpClosed`]. Waiting on a
    /// thread of the pump would block what is waited for; if the completion has not arrived yet,
    /// the answer there is an error of kind [`io::ErrorKind::Deadlock`].
    pub fn wait(self) -> Completion {
        self.cell.wait().unwrap_or_else(Completion::failed)
    }
}

/// A value that is sent once, at most, by a handler to a thread that waits for it.
pub(crate) fn oneshot<T>() -> (OneshotSender<T>, Arc<Cell<T>>) {
    let cell = Arc::new(Cell {
        state: Mutex::new(State::Waiting),
        arrived: Condvar::new(),
    });
    let sender = OneshotSender {
        cell: Arc::clone(&cell),
    };
    (sender, cell)
}

#[derive(Debug)]
pub(crate) struct OneshotSender<T> {
    cell: Arc<Cell<T>>,
}

impl<T> OneshotSender<T> {
    pub fn send(self, value: T) {
        self.cell.put(State::Arrived(value));
    }
}

impl<T> Drop for OneshotSender<T> {
    fn drop(&mut self) {
        // Only does anything if nothing was sent: the handler was never submitted, or panicked.
        self.cell.put(State::Gone);
    }
}

/// Where a value of [`oneshot`] arrives.
#[derive(Debug)]
pub(crate) struct Cell<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

#[derive(Debug)]
enum State<T> {
    Waiting,
    Arrived(T),
    Gone,
}

impl<T> Cell<T> {
    /// Waits for the value; see [`OneshotReceiver::wait`] for the errors.
    pub fn wait(&self) -> io::Result<T> {
        let mut state = self.lock();
        loop {
            match std::mem::replace(&mut *state, State::Waiting) {
                State::Arrived(value) => return Ok(value),
                State::Gone => return Err(PumpClosed.into()),
                State::Waiting if slot::on_pump_thread() => {
                    return Err(io::ErrorKind::Deadlock.into());
                }
                State::Waiting => {
                    state = self
                        .arrived
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Whether nothing has come so far.
    pub fn is_empty(&self) -> bool {
        matches!(*self.lock(), State::Waiting)
    }

    fn put(&self, news: State<T>) {
        let mut state = self.lock();
        if matches!(*state, State::Waiting) {
            *state = news;
            self.arrived.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Completion {
    fn failed(error: io::Error) -> Self {
        Self {
            result: Err(error),
            transferred: 0,
            buffer: Buffer::default(),
            accepted: None,
            cancel_requested: false,
        }
    }
}

/// The operation was cancelled before it could finish. Found inside an [`io::Error`] by
/// [`is_cancelled`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// The pump was shut down before or while the operation was submitted. Found inside an
/// [`io::Error`] by [`is_closed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PumpClosed;

/// Whether `error` says that the operation was cancelled, by a caller or by shutdown.
pub fn is_cancelled(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Cancelled>())
}

/// Whether `error` says that the pump had been shut down.
pub fn is_closed(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<PumpClosed>())
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operation was cancelled")
    }
}

impl Error for Cancelled {}

impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> Self {
        // Not `Interrupted`: the standard library's loops take that for "try again".
        io::Error::other(cancelled)
    }
}

impl fmt::Display for PumpClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the completion pump has been shut down")
    }
}

impl Error for PumpClosed {}

impl From<PumpClosed> for io::Error {
    fn from(closed: PumpClosed) -> Self {
        io::Error::other(closed)
    }
}
