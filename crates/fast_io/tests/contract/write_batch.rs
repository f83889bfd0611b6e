//! `WriteBatch` on every driver, and on a scripted one that fails.

use std::fs;
use std::io;
use std::sync::mpsc;

use fast_io::{
    Backend, BufferPool, Completion, Durability, Gate, Operation, PumpConfig, Reserve, Script,
    Victims, WriteBatch, WriteBatchConfig,
};

use crate::driver::{Subject, new_file, on_every_driver, pattern, start};
use crate::syncing::opened_but_not_to_be_synced;

on_every_driver!(
    many_files_at_once_each_get_their_own_bytes,
    writes_meet_wherever_they_are_placed,
    an_error_belongs_to_its_own_file,
    an_error_at_the_end_of_a_file_belongs_to_it_too,
    an_abandoned_file_leaves_the_others_alone,
    an_aborted_file_comes_back,
    memory_is_bounded,
    waiting_on_a_pump_thread_is_an_error,
);

fn many_files_at_once_each_get_their_own_bytes(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pool = BufferPool::new(1000, 64);
    let config = WriteBatchConfig {
        writes_per_file: 3,
        ..WriteBatchConfig::default()
    };
    let batch = WriteBatch::new(subject.pump(), &config);
    let contents: Vec<_> = (0..40)
        .map(|seed| pattern(seed, 997 * seed as usize))
        .collect();
    let tickets: Vec<_> = (0..40)
        .map(|index| {
            let file = new_file(scratch.path(), &index.to_string())
                .into_file()
                .unwrap();
            batch
                .begin(file, Reserve::Bytes(contents[index].len() as u64))
                .unwrap()
        })
        .collect();
    for piece in 0..40 {
        for (ticket, content) in tickets.iter().zip(&contents) {
            if let Some(bytes) = content.chunks(1000).nth(piece) {
                let mut buffer = pool.take();
                assert_eq!(buffer.append(bytes), bytes.len());
                ticket.write(piece as u64 * 1000, buffer).unwrap();
            }
        }
    }
    for (index, ticket) in tickets.into_iter().enumerate() {
        let durability = if index % 2 == 0 {
            Durability::Lazy
        } else {
            Durability::Durable
        };
        let committed = ticket.commit(durability).unwrap();
        assert_eq!(committed.length, contents[index].len() as u64);
        assert_eq!(committed.file.metadata().unwrap().len(), committed.length);
        assert!(fs::read(scratch.path().join(index.to_string())).unwrap() == contents[index]);
    }
}

fn writes_meet_wherever_they_are_placed(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let batch = WriteBatch::new(subject.pump(), &WriteBatchConfig::default());
    let file = new_file(scratch.path(), "file").into_file().unwrap();
    let ticket = batch.begin(file, Reserve::Nothing).unwrap();
    ticket.write(0, b"0123".to_vec().into()).unwrap();
    ticket.write(8, b"89".to_vec().into()).unwrap();
    ticket.flush().unwrap();
    assert_eq!(
        fs::read(scratch.path().join("file")).unwrap(),
        b"0123\0\0\0\089"
    );
    ticket.write(4, b"4567".to_vec().into()).unwrap();
    ticket.write(10, b"end".to_vec().into()).unwrap();
    assert_eq!(ticket.commit(Durability::Lazy).unwrap().length, 13);
    assert_eq!(
        fs::read(scratch.path().join("file")).unwrap(),
        b"0123456789end"
    );
}

fn an_error_belongs_to_its_own_file(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let batch = WriteBatch::new(subject.pump(), &WriteBatchConfig::default());
    let good = new_file(scratch.path(), "good").into_file().unwrap();
    let good = batch.begin(good, Reserve::Nothing).unwrap();
    fs::write(scratch.path().join("bad"), b"old").unwrap();
    let bad = fs::File::open(scratch.path().join("bad")).unwrap();
    let bad = batch.begin(bad, Reserve::Nothing).unwrap();
    for number in 0..100 {
        good.write(number * 4, b"good".to_vec().into()).unwrap();
        // May be refused at once after the first failure has come back: that is the same error.
        let refused = bad.write(number * 3, b"bad".to_vec().into());
        assert!(refused.is_ok() || refused.unwrap_err().raw_os_error().is_some());
    }
    assert!(bad.flush().unwrap_err().raw_os_error().is_some());
    assert!(
        bad.commit(Durability::Lazy)
            .unwrap_err()
            .raw_os_error()
            .is_some()
    );
    assert_eq!(good.commit(Durability::Lazy).unwrap().length, 400);
    assert_eq!(fs::read(scratch.path().join("bad")).unwrap(), b"old");
    assert_eq!(
        fs::read(scratch.path().join("good")).unwrap(),
        b"good".repeat(100)
    );
}

fn an_error_at_the_end_of_a_file_belongs_to_it_too(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let batch = WriteBatch::new(subject.pump(), &WriteBatchConfig::default());
    let mut tickets = Vec::new();
    for number in 0..20 {
        let file = match number % 4 {
            0 => opened_but_not_to_be_synced(scratch.path()),
            _ => {
                let file = new_file(scratch.path(), &number.to_string());
                file.into_file().unwrap()
            }
        };
        let ticket = batch.begin(file, Reserve::Nothing).unwrap();
        if number % 4 != 0 {
            ticket.write(0, b"whole".to_vec().into()).unwrap();
        }
        tickets.push(ticket);
    }
    for (number, ticket) in tickets.into_iter().enumerate() {
        let committed = ticket.commit(Durability::Durable);
        match number % 4 {
            0 => assert!(committed.unwrap_err().raw_os_error().is_some()),
            _ => assert_eq!(committed.unwrap().length, 5),
        }
    }
}

fn an_abandoned_file_leaves_the_others_alone(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pool = BufferPool::new(64, 4);
    let batch = WriteBatch::new(subject.pump(), &WriteBatchConfig::default());
    for round in 0..30 {
        let file = new_file(scratch.path(), &format!("abandoned{round}"))
            .into_file()
            .unwrap();
        let abandoned = batch.begin(file, Reserve::Nothing).unwrap();
        for number in 0..20 {
            let mut buffer = pool.take();
            buffer.append(&[0xee; 64]);
            abandoned.write(number * 64, buffer).unwrap();
        }
        drop(abandoned);
        let name = format!("kept{round}");
        let file = new_file(scratch.path(), &name).into_file().unwrap();
        let kept = batch.begin(file, Reserve::Nothing).unwrap();
        let mut buffer = pool.take();
        buffer.append(b"kept");
        kept.write(0, buffer).unwrap();
        kept.commit(Durability::Lazy).unwrap();
        assert_eq!(fs::read(scratch.path().join(name)).unwrap(), b"kept");
    }
}

fn an_aborted_file_comes_back(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let batch = WriteBatch::new(subject.pump(), &WriteBatchConfig::default());
    let file = new_file(scratch.path(), "file").into_file().unwrap();
    let ticket = batch.begin(file, Reserve::Nothing).unwrap();
    for number in 0..50 {
        ticket.write(number * 100, vec![5; 100].into()).unwrap();
    }
    let file = ticket.abort().unwrap();
    assert!(file.metadata().unwrap().len() <= 5000);
    file.set_len(0).unwrap();
    drop(batch);
    assert_eq!(
        file.metadata().unwrap().len(),
        0,
        "nothing is in flight any more"
    );
}

fn memory_is_bounded(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let config = WriteBatchConfig {
        max_bytes: 64 << 10,
        ..WriteBatchConfig::default()
    };
    let batch = WriteBatch::new(subject.pump(), &config);
    let pool = BufferPool::new(16 << 10, usize::MAX);
    let file = new_file(scratch.path(), "file").into_file().unwrap();
    let ticket = batch.begin(file, Reserve::Nothing).unwrap();
    for number in 0..200 {
        let mut buffer = pool.take();
        buffer.append(&[1; 16 << 10]);
        ticket.write(number << 14, buffer).unwrap();
    }
    assert_eq!(ticket.commit(Durability::Lazy).unwrap().length, 200 << 14);
    // Four queued, one in the writer's hand, one between its release and its return to the pool.
    assert!(
        pool.spare_count() <= 6,
        "{} buffers were in use",
        pool.spare_count()
    );
}

fn waiting_on_a_pump_thread_is_an_error(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let pump = start(&subject.config().with_workers(1));
    let batch = WriteBatch::new(std::sync::Arc::clone(&pump), &WriteBatchConfig::default());
    let file = new_file(scratch.path(), "file").into_file().unwrap();
    let ticket = batch.begin(file, Reserve::Nothing).unwrap();
    let (done, answer) = mpsc::channel();
    pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
        // A ring may have done it by the time it is waited for, and then that is no wait.
        let refused = (0..1000).find_map(|_| {
            ticket.write(0, b"from a handler".to_vec().into()).unwrap();
            ticket.flush().err()
        });
        let error = refused.expect("some write is still under way");
        done.send((error.kind(), ticket)).unwrap();
    });
    let (kind, ticket) = answer.recv().unwrap();
    assert_eq!(kind, io::ErrorKind::Deadlock);
    assert_eq!(ticket.commit(Durability::Lazy).unwrap().length, 14);

    let file = new_file(scratch.path(), "durable").into_file().unwrap();
    let ticket = batch.begin(file, Reserve::Nothing).unwrap();
    let (done, answer) = mpsc::channel();
    pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
        done.send(ticket.commit(Durability::Durable).map(drop))
            .unwrap();
    });
    let error = answer.recv().unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Deadlock);
}

#[test]
fn a_disk_that_fills_at_the_nth_write_fails_one_file() {
    for short_counts in [None, Some(3)] {
        let scratch = tempfile::tempdir().unwrap();
        let gate = Gate::closed();
        let mut script = Script::seeded(3)
            .failing_nth(Victims::Writes, 5, io::ErrorKind::StorageFull)
            .with_gate(&gate);
        if let Some(bytes) = short_counts {
            script = script.with_short_counts(bytes);
        }
        let pump = start(&PumpConfig::default().with_backend(Backend::Scripted(script)));
        let batch = WriteBatch::new(pump, &WriteBatchConfig::default());
        let tickets: Vec<_> = (0..8)
            .map(|index| {
                let file = new_file(scratch.path(), &index.to_string())
                    .into_file()
                    .unwrap();
                let ticket = batch.begin(file, Reserve::Nothing).unwrap();
                for number in 0..3 {
                    ticket
                        .write(number * 10, b"0123456789".to_vec().into())
                        .unwrap();
                }
                ticket
            })
            .collect();
        gate.open();
        let outcomes = tickets
            .into_iter()
            .map(|ticket| ticket.commit(Durability::Lazy));
        let (good, bad): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (7, 1));
        assert_eq!(
            bad[0].as_ref().unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        assert!(
            good.into_iter()
                .all(|outcome| outcome.unwrap().length == 30)
        );
    }
}
