//! The races of an operation's life, in every order: `loom` runs each of these tests once for each way
//! in which the threads can meet, as far as that takes no more than three preemptions.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test --release -p fast_io --lib model
//! ```
//!
//! Here it is the whole pump, on threads; in [`port`] what a completion port makes of it, and in
//! [`inbox`] how a ring's thread is reached.

mod inbox;
mod port;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread;

use crate::buffer::Buffer;
use crate::completion::{Completion, is_cancelled, is_closed, oneshot_handler};
use crate::config::{Backend, PumpConfig};
use crate::driver::Driver;
use crate::driver::closing::Closers;
use crate::driver::side_ring::Means;
use crate::driver::threads::Threads;
use crate::file::SharedFile;
use crate::ledger::{Admission, Ledger};
use crate::operation::Operation;
use crate::pump::CompletionPump;
use crate::slot::WaitingSlot;
use crate::sync::{Condvar, Mutex};

/// More preemptions than these take for ever.
const PREEMPTIONS: usize = 3;

fn in_every_order(body: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS);
    model.check(body);
}

fn pump(operations: usize) -> Arc<CompletionPump> {
    let config = PumpConfig::default()
        .with_workers(1)
        .with_max_operations(operations)
        .with_backend(Backend::Threads);
    Arc::new(CompletionPump::start(&config).unwrap())
}

/// An operation for a driver that the model has made itself; of what kind does not matter there.
fn waiting_slot(
    ledger: &Arc<Ledger>,
    handler: impl FnOnce(Completion) + Send + 'static,
) -> WaitingSlot {
    assert!(ledger.try_admit(0, Admission::Bounded));
    let operation = Operation::work(|| Ok(0));
    WaitingSlot::new(operation, Box::new(handler), Arc::clone(ledger))
}

/// A handler that counts its runs. What it is given is a success or an end by request or deadline.
fn counted(runs: &Arc<AtomicUsize>) -> impl FnOnce(Completion) + Send + use<> {
    let runs = Arc::clone(runs);
    move |completion| {
        if let Err(error) = &completion.result {
            let timed_out = error.kind() == std::io::ErrorKind::TimedOut;
            assert!(
                is_cancelled(error) || is_closed(error) || timed_out,
                "{error}"
            );
        }
        runs.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_cancel_meets_its_operation_anywhere() {
    in_every_order(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let pump = pump(4);
        let (handler, receiver) = oneshot_handler();
        let own = counted(&runs);
        let ticket = pump.submit(Operation::work(|| Ok(7)), move |completion: Completion| {
            crate::CompletionHandler::complete(Box::new(handler), completion);
        });
        let canceller = thread::spawn(move || ticket.cancel());
        let completion = receiver.wait();
        let in_time = canceller.join().unwrap();
        // A cancel that came in time shows; one that did not says so.
        assert_eq!(completion.cancel_requested, in_time);
        match &completion.result {
            Ok(result) => assert_eq!(*result, 7),
            Err(error) => assert!(is_cancelled(error) && in_time),
        }
        own(completion);
        pump.shut_down();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_submission_meets_the_end_anywhere() {
    in_every_order(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let pump = pump(4);
        let submitter = {
            let (pump, handler) = (Arc::clone(&pump), counted(&runs));
            thread::spawn(move || {
                pump.submit(Operation::work(|| Ok(0)), handler);
            })
        };
        pump.shut_down();
        submitter.join().unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert_eq!(pump.operations_in_flight(), 0);
    });
}

#[test]
fn the_end_comes_from_two_sides() {
    in_every_order(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let pump = pump(4);
        pump.submit(Operation::work(|| Ok(0)), counted(&runs));
        let other = {
            let pump = Arc::clone(&pump);
            thread::spawn(move || pump.shut_down())
        };
        pump.shut_down();
        // Whoever returns first: all is over.
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        other.join().unwrap();
    });
}

#[test]
fn a_submitter_who_waits_for_room_is_woken() {
    in_every_order(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let pump = pump(1);
        pump.submit(Operation::work(|| Ok(0)), counted(&runs));
        pump.submit(Operation::work(|| Ok(0)), counted(&runs));
        pump.drain();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        pump.shut_down();
    });
}

#[test]
fn more_than_can_be_counted_in_a_word_come_and_go() {
    in_every_order(|| {
        let ledger = Arc::new(Ledger::nearly_overflowing(1));
        let before = ledger.operations();
        let come_and_go = |ledger: &Ledger| {
            assert!(ledger.try_admit(1, Admission::Overdraft));
            ledger.release(1);
            ledger.count_finished();
        };
        let other = {
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || come_and_go(&ledger))
        };
        // One place for two, and then none for one.
        assert!(ledger.try_admit(1, Admission::Overdraft));
        come_and_go(&ledger);
        other.join().unwrap();
        assert_eq!((ledger.operations(), ledger.bytes()), (before + 1, 1024));
        ledger.release(1);
        assert_eq!((ledger.operations(), ledger.bytes()), (before, 0));
    });
}

#[test]
fn all_is_cancelled_while_more_comes() {
    in_every_order(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let pump = pump(4);
        let canceller = {
            let pump = Arc::clone(&pump);
            thread::spawn(move || pump.cancel_all())
        };
        pump.submit(Operation::work(|| Ok(0)), counted(&runs));
        pump.submit(Operation::work(|| Ok(0)), counted(&runs));
        canceller.join().unwrap();
        pump.drain();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        pump.shut_down();
    });
}

#[test]
fn what_waits_on_a_desk_is_taken_by_another() {
    in_every_order(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let config = PumpConfig::default()
            .with_workers(2)
            .with_backend(Backend::Threads);
        let pump = Arc::new(CompletionPump::start(&config).unwrap());
        let (again, counted_again) = (Arc::clone(&pump), Arc::clone(&runs));
        pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
            for _ in 0..2 {
                again.submit(Operation::work(|| Ok(0)), counted(&counted_again));
            }
        });
        pump.drain();
        pump.shut_down();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_handler_that_takes_long_has_woken_another() {
    in_every_order(|| {
        let config = PumpConfig::default()
            .with_workers(2)
            .with_backend(Backend::Threads);
        let pump = Arc::new(CompletionPump::start(&config).unwrap());
        let again = Arc::clone(&pump);
        pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
            let ran = Arc::new((Mutex::new(false), Condvar::new()));
            for _ in 0..2 {
                let run = Arc::clone(&ran);
                again.submit(Operation::work(|| Ok(0)), move |_: Completion| {
                    *run.0.lock().unwrap() = true;
                    run.1.notify_one();
                });
            }
            // Until one of them has run, which this worker has not time for.
            let mut one_ran = ran.0.lock().unwrap();
            while !*one_ran {
                one_ran = ran.1.wait(one_ran).unwrap();
            }
        });
        pump.drain();
        pump.shut_down();
    });
}

/// A pump whose worker gives its reads, all of which would wait, to what stands for a ring.
fn pump_beside_a_ring() -> Arc<CompletionPump> {
    pump_beside(|_| {
        Ok(Arc::new(Threads::start(
            &PumpConfig::default().with_workers(1),
        )?))
    })
}

fn pump_beside(ring: fn(Closers) -> io::Result<Arc<dyn Driver>>) -> Arc<CompletionPump> {
    let config = PumpConfig::default().with_workers(1);
    let ledger = Arc::new(Ledger::new(4, 1 << 20));
    let means = Means {
        few: 0,
        start: ring,
        is_offered: || true,
        read_at_once: |_, _, _| Err(io::ErrorKind::WouldBlock.into()),
    };
    let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
    // Who makes it first is the standard library's to settle, and no model of ours.
    assert!(driver.ring().unwrap().made().is_some());
    Arc::new(CompletionPump::on(Arc::new(driver), ledger))
}

/// A file of which nothing is known yet.
fn unknown(file: &File) -> SharedFile {
    file.try_clone().unwrap().into()
}

fn nothing_of(file: &SharedFile) -> Operation {
    Operation::read(file.clone(), 0, Buffer::with_capacity(0), 0)
}

#[test]
fn a_cancel_meets_a_read_on_its_way_to_the_ring() {
    let file = tempfile::tempfile().unwrap();
    in_every_order(move || {
        let runs = Arc::new(AtomicUsize::new(0));
        let (pump, file) = (pump_beside_a_ring(), unknown(&file));
        pump.submit(nothing_of(&file), counted(&runs));
        pump.cancel_file(&file);
        pump.drain();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        pump.shut_down();
    });
}

#[test]
fn a_ticket_meets_a_read_on_its_way_to_the_ring() {
    let file = tempfile::tempfile().unwrap();
    in_every_order(move || {
        let (pump, file) = (pump_beside(inbox::start_waiter), unknown(&file));
        let (handler, receiver) = oneshot_handler();
        let ticket = pump.submit(nothing_of(&file), handler);
        // What the ring has waits until then: a cancel that is lost on the way is a deadlock.
        assert!(ticket.cancel());
        assert!(receiver.wait().cancel_requested);
        pump.shut_down();
    });
}

#[test]
fn the_end_meets_a_read_on_its_way_to_the_ring() {
    let file = tempfile::tempfile().unwrap();
    in_every_order(move || {
        let runs = Arc::new(AtomicUsize::new(0));
        let pump = pump_beside_a_ring();
        pump.submit(nothing_of(&unknown(&file)), counted(&runs));
        pump.shut_down();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    });
}
