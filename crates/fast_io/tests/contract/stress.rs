//! The contract under load, in a short form. `FAST_IO_STRESS=160 cargo test --release -p fast_io stress`
//! is the long one: 102,400 writes of 4 KiB a driver, 320,000 operations in each storm of
//! cancellations, 4,000 starts and shutdowns.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use fast_io::{
    Backend, Buffer, BufferPool, Completion, Durability, Gate, Operation, PumpConfig, ReadAhead,
    Reserve, Script, SharedFile, Victims, WriteBatch, WriteBatchConfig, is_cancelled,
    oneshot_handler,
};

use crate::driver::{Subject, new_file, on_every_driver, pattern, start};

on_every_driver!(
    scattered_writes_from_many_threads_all_arrive,
    sixteen_megabytes_pass_in_small_pieces,
    lengths_that_are_no_multiple_of_anything,
    a_full_disk_is_told_to_each_write,
    starting_and_shutting_down_over_and_over,
    scattered_writes_over_what_is_there_all_arrive,
    a_storm_of_cancellations_loses_nothing,
    a_storm_of_cancellations_within_a_file_loses_nothing,
    slow_handlers_hold_submitters_back_and_lose_nothing,
);

/// How many times the short form of the work to do.
pub fn scale() -> usize {
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
    scatter(subject, Ground::Empty, 4096);
}

fn scattered_writes_over_what_is_there_all_arrive(subject: &Subject) {
    scatter(subject, Ground::Full, 4096 + 13);
}

fn scatter(subject: &Subject, ground: Ground, len: usize) {
    const FILES: usize = 64;
    let pieces = 10 * scale();
    let scratch = tempfile::tempdir().unwrap();
    let config = subject.config().with_max_operations(64);
    let pump = start(&config.with_max_bytes(1 << 20));
    let pool = BufferPool::new(len, 64);
    let files: Vec<_> = (0..FILES)
        .map(|index| file_on(ground, scratch.path(), &index.to_string(), pieces * len))
        .collect();
    let content = |file: usize, piece: usize| pattern((file << 32 | piece) as u64, len);
    let written = Arc::new(AtomicUsize::new(0));
    thread::scope(|threads| {
        for submitter in 0..8 {
            let (pump, pool, files, written) = (&pump, &pool, &files, &written);
            threads.spawn(move || {
                // Each submitter writes every eighth piece, wherever that falls.
                for turn in (submitter..FILES * pieces).step_by(8) {
                    let (file, piece) = (turn % FILES, turn / FILES * 7919 % pieces);
                    let mut buffer = pool.take();
                    buffer.append(&content(file, piece));
                    let offset = (piece * len) as u64;
                    let write = Operation::write(files[file].clone(), offset, buffer, ..);
                    let written = Arc::clone(written);
                    pump.submit(write, move |completion: Completion| {
                        written.fetch_add(completion.result.unwrap() as usize, Ordering::Relaxed);
                    });
                }
            });
        }
    });
    pump.drain();
    assert_eq!(written.load(Ordering::Relaxed), FILES * pieces * len);
    for file in 0..FILES {
        let found = fs::read(scratch.path().join(file.to_string())).unwrap();
        assert_eq!(found.len(), pieces * len);
        for (piece, found) in found.chunks(len).enumerate() {
            assert!(
                found == content(file, piece),
                "piece {piece} of file {file}"
            );
        }
    }
}

fn sixteen_megabytes_pass_in_small_pieces(subject: &Subject) {
    const LEN: usize = 16 << 20;
    let scratch = tempfile::tempdir().unwrap();
    let pump = subject.pump();
    let content = pattern(16, LEN);
    let file = new_file(scratch.path(), "file").into_file().unwrap();
    let batch = WriteBatch::new(Arc::clone(&pump), &WriteBatchConfig::default());
    let ticket = batch.begin(file, Reserve::Nothing).unwrap();
    let pool = BufferPool::new(4096, 64);
    for (index, piece) in content.chunks(4096).enumerate() {
        let mut buffer = pool.take();
        buffer.append(piece);
        ticket.write(index as u64 * 4096, buffer).unwrap();
    }
    let committed = ticket.commit(Durability::Lazy).unwrap();
    assert_eq!(committed.length, LEN as u64);
    let file = committed.file.into();
    let mut place = 0;
    for piece in ReadAhead::new(pump, file, 0..u64::MAX, pool, 8) {
        let piece = piece.unwrap();
        assert!(*piece == content[place..place + piece.len()], "at {place}");
        place += piece.len();
    }
    assert_eq!(place, LEN);
}

fn lengths_that_are_no_multiple_of_anything(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = subject.pump();
    let file = new_file(scratch.path(), "file");
    // Square numbers plus one, from one byte to beyond a megabyte.
    let lengths = (0..1100usize).step_by(37).map(|root| root * root + 1);
    let content = pattern(37, lengths.clone().sum());
    let mut place = 0;
    let mut receivers = Vec::new();
    for len in lengths {
        let (handler, receiver) = oneshot_handler();
        let bytes = content[place..place + len].to_vec();
        pump.submit(
            Operation::write(file.clone(), place as u64, bytes.into(), ..),
            handler,
        );
        receivers.push((place, len, receiver));
        place += len;
    }
    for (place, len, receiver) in receivers {
        assert_eq!(receiver.wait().result.unwrap(), len as u64);
        // One more than there is: the last of them meets the end of the file.
        let (handler, receiver) = oneshot_handler();
        let read = Operation::read(
            file.clone(),
            place as u64,
            Buffer::with_capacity(len + 1),
            len,
        );
        pump.submit(read, handler);
        assert!(*receiver.wait().buffer == content[place..place + len]);
    }
    let (handler, receiver) = oneshot_handler();
    let beyond = Operation::read(file, place as u64 - 1, Buffer::with_capacity(9), 9);
    pump.submit(beyond, handler);
    assert_eq!(receiver.wait().result.unwrap(), 1);
}

/// Where the system has a disk that is always full, every driver says so, for every write.
fn a_full_disk_is_told_to_each_write(subject: &Subject) {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        eprintln!("this system has no /dev/full");
        return;
    };
    let pump = subject.pump();
    let full = SharedFile::new(full);
    let receivers: Vec<_> = (0..100)
        .map(|index| {
            let (handler, receiver) = oneshot_handler();
            let write = Operation::write(full.clone(), index, vec![1; 100].into(), ..);
            pump.submit(write, handler);
            receiver
        })
        .collect();
    for receiver in receivers {
        let completion = receiver.wait();
        let error = completion.result.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!((completion.transferred, completion.buffer.len()), (0, 100));
    }
}

fn starting_and_shutting_down_over_and_over(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let file = new_file(scratch.path(), "file");
    for life in 0..25 * scale() as u64 {
        let pump = start(&subject.config().with_workers(2));
        let completed = Arc::new(AtomicUsize::new(0));
        for index in 0..8 {
            let completed = Arc::clone(&completed);
            let bytes = life.to_le_bytes().to_vec();
            let write = Operation::write(file.clone(), index * 8, bytes.into(), ..);
            pump.submit(write, move |_: Completion| {
                completed.fetch_add(1, Ordering::SeqCst);
            });
        }
        match life % 2 {
            0 => drop(pump),
            _ => pump.shut_down(),
        }
        assert_eq!(completed.load(Ordering::SeqCst), 8);
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

/// What completes slowly is waited for by those who submit, not piled up.
fn slow_handlers_hold_submitters_back_and_lose_nothing(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = start(&subject.config().with_max_operations(4));
    let file = new_file(scratch.path(), "file");
    let (unfinished, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for index in 0..100 {
        let (unfinished, most) = (Arc::clone(&unfinished), Arc::clone(&most));
        most.fetch_max(unfinished.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
        let write = Operation::write(file.clone(), index * 10, pattern(index, 10).into(), ..);
        pump.submit(write, move |completion: Completion| {
            thread::sleep(Duration::from_millis(index % 3));
            assert_eq!(completion.result.unwrap(), 10);
            unfinished.fetch_sub(1, Ordering::SeqCst);
        });
    }
    pump.drain();
    assert_eq!((unfinished.load(Ordering::SeqCst), pump.panics()), (0, 0));
    // Four in flight, one being submitted, and one handler a thread, whose operations have ended. A
    // port has as many threads as the lane beside it.
    let threads = 2 * subject.config().workers() + 2;
    let most = most.load(Ordering::SeqCst);
    assert!(most <= 5 + threads, "{most} were unfinished");
    let expected: Vec<u8> = (0..100).flat_map(|index| pattern(index, 10)).collect();
    assert!(fs::read(scratch.path().join("file")).unwrap() == expected);
}

/// The same of a driver that completes nothing at all for a while: who submits waits, and who does
/// not want to is told.
#[test]
fn a_disk_that_hangs_makes_submitters_wait_until_it_goes_on() {
    let gate = Gate::closed();
    let script = Script::seeded(9).with_short_counts(7).with_gate(&gate);
    let config = PumpConfig::default().with_backend(Backend::Scripted(script));
    let pump = start(&config.with_max_operations(8));
    let scratch = tempfile::tempdir().unwrap();
    let file = new_file(scratch.path(), "file");
    let completed = Arc::new(AtomicUsize::new(0));
    let write = |index: u64| Operation::write(file.clone(), index * 10, vec![1; 10].into(), ..);
    let count = |completed: &Arc<AtomicUsize>| {
        let completed = Arc::clone(completed);
        move |completion: Completion| {
            assert_eq!(completion.result.unwrap(), 10);
            completed.fetch_add(1, Ordering::SeqCst);
        }
    };
    let submitted = AtomicUsize::new(0);
    thread::scope(|threads| {
        threads.spawn(|| {
            for index in 0..50 {
                pump.submit(write(index), count(&completed));
                submitted.fetch_add(1, Ordering::SeqCst);
            }
        });
        while submitted.load(Ordering::SeqCst) < 8 {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(50));
        assert_eq!(submitted.load(Ordering::SeqCst), 8, "the ninth waits");
        assert_eq!(completed.load(Ordering::SeqCst), 0);
        pump.try_submit(write(99), count(&completed))
            .expect_err("there is no room");
        gate.open();
    });
    pump.drain();
    assert_eq!((completed.load(Ordering::SeqCst), pump.panics()), (50, 0));
    assert!(fs::read(scratch.path().join("file")).unwrap() == vec![1; 500]);
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

/// The disk fills at the first write of a batch, or at a later one: the file whose write it was
/// says so, and all others are whole.
#[test]
fn a_disk_that_fills_at_the_nth_write_spoils_one_file() {
    for nth in [1, 2, 7, 24] {
        let script =
            Script::seeded(nth).failing_nth(Victims::Writes, nth, io::ErrorKind::StorageFull);
        let pump = start(&PumpConfig::default().with_backend(Backend::Scripted(script)));
        let scratch = tempfile::tempdir().unwrap();
        let batch = WriteBatch::new(pump, &WriteBatchConfig::default());
        let tickets: Vec<_> = (0..8)
            .map(|number: u64| {
                let file = new_file(scratch.path(), &number.to_string());
                let ticket = batch
                    .begin(file.into_file().unwrap(), Reserve::Nothing)
                    .unwrap();
                for piece in 0..3 {
                    // Refused once the file has failed.
                    let _ = ticket.write(piece * 50, pattern(number + piece, 50).into());
                }
                ticket
            })
            .collect();
        let mut failed = 0;
        for (number, ticket) in tickets.into_iter().enumerate() {
            match ticket.commit(Durability::Lazy) {
                Ok(committed) => {
                    assert_eq!(committed.length, 150);
                    let found = fs::read(scratch.path().join(number.to_string())).unwrap();
                    let pieces = (0..3).flat_map(|piece| pattern(number as u64 + piece, 50));
                    assert!(found.into_iter().eq(pieces));
                }
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
                    failed += 1;
                }
            }
        }
        assert_eq!(failed, 1, "at write {nth}");
    }
}
