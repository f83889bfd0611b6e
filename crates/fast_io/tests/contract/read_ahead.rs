//! `ReadAhead` on every driver, and on a scripted one that fails.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use fast_io::{
    Backend, Buffer, BufferPool, CompletionPump, Operation, PumpConfig, ReadAhead, Script,
    SharedFile, Victims, is_closed, oneshot_handler,
};

use crate::driver::{Subject, on_every_driver, pattern, start};

on_every_driver!(
    pieces_come_in_order,
    it_ends_with_the_file,
    it_restarts_anywhere,
    a_closed_one_holds_no_file,
    it_is_bounded,
    what_restarts_give_up_is_bounded_too,
    it_goes_on_in_work_of_a_full_pump,
    a_panic_on_arrival_is_the_error_of_its_piece,
    what_is_not_taken_yet_arrives_anew,
    a_narrow_pump_is_no_obstacle,
);

fn reader(pump: Arc<CompletionPump>, path: &Path, end: u64, depth: usize) -> ReadAhead {
    let file = File::open(path).unwrap().into();
    ReadAhead::new(pump, file, 0..end, BufferPool::new(1000, 8), depth)
}

fn all(reader: &mut ReadAhead) -> Vec<u8> {
    reader.flat_map(|piece| piece.unwrap().to_vec()).collect()
}

fn pieces_come_in_order(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let (path, pump) = (scratch.path().join("file"), subject.pump());
    for len in [0, 1, 999, 1000, 1001, 50_000] {
        let content = pattern(len as u64, len);
        fs::write(&path, &content).unwrap();
        for depth in [0, 1, 7] {
            let mut reader = reader(Arc::clone(&pump), &path, len as u64, depth);
            assert!(all(&mut reader) == content, "{len} bytes at depth {depth}");
            assert!(reader.next().is_none());
        }
    }
}

fn it_ends_with_the_file(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    fs::write(&path, pattern(1, 4321)).unwrap();
    assert!(all(&mut reader(subject.pump(), &path, u64::MAX, 3)) == pattern(1, 4321));
}

fn a_panic_on_arrival_is_the_error_of_its_piece(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let (path, pump) = (scratch.path().join("file"), subject.pump());
    fs::write(&path, pattern(1, 5000)).unwrap();
    let look = |offset, piece: Buffer| {
        assert_ne!(offset, 2000, "deliberate");
        piece.len()
    };
    let mut reader = reader(Arc::clone(&pump), &path, 5000, 2).on_arrival(look);
    assert_eq!(reader.next().unwrap().unwrap(), 1000);
    assert_eq!(reader.next().unwrap().unwrap(), 1000);
    let error = reader.next().unwrap().unwrap_err();
    assert!(!is_closed(&error) && error.to_string().contains("panicked"));
    assert!(reader.next().is_none());
    // It is counted only when its handler has come to its end.
    pump.drain();
    assert_eq!(pump.panics(), 1);
}

fn what_is_not_taken_yet_arrives_anew(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    fs::write(&path, pattern(1, 6500)).unwrap();
    let mut plain = reader(subject.pump(), &path, 6500, 3);
    assert_eq!(plain.next().unwrap().unwrap().len(), 1000);
    let rest = plain.on_arrival(|offset, piece| (offset, piece.len()));
    let pieces: Vec<_> = rest.map(Result::unwrap).collect();
    let whole = (1..6).map(|number| (number * 1000, 1000));
    assert!(pieces.into_iter().eq(whole.chain([(6000, 500)])));
}

fn a_closed_one_holds_no_file(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    fs::write(&path, pattern(1, 20_000)).unwrap();
    let pump = subject.pump();
    for start in 0..50 {
        let file = SharedFile::from(File::open(&path).unwrap());
        let pool = BufferPool::new(1000, 8);
        let mut reader = ReadAhead::new(pump.clone(), file.clone(), start..20_000, pool, 4);
        reader.next().unwrap().unwrap();
        reader.restart(9_000..20_000);
        reader.next().unwrap().unwrap();
        reader.close();
        assert!(file.into_file().is_ok(), "from {start}");
    }
}

fn it_restarts_anywhere(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    let content = pattern(1, 20_000);
    fs::write(&path, &content).unwrap();
    let mut reader = reader(subject.pump(), &path, 20_000, 4);
    assert!(*reader.next().unwrap().unwrap() == content[..1000]);
    reader.restart(7_777..12_345);
    assert!(all(&mut reader) == content[7_777..12_345]);
    reader.restart(0..10);
    assert!(all(&mut reader) == content[..10]);
}

fn it_is_bounded(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    fs::write(&path, pattern(1, 100_000)).unwrap();
    let pool = BufferPool::new(1000, usize::MAX);
    let file = File::open(&path).unwrap().into();
    let reader = ReadAhead::new(subject.pump(), file, 0..100_000, pool.clone(), 4);
    assert_eq!(
        reader.map(|piece| piece.unwrap().len()).sum::<usize>(),
        100_000
    );
    // Four ahead and one in the reader's hand.
    assert!(
        pool.spare_count() <= 5,
        "{} buffers were in use",
        pool.spare_count()
    );
}

fn what_restarts_give_up_is_bounded_too(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    fs::write(&path, pattern(1, 100_000)).unwrap();
    let pump = start(&subject.config().with_workers(8));
    let pool = BufferPool::new(1000, usize::MAX);
    let file = File::open(&path).unwrap().into();
    // The first piece arrives at once; what is ahead of it keeps its buffer for a while.
    let linger = |offset: u64, piece: Buffer| {
        if !offset.is_multiple_of(10_000) {
            thread::sleep(Duration::from_millis(10));
        }
        piece.len()
    };
    let reader = ReadAhead::new(Arc::clone(&pump), file, 0..100_000, pool.clone(), 3);
    let mut reader = reader.on_arrival(linger);
    for start in 0..10 {
        reader.restart(start * 10_000..100_000);
        assert_eq!(reader.next().unwrap().unwrap(), 1000);
    }
    reader.close();
    pump.drain();
    assert!(pool.spare_count() <= 3, "{} buffers", pool.spare_count());
}

fn it_goes_on_in_work_of_a_full_pump(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    let content = pattern(1, 20_000);
    fs::write(&path, &content).unwrap();
    // The work itself is all that there is room for.
    let pump = start(&subject.config().with_max_operations(1));
    let mut reader = reader(Arc::clone(&pump), &path, 20_000, 8);
    let (sender, receiver) = mpsc::channel();
    let in_flight = Arc::clone(&pump);
    let work = Operation::work(move || {
        // The piece whose turn it is is asked for whatever the bound, and none ahead of it. It may not have
        // arrived yet, and work must not wait for it.
        let first = reader.next().unwrap();
        let most = in_flight.operations_in_flight();
        sender.send((reader, first)).unwrap();
        Ok(most as u64)
    });
    let (handler, worked) = oneshot_handler();
    pump.submit(work, handler);
    let (mut reader, first) = receiver.recv().unwrap();
    assert!(worked.wait().result.unwrap() <= 2);
    match first {
        Ok(piece) => assert!(*piece == content[..1000]),
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::Deadlock);
            reader.restart(1000..20_000);
        }
    }
    assert!(all(&mut reader) == content[1000..]);
}

fn a_narrow_pump_is_no_obstacle(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    fs::write(&path, pattern(1, 20_000)).unwrap();
    let pump = start(&subject.config().with_max_operations(2));
    // It has the pump's only places while the other reads.
    let mut greedy = reader(Arc::clone(&pump), &path, 20_000, 8);
    let first = greedy.next().unwrap().unwrap();
    assert!(all(&mut reader(pump, &path, 20_000, 8)) == pattern(1, 20_000));
    let rest = all(&mut greedy);
    assert!([&first[..], &rest].concat() == pattern(1, 20_000));
}

#[test]
fn an_error_comes_in_its_turn_and_reading_can_go_on() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    let content = pattern(1, 5000);
    fs::write(&path, &content).unwrap();
    let script = Script::seeded(1).failing_nth(Victims::Reads, 3, io::ErrorKind::TimedOut);
    let pump = start(&PumpConfig::default().with_backend(Backend::Scripted(script)));
    let mut reader = reader(pump, &path, 5000, 1);
    assert!(*reader.next().unwrap().unwrap() == content[..1000]);
    assert!(*reader.next().unwrap().unwrap() == content[1000..2000]);
    assert_eq!(
        reader.next().unwrap().unwrap_err().kind(),
        io::ErrorKind::TimedOut
    );
    assert!(reader.next().is_none());
    reader.restart(2000..5000);
    assert!(all(&mut reader) == content[2000..]);
}
