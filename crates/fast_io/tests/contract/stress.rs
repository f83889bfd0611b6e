//! The contract under load. `FAST_IO_STRESS=10 cargo test --release -p fast_io stress` multiplies
//! the amount of work by ten.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use fast_io::{
    Backend, BufferPool, Completion, Operation, PumpConfig, Script, SharedFile, Victims,
    is_cancelled,
};

use crate::driver::{Subject, new_file, on_every_driver, pattern, start};

on_every_driver!(
    scattered_writes_from_many_threads_all_arrive,
    scattered_writes_over_what_is_there_all_arrive,
    a_storm_of_cancellations_loses_nothing,
    a_storm_of_cancellations_within_a_file_loses_nothing,
);

/// How many times the short form of the work to do.
fn scale() -> usize {
    std::env::var("FAST_IO_STRESS")
        .ok()
        .and_then(|scale| scale.parse().ok())
        .unwrap_or(1)
}

/// What files are like before they are written: drivers may write what extends a file in one way and
/// what does not in another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ground {
    Empty,
    Full,
}

fn scattered_writes_from_many_threads_all_arrive(subject: &Subject) {
    scatter(subject, Ground::Empty);
}

fn scattered_writes_over_what_is_there_all_arrive(subject: &Subject) {
    scatter(subject, Ground::Full);
}

fn scatter(subject: &Subject, ground: Ground) {
    const FILES: usize = 16;
    const PIECE: usize = 4096 + 13;
    let pieces = 40 * scale();
    let scratch = tempfile::tempdir().unwrap();
    let pump = start(
        &subject
            .config()
            .with_max_operations(64)
            .with_max_bytes(1 << 20),
    );
    let pool = BufferPool::new(PIECE, 64);
    let files: Vec<_> = (0..FILES)
        .map(|index| file_on(ground, scratch.path(), &index.to_string(), pieces * PIECE))
        .collect();
    let contents: Vec<_> = (0..FILES)
        .map(|index| pattern(index as u64, pieces * PIECE))
        .collect();
    let written = Arc::new(AtomicUsize::new(0));
    thread::scope(|threads| {
        for submitter in 0..8 {
            let (pump, pool, files, contents, written) =
                (&pump, &pool, &files, &contents, &written);
            threads.spawn(move || {
                // Each submitter writes every eighth piece, wherever that falls.
                for turn in (submitter..FILES * pieces).step_by(8) {
                    let (file, piece) = (turn % FILES, turn / FILES * 7919 % pieces);
                    let offset = piece * PIECE;
                    let mut buffer = pool.take();
                    buffer.append(&contents[file][offset..offset + PIECE]);
                    let write = Operation::write(files[file].clone(), offset as u64, buffer, ..);
                    let written = Arc::clone(written);
                    pump.submit(write, move |completion: Completion| {
                        written.fetch_add(completion.result.unwrap() as usize, Ordering::Relaxed);
                    });
                }
            });
        }
    });
    pump.drain();
    assert_eq!(written.load(Ordering::Relaxed), FILES * pieces * PIECE);
    for (index, content) in contents.iter().enumerate() {
        assert!(
            fs::read(scratch.path().join(index.to_string())).unwrap() == *content,
            "file {index}"
        );
    }
}

/// A new file that is to be written up to `len`.
fn file_on(ground: Ground, directory: &Path, name: &str, len: usize) -> SharedFile {
    let file = new_file(directory, name);
    if ground == Ground::Full {
        fs::write(directory.join(name), vec![0xff; len]).unwrap();
    }
    file
}

fn a_storm_of_cancellations_loses_nothing(subject: &Subject) {
    storm(subject, Ground::Empty);
}

fn a_storm_of_cancellations_within_a_file_loses_nothing(subject: &Subject) {
    storm(subject, Ground::Full);
}

fn storm(subject: &Subject, ground: Ground) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = start(&subject.config().with_max_operations(128));
    let count = 2000 * scale();
    let file = file_on(ground, scratch.path(), "file", count * 64);
    let (succeeded, cancelled) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tickets = Mutex::new(Vec::new());
    thread::scope(|threads| {
        threads.spawn(|| {
            for index in 0..count {
                let (succeeded, cancelled) = (Arc::clone(&succeeded), Arc::clone(&cancelled));
                let write =
                    Operation::write(file.clone(), index as u64 * 64, vec![3; 64].into(), ..);
                let ticket = pump.submit(write, move |completion: Completion| {
                    match completion.result {
                        Ok(64) => drop(succeeded.fetch_add(1, Ordering::Relaxed)),
                        Err(error) if is_cancelled(&error) && completion.cancel_requested => {
                            cancelled.fetch_add(1, Ordering::Relaxed);
                        }
                        other => panic!("neither whole nor cancelled: {other:?}"),
                    }
                });
                tickets.lock().unwrap().push(ticket);
            }
        });
        for round in 0..50 {
            for ticket in tickets.lock().unwrap().drain(..).step_by(3) {
                ticket.cancel();
            }
            match round % 10 {
                4 => pump.cancel_file(&file),
                9 => pump.cancel_all(),
                _ => thread::yield_now(),
            }
        }
    });
    pump.drain();
    let (succeeded, cancelled) = (
        succeeded.load(Ordering::Relaxed),
        cancelled.load(Ordering::Relaxed),
    );
    assert_eq!((succeeded + cancelled, pump.panics()), (count, 0));
}

#[test]
fn every_nth_operation_fails_and_each_failure_is_told_once() {
    let scratch = tempfile::tempdir().unwrap();
    let script = Script::seeded(5)
        .with_short_counts(50)
        .failing_every(Victims::Writes, 7, io::ErrorKind::StorageFull)
        .failing_nth(Victims::Work, 2, io::ErrorKind::PermissionDenied);
    let pump = start(&PumpConfig::default().with_backend(Backend::Scripted(script)));
    let file = new_file(scratch.path(), "file");
    let kinds = Arc::new(Mutex::new(Vec::new()));
    for index in 0..70 {
        let kinds = Arc::clone(&kinds);
        let write = Operation::write(file.clone(), index * 100, vec![1; 100].into(), ..);
        pump.submit(write, move |completion: Completion| {
            assert_eq!(completion.buffer.len(), 100);
            if let Err(error) = completion.result {
                assert!(
                    (1..=50).contains(&completion.transferred),
                    "it struck after the first part"
                );
                kinds.lock().unwrap().push(error.kind());
            }
        });
    }
    for _ in 0..3 {
        let kinds = Arc::clone(&kinds);
        pump.submit(Operation::work(|| Ok(0)), move |completion: Completion| {
            if let Err(error) = completion.result {
                kinds.lock().unwrap().push(error.kind());
            }
        });
    }
    pump.drain();
    let kinds = kinds.lock().unwrap();
    assert_eq!(
        kinds
            .iter()
            .filter(|&&kind| kind == io::ErrorKind::StorageFull)
            .count(),
        10
    );
    assert_eq!(
        kinds
            .iter()
            .filter(|&&kind| kind == io::ErrorKind::PermissionDenied)
            .count(),
        1
    );
    assert_eq!((kinds.len(), pump.panics()), (11, 0));
}
