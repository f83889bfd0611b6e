//! The races of a completion port, with a kernel of our own in place of Windows'.
//!
//! Who gets an operation, who stops it and who goes last is decided by `driver/lending.rs`, which is
//! the code that Windows runs. What is written again here are the few lines around it
//! (`sys/iocp/engine.rs`, `mod.rs`) that call the real kernel. An operation that nobody stops, or that
//! nobody gets, waits for ever here: the model checker calls that a deadlock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use loom::thread;

use super::{counted, in_every_order, waiting_slot};
use crate::completion::PumpClosed;
use crate::driver::lending::{Attendance, Loan, Sweeps, ask_to_stop};
use crate::ledger::Ledger;
use crate::slot::{EndedSlot, Life, RunningSlot, WaitingSlot};
use crate::sync::{AtomicBool, Condvar, Mutex, Ordering};

/// What the kernel has of an operation.
struct Held {
    running: Loan<RunningSlot>,
    /// Whether the kernel has written a result down. Until then a packet is a stale one.
    done: AtomicBool,
    life: Arc<Life>,
    sweeps_before: u64,
}

/// What the kernel says to the next call of an operation.
#[derive(Clone, Copy)]
enum Answer {
    /// It waits until it is stopped.
    Waits,
    /// It has done a part at once, and a packet says so.
    DoesAPart,
    /// It refuses, and sends a packet all the same, as Wine does.
    Refuses,
    /// It refuses, and sends a packet that says that a part was done, as for half a message: both ends
    /// may take the operation, and the worker goes on with it.
    RefusesTwice,
}

enum Packet {
    Operation(Arc<Held>),
    Last,
}

#[derive(Default)]
struct Kernel {
    state: Mutex<KernelState>,
    packet_came: Condvar,
}

#[derive(Default)]
struct KernelState {
    answers: VecDeque<Answer>,
    waiting: Vec<Arc<Held>>,
    packets: VecDeque<Packet>,
}

impl Kernel {
    /// Whether the call was not refused.
    fn start(&self, held: &Arc<Held>) -> bool {
        let mut state = self.state.lock().unwrap();
        let answer = state.answers.pop_front().unwrap_or(Answer::Waits);
        match answer {
            Answer::Waits => state.waiting.push(Arc::clone(held)),
            Answer::DoesAPart | Answer::RefusesTwice => {
                held.done.store(true, Ordering::Relaxed);
                state.packets.push_back(Packet::Operation(Arc::clone(held)));
            }
            Answer::Refuses => state.packets.push_back(Packet::Operation(Arc::clone(held))),
        }
        self.packet_came.notify_all();
        !matches!(answer, Answer::Refuses | Answer::RefusesTwice)
    }

    /// Stops those of the waiting that are wanted.
    fn cancel(&self, wanted: impl Fn(&Arc<Held>) -> bool) {
        let mut state = self.state.lock().unwrap();
        let (stopped, waiting) = state.waiting.drain(..).partition(|held| wanted(held));
        state.waiting = waiting;
        let stopped: Vec<Arc<Held>> = stopped;
        for held in stopped {
            held.done.store(true, Ordering::Relaxed);
            state.packets.push_back(Packet::Operation(held));
        }
        self.packet_came.notify_all();
    }

    fn post_last(&self) {
        let mut state = self.state.lock().unwrap();
        state.packets.push_back(Packet::Last);
        self.packet_came.notify_all();
    }

    fn wait(&self) -> Packet {
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(packet) = state.packets.pop_front() {
                return packet;
            }
            state = self.packet_came.wait(state).unwrap();
        }
    }
}

/// A port with one handle attached.
struct Port {
    kernel: Kernel,
    under_way: Attendance,
    sweeps: Sweeps,
}

impl Port {
    /// One whose kernel will give these answers, and then have everything wait; and its worker.
    fn new(answers: &[Answer]) -> (Arc<Self>, thread::JoinHandle<()>) {
        let port = Arc::new(Self {
            kernel: Kernel::default(),
            under_way: Attendance::new(),
            sweeps: Sweeps::new(),
        });
        port.kernel.state.lock().unwrap().answers.extend(answers);
        let working = Arc::clone(&port);
        (port, thread::spawn(move || working.work()))
    }

    fn hold(&self, slot: &WaitingSlot) -> Arc<Held> {
        Arc::new(Held {
            running: Loan::new(),
            done: AtomicBool::new(false),
            life: Arc::clone(slot.life()),
            sweeps_before: self.sweeps.so_far(),
        })
    }

    fn submit(&self, slot: WaitingSlot, held: &Arc<Held>) {
        if !self.under_way.enter() {
            return slot.refuse(PumpClosed.into()).dispatch();
        }
        match slot.begin() {
            Ok(running) => self.issue(held, running),
            Err(cancelled) => self.end(cancelled),
        }
    }

    fn issue(&self, held: &Arc<Held>, running: RunningSlot) {
        held.done.store(false, Ordering::Relaxed);
        // SAFETY: whoever calls has the operation.
        let number = unsafe { held.running.lend(running) };
        if !self.kernel.start(held)
            && let Some(running) = held.running.take(number)
        {
            return self.end(running.fail(PumpClosed.into()));
        }
        if self.under_way.is_closed() {
            held.life.request_cancel();
        }
        if self.is_to_stop(held) {
            self.stop(held);
        }
    }

    fn is_to_stop(&self, held: &Held) -> bool {
        self.sweeps.is_to_stop(held.sweeps_before, &held.life)
    }

    fn stop(&self, held: &Arc<Held>) {
        ask_to_stop(|| self.kernel.cancel(|waiting| Arc::ptr_eq(waiting, held)));
    }

    fn cancel(&self, held: &Arc<Held>) {
        held.life.request_cancel();
        self.stop(held);
    }

    fn cancel_all(&self) {
        self.sweeps.sweep(|| self.kernel.cancel(|_| true));
    }

    fn close(&self) {
        let nobody_left = self.under_way.close();
        self.cancel_all();
        if nobody_left {
            self.kernel.post_last();
        }
    }

    fn work(&self) {
        loop {
            match self.kernel.wait() {
                Packet::Operation(held) => self.complete(&held),
                Packet::Last => return self.kernel.post_last(),
            }
        }
    }

    fn complete(&self, held: &Arc<Held>) {
        if !held.done.load(Ordering::Relaxed) {
            return;
        }
        let Some(running) = held.running.take_any() else {
            return;
        };
        if self.is_to_stop(held) {
            self.end(running.give_up());
        } else {
            self.issue(held, running);
        }
    }

    fn end(&self, ended: EndedSlot) {
        ended.dispatch();
        if self.under_way.leave() {
            self.kernel.post_last();
        }
    }
}

/// Runs `race` with one operation, beside what submits it; then closes and counts.
fn one_operation_meets(
    answers: &'static [Answer],
    race: impl Fn(&Port, &Arc<Held>) + Copy + Send + Sync + 'static,
) {
    in_every_order(move || {
        let runs = Arc::new(AtomicUsize::new(0));
        let ledger = Arc::new(Ledger::new(4, 1 << 20));
        let (port, worker) = Port::new(answers);
        let slot = waiting_slot(&ledger, counted(&runs));
        let held = port.hold(&slot);
        let racer = {
            let (port, held) = (Arc::clone(&port), Arc::clone(&held));
            thread::spawn(move || race(&port, &held))
        };
        port.submit(slot, &held);
        racer.join().unwrap();
        // Nothing but the race ends it: this waits until that has happened.
        ledger.wait_until_finished();
        port.close();
        worker.join().unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_cancel_meets_an_operation_anywhere() {
    one_operation_meets(&[], |port, held| port.cancel(held));
}

#[test]
fn a_cancel_meets_an_operation_that_goes_on() {
    one_operation_meets(&[Answer::DoesAPart], |port, held| port.cancel(held));
}

#[test]
fn all_of_the_handle_is_cancelled_anywhere() {
    one_operation_meets(&[Answer::DoesAPart], |port, _| port.cancel_all());
}

#[test]
fn the_end_meets_an_operation_anywhere() {
    one_operation_meets(&[], |port, _| port.close());
}

#[test]
fn the_end_meets_an_operation_that_goes_on() {
    one_operation_meets(&[Answer::DoesAPart], |port, _| port.close());
}

#[test]
fn a_stale_packet_meets_a_refusal() {
    one_operation_meets(&[Answer::Refuses], |port, held| port.cancel(held));
}

#[test]
fn a_packet_with_a_result_meets_a_refusal() {
    one_operation_meets(&[Answer::RefusesTwice], |port, held| port.cancel(held));
}

#[test]
fn a_deadline_meets_an_operation_anywhere() {
    one_operation_meets(&[], |port, held| {
        held.life.time_out();
        port.stop(held);
    });
}
