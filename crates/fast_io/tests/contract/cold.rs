//! Reads of what is not in memory, or only in part: a driver may carry them out in another way. (Where
//! the system cannot be asked to forget a file, they are reads as any.)

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fast_io::{
    Buffer, Completion, CompletionPump, Operation, SharedFile, is_cancelled, oneshot_handler,
};

use crate::driver::{Subject, on_every_driver, pattern};
use crate::stress::scale;

on_every_driver!(
    cold_reads_each_get_their_own_bytes,
    a_read_goes_on_from_memory_to_the_disk,
    a_file_opened_so_as_not_to_wait_is_waited_for,
    handlers_that_read_on_get_every_byte,
    cold_reads_are_cancelled_or_whole,
    cold_reads_in_flight_end_with_the_pump,
    an_offset_that_no_file_has_is_an_error,
);

const LEN: usize = 4 << 20;

/// A file on the disk and, where that can be had, nowhere else.
fn cold_file(directory: &Path) -> (PathBuf, Vec<u8>) {
    let (path, content) = (directory.join("cold"), pattern(3, LEN));
    fs::write(&path, &content).unwrap();
    // Windows flushes only what may be written.
    let file = File::options().write(true).open(&path).unwrap();
    file.sync_all().unwrap();
    forget(&path);
    (path, content)
}

/// Asks the system to drop the file's pages.
fn forget(path: &Path) {
    #[cfg(target_os = "linux")]
    {
        let advice = rustix::fs::Advice::DontNeed;
        rustix::fs::fadvise(File::open(path).unwrap(), 0, None, advice).unwrap();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = path;
}

fn open(path: &Path) -> SharedFile {
    File::open(path).unwrap().into()
}

fn cold_reads_each_get_their_own_bytes(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let (path, content) = cold_file(scratch.path());
    let (file, content) = (open(&path), Arc::new(content));
    for len in [1, 4096, 100_000, LEN] {
        let right = Arc::new(AtomicUsize::new(0));
        // In no order, and some beyond the end.
        let offsets: Vec<usize> = (0..64).map(|turn| turn * 37 % 64 * (LEN / 62)).collect();
        for &offset in &offsets {
            let (content, right) = (Arc::clone(&content), Arc::clone(&right));
            let read =
                Operation::read(file.clone(), offset as u64, Buffer::with_capacity(len), len);
            pump.submit(read, move |completion: Completion| {
                let expected = &content[offset.min(LEN)..(offset + len).min(LEN)];
                let whole = completion.result.is_ok_and(|n| n == expected.len() as u64);
                if whole && *completion.buffer == *expected {
                    right.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        pump.drain();
        assert_eq!(right.load(Ordering::Relaxed), 64, "reads of {len} bytes");
        forget(&path);
    }
}

fn a_read_goes_on_from_memory_to_the_disk(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let (path, content) = cold_file(scratch.path());
    for at in [0, LEN / 2, LEN - 5000] {
        forget(&path);
        io::Read::read_exact(&mut File::open(&path).unwrap(), &mut [0; 10_000]).unwrap();
        let (handler, receiver) = oneshot_handler();
        let read = Operation::read(open(&path), at as u64, Buffer::with_capacity(LEN), LEN);
        pump.submit(read, handler);
        let completion = receiver.wait();
        assert_eq!(completion.result.unwrap(), (LEN - at) as u64);
        assert!(*completion.buffer == content[at..]);
    }
}

fn a_file_opened_so_as_not_to_wait_is_waited_for(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let (path, content) = cold_file(scratch.path());
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    let file = SharedFile::new(options.open(&path).unwrap());
    for at in (0..LEN).step_by(LEN / 4) {
        let (handler, receiver) = oneshot_handler();
        let read = Operation::read(file.clone(), at as u64, Buffer::with_capacity(5000), 5000);
        pump.submit(read, handler);
        let completion = receiver.wait();
        assert_eq!(completion.result.unwrap(), 5000);
        assert!(*completion.buffer == content[at..at + 5000]);
    }
}

/// Several chains of reads, each submitted by the handler of the one before.
struct Chains {
    pump: Arc<CompletionPump>,
    file: SharedFile,
    found: Mutex<Vec<u8>>,
    piece: usize,
    chains: usize,
}

fn go_on(chains: &Arc<Chains>, at: usize) {
    let (again, piece) = (Arc::clone(chains), chains.piece);
    let buffer = Buffer::with_capacity(piece);
    let read = Operation::read(chains.file.clone(), at as u64, buffer, piece);
    chains.pump.submit(read, move |completion: Completion| {
        let bytes = &completion.buffer;
        again.found.lock().unwrap()[at..at + bytes.len()].copy_from_slice(bytes);
        let next = at + again.chains * again.piece;
        if next < LEN {
            go_on(&again, next);
        }
    });
}

fn handlers_that_read_on_get_every_byte(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let (path, content) = cold_file(scratch.path());
    for (piece, chains) in [(4096, 1), (4096, 64), (20_000, 8), (200_000, 3)] {
        forget(&path);
        let chains = Arc::new(Chains {
            pump: subject.pump(),
            file: open(&path),
            found: Mutex::new(vec![0; LEN]),
            piece,
            chains,
        });
        for chain in 0..chains.chains {
            go_on(&chains, chain * piece);
        }
        chains.pump.drain();
        assert!(
            *chains.found.lock().unwrap() == content,
            "pieces of {piece}"
        );
    }
}

fn cold_reads_are_cancelled_or_whole(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let (path, content) = cold_file(scratch.path());
    let (file, other, content) = (open(&path), open(&path), Arc::new(content));
    for round in 0..20 * scale() {
        forget(&path);
        let ended = Arc::new(AtomicUsize::new(0));
        let mut tickets = Vec::new();
        for turn in 0..100 {
            let at = (turn * 61 + round) % 100 * 40_000;
            let file = if turn % 4 == 0 { &other } else { &file };
            let (content, ended) = (Arc::clone(&content), Arc::clone(&ended));
            let read = Operation::read(file.clone(), at as u64, Buffer::with_capacity(4096), 4096);
            tickets.push(pump.submit(read, move |completion: Completion| {
                match &completion.result {
                    Ok(_) => assert!(*completion.buffer == content[at..at + 4096]),
                    Err(error) => assert!(is_cancelled(error) && completion.cancel_requested),
                }
                ended.fetch_add(1, Ordering::Relaxed);
            }));
        }
        match round % 3 {
            0 => tickets.iter().step_by(2).for_each(|ticket| {
                ticket.cancel();
            }),
            1 => pump.cancel_file(&file),
            _ => pump.cancel_all(),
        }
        pump.drain();
        assert_eq!(ended.load(Ordering::Relaxed), 100);
        assert_eq!(pump.panics(), 0, "a handler found what must not be");
    }
}

fn cold_reads_in_flight_end_with_the_pump(subject: &Subject) {
    let scratch = tempfile::tempdir().unwrap();
    let (path, _) = cold_file(scratch.path());
    for round in 0..20 * scale() {
        forget(&path);
        let (pump, file) = (subject.pump(), open(&path));
        let ended = Arc::new(AtomicUsize::new(0));
        // In some rounds too few for any to be under way when the end comes.
        for turn in 0..round % 5 * 25 {
            let ended = Arc::clone(&ended);
            let at = turn as u64 * 40_000;
            let read = Operation::read(file.clone(), at, Buffer::with_capacity(4096), 4096);
            pump.submit(read, move |_: Completion| {
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        drop(pump);
        assert_eq!(ended.load(Ordering::Relaxed), round % 5 * 25);
        assert!(file.into_file().is_ok(), "no operation holds the file");
    }
}

fn an_offset_that_no_file_has_is_an_error(subject: &Subject) {
    let (scratch, pump) = (tempfile::tempdir().unwrap(), subject.pump());
    let (path, _) = cold_file(scratch.path());
    let file = open(&path);
    for offset in [i64::MAX as u64 + 1, u64::MAX] {
        let (handler, receiver) = oneshot_handler();
        let read = Operation::read(file.clone(), offset, Buffer::with_capacity(10), 10);
        pump.submit(read, handler);
        let completion = receiver.wait();
        assert!(completion.result.is_err() || completion.transferred == 0);
        assert!(completion.buffer.is_empty());
    }
}
