//! One file's bytes in order, with several reads in flight ahead of the reader.
//!
//! Each read has a receiver of its own, and the receivers stand in a queue in file order: whatever
//! order the reads complete in, the reader waits for the one whose turn it is.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::buffer::{Buffer, BufferPool};
use crate::completion::{OneshotReceiver, oneshot_handler};
use crate::file::SharedFile;
use crate::operation::Operation;
use crate::pump::{CompletionPump, Ticket};

/// Iterates over the pieces of a range of a file, each in a buffer of the pool, all full but the
/// last. Ends at the end of the range or of the file, or after an error.
///
/// At most `depth` reads are in flight or wait to be taken, so its memory is bounded by
/// `depth` × the pool's buffer size. Dropping it cancels what is in flight.
#[derive(Debug)]
pub struct ReadAhead {
    pump: Arc<CompletionPump>,
    file: SharedFile,
    pool: BufferPool,
    depth: usize,
    /// Not asked for yet.
    unasked: Range<u64>,
    asked: VecDeque<Pending>,
}

#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    receiver: OneshotReceiver,
    wanted: u64,
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
            pool,
            depth: depth.max(1),
            unasked: range,
            asked: VecDeque::new(),
        }
    }

    /// Goes on with `range` instead: after the end, after an error, or because the reader jumps.
    pub fn restart(&mut self, range: Range<u64>) {
        self.stop();
        self.unasked = range;
    }

    /// Asks for what may be ahead. Waits for room in a full pump only for the piece whose turn it
    /// is: reading ahead must not keep the reader from what it has.
    fn ask(&mut self) {
        let piece = self.pool.buffer_size().max(1) as u64;
        while self.asked.len() < self.depth && !self.unasked.is_empty() {
            let offset = self.unasked.start;
            let wanted = piece.min(self.unasked.end - offset);
            let (handler, receiver) = oneshot_handler();
            let read =
                Operation::read(self.file.clone(), offset, self.pool.take(), wanted as usize);
            let ticket = if self.asked.is_empty() {
                self.pump.submit(read, handler)
            } else {
                match self.pump.try_submit(read, handler) {
                    Ok(ticket) => ticket,
                    Err(_full) => return,
                }
            };
            self.asked.push_back(Pending {
                ticket,
                receiver,
                wanted,
            });
            self.unasked.start += wanted;
        }
    }

    fn stop(&mut self) {
        for pending in self.asked.drain(..) {
            pending.ticket.cancel();
        }
        self.unasked = 0..0;
    }
}

impl Iterator for ReadAhead {
    type Item = io::Result<Buffer>;

    /// The next piece, waiting for it if need be. Not for handlers: see
    /// [`OneshotReceiver::wait`].
    fn next(&mut self) -> Option<io::Result<Buffer>> {
        self.ask();
        let Pending {
            receiver, wanted, ..
        } = self.asked.pop_front()?;
        let completion = receiver.wait();
        match completion.result {
            Ok(got) => {
                if got < wanted {
                    self.stop();
                }
                (got > 0).then_some(Ok(completion.buffer))
            }
            Err(error) => {
                self.stop();
                Some(Err(error))
            }
        }
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.stop();
    }
}
