//! What only a port can do to us, and pipes on which operations really wait.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;
use std::{io, ptr};

use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX,
};
use windows_sys::Win32::System::Pipes::{CreateNamedPipeW, PIPE_TYPE_BYTE, PIPE_WAIT};

use super::file::{Attachment, Inline};
use super::port::OPERATION_KEY;
use super::*;
use crate::{
    Backend, Buffer, Completion, CompletionPump, IocpPumpConfig, Operation, SharedFile,
    iocp_post_completion, is_cancelled, is_closed, oneshot_handler,
};

/// The driver with one thread at the port, and a pump's front for it.
fn pump() -> (Arc<CompletionPump>, Arc<Iocp>) {
    pump_with(IocpPumpConfig::default().with_concurrency(1))
}

fn pump_with(iocp: IocpPumpConfig) -> (Arc<CompletionPump>, Arc<Iocp>) {
    let config = PumpConfig::default().with_workers(2).with_iocp(iocp);
    let ledger = Arc::new(Ledger::new(10_000, 64 << 20));
    let driver = Arc::new(Iocp::start(&config, Arc::clone(&ledger)).unwrap());
    let pump = CompletionPump::on(driver.clone(), ledger);
    (Arc::new(pump), driver)
}

/// Two ends of a new pipe: one overlapped, for the pump, and one that waits, for the test.
fn pipe() -> (SharedFile, File) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!(r"\\.\pipe\fast_io-{}-{number}", std::process::id());
    let wide: Vec<u16> = Path::new(&name)
        .as_os_str()
        .encode_wide()
        .chain([0])
        .collect();
    // SAFETY: the name is live and ends with a zero.
    let handle = unsafe {
        CreateNamedPipeW(
            wide.as_ptr(),
            PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
            PIPE_TYPE_BYTE | PIPE_WAIT,
            1,
            4096,
            4096,
            0,
            ptr::null(),
        )
    };
    assert_ne!(handle, INVALID_HANDLE_VALUE);
    // SAFETY: just made, and nobody else owns it.
    let ours = unsafe { OwnedHandle::from_raw_handle(handle) };
    let theirs = OpenOptions::new().read(true).write(true).open(name);
    (File::from(ours).into(), theirs.unwrap())
}

fn read(pipe: &SharedFile, len: usize) -> Operation {
    Operation::read(pipe.clone(), 0, Buffer::with_capacity(len), len)
}

#[test]
fn a_read_that_waits_completes_when_the_bytes_come() {
    let (pump, driver) = pump();
    let (ours, mut theirs) = pipe();
    let (handler, receiver) = oneshot_handler();
    pump.submit(read(&ours, 10), handler);
    assert_eq!(driver.engine.under_way(), 1, "the kernel has it");
    theirs.write_all(b"first").unwrap();
    theirs.write_all(b"then!").unwrap();
    let completion = receiver.wait();
    assert_eq!(completion.result.unwrap(), 10);
    assert_eq!(&*completion.buffer, b"firstthen!");
}

#[test]
fn what_is_there_already_completes_once_and_leaves_no_packet() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pipe();
    for round in 0..200u8 {
        theirs.write_all(&[round; 3]).unwrap();
        let (handler, receiver) = oneshot_handler();
        pump.submit(read(&ours, 3), handler);
        assert_eq!(&*receiver.wait().buffer, [round; 3]);
    }
    pump.shut_down();
    assert_eq!(pump.stray_packets(), 0);
}

#[test]
fn a_handle_without_the_skip_mode_gets_its_packets() {
    let (pump, driver) = pump();
    let (ours, mut theirs) = pipe();
    let handle: OwnedHandle = ours.try_clone().unwrap().into();
    let attachment = Attachment::always_queued(handle, Arc::downgrade(&driver.engine));
    ours.kernel()
        .attach_by_hand(driver.engine.adopt(attachment).unwrap());
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
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(FILE_FLAG_OVERLAPPED)
        .open(scratch.path().join("file"))
        .unwrap();
    let file = SharedFile::from(file);
    let handle: OwnedHandle = file.try_clone().unwrap().into();
    let attachment = Attachment::always_queued(handle, Arc::downgrade(&driver.engine));
    file.kernel()
        .attach_by_hand(driver.engine.adopt(attachment).unwrap());
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

#[test]
fn the_end_of_a_pipe_is_a_short_count_and_to_a_writer_an_error() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pipe();
    let (handler, receiver) = oneshot_handler();
    pump.submit(read(&ours, 10), handler);
    theirs.write_all(b"abc").unwrap();
    drop(theirs);
    let completion = receiver.wait();
    assert_eq!((completion.result.unwrap(), completion.transferred), (3, 3));
    let (handler, receiver) = oneshot_handler();
    pump.submit(
        Operation::write(ours, 0, b"lost".to_vec().into(), ..),
        handler,
    );
    let completion = receiver.wait();
    assert_eq!(
        completion.result.unwrap_err().kind(),
        io::ErrorKind::BrokenPipe
    );
    assert_eq!(&*completion.buffer, b"lost");
}

#[test]
fn a_long_write_waits_for_its_reader() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pipe();
    let content: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    let (handler, receiver) = oneshot_handler();
    pump.submit(
        Operation::write(ours, 0, content.clone().into(), ..),
        handler,
    );
    let mut received = vec![0; content.len()];
    theirs.read_exact(&mut received).unwrap();
    assert!(received == content);
    assert_eq!(receiver.wait().result.unwrap(), content.len() as u64);
}

#[test]
fn one_waiting_read_is_cancelled_and_its_sibling_is_not() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pipe();
    let (first, cancelled) = oneshot_handler();
    let (second, kept) = oneshot_handler();
    let ticket = pump.submit(read(&ours, 4), first);
    pump.submit(read(&ours, 4), second);
    assert!(ticket.cancel());
    let completion = cancelled.wait();
    assert!(is_cancelled(&completion.result.unwrap_err()));
    assert!(completion.cancel_requested);
    assert_eq!(completion.buffer.capacity(), 4, "the buffer came back");
    theirs.write_all(b"kept").unwrap();
    let completion = kept.wait();
    assert_eq!(&*completion.buffer, b"kept");
    assert!(!completion.cancel_requested);
    assert!(!ticket.cancel(), "it has ended");
}

#[test]
fn all_reads_of_one_pipe_are_cancelled_and_none_of_another() {
    let (pump, _) = pump();
    let ((ours, _theirs), (other, mut others)) = (pipe(), pipe());
    let submit = |file: &SharedFile| {
        let (handler, receiver) = oneshot_handler();
        pump.submit(read(file, 1), handler);
        receiver
    };
    let cancelled: Vec<_> = (0..20).map(|_| submit(&ours)).collect();
    let kept = submit(&other);
    pump.cancel_file(&ours);
    for receiver in cancelled {
        let completion = receiver.wait();
        assert!(completion.cancel_requested);
        assert!(is_cancelled(&completion.result.unwrap_err()));
    }
    others.write_all(b"k").unwrap();
    assert_eq!(&*kept.wait().buffer, b"k");
    let everything: Vec<_> = [&ours, &other].map(submit).into();
    pump.cancel_all();
    for receiver in everything {
        assert!(is_cancelled(&receiver.wait().result.unwrap_err()));
    }
}

#[test]
fn shutting_down_ends_reads_that_would_wait_for_ever() {
    for _ in 0..20 {
        let (pump, _) = pump();
        let pipes: Vec<_> = (0..8).map(|_| pipe()).collect();
        let ended = Arc::new(AtomicUsize::new(0));
        // Wine loses operations that are cancelled while the thread that started them ends.
        let all_ended = Barrier::new(pipes.len() + 1);
        thread::scope(|threads| {
            for (ours, _) in &pipes {
                let (pump, ended, all_ended) = (&pump, &ended, &all_ended);
                threads.spawn(move || {
                    for _ in 0..10 {
                        let ended = Arc::clone(ended);
                        pump.submit(read(ours, 1), move |completion: Completion| {
                            let error = completion.result.unwrap_err();
                            assert!(is_cancelled(&error) || is_closed(&error), "{error:?}");
                            ended.fetch_add(1, Ordering::SeqCst);
                        });
                    }
                    all_ended.wait();
                });
            }
            pump.shut_down();
            all_ended.wait();
        });
        assert_eq!((ended.load(Ordering::SeqCst), pump.panics()), (80, 0));
    }
}

#[test]
fn a_thread_that_ends_takes_no_operation_with_it() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pipe();
    let (handler, receiver) = oneshot_handler();
    thread::scope(|threads| {
        threads.spawn(|| pump.submit(read(&ours, 4), handler));
    });
    theirs.write_all(b"safe").unwrap();
    assert_eq!(receiver.wait().result.unwrap(), 4);
}

#[test]
fn handlers_that_submit_what_ends_at_once_do_not_nest() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pipe();
    theirs.write_all(&[7; 2000]).unwrap();
    let (done, finished) = mpsc::channel();
    fn again(
        pump: &Arc<CompletionPump>,
        ours: SharedFile,
        left: usize,
        done: mpsc::Sender<(usize, usize)>,
    ) {
        let next = Arc::clone(pump);
        pump.submit(read(&ours.clone(), 1), move |completion: Completion| {
            // Where the handler runs on the stack, more or less.
            let here = ptr::from_ref(&completion).addr();
            done.send((left, here)).unwrap();
            if left > 0 {
                again(&next, ours, left - 1, done);
            }
        });
    }
    again(&pump, ours, 1999, done);
    let depths: Vec<usize> = finished.iter().map(|(_, here)| here).collect();
    assert_eq!(depths.len(), 2000);
    let deepest = depths.iter().max().unwrap() - depths.iter().min().unwrap();
    assert!(deepest < 64 << 10, "{deepest} bytes of stack");
}

#[test]
fn packets_that_are_nobodys_are_counted_and_dropped() {
    let (pump, driver) = pump();
    for (key, pointer) in [
        (0, 0),
        (7, 0xdead_beef_usize),
        (0, 8),
        (OPERATION_KEY, 0),
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
    assert_eq!((pump.stray_packets(), pump.panics()), (6, 0));
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
fn posting_without_a_port_is_unsupported() {
    let config = PumpConfig::default().with_backend(Backend::Threads);
    let pump = CompletionPump::start(&config).unwrap();
    let refused = iocp_post_completion(&pump, Posted { key: 1, bytes: 1 });
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::Unsupported);
}

#[test]
fn only_writes_within_the_file_are_for_the_port() {
    let (pump, _) = pump();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    std::fs::write(&path, [0; 100]).unwrap();
    let file = SharedFile::from(OpenOptions::new().write(true).open(&path).unwrap());
    let later = |end| file.kernel().can_write_later(&file, end);
    assert_eq!([later(100), later(101)], [true, false]);
    let (handler, receiver) = oneshot_handler();
    let write = Operation::write(file.clone(), 100, vec![1; 50].into(), ..);
    pump.submit(write, handler);
    receiver.wait().result.unwrap();
    assert_eq!([later(150), later(151)], [true, false]);
    assert!(
        file.kernel().existing_attachment().is_none(),
        "nothing needed one so far"
    );
    let (handler, receiver) = oneshot_handler();
    pump.submit(
        Operation::write(file.clone(), 0, vec![2; 50].into(), ..),
        handler,
    );
    receiver.wait().result.unwrap();
    let attachment = file.kernel().existing_attachment().unwrap();
    assert_eq!(
        attachment.inline(),
        Inline::Taken,
        "the skip mode can be set"
    );
}

#[test]
fn a_file_that_belongs_to_another_pump_is_read_all_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    std::fs::write(&path, b"shared").unwrap();
    for flags in [0, FILE_FLAG_OVERLAPPED] {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(&path);
        let file = SharedFile::from(file.unwrap());
        let pumps = [pump(), pump()];
        for (pump, _) in pumps.iter().chain(&pumps) {
            let receivers: Vec<_> = (0..20)
                .map(|_| {
                    let (handler, receiver) = oneshot_handler();
                    pump.submit(read(&file, 6), handler);
                    receiver
                })
                .collect();
            for receiver in receivers {
                assert_eq!(&*receiver.wait().buffer, b"shared");
            }
        }
    }
}

#[test]
fn a_file_that_its_owner_has_locked_is_read_by_its_owners_handle() {
    let (pump, _) = pump();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("file");
    std::fs::write(&path, b"locked").unwrap();
    let file = OpenOptions::new().read(true).write(true).open(&path);
    let file = SharedFile::from(file.unwrap());
    file.lock().unwrap();
    let (handler, receiver) = oneshot_handler();
    pump.submit(read(&file, 6), handler);
    assert_eq!(&*receiver.wait().buffer, b"locked");
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
    driver.engine.leave();
}
