//! Small files that have arrived: several are handed to a worker together, and their bytes share one
//! piece of memory.
// rsync: receiver.c receive_data()

use super::agreement::Agreement;
use crate::context::Context;
use crate::receiver::arriving::Small;
use crate::receiver::{Job, Receiver};
use delta::Digest;
use fast_io::Operation;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How many small files are written by one worker in one go, and how much may be in them.
const SMALL_FILES: usize = 32;
const SMALL_BYTES: usize = 256 * 1024;
/// Room for as much, and for the file that makes it enough.
const ROOM: usize = 2 * SMALL_BYTES;
/// How many batches of them may wait to be written: what waits longer has left the processors'
/// caches when its turn comes.
const BATCHES: usize = 8;

/// Small files that are written together. Their bytes are in one piece of memory, which is used again:
/// one of its own for each file, made by the reader and dropped by a worker, costs more than the file.
pub(super) struct SmallFiles {
    agreement: Agreement,
    batch: Mutex<Batch>,
    shelf: Mutex<Shelf>,
    /// A batch has been written.
    written: Condvar,
}

#[derive(Default)]
struct Shelf {
    /// Memory of batches that are written.
    spare: Vec<Vec<u8>>,
    /// How many batches are not.
    unwritten: usize,
}

/// A batch's memory, until it is written or will not be.
struct Lent {
    small: Arc<SmallFiles>,
    bytes: Vec<u8>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        let mut shelf = lock(&self.small.shelf);
        if shelf.spare.len() < BATCHES && bytes.capacity() <= ROOM {
            bytes.clear();
            shelf.spare.push(bytes);
        }
        shelf.unwritten -= 1;
        let was_full = shelf.unwritten + 1 == BATCHES;
        drop(shelf);
        if was_full {
            self.small.written.notify_one();
        }
    }
}

#[derive(Default)]
struct Batch {
    /// Those that are complete.
    files: Vec<Small>,
    /// Their bytes, and behind them those of the file that is still to be completed.
    bytes: Vec<u8>,
    /// Where that one begins.
    begun: usize,
}

impl SmallFiles {
    pub fn new(agreement: Agreement) -> SmallFiles {
        SmallFiles {
            agreement,
            batch: Mutex::default(),
            shelf: Mutex::default(),
            written: Condvar::new(),
        }
    }

    /// Adds bytes of the file that is to be completed. Tells how many it has.
    pub fn extend(&self, bytes: &[u8]) -> usize {
        let batch = &mut *lock(&self.batch);
        batch.bytes.extend_from_slice(bytes);
        batch.bytes.len() - batch.begun
    }

    /// Takes away what there is of the file that is to be completed.
    pub fn take_begun(&self) -> Vec<u8> {
        let batch = &mut *lock(&self.batch);
        batch.bytes.split_off(batch.begun)
    }

    /// Completes a file. True if there are enough.
    pub fn end(&self, job: Job, expected: Option<Digest>) -> bool {
        let batch = &mut *lock(&self.batch);
        let end = batch.bytes.len();
        batch.files.push(Small {
            job,
            bytes: batch.begun..end,
            expected,
        });
        batch.begun = end;
        batch.files.len() >= SMALL_FILES || end >= SMALL_BYTES
    }

    /// Has a worker write those that are complete; waits while many wait for that.
    pub fn write(this: &Arc<SmallFiles>, ctx: &Context, receiver: &Arc<Receiver>) {
        if lock(&this.batch).files.is_empty() {
            return;
        }
        let spare = {
            let is_full = |shelf: &mut Shelf| shelf.unwritten >= BATCHES;
            let shelf = this.written.wait_while(lock(&this.shelf), is_full);
            let mut shelf = shelf.unwrap_or_else(PoisonError::into_inner);
            shelf.unwritten += 1;
            shelf.spare.pop()
        };
        let mut next = Batch {
            files: Vec::with_capacity(SMALL_FILES),
            bytes: spare.unwrap_or_else(|| Vec::with_capacity(ROOM)),
            begun: 0,
        };
        let Batch { files, bytes, .. } = {
            let batch = &mut *lock(&this.batch);
            next.bytes.extend_from_slice(&batch.bytes[batch.begun..]);
            std::mem::replace(batch, next)
        };
        let lent = Lent {
            small: this.clone(),
            bytes,
        };
        let writer = receiver.clone();
        let work = move || {
            writer.write_small_files(files, &lent.bytes, &lent.small.agreement);
            Ok(0)
        };
        let receiver = receiver.clone();
        ctx.pump.submit(
            Operation::work(work),
            move |completion: fast_io::Completion| {
                if let Err(error) = completion.result {
                    receiver.work_was_lost(&error);
                }
            },
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
