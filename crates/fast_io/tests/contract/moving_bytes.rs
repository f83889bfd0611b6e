//! Reads, writes and work: right bytes, right counts, buffers handed back.

use std::fs;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use fast_io::{Buffer, BufferPool, Completion, Operation, SharedFile, oneshot_handler};

use crate::driver::{Subject, new_file, on_every_driver, pattern};
use crate::network::run;

on_every_driver!(
    writes_out_of_order_land_in_place,
    reads_in_flight_together_each_get_their_own_bytes,
    the_end_of_the_file_is_a_short_count,
    a_range_of_the_buffer_is_written_and_all_of_it_comes_back,
    an_error_hands_the_buffer_back,
    work_runs_and_its_value_comes_out,
    a_thousand_operations_complete,
    empty_operations_complete,
    a_pipe_is_read_and_written_in_order,
);

/// Both ends of a pipe.
fn pipe() -> (SharedFile, SharedFile) {
    #[cfg(unix)]
    use std::os::fd::OwnedFd as Owned;
    #[cfg(windows)]
    use std::os::windows::io::OwnedHandle as Owned;

    let (reader, writer) = io::pipe().unwrap();
    let shared = |end: Owned| SharedFile::from(fs::File::from(end));
    (shared(reader.into()), shared(writer.into()))
}

fn a_pipe_is_read_and_written_in_order(subject: &Subject) {
    let pump = subject.pump();
    let (reader, writer) = pipe();
    let write = |bytes: &[u8]| {
        let written = run(
            &pump,
            Operation::write(writer.clone(), 0, bytes.to_vec().into(), ..),
        );
        assert_eq!(written.result.unwrap(), bytes.len() as u64);
    };
    // No place means anything there.
    for (place, len) in [(0, 1), (0, 10), (7_000, 2_000)] {
        let bytes = pattern(place, len);
        write(&bytes);
        let read = Operation::read(reader.clone(), place, Buffer::with_capacity(len), len);
        assert!(*run(&pump, read).buffer == bytes, "{len} bytes at {place}");
    }
    // It is read until there is as much as was asked for. (By a worker, which perhaps is the only one.)
    let (handler, receiver) = oneshot_handler();
    let read = Operation::read(reader.clone(), 0, Buffer::with_capacity(10), 10);
    pump.submit(read, handler);
    for part in [b"first", b"then!"] {
        (&*writer).write_all(part).unwrap();
    }
    assert_eq!(&*receiver.wait().buffer, b"firstthen!");
    if cfg!(unix) {
        write(b"rest");
        drop(writer);
        let read = Operation::read(reader, 0, Buffer::with_capacity(10), 10);
        let end = run(&pump, read);
        assert_eq!((end.result.unwrap(), &*end.buffer), (4, &b"rest"[..]));
    }
}

fn writes_out_of_order_land_in_place(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let file = new_file(scratch.path(), "file");
    let content = pattern(1, 64 * 1009);
    let (done, results) = mpsc::channel();
    for piece in (0..64).rev() {
        let bytes = content[piece * 1009..(piece + 1) * 1009].to_vec();
        let done = done.clone();
        let write = Operation::write(file.clone(), piece as u64 * 1009, bytes.into(), ..);
        pump.submit(write, move |completion: Completion| {
            done.send(completion).unwrap()
        });
    }
    for _ in 0..64 {
        let completion = results.recv().unwrap();
        assert_eq!(completion.result.unwrap(), 1009);
        assert_eq!(completion.buffer.len(), 1009);
        assert!(!completion.cancel_requested);
    }
    assert!(fs::read(scratch.path().join("file")).unwrap() == content);
}

fn reads_in_flight_together_each_get_their_own_bytes(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let content = pattern(2, 100_000);
    fs::write(scratch.path().join("file"), &content).unwrap();
    let file = fs::File::open(scratch.path().join("file")).unwrap().into();
    let pool = BufferPool::new(4096, 64);
    let (done, results) = mpsc::channel();
    for offset in (0..100_000usize).step_by(4096) {
        let done = done.clone();
        let read = Operation::read(
            fast_io::SharedFile::clone(&file),
            offset as u64,
            pool.take(),
            4096,
        );
        pump.submit(read, move |completion: Completion| {
            done.send((offset, completion)).unwrap()
        });
    }
    drop(done);
    for (offset, completion) in results {
        let expected = &content[offset..(offset + 4096).min(content.len())];
        assert_eq!(completion.result.unwrap(), expected.len() as u64);
        assert!(&*completion.buffer == expected, "bytes at {offset}");
    }
}

fn the_end_of_the_file_is_a_short_count(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    fs::write(scratch.path().join("file"), b"0123456789").unwrap();
    let file = fast_io::SharedFile::new(fs::File::open(scratch.path().join("file")).unwrap());
    for (offset, expected) in [(4, &b"456789"[..]), (10, b""), (1 << 40, b"")] {
        let (handler, receiver) = oneshot_handler();
        let mut buffer = Buffer::with_capacity(64);
        buffer.append(b"stale bytes that must not come back");
        pump.submit(Operation::read(file.clone(), offset, buffer, 64), handler);
        let completion = receiver.wait();
        assert_eq!(completion.result.unwrap(), expected.len() as u64);
        assert_eq!(&*completion.buffer, expected);
    }
}

fn a_range_of_the_buffer_is_written_and_all_of_it_comes_back(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let file = new_file(scratch.path(), "file");
    let (handler, receiver) = oneshot_handler();
    pump.submit(
        Operation::write(file, 3, b"abcdefgh".to_vec().into(), 2..=5),
        handler,
    );
    let completion = receiver.wait();
    assert_eq!(completion.result.unwrap(), 4);
    assert_eq!(&*completion.buffer, b"abcdefgh");
    assert_eq!(
        fs::read(scratch.path().join("file")).unwrap(),
        b"\0\0\0cdef"
    );
}

fn an_error_hands_the_buffer_back(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    fs::write(scratch.path().join("file"), b"unchanged").unwrap();
    let read_only = fs::File::open(scratch.path().join("file")).unwrap();
    let (handler, receiver) = oneshot_handler();
    pump.submit(
        Operation::write(read_only.into(), 0, b"forbidden".to_vec().into(), ..),
        handler,
    );
    let completion = receiver.wait();
    assert!(
        completion.result.unwrap_err().raw_os_error().is_some(),
        "the system's own error"
    );
    assert_eq!(
        (completion.transferred, &*completion.buffer),
        (0, &b"forbidden"[..])
    );
    assert_eq!(fs::read(scratch.path().join("file")).unwrap(), b"unchanged");
}

fn work_runs_and_its_value_comes_out(subject: &Subject) {
    let pump = subject.pump();
    let (handler, receiver) = oneshot_handler();
    pump.submit(Operation::work(|| Ok(42)), handler);
    assert_eq!(receiver.wait().result.unwrap(), 42);
    let (handler, receiver) = oneshot_handler();
    pump.submit(
        Operation::work(|| Err(io::ErrorKind::StorageFull.into())),
        handler,
    );
    assert_eq!(
        receiver.wait().result.unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
}

fn a_thousand_operations_complete(subject: &Subject) {
    let pump = subject.pump();
    let sum = Arc::new(AtomicU64::new(0));
    for number in 1..=1000 {
        let (sum, work) = (Arc::clone(&sum), Operation::work(move || Ok(number)));
        pump.submit(work, move |completion: Completion| {
            sum.fetch_add(completion.result.unwrap(), Ordering::Relaxed);
        });
    }
    pump.drain();
    assert_eq!(sum.load(Ordering::Relaxed), 500_500);
    assert_eq!(
        (pump.operations_in_flight(), pump.bytes_in_flight()),
        (0, 0)
    );
}

fn empty_operations_complete(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let file = new_file(scratch.path(), "file");
    for operation in [
        Operation::read(file.clone(), 0, Buffer::default(), 0),
        Operation::write(file.clone(), 5, Buffer::default(), ..),
    ] {
        let (handler, receiver) = oneshot_handler();
        pump.submit(operation, handler);
        assert_eq!(receiver.wait().result.unwrap(), 0);
    }
}
