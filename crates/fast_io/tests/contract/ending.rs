//! Shutting down and dropping: every handler runs exactly once, from wherever it is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use fast_io::{
    Buffer, Completion, CompletionPump, Operation, SharedFile, is_cancelled, is_closed,
    oneshot_handler,
};

use crate::driver::{Subject, new_file, on_every_driver, start};

on_every_driver!(
    dropping_with_thousands_in_flight_runs_every_handler_once,
    shutting_down_twice_and_from_two_threads_at_once,
    shutting_down_from_inside_a_handler,
    the_last_owner_may_be_a_handler,
    after_the_end_a_submission_is_refused_with_its_buffer,
    handlers_that_submit_while_the_pump_ends_are_answered,
    a_file_dropped_with_operations_in_flight,
    whoever_completes_for_others_closes_no_file,
    many_short_lives,
);

/// Submits writes that count their completions; returns the counter.
fn submit_writes(
    pump: &CompletionPump,
    directory: &std::path::Path,
    count: usize,
) -> Arc<AtomicUsize> {
    let file = new_file(directory, "counted");
    let completed = Arc::new(AtomicUsize::new(0));
    for index in 0..count {
        let completed = Arc::clone(&completed);
        let write = Operation::write(file.clone(), index as u64 * 8, vec![1; 8].into(), ..);
        pump.submit(write, move |completion: Completion| {
            assert_eq!(completion.buffer.len(), 8);
            match completion.result {
                Ok(written) => assert_eq!(written, 8),
                Err(error) => assert!(is_cancelled(&error)),
            }
            completed.fetch_add(1, Ordering::SeqCst);
        });
    }
    completed
}

fn dropping_with_thousands_in_flight_runs_every_handler_once(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = start(&subject.config().with_max_operations(10_000));
    let completed = submit_writes(&pump, scratch.path(), 5000);
    drop(pump);
    assert_eq!(completed.load(Ordering::SeqCst), 5000);
}

fn shutting_down_twice_and_from_two_threads_at_once(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = start(&subject.config().with_max_operations(10_000));
    let completed = submit_writes(&pump, scratch.path(), 2000);
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                pump.shut_down();
                assert_eq!(
                    completed.load(Ordering::SeqCst),
                    2000,
                    "it returns only then"
                );
            });
        }
    });
    pump.shut_down();
    assert_eq!((pump.panics(), pump.operations_in_flight()), (0, 0));
}

fn shutting_down_from_inside_a_handler(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = subject.pump();
    let inner = Arc::clone(&pump);
    let (done, finished) = mpsc::channel();
    pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
        inner.shut_down();
        done.send(()).unwrap();
    });
    let completed = submit_writes_until_closed(&pump, scratch.path(), 200);
    finished.recv().unwrap();
    pump.shut_down();
    assert_eq!(completed.load(Ordering::SeqCst), 200);
}

/// Like [`submit_writes`], for a pump that may close at any moment.
fn submit_writes_until_closed(
    pump: &CompletionPump,
    directory: &std::path::Path,
    count: usize,
) -> Arc<AtomicUsize> {
    let file = new_file(directory, "raced");
    let completed = Arc::new(AtomicUsize::new(0));
    for _ in 0..count {
        let completed = Arc::clone(&completed);
        let write = Operation::write(file.clone(), 0, vec![1; 8].into(), ..);
        pump.submit(write, move |completion: Completion| {
            assert_eq!(completion.buffer.len(), 8);
            completed.fetch_add(1, Ordering::SeqCst);
        });
    }
    completed
}

fn the_last_owner_may_be_a_handler(subject: &Subject) {
    let pump = subject.pump();
    let owner = Arc::clone(&pump);
    let (go, gone) = mpsc::channel::<()>();
    let (done, finished) = mpsc::channel();
    pump.submit(
        Operation::work(move || Ok(u64::from(gone.recv().is_ok()))),
        move |_: Completion| {
            drop(owner);
            done.send(()).unwrap();
        },
    );
    drop(pump);
    go.send(()).unwrap();
    finished.recv().unwrap();
}

fn after_the_end_a_submission_is_refused_with_its_buffer(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = subject.pump();
    pump.shut_down();
    let (handler, receiver) = oneshot_handler();
    let write = Operation::write(
        new_file(scratch.path(), "file"),
        0,
        b"back".to_vec().into(),
        ..,
    );
    pump.submit(write, handler);
    let completion = receiver.wait();
    assert!(is_closed(&completion.result.unwrap_err()));
    assert_eq!(&*completion.buffer, b"back");
    assert_eq!(pump.operations_in_flight(), 0);
}

fn handlers_that_submit_while_the_pump_ends_are_answered(subject: &Subject) {
    let pump = subject.pump();
    let (done, finished) = mpsc::channel();
    fn forever(pump: &Arc<CompletionPump>, done: mpsc::Sender<bool>) {
        let again = Arc::clone(pump);
        pump.submit(
            Operation::work(|| Ok(0)),
            move |completion: Completion| match completion.result {
                Ok(_) => forever(&again, done),
                Err(error) => done
                    .send(is_closed(&error) || is_cancelled(&error))
                    .unwrap(),
            },
        );
    }
    for _ in 0..8 {
        forever(&pump, done.clone());
    }
    drop(done);
    pump.shut_down();
    let answers: Vec<bool> = finished.iter().collect();
    assert_eq!(answers, [true; 8]);
}

fn a_file_dropped_with_operations_in_flight(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = subject.pump();
    let completed = submit_writes(&pump, scratch.path(), 300); // which drops the only handle
    pump.drain();
    assert_eq!(completed.load(Ordering::SeqCst), 300);
    assert!(std::fs::read(scratch.path().join("counted")).unwrap() == vec![1; 2400]);
}

/// Closing may take long, and so a thread of a port or a ring leaves it, with the handler, to a worker.
fn whoever_completes_for_others_closes_no_file(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = subject.pump();
    let path = scratch.path().join("file");
    std::fs::write(&path, [1; 64]).unwrap();
    let run_by = |file: SharedFile| {
        let (done, finished) = mpsc::channel();
        let read = Operation::read(file, 0, Buffer::with_capacity(64), 64);
        pump.submit(read, move |completion: Completion| {
            assert_eq!(completion.result.unwrap(), 64);
            let name = thread::current().name().unwrap_or_default().to_owned();
            done.send(name).unwrap();
        });
        finished.recv().unwrap()
    };
    let workers = match pump.backend_name() {
        "scripted" => vec!["fast_io-scripted".to_owned()],
        _ => (0..16).map(|number| format!("fast_io-{number}")).collect(),
    };
    let file = SharedFile::from(std::fs::File::open(&path).unwrap());
    let kept = run_by(file.clone());
    match pump.backend_name() {
        "uring" => assert_eq!(kept, "fast_io-ring"),
        "iocp" => assert!(kept.starts_with("fast_io-port-"), "{kept}"),
        _ => assert!(workers.contains(&kept), "{kept}"),
    }
    for _ in 0..20 {
        let only = SharedFile::from(std::fs::File::open(&path).unwrap());
        let closed_by = run_by(only);
        assert!(workers.contains(&closed_by), "{closed_by} closed it");
    }
}

fn many_short_lives(subject: &Subject) {
    for life in 0..100 {
        let pump = start(&subject.config().with_workers(2));
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..life % 4 {
            let count = Arc::clone(&count);
            pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
                count.fetch_add(1, Ordering::SeqCst);
            });
        }
        drop(pump);
        assert_eq!(count.load(Ordering::SeqCst), life % 4);
    }
}
