//! Many files written at once: begin, write, flush, commit, abort.
//!
//! Writing one small file after the other leaves every core but one idle and every latency bare.
//! Here each file keeps a queue of its own, the queues of all files feed one pump, and each error
//! stays with the file it befell. Within one file writes are issued in the order they were given,
//! `writes_per_file` at a time: kernels take one writer's lock a file, so width comes from having
//! many files, not from many writes to one.
//!
//! rsync: `receiver.c` `receive_data()` writes one file at a time; this has no ancestor there.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::buffer::Buffer;
use crate::completion::{
    Cancelled, Completion, PumpClosed, is_cancelled, is_closed, oneshot_handler,
};
use crate::file::SharedFile;
use crate::ledger::{Admission, Ledger};
use crate::operation::Operation;
use crate::pump::CompletionPump;
use crate::slot;
use crate::sparse;

/// Buffers queued over all files: so many that bytes are what bounds them in practice.
const MAX_QUEUED: usize = 1 << 16;

/// Settings of a [`WriteBatch`].
#[derive(Debug, Clone)]
pub struct WriteBatchConfig {
    /// Bytes of buffers given and not yet written, over all files, before
    /// [`WriteTicket::write`] has to wait. Default 16 MiB.
    pub max_bytes: u64,
    /// Writes to one file in flight at the same time; at least one. Default 1.
    pub writes_per_file: usize,
}

impl Default for WriteBatchConfig {
    fn default() -> Self {
        Self {
            max_bytes: 16 << 20,
            writes_per_file: 1,
        }
    }
}

/// Writes many files at once through one pump.
#[derive(Debug)]
pub struct WriteBatch {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pump: Arc<CompletionPump>,
    room: Ledger,
    writes_per_file: usize,
}

/// Space to set aside when a file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// None.
    Nothing,
    /// For this many bytes, where the file system can; the file's length does not change.
    Bytes(u64),
}

/// How durable a committed file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As the operating system pleases.
    Lazy,
    /// Contents and metadata are on the device before the commit ends.
    Durable,
}

/// A file whose writes have all succeeded.
#[derive(Debug)]
pub struct Committed {
    /// The file, held by nobody else.
    pub file: File,
    /// The end of the furthest write.
    pub length: u64,
}

impl WriteBatch {
    /// A batch that writes through `pump`.
    pub fn new(pump: Arc<CompletionPump>, config: &WriteBatchConfig) -> Self {
        let room = Ledger::new(MAX_QUEUED, config.max_bytes.max(1));
        let writes_per_file = config.writes_per_file.max(1);
        Self {
            shared: Arc::new(Shared {
                pump,
                room,
                writes_per_file,
            }),
        }
    }

    /// Takes `file`, opened for writing, into the batch.
    ///
    /// # Errors
    /// If there is no room for what is to be reserved.
    pub fn begin(&self, file: File, reserve: Reserve) -> io::Result<WriteTicket> {
        if let Reserve::Bytes(len) = reserve {
            sparse::preallocate(&file, len)?;
        }
        let state = State {
            file: Some(file.into()),
            queue: VecDeque::new(),
            in_flight: 0,
            length: 0,
            failure: None,
        };
        let open = OpenFile {
            state: Mutex::new(state),
            settled: Condvar::new(),
        };
        Ok(WriteTicket {
            shared: Arc::clone(&self.shared),
            open: Arc::new(open),
        })
    }
}

/// One file of a [`WriteBatch`].
///
/// Dropping it abandons the file without waiting: what was not issued yet is not written.
#[derive(Debug)]
pub struct WriteTicket {
    shared: Arc<Shared>,
    open: Arc<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    state: Mutex<State>,
    settled: Condvar,
}

#[derive(Debug)]
struct State {
    /// Taken by whoever ends the file.
    file: Option<SharedFile>,
    queue: VecDeque<(u64, Buffer)>,
    in_flight: usize,
    length: u64,
    /// The first error; nothing more is written after it.
    failure: Option<io::Error>,
}

impl WriteTicket {
    /// Gives bytes to be written at `offset`; nothing is copied. Waits while the batch or the pump is full,
    /// except on a thread of the pump.
    ///
    /// # Errors
    /// The first error of this file, if it has failed already: its bytes are then not written.
    pub fn write(&self, offset: u64, buffer: Buffer) -> io::Result<()> {
        let weight = buffer.capacity() as u64;
        self.shared.make_room(weight);
        let mut state = self.open.lock();
        if let Some(failure) = &state.failure {
            let failure = same_error(failure);
            drop(state);
            self.shared.forget(weight);
            return Err(failure);
        }
        state.length = state.length.max(offset.saturating_add(buffer.len() as u64));
        state.queue.push_back((offset, buffer));
        issue(&self.shared, &self.open, state);
        Ok(())
    }

    /// Waits until all that was given so far is written.
    ///
    /// # Errors
    /// The first error of this file. On a thread of the pump, which must not wait, one of kind
    /// [`io::ErrorKind::Deadlock`], unless nothing is left to wait for.
    pub fn flush(&self) -> io::Result<()> {
        let state = self.open.wait_until_settled()?;
        state
            .failure
            .as_ref()
            .map_or(Ok(()), |failure| Err(same_error(failure)))
    }

    /// Waits for the file's writes, has the pump bring it to the device if it is to be durable, and
    /// hands it back.
    ///
    /// # Errors
    /// As [`flush`](Self::flush), or that of [`Operation::sync`]. A thread of the pump never waits for
    /// that one: there a durable commit is always an error of kind [`io::ErrorKind::Deadlock`].
    pub fn commit(self, durability: Durability) -> io::Result<Committed> {
        self.flush()?;
        let (file, length) = self.open.take_file()?;
        if durability == Durability::Durable {
            self.shared.synchronise(&file)?;
        }
        into_committed(file, length)
    }

    /// Gives the file up: what was not issued yet is not written, and what is in flight is asked to
    /// stop. Waits for that and hands the file back, torn as it may be.
    ///
    /// # Errors
    /// On a thread of the pump, one of kind [`io::ErrorKind::Deadlock`], if writes are in flight.
    pub fn abort(self) -> io::Result<File> {
        self.shared.discard_queue(self.open.lock());
        let file = self.open.lock().file.clone();
        if let Some(file) = file {
            self.shared.pump.cancel_file(&file);
        }
        drop(self.open.wait_until_settled()?);
        let (file, length) = self.open.take_file()?;
        Ok(into_committed(file, length)?.file)
    }
}

impl Drop for WriteTicket {
    fn drop(&mut self) {
        let mut state = self.open.lock();
        // The writes in flight hold it; the handler of the last of them is not the place to close it.
        let file = state.file.take();
        self.shared.discard_queue(state);
        drop(file);
    }
}

/// Issues as many of a file's writes as may be in flight.
fn issue<'a>(shared: &Arc<Shared>, open: &'a Arc<OpenFile>, mut state: MutexGuard<'a, State>) {
    while state.in_flight < shared.writes_per_file
        && let Some(file) = state.file.clone()
        && let Some((offset, buffer)) = state.queue.pop_front()
    {
        state.in_flight += 1;
        // The pump may wait for room, or run the handler here: not under the file's lock.
        drop(state);
        let (own_shared, own_open) = (Arc::clone(shared), Arc::clone(open));
        let write = Operation::write(file, offset, buffer, ..);
        shared.pump.submit(write, move |completion: Completion| {
            settle_one(&own_shared, &own_open, completion);
        });
        state = open.lock();
    }
}

/// Takes in the end of one write.
fn settle_one(shared: &Arc<Shared>, open: &Arc<OpenFile>, completion: Completion) {
    let weight = completion.buffer.capacity() as u64;
    // Back to its pool before the next one may be taken from there.
    drop(completion.buffer);
    shared.forget(weight);
    let mut state = open.lock();
    state.in_flight -= 1;
    if let Err(error) = completion.result {
        state.failure.get_or_insert(error);
        let discarded = std::mem::take(&mut state.queue);
        for (_, buffer) in discarded {
            shared.forget(buffer.capacity() as u64);
        }
    }
    if state.is_settled() {
        drop(state);
        open.settled.notify_all();
    } else {
        issue(shared, open, state);
    }
}

fn into_committed(file: SharedFile, length: u64) -> io::Result<Committed> {
    // Operations let go of their file before their handlers run, and all handlers have.
    let file = file
        .into_file()
        .map_err(|_| io::Error::from(io::ErrorKind::ResourceBusy))?;
    Ok(Committed { file, length })
}

/// Errors cannot be cloned; this one says the same.
fn same_error(error: &io::Error) -> io::Error {
    if is_cancelled(error) {
        Cancelled.into()
    } else if is_closed(error) {
        PumpClosed.into()
    } else if let Some(number) = error.raw_os_error() {
        io::Error::from_raw_os_error(number)
    } else {
        io::Error::new(error.kind(), error.to_string())
    }
}

impl Shared {
    /// Waits for room for a buffer, unless on one of the threads that make room.
    fn make_room(&self, weight: u64) {
        if slot::on_pump_thread() {
            self.room.try_admit(weight, Admission::Overdraft);
        } else {
            self.room.admit(weight);
        }
    }

    /// Waits until the file is on the device.
    fn synchronise(&self, file: &SharedFile) -> io::Result<()> {
        if slot::on_pump_thread() {
            return Err(io::ErrorKind::Deadlock.into());
        }
        let (handler, receiver) = oneshot_handler();
        self.pump.submit(Operation::sync(file.clone()), handler);
        receiver.wait().result.map(drop)
    }

    /// Gives back the room that a buffer took.
    fn forget(&self, weight: u64) {
        self.room.release(weight);
        self.room.count_finished();
    }

    fn discard_queue(&self, mut state: MutexGuard<'_, State>) {
        let discarded = std::mem::take(&mut state.queue);
        drop(state);
        for (_, buffer) in discarded {
            self.forget(buffer.capacity() as u64);
        }
    }
}

impl OpenFile {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Callers' code never runs under this lock, and ours does not panic under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until_settled(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        while !state.is_settled() {
            if slot::on_pump_thread() {
                return Err(io::ErrorKind::Deadlock.into());
            }
            state = self
                .settled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Ok(state)
    }

    fn take_file(&self) -> io::Result<(SharedFile, u64)> {
        let mut state = self.lock();
        let file = state.file.take().ok_or(io::ErrorKind::NotFound)?;
        Ok((file, state.length))
    }
}

impl State {
    fn is_settled(&self) -> bool {
        self.in_flight == 0 && self.queue.is_empty()
    }
}
