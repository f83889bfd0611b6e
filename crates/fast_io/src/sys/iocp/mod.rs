//! The driver for Windows: one completion port, threads that wait at it, one work lane beside it.
//!
//! A submitter makes the call itself ([`engine`]); the kernel holds the operation by the address of
//! its `OVERLAPPED` ([`hold`]) and hands that address to a worker when it is done: no map, no lock
//! and no channel on the path of a completion, unless it has a deadline to be watched over
//! ([`timekeeper`]). What a port must know of a file or a socket lies with it ([`file`], [`socket`]).
//!
//! What the kernel does within the call would keep the submitter: work, and writes that extend a
//! file. It goes to the [lane](crate::driver::threads), and so does everything on handles that no
//! port can have, such as pipes that others may use too.

mod attachment;
mod call;
mod engine;
mod file;
mod hold;
mod port;
mod socket;
#[cfg(test)]
mod tests;
mod timekeeper;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::config::PumpConfig;
use crate::driver::threads::Threads;
use crate::driver::{Driver, Target};
use crate::file::SharedFile;
use crate::ledger::Ledger;
use crate::operation::Kind;
use crate::posting::Posted;
use crate::slot::{self, WaitingSlot};

use attachment::Attachment;
use engine::Engine;
pub(crate) use file::KernelFile;
use hold::PortSlot;
pub(crate) use hold::Whereabouts;
pub(crate) use socket::KernelSocket;

/// How long the end waits for a kernel that does not answer, with nobody of ours at work.
const PATIENCE: Duration = Duration::from_secs(30);

/// A port, its threads and a work lane.
pub(crate) struct Iocp {
    engine: Arc<Engine>,
    lane: Arc<Threads>,
    crew: Arc<Crew>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    patience: Duration,
}

/// What is to be done with a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    ToRead,
    ToWrite,
}

/// Who waits at the port.
#[derive(Default)]
struct Crew {
    alive: Mutex<usize>,
    one_ended: Condvar,
    /// How many are not waiting for packets but at work.
    busy: AtomicUsize,
}

/// Starts the driver.
pub(crate) fn start_iocp(config: &PumpConfig, ledger: &Arc<Ledger>) -> io::Result<Arc<dyn Driver>> {
    Ok(Arc::new(Iocp::start(config, Arc::clone(ledger))?))
}

impl Iocp {
    /// Makes a port and starts its threads.
    fn start(config: &PumpConfig, ledger: Arc<Ledger>) -> io::Result<Self> {
        let settings = config.iocp();
        let threads = settings.concurrency().unwrap_or(config.workers());
        let lane = Arc::new(Threads::start(config)?);
        // Should a thread not start, dropping this ends those that did.
        let iocp = Self {
            engine: Arc::new(Engine::new(threads, settings, ledger, Arc::clone(&lane))?),
            lane,
            crew: Arc::default(),
            workers: Mutex::default(),
            patience: PATIENCE,
        };
        for number in 0..threads {
            iocp.add_worker(number, settings.batch())?;
        }
        Ok(iocp)
    }

    fn add_worker(&self, number: usize, batch: usize) -> io::Result<()> {
        let (engine, crew) = (Arc::clone(&self.engine), Arc::clone(&self.crew));
        *lock(&crew.alive) += 1;
        let thread = thread::Builder::new().name(format!("fast_io-port-{number}"));
        let work = move || {
            slot::enter_pump_thread();
            engine.work(batch, &crew.busy);
            *lock(&crew.alive) -= 1;
            crew.one_ended.notify_all();
        };
        match thread.spawn(work) {
            Ok(worker) => {
                lock(&self.workers).push(worker);
                Ok(())
            }
            Err(error) => {
                *lock(&self.crew.alive) -= 1;
                Err(error)
            }
        }
    }

    /// A slot on the port, if the port is the place for this operation. For work it is not, nor for
    /// handles that it cannot have.
    fn port_slot(&self, slot: &WaitingSlot) -> Option<Arc<PortSlot>> {
        let attachment = match slot.kind() {
            Kind::Sync { .. } | Kind::Work(_) => return None,
            Kind::Read {
                file, offset, len, ..
            } => self.attachment_of_file(file, *offset, *len, Wish::ToRead)?,
            Kind::Write {
                file,
                offset,
                range,
                ..
            } => self.attachment_of_file(file, *offset, range.len(), Wish::ToWrite)?,
            Kind::Accept {
                listener: socket, ..
            }
            | Kind::Connect { socket, .. }
            | Kind::Receive { socket, .. }
            | Kind::Send { socket, .. } => socket.kernel().attachment(socket, &self.engine)?,
        };
        Some(PortSlot::new(slot, attachment))
    }

    fn attachment_of_file(
        &self,
        file: &SharedFile,
        offset: u64,
        len: usize,
        wish: Wish,
    ) -> Option<Arc<Attachment>> {
        let end = offset.checked_add(len as u64)?;
        // Offsets above that mean something else to the kernel.
        if len == 0 || i64::try_from(end).is_err() {
            return None;
        }
        let kernel = file.kernel();
        if wish == Wish::ToWrite && !kernel.can_write_later(file, end) {
            return None;
        }
        kernel.attachment(file, &self.engine)
    }

    /// Waits until the workers have ended. Should the kernel never answer for an operation, gives
    /// up after a while: that operation, its buffer and the threads stay for ever.
    fn wait_for_the_workers(&self) {
        if lock(&self.workers).is_empty() {
            // They have ended, or were given up before.
            return;
        }
        let mut alive = lock(&self.crew.alive);
        let mut before = self.engine.under_way();
        while *alive > 0 {
            let (guard, waited) = self
                .crew
                .one_ended
                .wait_timeout(alive, self.patience)
                .unwrap_or_else(PoisonError::into_inner);
            alive = guard;
            let now = self.engine.under_way();
            let at_work = self.crew.busy.load(Ordering::SeqCst) > 0;
            if waited.timed_out() && !at_work && now == before && now > 0 {
                lock(&self.workers).clear();
                return;
            }
            before = now;
        }
    }
}

impl Driver for Iocp {
    fn name(&self) -> &'static str {
        "iocp"
    }

    fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        let Some(port_slot) = self.port_slot(&slot) else {
            // What comes when the port has closed is not for the lane either: there nobody could stop
            // a read that waits.
            return if self.engine.is_closed() {
                Err(slot)
            } else {
                self.lane.push(slot)
            };
        };
        if !self.engine.enter() {
            return Err(slot);
        }
        let ended = match slot.begin() {
            Ok(running) => self.engine.begin(&port_slot, running),
            Err(cancelled) => Some(cancelled),
        };
        if let Some(ended) = ended {
            self.engine.hand_over(ended);
        }
        Ok(())
    }

    fn cancel(&self, target: Target<'_>) {
        match target {
            Target::One(life) => {
                if let Some(slot) = life.whereabouts.get().and_then(|slot| slot.upgrade()) {
                    slot.cancel();
                }
            }
            Target::File(file) => {
                if let Some(attachment) = file.kernel().existing_attachment() {
                    attachment.cancel_all();
                }
            }
            Target::Socket(socket) => {
                if let Some(attachment) = socket.kernel().existing_attachment() {
                    attachment.cancel_all();
                }
            }
            Target::All => self.engine.cancel_all(),
        }
        self.lane.cancel(target);
    }

    fn shut_down(&self) {
        self.engine.close();
        self.lane.shut_down();
        if slot::on_pump_thread() {
            return;
        }
        self.wait_for_the_workers();
        for worker in std::mem::take(&mut *lock(&self.workers)) {
            worker.join().expect("a worker thread never panics");
        }
    }

    fn post(&self, posted: Posted) -> io::Result<()> {
        self.engine.post(posted)
    }

    fn stray_packets(&self) -> u64 {
        self.engine.strays()
    }
}

impl Drop for Iocp {
    fn drop(&mut self) {
        self.shut_down();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
