//! Copies by whatever road the system offers: right bytes, right ends, errors laid at the right door.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;

use fast_io::offload::{Copier, End, Method, Side};

fn keep_going(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn content(len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| (index * 31 + index / 251) as u8)
        .collect()
}

fn open_pair(scratch: &Path, source: &[u8]) -> (File, File) {
    fs::write(scratch.join("source"), source).unwrap();
    let destination = File::create(scratch.join("destination")).unwrap();
    (File::open(scratch.join("source")).unwrap(), destination)
}

#[test]
fn every_length_arrives_whole() {
    let scratch = tempfile::tempdir().unwrap();
    let copier = Copier::new();
    for len in [0, 1, 4095, 16 << 10, (16 << 10) + 1, 300_001, (9 << 20) + 7] {
        let expected = content(len);
        let (source, destination) = open_pair(scratch.path(), &expected);
        let mut told = Vec::new();
        let mut progress = |bytes| {
            told.push(bytes);
            ControlFlow::Continue(())
        };
        let copied = copier
            .copy_range(&source, &destination, 0, 0, len as u64, &mut progress)
            .unwrap();
        assert_eq!((copied.bytes, copied.end), (len as u64, End::Complete));
        assert!(
            fs::read(scratch.path().join("destination")).unwrap() == expected,
            "length {len}"
        );
        assert_eq!(told.last().copied().unwrap_or(0), len as u64);
        let steps = told.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(
            steps
                .chain(told.first().copied())
                .all(|step| 0 < step && step <= 4 << 20)
        );
    }
}

#[test]
fn ranges_land_where_they_belong() {
    let scratch = tempfile::tempdir().unwrap();
    let bytes = content(200_000);
    let (source, destination) = open_pair(scratch.path(), &bytes);
    let copier = Copier::new();
    copier
        .copy_range(&source, &destination, 50_001, 7, 100_000, &mut keep_going)
        .unwrap();
    let found = fs::read(scratch.path().join("destination")).unwrap();
    assert!(found[..7] == [0; 7] && found[7..] == bytes[50_001..150_001]);
}

#[test]
fn a_source_that_ends_early_is_a_short_count() {
    let scratch = tempfile::tempdir().unwrap();
    for len in [100, 100_000] {
        let (source, destination) = open_pair(scratch.path(), &content(len));
        let copied = Copier::new()
            .copy_range(&source, &destination, 0, 0, u64::MAX, &mut keep_going)
            .unwrap();
        assert_eq!((copied.bytes, copied.end), (len as u64, End::SourceEnded));
    }
}

#[test]
fn a_source_that_shrinks_or_grows_meanwhile_does_no_harm() {
    let scratch = tempfile::tempdir().unwrap();
    let (source, destination) = open_pair(scratch.path(), &content(12 << 20));
    let path = scratch.path().join("source");
    let mut shrink = |_| {
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(5 << 20)
            .unwrap();
        ControlFlow::Continue(())
    };
    let copied = Copier::new()
        .copy_range(&source, &destination, 0, 0, 12 << 20, &mut shrink)
        .unwrap();
    assert_eq!((copied.bytes, copied.end), (5 << 20, End::SourceEnded));
    let mut grow = |_| {
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(20 << 20)
            .unwrap();
        ControlFlow::Continue(())
    };
    let copied = Copier::new()
        .copy_range(&source, &destination, 0, 0, 5 << 20, &mut grow)
        .unwrap();
    assert_eq!((copied.bytes, copied.end), (5 << 20, End::Complete));
}

#[test]
fn the_progress_callback_can_end_it() {
    let scratch = tempfile::tempdir().unwrap();
    let (source, destination) = open_pair(scratch.path(), &content(20 << 20));
    let mut stop = |_| ControlFlow::Break(());
    let copied = Copier::new()
        .copy_range(&source, &destination, 0, 0, 20 << 20, &mut stop)
        .unwrap();
    assert_eq!(copied.end, End::Stopped);
    assert!(0 < copied.bytes && copied.bytes <= 4 << 20);
}

#[test]
fn an_error_names_its_side_and_an_impossible_copy_is_not_tried_forever() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("source"), content(100_000)).unwrap();
    let readable = || File::open(scratch.path().join("source")).unwrap();
    let write_only = || File::create(scratch.path().join("destination")).unwrap();
    let copier = Copier::new();
    for _ in 0..40 {
        let failed = copier.copy_range(&readable(), &readable(), 0, 0, 100_000, &mut keep_going);
        assert_eq!(failed.unwrap_err().side, Side::Destination);
        let failed = copier.copy_range(&write_only(), &write_only(), 0, 0, 1, &mut keep_going);
        assert_eq!(failed.unwrap_err().side, Side::Source);
    }
    // By now the copier has given the kernel up; a good copy works all the same.
    let copied = copier.copy_range(&readable(), &write_only(), 0, 0, 100_000, &mut keep_going);
    assert_eq!(copied.unwrap().method, Method::ReadWrite);
    assert!(fs::read(scratch.path().join("destination")).unwrap() == content(100_000));
}

#[test]
fn a_clone_is_equal_or_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let expected = content(123_457);
    let (source, destination) = open_pair(scratch.path(), &expected);
    let copier = Copier::new();
    if !copier.clone_file(&source, &destination) {
        copier
            .copy_range(&source, &destination, 0, 0, u64::MAX, &mut keep_going)
            .unwrap();
    }
    assert!(fs::read(scratch.path().join("destination")).unwrap() == expected);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_length_is_a_lie_is_read() {
    // Files in /proc claim to be empty, and the kernel's copy believes them.
    let scratch = tempfile::tempdir().unwrap();
    let destination = File::create(scratch.path().join("destination")).unwrap();
    let source = File::open("/proc/filesystems").unwrap();
    let copied = Copier::new()
        .copy_range(&source, &destination, 0, 0, 1 << 20, &mut keep_going)
        .unwrap();
    let found = fs::read(scratch.path().join("destination")).unwrap();
    assert!(copied.bytes > 0 && found == fs::read("/proc/filesystems").unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_the_destinations_error() {
    let scratch = tempfile::tempdir().unwrap();
    let (source, _) = open_pair(scratch.path(), &content(100_000));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let failed = Copier::new()
        .copy_range(&source, &full, 0, 0, 100_000, &mut keep_going)
        .unwrap_err();
    assert_eq!(
        (failed.side, failed.error.kind()),
        (Side::Destination, std::io::ErrorKind::StorageFull)
    );
}
