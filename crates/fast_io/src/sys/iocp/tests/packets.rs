//! Packets: those that must come, those that must not, and those that are nobody's.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::OwnedHandle;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_OVERLAPPED;

use super::{pipe, pump, pump_with, read};
use crate::config::PumpConfig;
use crate::driver::Driver;
use crate::ledger::Ledger;
use crate::posting::Posted;
use crate::sys::iocp::Iocp;
use crate::sys::iocp::attachment::{Handle, Inline, Packets};
use crate::sys::iocp::port::{self, DOUBTED_KEY, OPERATION_KEY};
use crate::{
    IocpPumpConfig, Operation, SharedFile, iocp_post_completion, is_closed, oneshot_handler,
};

#[test]
fn a_handle_without_the_skip_mode_gets_its_packets() {
    let (pump, driver) = pump();
    let (ours, mut theirs) = pipe();
    let handle: OwnedHandle = ours.try_clone().unwrap().into();
    let attachment = driver
        .engine
        .attach(Handle::of_file(handle), Packets::Doubted, |_| {
            Inline::Queued
        });
    ours.kernel().attach_by_hand(attachment.unwrap());
    for round in 0..100u8 {
        theirs.write_all(&[round; 3]).unwrap();
        let (handler, receiver) = oneshot_handler();
        pump.submit(read(&ours, 3), handler);
        assert_eq!(&*receiver.wait().buffer, [round; 3]);
    }
    pump.shut_down();
    assert_eq!(pump.stray_packets(), 0);
}

#[test]
fn a_packet_for_what_was_refused_at_once_is_survived() {
    let (pump, driver) = pump();
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("file"), b"unchanged").unwrap();
    // Not opened for writing: the kernel refuses, and Wine sends a packet all the same.
    let file = without_the_skip_mode(&driver, &scratch.path().join("file"));
    for _ in 0..50 {
        let (handler, receiver) = oneshot_handler();
        let write = Operation::write(file.clone(), 0, b"change!".to_vec().into(), ..);
        pump.submit(write, handler);
        let completion = receiver.wait();
        assert_eq!(completion.result.unwrap_err().raw_os_error(), Some(5));
        assert_eq!(&*completion.buffer, b"change!");
    }
    let (handler, receiver) = oneshot_handler();
    pump.submit(read(&file, 9), handler);
    assert_eq!(&*receiver.wait().buffer, b"unchanged");
}

/// A file that may only be read, attached as if it could not have the skip mode.
fn without_the_skip_mode(driver: &Iocp, path: &Path) -> SharedFile {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(FILE_FLAG_OVERLAPPED)
        .open(path);
    let file = SharedFile::from(file.unwrap());
    let handle: OwnedHandle = file.try_clone().unwrap().into();
    let attachment = driver
        .engine
        .attach(Handle::of_file(handle), Packets::Doubted, |_| {
            Inline::Queued
        });
    file.kernel().attach_by_hand(attachment.unwrap());
    file
}

#[test]
fn nothing_is_kept_for_packets_that_may_never_come() {
    const ROUNDS: u64 = 5000;
    let (pump, driver) = pump();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    std::fs::write(&path, b"unchanged").unwrap();
    let mut handles = Vec::new();
    for _ in 0..5 {
        let file = without_the_skip_mode(&driver, &path);
        handles.push(Arc::downgrade(file.kernel().existing_attachment().unwrap()));
        for _ in 0..ROUNDS / 5 {
            let (handler, receiver) = oneshot_handler();
            let write = Operation::write(file.clone(), 0, b"change!".to_vec().into(), ..);
            pump.submit(write, handler);
            let error = receiver.wait().result.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(5));
            assert_eq!(driver.engine.roll().len(), 0);
        }
    }
    // Nobody holds the attachments any more, as the operations do. So their handles are closed, and
    // the file is to be had for oneself alone.
    assert!(handles.iter().all(|handle| handle.strong_count() == 0));
    let mut alone = OpenOptions::new();
    alone.read(true).share_mode(0).open(&path).unwrap();
    pump.shut_down();
    // Wine sends each of them, and Windows none.
    assert!([0, ROUNDS].contains(&pump.stray_packets()));
}

#[test]
fn a_late_packet_for_an_address_that_another_has_by_now_is_survived() {
    let (pump, driver) = pump();
    let (ours, mut theirs) = pipe();
    for round in 0..200u8 {
        let (handler, receiver) = oneshot_handler();
        let ticket = pump.submit(read(&ours, 3), handler);
        let slot = ticket.life().whereabouts.get().unwrap().as_ptr();
        // As if it were for what was there before: while this one waits, and when it is done.
        let late = || {
            driver
                .engine
                .port()
                .post_raw(3, DOUBTED_KEY, slot.addr())
                .unwrap();
        };
        late();
        theirs.write_all(&[round; 3]).unwrap();
        late();
        assert_eq!(&*receiver.wait().buffer, [round; 3]);
        late();
    }
    pump.shut_down();
    assert_eq!((pump.stray_packets(), pump.panics()), (600, 0));
    assert_eq!(driver.engine.roll().len(), 0);
}

#[test]
fn what_is_refused_on_an_ordinary_handle_leaves_no_packet() {
    let (pump, _) = pump();
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("file"), b"unchanged").unwrap();
    for flags in [0, FILE_FLAG_OVERLAPPED] {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(scratch.path().join("file"));
        let file = SharedFile::from(file.unwrap());
        for _ in 0..50 {
            let (handler, receiver) = oneshot_handler();
            let write = Operation::write(file.clone(), 0, b"change!".to_vec().into(), ..);
            pump.submit(write, handler);
            let error = receiver.wait().result.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(5));
        }
        assert!(file.kernel().existing_attachment().is_some());
    }
    pump.shut_down();
    assert_eq!(pump.stray_packets(), 0);
}

#[test]
fn packets_that_are_nobodys_are_counted_and_dropped() {
    let (pump, driver) = pump();
    for (key, pointer) in [
        (0, 0),
        (7, 0xdead_beef_usize),
        (0, 8),
        (OPERATION_KEY, 0),
        (DOUBTED_KEY, 0),
        (DOUBTED_KEY, 0xdead_beef),
        (OPERATION_KEY - 1, 0),
        (OPERATION_KEY - 5, 0xdead_beef),
    ] {
        // A packet without a pointer is a posted one, which is waited for; the others are not.
        if !port::is_reserved(key) && pointer == 0 {
            assert!(driver.engine.enter());
        }
        driver.engine.port().post_raw(1, key, pointer).unwrap();
    }
    let (handler, receiver) = oneshot_handler();
    pump.submit(Operation::work(|| Ok(1)), handler);
    assert_eq!(receiver.wait().result.unwrap(), 1);
    pump.shut_down();
    assert_eq!((pump.stray_packets(), pump.panics()), (8, 0));
}

#[test]
fn posted_packets_reach_their_handler_and_panics_in_it_harm_nobody() {
    let (sender, packets) = mpsc::channel();
    let (pump, _) = pump_with(IocpPumpConfig::default().with_post_handler(move |posted| {
        assert_ne!(posted.bytes, 13, "a handler's own trouble");
        sender.send(posted).unwrap();
    }));
    for bytes in [0, 13, u32::MAX] {
        iocp_post_completion(&pump, Posted { key: 42, bytes }).unwrap();
    }
    let refused = iocp_post_completion(
        &pump,
        Posted {
            key: usize::MAX - 2,
            bytes: 0,
        },
    );
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    pump.shut_down();
    let mut seen: Vec<_> = packets.try_iter().collect();
    seen.sort_by_key(|posted| posted.bytes);
    let expected = [0, u32::MAX].map(|bytes| Posted { key: 42, bytes });
    assert_eq!((seen.as_slice(), pump.panics()), (&expected[..], 1));
    let late = iocp_post_completion(&pump, expected[0]).unwrap_err();
    assert!(is_closed(&late));
}

#[test]
fn a_kernel_that_never_answers_is_not_waited_for_for_ever() {
    let config = PumpConfig::default().with_workers(1);
    let ledger = Arc::new(Ledger::new(10, 1 << 20));
    let mut driver = Iocp::start(&config, ledger).unwrap();
    driver.patience = Duration::from_millis(20);
    assert!(
        driver.engine.enter(),
        "an operation whose packet never comes"
    );
    driver.shut_down();
    assert_eq!(driver.engine.under_way(), 1, "left behind, and said so");
    driver.patience = Duration::from_secs(3600);
    driver.shut_down(); // It has been given up: nobody waits for it again.
    driver.engine.leave();
}
