//! Operations that really wait in the kernel.

use std::fs::File;
use std::io::{Read, Write};
use std::os::windows::io::AsHandle;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;
use std::{env, io, ptr, thread};

use windows_sys::Win32::System::Pipes::{PIPE_READMODE_MESSAGE, PIPE_TYPE_MESSAGE};

use super::{pipe, pipe_of, pump, pump_with, read};
use crate::{
    Completion, CompletionPump, IocpPumpConfig, Operation, Posted, SharedFile,
    iocp_post_completion, is_cancelled, is_closed, oneshot_handler,
};

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
fn a_message_longer_than_the_read_is_read_in_parts() {
    let (pump, _) = pump();
    for (on_the_port, waits) in [(true, false), (true, true), (false, false), (false, true)] {
        let (mut ours, mut theirs) = pipe_of(PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE);
        if !on_the_port {
            ours = ours.into_file().expect("nobody else holds it").into();
        }
        let (handler, first) = oneshot_handler();
        if waits {
            pump.submit(read(&ours, 4), handler);
            theirs.write_all(b"0123456789").unwrap();
        } else {
            theirs.write_all(b"0123456789").unwrap();
            pump.submit(read(&ours, 4), handler);
        }
        assert_eq!(&*first.wait().buffer, b"0123");
        let (handler, rest) = oneshot_handler();
        pump.submit(read(&ours, 6), handler);
        assert_eq!(&*rest.wait().buffer, b"456789");
        assert_eq!(ours.kernel().existing_attachment().is_some(), on_the_port);
    }
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
fn a_write_whose_reader_closes_says_so_and_how_far_it_came() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pipe();
    let (handler, receiver) = oneshot_handler();
    let write = Operation::write(ours.clone(), 0, vec![7; 1 << 20].into(), ..);
    pump.submit(write, handler);
    theirs.read_exact(&mut [0; 1000]).unwrap();
    drop(theirs);
    let completion = receiver.wait();
    let error = completion.result.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{error}");
    assert!(completion.transferred < 1 << 20);
    assert_eq!(completion.buffer.len(), 1 << 20, "the buffer came back");
    assert!(!completion.cancel_requested);
    // And whoever has the pipe can still close it.
    ours.into_file().expect("no operation holds it any more");
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
    // Its very end is waited for: Wine loses what completes while the thread is on its way there.
    let submitter = {
        let (pump, ours) = (Arc::clone(&pump), ours.clone());
        thread::spawn(move || drop(pump.submit(read(&ours, 4), handler)))
    };
    submitter.join().unwrap();
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
fn a_chain_of_what_ends_at_once_lets_others_have_their_turn() {
    let turn = Arc::new(AtomicUsize::new(0));
    let ended = Arc::clone(&turn);
    let config = IocpPumpConfig::default().with_post_handler(move |_| {
        ended.fetch_add(1, Ordering::SeqCst);
    });
    let (pump, _) = pump_with(config.with_concurrency(1));
    let (ours, mut theirs) = pipe();
    theirs.write_all(&[7; 2000]).unwrap();
    let (done, finished) = mpsc::channel();
    /// Reads on, a byte at a time, until the packet has had its turn; says how many were left.
    fn again(
        pump: &Arc<CompletionPump>,
        ours: SharedFile,
        left: usize,
        turn: Arc<AtomicUsize>,
        done: mpsc::Sender<usize>,
    ) {
        let next = Arc::clone(pump);
        pump.submit(read(&ours.clone(), 1), move |_: Completion| {
            if left == 1999 {
                iocp_post_completion(&next, Posted { key: 1, bytes: 1 }).unwrap();
            }
            if left == 0 || turn.load(Ordering::SeqCst) > 0 {
                done.send(left).unwrap();
            } else {
                again(&next, ours, left - 1, turn, done);
            }
        });
    }
    again(&pump, ours, 1999, turn, done);
    assert!(finished.recv().unwrap() > 0);
}

#[test]
fn a_childs_pipe_is_the_standard_librarys_too() {
    if env::var_os("FAST_IO_TEST_CHILD").is_some() {
        for byte in b"1234" {
            io::stderr().write_all(&[*byte]).unwrap();
            thread::sleep(Duration::from_millis(100)); // Its reader is to wait for some.
        }
        return;
    }
    let (pump, _) = pump();
    let this = concat!(
        module_path!(),
        "::a_childs_pipe_is_the_standard_librarys_too"
    );
    let (_, this) = this.split_once("::").expect("a crate's name");
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", this, "--nocapture"])
        .env("FAST_IO_TEST_CHILD", "yes")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let theirs = child.stderr.as_ref().unwrap().as_handle();
    let ours = SharedFile::from(File::from(theirs.try_clone_to_owned().unwrap()));
    let (handler, receiver) = oneshot_handler();
    pump.submit(read(&ours, 1), handler);
    assert_eq!(&*receiver.wait().buffer, b"1");
    // This reads by overlapped calls, and on an attached pipe each would send a packet.
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stderr, b"234");
    assert!(ours.kernel().existing_attachment().is_none());
    pump.shut_down();
    assert_eq!(pump.stray_packets(), 0);
}
