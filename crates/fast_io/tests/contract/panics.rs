//! Panics are caught, counted, and harm no sibling; neither does a failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fast_io::{Completion, Operation, oneshot_handler};

use crate::driver::{Subject, on_every_driver};

on_every_driver!(
    a_handler_that_panics_harms_no_sibling,
    what_is_thrown_may_panic_again,
    work_that_panics_is_an_error,
    work_that_fails_harms_no_sibling,
    waiting_inside_a_handler_is_an_error_not_a_deadlock,
);

fn a_handler_that_panics_harms_no_sibling(subject: &Subject) {
    let pump = subject.pump();
    let survivors = Arc::new(AtomicUsize::new(0));
    for index in 0..60 {
        let survivors = Arc::clone(&survivors);
        pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
            assert!(index % 3 != 0, "deliberate");
            survivors.fetch_add(1, Ordering::SeqCst);
        });
    }
    pump.drain();
    assert_eq!((survivors.load(Ordering::SeqCst), pump.panics()), (40, 20));
    let (handler, receiver) = oneshot_handler();
    pump.submit(Operation::work(|| Ok(1)), handler);
    assert_eq!(receiver.wait().result.unwrap(), 1, "the pump lives on");
}

/// What panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("deliberate");
    }
}

fn what_is_thrown_may_panic_again(subject: &Subject) {
    let pump = subject.pump();
    for _ in 0..20 {
        pump.submit(Operation::work(|| Ok(0)), |_: Completion| {
            std::panic::panic_any(Bomb);
        });
        let work = Operation::work(|| std::panic::panic_any(Bomb));
        pump.submit(work, |completion: Completion| {
            assert!(completion.result.is_err());
        });
    }
    pump.drain();
    assert_eq!(pump.panics(), 40);
}

fn work_that_panics_is_an_error(subject: &Subject) {
    let pump = subject.pump();
    let (handler, receiver) = oneshot_handler();
    pump.submit(Operation::work(|| panic!("deliberate")), handler);
    assert!(receiver.wait().result.is_err());
    assert_eq!(pump.panics(), 1);
}

fn work_that_fails_harms_no_sibling(subject: &Subject) {
    let pump = subject.pump();
    let failed = Arc::new(AtomicUsize::new(0));
    for index in 0..60 {
        let failed = Arc::clone(&failed);
        let work = move || {
            if index % 3 == 0 {
                Err(std::io::Error::other("deliberate"))
            } else {
                Ok(0)
            }
        };
        pump.submit(Operation::work(work), move |completion: Completion| {
            assert_eq!(completion.result.is_err(), index % 3 == 0);
            failed.fetch_add(usize::from(index % 3 == 0), Ordering::SeqCst);
        });
    }
    pump.drain();
    assert_eq!((failed.load(Ordering::SeqCst), pump.panics()), (20, 0));
}

fn waiting_inside_a_handler_is_an_error_not_a_deadlock(subject: &Subject) {
    let pump = subject.pump();
    let (outer, outer_receiver) = oneshot_handler();
    let (inner, inner_receiver) = oneshot_handler();
    let work = Operation::work(move || {
        let kind = inner_receiver.wait().result.unwrap_err().kind();
        Ok(u64::from(kind == std::io::ErrorKind::Deadlock))
    });
    pump.submit(work, outer);
    assert_eq!(outer_receiver.wait().result.unwrap(), 1);
    pump.submit(Operation::work(|| Ok(0)), inner);
}
