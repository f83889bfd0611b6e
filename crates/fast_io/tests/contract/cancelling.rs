//! Cancelling: one operation, all of a file, all; and what had succeeded anyway says so.

use std::sync::{Arc, Barrier, Mutex, mpsc};

use fast_io::{Buffer, Completion, Operation, SharedFile, Ticket, is_cancelled, oneshot_handler};

use crate::driver::{Subject, new_file, on_every_driver, start};

on_every_driver!(
    one_operation_is_cancelled_and_its_siblings_are_not,
    all_of_one_file_is_cancelled_and_nothing_of_another,
    everything_is_cancelled,
    what_waits_to_be_synced_is_cancelled,
    what_succeeds_although_cancelled_says_so,
    cancelling_what_has_ended_does_nothing,
);

/// Occupies all workers until told to go on, so that what follows stays queued.
fn hold(pump: &fast_io::CompletionPump, workers: usize) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let busy = Arc::new(Barrier::new(workers + 1));
    for _ in 0..workers {
        let (released, busy) = (Arc::clone(&released), Arc::clone(&busy));
        let work = Operation::work(move || {
            busy.wait();
            // Fails when the sender is dropped: that is the signal, for all of them.
            let _gone = released.lock().unwrap().recv();
            Ok(0)
        });
        pump.submit(work, |_: Completion| {});
    }
    busy.wait();
    if pump.backend_name() == "uring" {
        hold_the_ring(pump, released);
    }
    release
}

/// Occupies the ring's thread, which reads and writes go by.
fn hold_the_ring(pump: &fast_io::CompletionPump, released: Arc<Mutex<mpsc::Receiver<()>>>) {
    let file = SharedFile::from(tempfile::tempfile().unwrap());
    let busy = Arc::new(Barrier::new(2));
    let own = Arc::clone(&busy);
    let read = Operation::read(file.clone(), 0, Buffer::default(), 0);
    pump.submit(read, move |_: Completion| {
        // A file that is to be closed would take this to a worker.
        let _kept = file;
        own.wait();
        let _gone = released.lock().unwrap().recv();
    });
    busy.wait();
}

fn one_operation_is_cancelled_and_its_siblings_are_not(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = start(&subject.config().with_workers(1));
    let held = hold(&pump, 1);
    let file = new_file(scratch.path(), "file");
    let mut receivers = Vec::new();
    let mut tickets: Vec<Ticket> = Vec::new();
    for index in 0..5 {
        let (handler, receiver) = oneshot_handler();
        let write = Operation::write(file.clone(), index * 4, b"abcd".to_vec().into(), ..);
        tickets.push(pump.submit(write, handler));
        receivers.push(receiver);
    }
    assert!(tickets[2].cancel());
    drop(held);
    for (index, receiver) in receivers.into_iter().enumerate() {
        let completion = receiver.wait();
        assert_eq!(&*completion.buffer, b"abcd", "the buffer came back");
        assert_eq!(completion.cancel_requested, index == 2);
        match completion.result {
            Ok(written) => assert!(written == 4 && index != 2),
            Err(error) => assert!(is_cancelled(&error) && index == 2),
        }
    }
}

fn all_of_one_file_is_cancelled_and_nothing_of_another(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = start(&subject.config().with_workers(1));
    let held = hold(&pump, 1);
    let files = [
        new_file(scratch.path(), "kept"),
        new_file(scratch.path(), "cancelled"),
    ];
    let mut receivers = Vec::new();
    for index in 0..20 {
        let (handler, receiver) = oneshot_handler();
        let write = Operation::write(files[index % 2].clone(), 0, b"abcd".to_vec().into(), ..);
        pump.submit(write, handler);
        receivers.push(receiver);
    }
    pump.cancel_file(&files[1]);
    drop(held);
    for (index, receiver) in receivers.into_iter().enumerate() {
        let result = receiver.wait().result;
        assert_eq!(
            result.is_err_and(|error| is_cancelled(&error)),
            index % 2 == 1
        );
    }
}

fn everything_is_cancelled(subject: &Subject) {
    let pump = start(&subject.config().with_workers(1));
    let held = hold(&pump, 1);
    let (done, results) = mpsc::channel();
    for _ in 0..50 {
        let done = done.clone();
        pump.submit(Operation::work(|| Ok(0)), move |completion: Completion| {
            done.send(completion.result).unwrap();
        });
    }
    drop(done);
    pump.cancel_all();
    drop(held);
    let results: Vec<_> = results.iter().collect();
    assert_eq!(results.len(), 50);
    assert!(
        results
            .into_iter()
            .all(|result| result.is_err_and(|error| is_cancelled(&error)))
    );
}

fn what_waits_to_be_synced_is_cancelled(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = start(&subject.config().with_workers(1));
    let held = hold(&pump, 1);
    let files = ["one", "of its file"].map(|name| new_file(scratch.path(), name));
    let (tickets, receivers): (Vec<_>, Vec<_>) = files
        .iter()
        .map(|file| {
            let (handler, receiver) = oneshot_handler();
            let ticket = pump.submit(Operation::sync(file.clone()), handler);
            (ticket, receiver)
        })
        .unzip();
    let in_time = tickets[0].cancel();
    pump.cancel_file(&files[1]);
    drop(held);
    // Only the ring at the side of `auto` is not held, and may have done it.
    let may_succeed = pump.backend_name() == "threads+uring";
    for receiver in receivers {
        let completion = receiver.wait();
        match completion.result {
            Ok(_) => assert!(may_succeed),
            Err(error) => assert!(is_cancelled(&error) && completion.cancel_requested),
        }
    }
    assert!(in_time || may_succeed);
}

fn what_succeeds_although_cancelled_says_so(subject: &Subject) {
    let pump = subject.pump();
    let (begun, has_begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (handler, receiver) = oneshot_handler();
    let work = Operation::work(move || {
        begun.send(()).unwrap();
        released.recv().unwrap();
        Ok(7)
    });
    let ticket = pump.submit(work, handler);
    has_begun.recv().unwrap();
    assert!(ticket.cancel());
    release.send(()).unwrap();
    let completion = receiver.wait();
    assert_eq!(completion.result.unwrap(), 7);
    assert!(completion.cancel_requested);
}

fn cancelling_what_has_ended_does_nothing(subject: &Subject) {
    let pump = subject.pump();
    let (handler, receiver) = oneshot_handler();
    let ticket = pump.submit(Operation::work(|| Ok(7)), handler);
    assert!(!receiver.wait().cancel_requested);
    assert!(!ticket.cancel());
}
