//! Panics are caught, counted, and harm no sibling; neither does a failure.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use fast_io::{Buffer, Completion, CompletionPump, Operation, oneshot_handler};

use crate::driver::{Subject, new_file, on_every_driver, pattern};
use crate::network::{NETWORKS, connected, receive, run, send};

on_every_driver!(
    a_handler_that_panics_harms_no_sibling,
    a_handler_of_a_file_that_panics_harms_no_sibling,
    a_handler_of_a_socket_that_panics_harms_no_sibling,
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

/// The name of the thread that runs a handler, or a panic on every third.
fn panic_on_every_third(index: usize, names: &mpsc::Sender<String>) {
    assert!(!index.is_multiple_of(3), "deliberate");
    let name = thread::current().name().unwrap_or_default().to_owned();
    names.send(name).unwrap();
}

/// Where the kernel completes operations, their handlers have to be the ones that ran on the thread that
/// takes the completions: it is that one which must survive.
fn assert_the_kernels_own(pump: &CompletionPump, names: &[String]) {
    let own = match pump.backend_name() {
        "uring" => "fast_io-ring",
        "iocp" => "fast_io-port",
        _ => return,
    };
    assert!(
        names.iter().any(|name| name.starts_with(own)),
        "none on {own}: {names:?}"
    );
}

fn a_handler_of_a_file_that_panics_harms_no_sibling(subject: &Subject) {
    let pump = subject.pump();
    let scratch = tempfile::tempdir().unwrap();
    // Held until the end, and written already: no worker has to close it, nor to extend it.
    let file = new_file(scratch.path(), "file");
    let settled = Operation::write(file.clone(), 0, pattern(1, 60_000).into(), ..);
    assert_eq!(run(&pump, settled).result.unwrap(), 60_000);
    let (names, survivors) = mpsc::channel();
    for index in 0..60 {
        let (place, names) = (index as u64 * 1000, names.clone());
        let operation = if index % 2 == 0 {
            Operation::read(file.clone(), place, Buffer::with_capacity(1000), 1000)
        } else {
            Operation::write(file.clone(), place, pattern(2, 1000).into(), ..)
        };
        pump.submit(operation, move |completion: Completion| {
            assert_eq!(completion.result.unwrap(), 1000);
            panic_on_every_third(index, &names);
        });
    }
    drop(names);
    let survivors: Vec<_> = survivors.iter().collect();
    pump.drain();
    assert_eq!((survivors.len(), pump.panics()), (40, 20));
    assert_the_kernels_own(&pump, &survivors);
    let read = Operation::read(file, 1000, Buffer::with_capacity(1000), 1000);
    let alive = run(&pump, read);
    assert!(*alive.buffer == pattern(2, 1000), "the pump lives on");
}

fn a_handler_of_a_socket_that_panics_harms_no_sibling(subject: &Subject) {
    let pump = subject.pump();
    for network in NETWORKS {
        let before = pump.panics();
        let pairs: Vec<_> = (0..12).map(|_| connected(&pump, *network)).collect();
        let (names, survivors) = mpsc::channel();
        for (index, (_, server)) in pairs.iter().enumerate() {
            let names = names.clone();
            // Nothing is there yet: it is the kernel that completes it.
            pump.submit(receive(server, 10), move |completion: Completion| {
                assert_eq!(completion.result.unwrap(), 1);
                panic_on_every_third(index, &names);
            });
        }
        drop(names);
        for (client, _) in &pairs {
            assert_eq!(run(&pump, send(client, b"x")).result.unwrap(), 1);
        }
        let survivors: Vec<_> = survivors.iter().collect();
        pump.drain();
        assert_eq!((survivors.len(), pump.panics() - before), (8, 4));
        assert_the_kernels_own(&pump, &survivors);
        let (client, server) = &pairs[0];
        assert_eq!(run(&pump, send(client, b"y")).result.unwrap(), 1);
        let alive = run(&pump, receive(server, 10));
        assert_eq!(&*alive.buffer, b"y", "the pump lives on");
    }
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
