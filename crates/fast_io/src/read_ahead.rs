//! One file's bytes in order, with several reads in flight ahead of the reader.
//!
//! Each read has a receiver of its own, and the receivers stand in a queue in file order: whatever
//! order the reads complete in, the reader waits for the one whose turn it is.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::buffer::{Buffer, BufferPool};
use crate::completion::{Cell, Completion, is_closed, oneshot};
use crate::file::SharedFile;
use crate::operation::Operation;
use crate::pump::{CompletionPump, Ticket};
use crate::slot;

/// Iterates over the pieces of a range of a file, each in a buffer of the pool, all full but the
/// last. Ends at the end of the range or of the file, or after an error.
///
/// At most `depth` reads are in flight or wait to be taken, so its memory is bounded by
/// `depth` × the pool's buffer size. Those that a [`restart`](Self::restart) gave up count until they
/// have ended. Dropping it cancels what is in flight.
///
/// What it yields is the buffer, unless [`on_arrival`](Self::on_arrival) makes something else of it.
pub struct ReadAhead<T = Buffer> {
    pump: Arc<CompletionPump>,
    file: SharedFile,
    pool: BufferPool,
    piece: u64,
    depth: usize,
    on_arrival: OnArrival<T>,
    /// Not asked for yet.
    unasked: Range<u64>,
    asked: VecDeque<Pending<T>>,
    /// Cancelled, and perhaps still under way.
    given_up: Vec<Arrival<T>>,
}

type Arrival<T> = Arc<Cell<io::Result<Arrived<T>>>>;

/// Makes of a piece, which begins at this offset, what the reader wants.
type OnArrival<T> = Arc<dyn Fn(u64, Buffer) -> T + Send + Sync>;

struct Pending<T> {
    ticket: Ticket,
    arrival: Arrival<T>,
    wanted: u64,
}

struct Arrived<T> {
    bytes: u64,
    value: T,
}

impl ReadAhead {
    /// Reads `range` of `file`, up to `depth` pieces ahead (at least one). Nothing is read before
    /// the first piece is asked for.
    pub fn new(
        pump: Arc<CompletionPump>,
        file: SharedFile,
        range: Range<u64>,
        pool: BufferPool,
        depth: usize,
    ) -> Self {
        Self {
            pump,
            file,
            piece: pool.buffer_size().max(1) as u64,
            pool,
            depth: depth.max(1),
            on_arrival: Arc::new(|_, buffer| buffer),
            unasked: range,
            asked: VecDeque::new(),
            given_up: Vec::new(),
        }
    }

    /// Reads pieces of a multiple of `unit` bytes, as large as the pool's buffers allow.
    ///
    /// # Panics
    /// If a buffer cannot hold one unit.
    pub fn in_units_of(mut self, unit: u64) -> Self {
        self.piece -= self.piece % unit.max(1);
        assert!(self.piece > 0, "a buffer must hold a unit");
        self
    }

    /// Has each piece, which begins at the offset given, looked at where it arrives: on the thread
    /// that read it, while it is in that core's cache, and several at once, in any order. What is made
    /// of it is what the reader gets, in order. Pieces that the reader has not taken yet are read again.
    ///
    /// As with all handlers, it must not wait for the pump, and a panic in it is caught and
    /// [counted](CompletionPump::panics): instead of that piece the reader gets an error of kind
    /// [`Other`](io::ErrorKind::Other), and then the end.
    pub fn on_arrival<T>(
        self,
        make: impl Fn(u64, Buffer) -> T + Send + Sync + 'static,
    ) -> ReadAhead<T> {
        let asked: u64 = self.asked.iter().map(|pending| pending.wanted).sum();
        ReadAhead {
            pump: Arc::clone(&self.pump),
            file: self.file.clone(),
            pool: self.pool.clone(),
            piece: self.piece,
            depth: self.depth,
            on_arrival: Arc::new(make),
            unasked: self.unasked.start - asked..self.unasked.end,
            asked: VecDeque::new(),
            given_up: Vec::new(),
        }
    }
}

impl<T: Send + 'static> ReadAhead<T> {
    /// Goes on with `range` instead: after the end, after an error, or because the reader jumps.
    ///
    /// What was asked for before is cancelled. Until it has ended it counts against the depth: the next piece waits
    /// for some of it if it is as much as that. (Not on a thread of a pump, which must not wait: there it goes over.)
    pub fn restart(&mut self, range: Range<u64>) {
        self.stop();
        self.unasked = range;
    }

    /// Ends, and waits until no read holds the file any more: Windows replaces none that is open.
    /// Not for handlers, as [`next`](Self::next).
    pub fn close(mut self) {
        self.stop();
        for arrival in self.given_up.drain(..) {
            // Nobody wants it.
            let _ = arrival.wait();
        }
    }

    /// Asks for what may be ahead. Waits for room in a full pump only for the piece whose turn it
    /// is: reading ahead must not keep the reader from what it has.
    fn ask(&mut self) {
        self.given_up.retain(|arrival| arrival.is_empty());
        while !self.unasked.is_empty() && self.has_room() {
            let offset = self.unasked.start;
            let wanted = self.piece.min(self.unasked.end - offset);
            let (sender, arrival) = oneshot();
            let make = Arc::clone(&self.on_arrival);
            let handler = move |completion: Completion| {
                sender.send(completion.result.map(|bytes| Arrived {
                    bytes,
                    value: make(offset, completion.buffer),
                }));
            };
            let read =
                Operation::read(self.file.clone(), offset, self.pool.take(), wanted as usize);
            let ticket = if self.asked.is_empty() {
                // On a thread of the pump this goes over its bounds.
                self.pump.submit(read, handler)
            } else {
                match self.pump.try_submit(read, handler) {
                    Ok(ticket) => ticket,
                    // The rest is asked for when the next piece is.
                    Err(_full) => return,
                }
            };
            self.asked.push_back(Pending {
                ticket,
                arrival,
                wanted,
            });
            self.unasked.start += wanted;
        }
    }
}

impl<T> ReadAhead<T> {
    /// Whether one more read stays within the depth. For the piece whose turn it is there is always
    /// room, which those given up have to make.
    fn has_room(&mut self) -> bool {
        if self.asked.is_empty() && !slot::on_pump_thread() {
            while self.given_up.len() >= self.depth {
                // Nobody wants it.
                let _ = self.given_up.remove(0).wait();
            }
        }
        self.asked.is_empty() || self.asked.len() + self.given_up.len() < self.depth
    }

    fn stop(&mut self) {
        self.given_up.retain(|arrival| arrival.is_empty());
        for pending in self.asked.drain(..) {
            pending.ticket.cancel();
            self.given_up.push(pending.arrival);
        }
        self.unasked = 0..0;
    }
}

impl<T: Send + 'static> Iterator for ReadAhead<T> {
    type Item = io::Result<T>;

    /// The next piece, waiting for it if need be. Not for handlers: see
    /// [`OneshotReceiver::wait`](crate::OneshotReceiver::wait).
    fn next(&mut self) -> Option<io::Result<T>> {
        self.ask();
        let pending = self.asked.pop_front()?;
        let arrival = pending.arrival.wait().unwrap_or_else(|error| {
            // Every handler runs: what sends nothing has panicked.
            Err(if is_closed(&error) {
                io::Error::other("what was to be made of a piece panicked")
            } else {
                error
            })
        });
        match arrival {
            Ok(Arrived { bytes, value }) => {
                if bytes < pending.wanted {
                    self.stop();
                }
                (bytes > 0).then_some(Ok(value))
            }
            Err(error) => {
                self.stop();
                Some(Err(error))
            }
        }
    }
}

impl<T> Drop for ReadAhead<T> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<T> fmt::Debug for ReadAhead<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadAhead")
            .field("file", &self.file)
            .field("unasked", &self.unasked)
            .field("asked", &self.asked.len())
            .finish_non_exhaustive()
    }
}
