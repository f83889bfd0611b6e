//! The driver that works everywhere: worker threads that make ordinary system calls.
//!
//! It is also the work lane that other drivers route to what their kernel cannot do
//! asynchronously. Who runs what is the [lane](super::lane)'s to say.
//!
//! Operations on sockets wait elsewhere, for [readiness](super::readiness), and no worker with them.
//!
//! What `auto` means on Linux is this driver with a [ring at its side](super::side_ring).

use std::io;
use std::sync::{Arc, PoisonError};

use crate::config::PumpConfig;
use crate::driver::lane::Lane;
use crate::driver::readiness::{Readiness, Straight};
use crate::driver::side_ring::{Means, SideRing, Tried};
use crate::driver::{Driver, Target, perform_part};
use crate::ledger::Ledger;
use crate::slot::{self, EndedSlot, RunningSlot, Step, WaitingSlot};
use crate::socket::Calls;
use crate::sync::{JoinHandle, Mutex, thread};

/// A bounded number of threads that share one queue of slots.
pub(crate) struct Threads {
    lane: Arc<Lane>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    sockets: Readiness,
    ring: Option<Arc<SideRing>>,
}

impl Threads {
    /// Starts as many workers as `config` says.
    pub fn start(config: &PumpConfig) -> io::Result<Self> {
        Self::start_with(config, Arc::new(Lane::new(config.workers())), None)
    }

    /// The same, with a ring beside them for what is better there, if the system has rings.
    pub fn start_beside_a_ring(
        config: &PumpConfig,
        ledger: &Arc<Ledger>,
        means: Means,
    ) -> io::Result<Self> {
        let lane = Arc::new(Lane::new(config.workers()));
        let ring = SideRing::new(ledger, Arc::clone(&lane), means);
        Self::start_with(config, lane, Some(Arc::new(ring)))
    }

    fn start_with(
        config: &PumpConfig,
        lane: Arc<Lane>,
        ring: Option<Arc<SideRing>>,
    ) -> io::Result<Self> {
        // Should one not start, dropping this ends those that did.
        let threads = Self {
            lane,
            workers: Mutex::new(Vec::new()),
            sockets: Readiness::new(Arc::new(Straight)),
            ring,
        };
        for number in 0..config.workers() {
            threads.add_worker(number)?;
        }
        Ok(threads)
    }

    /// Its workers, as those who close files.
    #[cfg(any(windows, target_os = "linux", target_os = "android"))]
    pub fn closers(&self) -> &crate::driver::closing::Closers {
        &self.lane
    }

    #[cfg(test)]
    pub fn ring(&self) -> Option<Arc<SideRing>> {
        self.ring.clone()
    }

    fn add_worker(&self, number: usize) -> io::Result<()> {
        let lane = Arc::clone(&self.lane);
        let ring = self.ring.clone();
        lane.enter();
        let thread = thread::Builder::new().name(format!("fast_io-{number}"));
        match thread.spawn(move || work(&lane, ring.as_deref(), number)) {
            Ok(worker) => {
                self.workers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(worker);
                Ok(())
            }
            Err(error) => {
                self.lane.leave();
                Err(error)
            }
        }
    }
}

impl Driver for Threads {
    fn name(&self) -> &'static str {
        match &self.ring {
            Some(ring) if ring.is_offered() => "threads+uring",
            _ => "threads",
        }
    }

    fn push(&self, mut slot: WaitingSlot) -> Result<(), WaitingSlot> {
        if let Some(ring) = &self.ring
            && ring.suits(&slot)
        {
            match ring.push(slot) {
                Ok(()) => return Ok(()),
                Err(refused) => slot = refused,
            }
        }
        if let Some(socket) = slot.kind().socket() {
            if self.ring.is_some() {
                // From now on the ring leaves this one alone. Should it be refused, the operation will be too.
                let _ = socket.make_calls(Calls::ReturnAtOnce);
            }
            slot.life().hand_over();
            return self.sockets.push(slot);
        }
        self.lane.push(slot)
    }

    fn cancel(&self, target: Target<'_>) {
        if let Target::One(life) = target
            && !life.is_handed_over()
        {
            return;
        }
        self.sockets.cancel(target);
        // The workers look for themselves, between parts.
        if !matches!(target, Target::One(_)) {
            self.lane.cancel(target);
        }
        // After the lane: what a worker has not given to the ring by now, it gives with the mark.
        if let Some(ring) = &self.ring {
            ring.cancel(target);
        }
    }

    fn shut_down(&self) {
        self.lane.close();
        self.sockets.shut_down();
        if let Some(ring) = &self.ring {
            ring.shut_down();
        }
        if slot::on_pump_thread() {
            return;
        }
        self.lane.wait_for_the_last_worker();
        let workers =
            std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            // A worker catches every panic of its operations; nothing else in it can.
            worker.join().expect("a worker thread never panics");
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// The life of one worker.
fn work(lane: &Lane, ring: Option<&SideRing>, number: usize) {
    slot::enter_pump_thread();
    while let Some(slot) = lane.next(number) {
        let ended = match slot.begin() {
            Ok(running) => run(running, ring),
            Err(cancelled) => Some(cancelled),
        };
        if let Some(ended) = ended {
            lane.dispatch(number, ended);
        }
    }
    lane.leave();
}

/// Carries one operation out to its end, unless it is given away.
fn run(mut slot: RunningSlot, ring: Option<&SideRing>) -> Option<EndedSlot> {
    loop {
        let tried = match ring {
            Some(ring) => ring.try_read(slot),
            None => Tried::Not(slot),
        };
        let step = match tried {
            Tried::Went(step) => step,
            Tried::Given => return None,
            Tried::Not(slot) => perform_part(slot, usize::MAX),
        };
        match step {
            Step::More(rest) | Step::Wait(rest) => slot = rest,
            Step::Done(ended) => return Some(ended),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::{Arc, Barrier, mpsc};
    use std::time::Duration;

    use crate::{Backend, Completion, CompletionPump, Operation, PumpConfig};

    #[test]
    fn a_handler_that_takes_long_keeps_only_the_first_waiting() {
        let config = PumpConfig::default().with_backend(Backend::Threads);
        let pump = CompletionPump::start(&config.with_workers(2)).unwrap();
        let pump = Arc::new(pump);
        for _ in 0..100 {
            let again = Arc::clone(&pump);
            let (done, all_done) = mpsc::channel();
            pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
                let (run, ran) = mpsc::channel();
                for _ in 0..2 {
                    let run = run.clone();
                    again.submit(Operation::work(|| Ok(0)), move |_: Completion| {
                        // The other worker takes both, one after the other.
                        let _ = run.send(());
                    });
                }
                // Handlers must not wait: this stands for one that computes.
                let both = (0..2).all(|_| ran.recv_timeout(Duration::from_secs(20)).is_ok());
                done.send(both).unwrap();
            });
            assert!(all_done.recv().unwrap(), "nobody was woken");
            pump.drain();
        }
    }

    #[test]
    fn what_a_handler_leaves_to_others_is_begun() {
        let config = PumpConfig::default().with_backend(Backend::Threads);
        let pump = CompletionPump::start(&config.with_workers(3)).unwrap();
        let pump = Arc::new(pump);
        for _ in 0..100 {
            let (again, meeting) = (Arc::clone(&pump), Arc::new(Barrier::new(3)));
            pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
                for _ in 0..3 {
                    let meeting = Arc::clone(&meeting);
                    // None of the three ends before all have begun: it takes every worker.
                    let work = Operation::work(move || Ok(u64::from(meeting.wait().is_leader())));
                    again.submit(work, |_: Completion| {});
                }
            });
            pump.drain();
        }
    }
}
