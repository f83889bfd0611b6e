//! Bringing files to the device: an operation of the pump like any other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fast_io::{
    Backend, Completion, Durability, Operation, PumpConfig, Reserve, Script, SharedFile, Victims,
    WriteBatch, WriteBatchConfig, is_cancelled, is_closed, oneshot_handler,
};

use crate::driver::{Subject, new_file, on_every_driver, start};

on_every_driver!(
    what_was_written_is_brought_to_the_device,
    the_device_may_refuse,
    each_of_many_ends_once_when_the_pump_does,
    a_closed_pump_brings_nothing_to_the_device,
);

fn what_was_written_is_brought_to_the_device(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let mut receivers = Vec::new();
    for number in 0..20 {
        let file = new_file(scratch.path(), &number.to_string());
        io::Write::write_all(&mut &*file, b"kept").unwrap();
        let (handler, receiver) = oneshot_handler();
        pump.submit(Operation::sync(file.clone()), handler);
        receivers.push((file, receiver));
    }
    for (file, receiver) in receivers {
        let completion = receiver.wait();
        assert_eq!(completion.result.unwrap(), 0);
        assert_eq!(
            (completion.transferred, completion.buffer.capacity()),
            (0, 0)
        );
        assert!(file.into_file().is_ok(), "the operation has let go of it");
    }
}

/// A file that can be opened, but of which the system cannot say that it is on the device.
pub fn opened_but_not_to_be_synced(_directory: &std::path::Path) -> std::fs::File {
    #[cfg(unix)]
    return std::fs::File::options()
        .write(true)
        .open("/dev/null")
        .unwrap();
    #[cfg(windows)]
    {
        let path = _directory.join("read only");
        std::fs::write(&path, b"").unwrap();
        std::fs::File::open(path).unwrap()
    }
}

fn the_device_may_refuse(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let mut receivers = Vec::new();
    for _ in 0..5 {
        let refused = SharedFile::new(opened_but_not_to_be_synced(scratch.path()));
        let (handler, receiver) = oneshot_handler();
        pump.submit(Operation::sync(refused), handler);
        receivers.push(receiver);
    }
    for receiver in receivers {
        let error = receiver.wait().result.unwrap_err();
        assert!(error.raw_os_error().is_some(), "{error}");
    }
}

fn each_of_many_ends_once_when_the_pump_does(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let ended = Arc::new(AtomicUsize::new(0));
    for number in 0..200 {
        let file = new_file(scratch.path(), &number.to_string());
        let ended = Arc::clone(&ended);
        pump.submit(Operation::sync(file), move |completion: Completion| {
            if let Err(error) = completion.result {
                assert!(is_cancelled(&error), "{error}");
            }
            ended.fetch_add(1, Ordering::SeqCst);
        });
    }
    pump.shut_down();
    assert_eq!(ended.load(Ordering::SeqCst), 200);
    assert_eq!((pump.panics(), pump.operations_in_flight()), (0, 0));
}

fn a_closed_pump_brings_nothing_to_the_device(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let batch = WriteBatch::new(Arc::clone(&pump), &WriteBatchConfig::default());
    let [durable, lazy] = ["durable", "lazy"].map(|name| {
        let file = new_file(scratch.path(), name).into_file().unwrap();
        let ticket = batch.begin(file, Reserve::Nothing).unwrap();
        ticket.write(0, b"written".to_vec().into()).unwrap();
        ticket.flush().unwrap();
        ticket
    });
    pump.shut_down();
    assert!(is_closed(&durable.commit(Durability::Durable).unwrap_err()));
    assert_eq!(lazy.commit(Durability::Lazy).unwrap().length, 7);
}

#[test]
fn a_device_that_fails_once_fails_one_file() {
    let scratch = tempfile::tempdir().unwrap();
    let script = Script::seeded(5).with_short_counts(3).failing_nth(
        Victims::Syncs,
        3,
        io::ErrorKind::StorageFull,
    );
    let pump = start(&PumpConfig::default().with_backend(Backend::Scripted(script)));
    let batch = WriteBatch::new(pump, &WriteBatchConfig::default());
    for number in 1..=5 {
        let file = new_file(scratch.path(), &number.to_string());
        let ticket = batch
            .begin(file.into_file().unwrap(), Reserve::Nothing)
            .unwrap();
        ticket.write(0, b"whole".to_vec().into()).unwrap();
        match ticket.commit(Durability::Durable) {
            Ok(committed) => assert!(committed.length == 5 && number != 3),
            Err(error) => {
                assert_eq!((error.kind(), number), (io::ErrorKind::StorageFull, 3));
            }
        }
    }
}
