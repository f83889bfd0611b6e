//! The races of a completion port, with a kernel of our own in place of Windows'.
//!
//! Who gets an operation, who stops it and who goes last is decided by `driver/lending.rs`, which is
//! the code that Windows runs. What is written again here are the few lines around it
//! (`sys/iocp/engine.rs`, `mod.rs`) that call the real kernel. An operation that nobody stops, or that
//! nobody gets, waits for ever here: the model checker calls that a deadlock.

use std::collections::VecDeque;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Weak};

use loom::thread;

use super::{counted, in_every_order, waiting_slot};
use crate::completion::{Cancelled, PumpClosed};
use crate::driver::lending::{Attendance, Loan, Roll, Sweeps, ask_to_stop};
use crate::ledger::Ledger;
use crate::slot::{EndedSlot, Life, RunningSlot, WaitingSlot};
use crate::sync::{AtomicBool, Condvar, Mutex, Ordering};

/// Where what the kernel has of an operation lies: each test has one at a time, and the next is at
/// the same place.
const ADDRESS: usize = 8;

/// What the kernel has of an operation.
struct Held {
    /// The reference that the kernel has while this is lent.
    kernels: std::sync::Mutex<Option<Arc<Held>>>,
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
    /// It refuses to wait for a socket.
    HasNoRoom,
}

enum Packet {
    /// That of what is lent at the [`ADDRESS`], or was.
    Operation,
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
    /// What lies at the address.
    memory: Weak<Held>,
    waiting: bool,
    packets: VecDeque<Packet>,
}

impl Kernel {
    /// What the call came to.
    fn start(&self) -> Answer {
        let mut state = self.state.lock().unwrap();
        let answer = state.answers.pop_front().unwrap_or(Answer::Waits);
        match answer {
            Answer::Waits => state.waiting = true,
            Answer::DoesAPart | Answer::RefusesTwice => state.write_down_a_result(),
            Answer::Refuses => state.packets.push_back(Packet::Operation),
            Answer::HasNoRoom => {}
        }
        self.packet_came.notify_all();
        answer
    }

    /// Stops what waits, if anything does.
    fn cancel(&self) {
        let mut state = self.state.lock().unwrap();
        if std::mem::take(&mut state.waiting) {
            state.write_down_a_result();
        }
        self.packet_came.notify_all();
    }

    /// What lies at the address now.
    fn memory(&self) -> Option<Arc<Held>> {
        self.state.lock().unwrap().memory.upgrade()
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

impl KernelState {
    fn write_down_a_result(&mut self) {
        let held = self.memory.upgrade();
        let held = held.expect("what the kernel has is not freed");
        held.done.store(true, Ordering::Release);
        self.packets.push_back(Packet::Operation);
    }
}

/// A port with one handle attached, and the lane beside it.
struct Port {
    kernel: Kernel,
    under_way: Attendance,
    sweeps: Sweeps,
    roll: Roll,
    /// Whether the handle may send packets that nobody promised.
    doubted: bool,
    lane: Mutex<Lane>,
}

/// Where operations wait until they are cancelled.
#[derive(Default)]
struct Lane {
    waiting: Vec<WaitingSlot>,
    closed: bool,
}

impl Port {
    /// One whose kernel will give these answers, and then have everything wait; and its worker.
    fn new(answers: &[Answer]) -> (Arc<Self>, thread::JoinHandle<()>) {
        let port = Arc::new(Self {
            kernel: Kernel::default(),
            under_way: Attendance::new(),
            sweeps: Sweeps::new(),
            roll: Roll::new(),
            doubted: answers
                .iter()
                .any(|answer| matches!(answer, Answer::Refuses | Answer::RefusesTwice)),
            lane: Mutex::new(Lane::default()),
        });
        port.kernel.state.lock().unwrap().answers.extend(answers);
        let working = Arc::clone(&port);
        (port, thread::spawn(move || working.work()))
    }

    fn hold(&self, slot: &WaitingSlot) -> Arc<Held> {
        let held = Arc::new(Held {
            kernels: std::sync::Mutex::default(),
            running: Loan::new(),
            done: AtomicBool::new(false),
            life: Arc::clone(slot.life()),
            sweeps_before: self.sweeps.so_far(),
        });
        self.kernel.state.lock().unwrap().memory = Arc::downgrade(&held);
        held
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
        *held.kernels.lock().unwrap() = Some(Arc::clone(held));
        if self.doubted {
            self.roll.enter(ADDRESS);
        }
        let answer = self.kernel.start();
        if !matches!(answer, Answer::Waits | Answer::DoesAPart)
            && let Some(running) = self.take_back(|| held.take_back(Some(number)))
        {
            return match answer {
                Answer::HasNoRoom => self.wait_until_ready(held, running),
                _ => self.end(running.fail(PumpClosed.into())),
            };
        }
        if self.under_way.is_closed() {
            held.life.request_cancel();
        }
        if self.is_to_stop(held) {
            self.stop();
        }
    }

    fn take_back(&self, take: impl FnOnce() -> Option<RunningSlot>) -> Option<RunningSlot> {
        if self.doubted {
            self.roll.take(ADDRESS, take)
        } else {
            take()
        }
    }

    fn wait_until_ready(&self, held: &Arc<Held>, running: RunningSlot) {
        let mut lane = self.lane.lock().unwrap();
        if lane.closed {
            drop(lane);
            return self.end(running.fail(PumpClosed.into()));
        }
        lane.waiting.push(running.wait_again());
        drop(lane);
        self.is_to_stop(held);
        if held.life.cancel_requested() {
            self.cancel_on_the_lane(|life| Arc::ptr_eq(life, &held.life));
        }
        if self.under_way.leave() {
            self.kernel.post_last();
        }
    }

    fn cancel_on_the_lane(&self, wanted: impl Fn(&Arc<Life>) -> bool) {
        let mut lane = self.lane.lock().unwrap();
        let all = lane.waiting.drain(..);
        let (stopped, waiting) = all.partition(|slot| wanted(slot.life()));
        lane.waiting = waiting;
        drop(lane);
        let stopped: Vec<WaitingSlot> = stopped;
        for slot in stopped {
            slot.life().request_cancel();
            slot.refuse(Cancelled.into()).dispatch();
        }
    }

    fn is_to_stop(&self, held: &Held) -> bool {
        self.sweeps.is_to_stop(held.sweeps_before, &held.life)
    }

    fn stop(&self) {
        ask_to_stop(|| self.kernel.cancel());
    }

    fn cancel(&self, held: &Arc<Held>) {
        held.life.request_cancel();
        self.stop();
        self.cancel_on_the_lane(|life| Arc::ptr_eq(life, &held.life));
    }

    fn cancel_all(&self) {
        self.sweeps.sweep(|| self.kernel.cancel());
        self.cancel_on_the_lane(|_| true);
    }

    fn close(&self) {
        let nobody_left = self.under_way.close();
        self.cancel_all();
        if nobody_left {
            self.kernel.post_last();
        }
        self.lane.lock().unwrap().closed = true;
        self.cancel_on_the_lane(|_| true);
    }

    fn work(&self) {
        loop {
            match self.kernel.wait() {
                Packet::Operation => self.complete(),
                Packet::Last => return self.kernel.post_last(),
            }
        }
    }

    fn complete(&self) {
        let mut at_the_address = None;
        let taken = self.take_back(|| {
            // Here the real one looks at the memory.
            let held = self.kernel.memory().expect("what is lent is not freed");
            let done = held.done.load(Ordering::Acquire);
            let running = done.then(|| held.take_back(None)).flatten();
            at_the_address = Some(held);
            running
        });
        let (Some(held), Some(running)) = (&at_the_address, taken) else {
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

impl Held {
    /// Takes the operation back, and with it the kernel's reference.
    fn take_back(&self, number: Option<u64>) -> Option<RunningSlot> {
        let running = match number {
            Some(number) => self.running.take(number),
            None => self.running.take_any(),
        }?;
        *self.kernels.lock().unwrap() = None;
        Some(running)
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
        port.stop();
    });
}

/// Submits one operation that is refused and whose packet comes all the same; and when it has gone,
/// another at its address, which meets that packet.
fn the_next_at_the_address_meets_the_packet(answers: &'static [Answer]) {
    in_every_order(move || {
        let runs = Arc::new(AtomicUsize::new(0));
        let ledger = Arc::new(Ledger::new(4, 1 << 20));
        let (port, worker) = Port::new(answers);
        let refused = waiting_slot(&ledger, counted(&runs));
        let held = port.hold(&refused);
        port.submit(refused, &held);
        drop(held);
        let next = waiting_slot(&ledger, counted(&runs));
        let held = port.hold(&next);
        port.submit(next, &held);
        port.cancel(&held);
        ledger.wait_until_finished();
        port.close();
        worker.join().unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_stale_packet_meets_one_that_waits_at_its_address() {
    the_next_at_the_address_meets_the_packet(&[Answer::Refuses, Answer::Waits]);
}

#[test]
fn a_stale_packet_meets_one_that_is_done_at_its_address() {
    the_next_at_the_address_meets_the_packet(&[Answer::Refuses, Answer::DoesAPart]);
}

#[test]
fn a_stale_packet_meets_one_that_is_refused_too() {
    the_next_at_the_address_meets_the_packet(&[Answer::Refuses, Answer::RefusesTwice]);
}

#[test]
fn a_cancel_meets_an_operation_on_its_way_to_the_lane() {
    one_operation_meets(&[Answer::HasNoRoom], |port, held| port.cancel(held));
}

#[test]
fn all_of_the_handle_is_cancelled_while_one_is_on_its_way_to_the_lane() {
    one_operation_meets(&[Answer::DoesAPart, Answer::HasNoRoom], |port, _| {
        port.cancel_all();
    });
}

#[test]
fn the_end_meets_an_operation_on_its_way_to_the_lane() {
    one_operation_meets(&[Answer::HasNoRoom], |port, _| port.close());
}
