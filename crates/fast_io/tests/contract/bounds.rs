//! Operations and bytes in flight are bounded: submitters wait, or are told.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use fast_io::{Buffer, Completion, CompletionPump, Operation, SharedFile, oneshot_handler};

use crate::driver::{Subject, new_file, on_every_driver, start};

on_every_driver!(
    a_full_pump_says_so_and_hands_everything_back,
    a_full_pump_makes_submitters_wait,
    bytes_are_bounded_and_one_giant_passes_alone,
    handlers_may_submit_to_a_full_pump,
    handlers_and_work_are_told_that_it_is_full,
    many_submitters_get_through_a_narrow_pump,
);

fn a_full_pump_says_so_and_hands_everything_back(subject: &Subject) {
    let pump = start(&subject.config().with_max_operations(1));
    let (release, released) = mpsc::channel::<()>();
    let (handler, receiver) = oneshot_handler();
    pump.submit(
        Operation::work(move || released.recv().map(|()| 1).map_err(std::io::Error::other)),
        handler,
    );
    let ran = Arc::new(AtomicBool::new(false));
    let note = Arc::clone(&ran);
    let scratch = tempfile::tempdir().unwrap();
    let write = Operation::write(
        new_file(scratch.path(), "file"),
        0,
        b"bytes".to_vec().into(),
        ..,
    );
    let full = pump
        .try_submit(write, move |_: Completion| {
            note.store(true, Ordering::SeqCst)
        })
        .expect_err("one operation is in flight, and that is all there may be");
    assert!(!ran.load(Ordering::SeqCst));
    release.send(()).unwrap();
    assert_eq!(receiver.wait().result.unwrap(), 1);
    pump.submit(full.operation, full.handler);
    pump.drain();
    assert!(ran.load(Ordering::SeqCst));
}

fn a_full_pump_makes_submitters_wait(subject: &Subject) {
    let pump = start(&subject.config().with_max_operations(3));
    let most = Arc::new(AtomicUsize::new(0));
    for _ in 0..500 {
        let (most, watched) = (Arc::clone(&most), Arc::clone(&pump));
        pump.submit(
            Operation::work(move || {
                most.fetch_max(watched.operations_in_flight(), Ordering::SeqCst);
                Ok(0)
            }),
            |_: Completion| {},
        );
    }
    pump.drain();
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
}

fn bytes_are_bounded_and_one_giant_passes_alone(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = start(&subject.config().with_max_bytes(64 << 10));
    let file = new_file(scratch.path(), "file");
    let most = Arc::new(AtomicUsize::new(0));
    for (index, len) in [1000, 60 << 10, 1 << 20, 20 << 10, 40 << 10, 3 << 20, 1]
        .into_iter()
        .enumerate()
    {
        let (most, watched) = (Arc::clone(&most), Arc::clone(&pump));
        let write = Operation::write(file.clone(), (index << 22) as u64, vec![1; len].into(), ..);
        pump.submit(write, move |completion: Completion| {
            assert_eq!(completion.result.unwrap(), len as u64);
            most.fetch_max(watched.bytes_in_flight() as usize, Ordering::SeqCst);
        });
    }
    pump.drain();
    assert_eq!((pump.panics(), pump.bytes_in_flight()), (0, 0));
    assert!(most.load(Ordering::SeqCst) <= 3 << 20);
}

fn handlers_may_submit_to_a_full_pump(subject: &Subject) {
    let pump = start(&subject.config().with_max_operations(1).with_workers(1));
    let (done, finished) = mpsc::channel();
    fn again(pump: &Arc<fast_io::CompletionPump>, left: u32, done: mpsc::Sender<u32>) {
        let next = Arc::clone(pump);
        pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
            if left > 0 {
                again(&next, left - 1, done.clone());
                again(&next, 0, done);
            } else {
                done.send(left).unwrap();
            }
        });
    }
    again(&pump, 100, done);
    assert_eq!(finished.iter().count(), 101);
}

/// Bounds of four operations and 4 KiB; what `try_submit` takes of many reads of 1 MiB.
fn taken_of_many_reads(pump: &CompletionPump, file: &SharedFile) -> u64 {
    (0..100)
        .map(|_| {
            let read = Operation::read(file.clone(), 0, Buffer::with_capacity(1 << 20), 1 << 20);
            match pump.try_submit(read, |_: Completion| {}) {
                Ok(_) => 1,
                Err(full) => {
                    // Nothing ran, nothing is lost.
                    drop(full.operation);
                    0
                }
            }
        })
        .sum()
}

fn handlers_and_work_are_told_that_it_is_full(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let file = new_file(scratch.path(), "file");
    let config = subject.config().with_max_operations(4);
    let pump = start(&config.with_max_bytes(4 << 10));
    let (handler, receiver) = oneshot_handler();
    let (again, read) = (Arc::clone(&pump), file.clone());
    let work = Operation::work(move || Ok(taken_of_many_reads(&again, &read)));
    pump.submit(work, handler);
    // Work is an operation in flight, beside which no giant passes.
    assert_eq!(receiver.wait().result.unwrap(), 0);
    pump.drain();

    let (told, counts) = mpsc::channel();
    let (again, read) = (Arc::clone(&pump), file.clone());
    let first = Operation::read(file, 0, Buffer::with_capacity(1), 1);
    pump.submit(first, move |_: Completion| {
        // What cannot end before this handler lets it.
        let mut held = Vec::new();
        let mut counts = Vec::new();
        for _ in 0..4 {
            let (release, released) = mpsc::channel::<()>();
            held.push(release);
            let work = Operation::work(move || Ok(u64::from(released.recv().is_err())));
            again.submit(work, |_: Completion| {});
            counts.push(taken_of_many_reads(&again, &read));
        }
        let byte = Operation::read(read, 0, Buffer::with_capacity(1), 1);
        counts.push(again.try_submit(byte, |_: Completion| {}).map_or(0, |_| 1));
        told.send(counts).unwrap();
    });
    assert_eq!(counts.recv().unwrap(), [0; 5]);
    pump.drain();
    assert_eq!((pump.panics(), pump.bytes_in_flight()), (0, 0));
}

fn many_submitters_get_through_a_narrow_pump(subject: &Subject) {
    let pump = start(&subject.config().with_max_operations(5));
    let count = Arc::new(AtomicUsize::new(0));
    thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                for _ in 0..400 {
                    let count = Arc::clone(&count);
                    pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
                        count.fetch_add(1, Ordering::SeqCst);
                    });
                }
            });
        }
    });
    pump.drain();
    assert_eq!(count.load(Ordering::SeqCst), 1200);
}
