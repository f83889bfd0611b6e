//! The races of the inbox by which the threads of the ring and of the poller get their commands: the
//! real inbox, and a thread that serves it as those two do, with operations that wait until they are
//! cancelled. A bell that does not ring, or a command that is lost, is a deadlock here.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use loom::thread;

use super::{counted, in_every_order, waiting_slot};
use crate::completion::PumpClosed;
use crate::driver::closing::Closers;
use crate::driver::inbox::{Bell, Command, Delivery, Inbox};
use crate::driver::{Driver, Target};
use crate::ledger::Ledger;
use crate::slot::{Life, RunningSlot, WaitingSlot};
use crate::sync::{Condvar, Mutex, Ordering};

/// A bell whose stroke is kept until it is heard, as by an eventfd.
#[derive(Default)]
struct Alarm {
    rung: Mutex<bool>,
    stroke: Condvar,
}

impl Bell for Alarm {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.stroke.notify_all();
    }
}

impl Alarm {
    fn sleep(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.stroke.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// The thread that owns a ring or a poller.
fn serve(inbox: &Inbox<Alarm>) {
    let mut begun = Vec::new();
    loop {
        match inbox.take(Vec::new()) {
            Delivery::Commands(commands) => {
                for command in commands {
                    obey(command, &mut begun);
                }
                continue;
            }
            Delivery::Closed if begun.is_empty() => break,
            Delivery::Nothing | Delivery::Closed => {}
        }
        inbox.bell().sleep();
        inbox.awake();
    }
    inbox.end();
}

fn obey(command: Command, begun: &mut Vec<RunningSlot>) {
    let stop = |begun: &mut Vec<RunningSlot>, wanted: &dyn Fn(&Arc<Life>) -> bool| {
        let (stopped, rest) = begun.drain(..).partition(|slot| wanted(slot.life()));
        *begun = rest;
        let stopped: Vec<RunningSlot> = stopped;
        for slot in stopped {
            slot.give_up().dispatch();
        }
    };
    match command {
        Command::Run(slot) => match slot.begin() {
            Ok(running) => begun.push(running),
            Err(cancelled) => cancelled.dispatch(),
        },
        Command::CancelOne(one) => stop(begun, &|life| Arc::ptr_eq(life, &one)),
        Command::CancelHandle(handle) => stop(begun, &|life| life.touches(handle)),
        Command::CancelAll => stop(begun, &|_| true),
    }
}

fn started() -> (Arc<Inbox<Alarm>>, thread::JoinHandle<()>) {
    let inbox = Arc::new(Inbox::new(Alarm::default()));
    let served = Arc::clone(&inbox);
    (inbox, thread::spawn(move || serve(&served)))
}

/// A driver on such a thread: what it is given waits until it is cancelled.
struct Waiter(Arc<Inbox<Alarm>>, Mutex<Option<thread::JoinHandle<()>>>);

pub(super) fn start_waiter(_: Closers) -> io::Result<Arc<dyn Driver>> {
    let (inbox, thread) = started();
    Ok(Arc::new(Waiter(inbox, Mutex::new(Some(thread)))))
}

impl Driver for Waiter {
    fn name(&self) -> &'static str {
        "waiter"
    }

    fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        self.0.push(slot)
    }

    fn cancel(&self, target: Target<'_>) {
        self.0.cancel(target);
    }

    fn shut_down(&self) {
        self.0.close();
        self.0.wait_for_the_thread();
        if let Some(thread) = self.1.lock().unwrap().take() {
            thread.join().unwrap();
        }
    }
}

/// Pushes an operation that waits; its handler counts.
fn push(inbox: &Inbox<Alarm>, ledger: &Arc<Ledger>, runs: &Arc<AtomicUsize>) -> Arc<Life> {
    let slot = waiting_slot(ledger, counted(runs));
    let life = Arc::clone(slot.life());
    if let Err(refused) = inbox.push(slot) {
        refused.refuse(PumpClosed.into()).dispatch();
    }
    life
}

#[test]
fn a_cancel_follows_its_operation_wherever_that_is() {
    in_every_order(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let ledger = Arc::new(Ledger::new(4, 1 << 20));
        let (inbox, thread) = started();
        let life = push(&inbox, &ledger, &runs);
        life.request_cancel();
        inbox.cancel(Target::One(&life));
        // Nothing but the cancel ends it.
        ledger.wait_until_finished();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        inbox.close();
        inbox.wait_for_the_thread();
        thread.join().unwrap();
    });
}

#[test]
fn a_push_meets_the_end_anywhere() {
    in_every_order(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let ledger = Arc::new(Ledger::new(4, 1 << 20));
        let (inbox, thread) = started();
        let pusher = {
            let (inbox, ledger, runs) =
                (Arc::clone(&inbox), Arc::clone(&ledger), Arc::clone(&runs));
            thread::spawn(move || drop(push(&inbox, &ledger, &runs)))
        };
        inbox.close();
        inbox.wait_for_the_thread();
        pusher.join().unwrap();
        thread.join().unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn two_push_to_a_thread_that_goes_to_sleep() {
    in_every_order(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let ledger = Arc::new(Ledger::new(4, 1 << 20));
        let (inbox, thread) = started();
        let pusher = {
            let (inbox, ledger, runs) =
                (Arc::clone(&inbox), Arc::clone(&ledger), Arc::clone(&runs));
            thread::spawn(move || {
                let life = push(&inbox, &ledger, &runs);
                life.request_cancel();
                inbox.cancel(Target::One(&life));
            })
        };
        push(&inbox, &ledger, &runs);
        inbox.cancel(Target::All);
        pusher.join().unwrap();
        ledger.wait_until_finished();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        inbox.close();
        inbox.wait_for_the_thread();
        thread.join().unwrap();
    });
}
