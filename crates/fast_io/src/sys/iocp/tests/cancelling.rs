//! Cancelling what the kernel has: one operation, all of a handle, all; and what had succeeded anyway
//! says so. (The contract's own tests cancel what still waits for a worker.)

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use socket2::SockRef;

use super::{pair, pipe, pump, read, receive};
use crate::{
    Completion, CompletionPump, OneshotReceiver, Operation, SharedFile, SharedSocket, Ticket,
    is_cancelled, oneshot_handler,
};

fn submit(pump: &CompletionPump, operation: Operation) -> (Ticket, OneshotReceiver) {
    let (handler, receiver) = oneshot_handler();
    (pump.submit(operation, handler), receiver)
}

fn assert_cancelled(receiver: OneshotReceiver) -> Completion {
    let completion = receiver.wait();
    let error = completion.result.as_ref().unwrap_err();
    assert!(is_cancelled(error), "{error}");
    assert!(completion.cancel_requested);
    completion
}

#[test]
fn one_operation_of_a_socket_is_cancelled_and_its_siblings_are_not() {
    let (pump, driver) = pump();
    let (ours, mut theirs) = pair();
    let (first, cancelled) = submit(&pump, receive(&ours, 4));
    let (second, kept) = submit(&pump, receive(&ours, 4));
    assert_eq!(driver.engine.under_way(), 2, "the kernel has both");
    assert!(first.cancel());
    let completion = assert_cancelled(cancelled);
    assert_eq!(completion.buffer.capacity(), 4, "the buffer came back");
    theirs.write_all(b"kept").unwrap();
    let completion = kept.wait();
    assert_eq!(completion.result.unwrap(), 4);
    assert!(!completion.cancel_requested);
    assert!(!first.cancel() && !second.cancel(), "they have ended");
}

#[test]
fn one_write_to_a_pipe_is_cancelled_and_says_how_far_it_came() {
    let (pump, driver) = pump();
    let (ours, mut theirs) = pipe();
    let content = vec![7; 1 << 20];
    let write = Operation::write(ours.clone(), 0, content.clone().into(), ..);
    let (ticket, cancelled) = submit(&pump, write);
    theirs.read_exact(&mut [0; 1000]).unwrap();
    assert_eq!(driver.engine.under_way(), 1, "its reader lets it wait");
    assert!(ticket.cancel());
    let completion = assert_cancelled(cancelled);
    assert_eq!(&*completion.buffer, &*content, "the buffer came back");
    assert!(completion.transferred < 1 << 20);
    // The pipe is as good as ever.
    let (_, reading) = submit(&pump, read(&ours, 2));
    theirs.write_all(b"ok").unwrap();
    assert_eq!(&*reading.wait().buffer, b"ok");
}

#[test]
fn all_operations_of_one_socket_are_cancelled_and_none_of_another() {
    let (pump, driver) = pump();
    let ((ours, _theirs), (other, mut others)) = (pair(), pair());
    SockRef::from(&ours).set_send_buffer_size(8 << 10).unwrap();
    let mut cancelled: Vec<_> = (0..20)
        .map(|_| submit(&pump, receive(&ours, 1)).1)
        .collect();
    let send = Operation::send(ours.clone(), vec![7; 32 << 20].into(), ..);
    cancelled.push(submit(&pump, send).1);
    let (_, kept) = submit(&pump, receive(&other, 1));
    assert_eq!(driver.engine.under_way(), 22, "the kernel has them all");
    pump.cancel_socket(&ours);
    for receiver in cancelled {
        assert_cancelled(receiver);
    }
    others.write_all(b"k").unwrap();
    let completion = kept.wait();
    assert_eq!(&*completion.buffer, b"k");
    assert!(!completion.cancel_requested);
}

#[test]
fn everything_in_the_kernel_is_cancelled() {
    let (pump, driver) = pump();
    for _ in 0..10 {
        let (pipes, pairs) = ([pipe(), pipe()], [pair(), pair()]);
        let listener: SharedSocket = TcpListener::bind(("127.0.0.1", 0)).unwrap().into();
        let mut receivers = Vec::new();
        for (ours, _) in &pipes {
            receivers.extend((0..3).map(|_| submit(&pump, read(ours, 1)).1));
        }
        for (ours, _) in &pairs {
            receivers.extend((0..3).map(|_| submit(&pump, receive(ours, 1)).1));
        }
        receivers.push(submit(&pump, Operation::accept(listener)).1);
        let (write_to, _kept) = pipe();
        let write = Operation::write(write_to, 0, vec![7; 1 << 20].into(), ..);
        receivers.push(submit(&pump, write).1);
        assert_eq!(driver.engine.under_way(), receivers.len());
        pump.cancel_all();
        for receiver in receivers {
            assert_cancelled(receiver);
        }
    }
    pump.shut_down();
    assert_eq!((pump.stray_packets(), driver.engine.roll().len()), (0, 0));
}

/// Occupies the only worker at the port until the sender is dropped.
fn hold_the_worker(pump: &CompletionPump) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let (ours, mut theirs) = pipe();
    pump.submit(read(&ours, 1), move |_: Completion| {
        begun.send(()).unwrap();
        // Fails when the sender is dropped: that is the signal.
        let _gone = released.recv();
    });
    theirs.write_all(b"x").unwrap();
    has_begun.recv().unwrap();
    release
}

#[test]
fn what_succeeded_although_it_was_cancelled_says_so() {
    type Cancel = fn(&CompletionPump, &Ticket, &SharedFile, &SharedSocket);
    let cancels: [Cancel; 3] = [
        |_, ticket, _, _| assert!(ticket.cancel(), "it has not ended"),
        |pump, _, pipe, socket| {
            pump.cancel_file(pipe);
            pump.cancel_socket(socket);
        },
        |pump, _, _, _| pump.cancel_all(),
    ];
    for cancel in cancels {
        let (pump, driver) = pump();
        let (ours, mut theirs): (SharedFile, File) = pipe();
        let (socket, mut others) = pair();
        let (on_pipe, from_pipe) = submit(&pump, read(&ours, 4));
        let (on_socket, from_socket) = submit(&pump, receive(&socket, 4));
        assert_eq!(driver.engine.under_way(), 2, "the kernel has both");
        let held = hold_the_worker(&pump);
        // Both are done now, and nobody is there to hear of it.
        theirs.write_all(b"pipe").unwrap();
        others.write_all(b"sock").unwrap();
        wait_until_done(&on_pipe);
        wait_until_done(&on_socket);
        for ticket in [on_pipe, on_socket] {
            cancel(&pump, &ticket, &ours, &socket);
        }
        drop(held);
        for (receiver, bytes) in [(from_pipe, b"pipe"), (from_socket, b"sock")] {
            let completion = receiver.wait();
            assert_eq!(completion.result.unwrap(), 4);
            assert_eq!(&*completion.buffer, bytes);
            assert!(completion.cancel_requested);
        }
    }
}

/// Waits until the kernel has written down what became of an operation that it has.
fn wait_until_done(ticket: &Ticket) {
    let life = ticket.life();
    let slot = life.whereabouts.get().unwrap().upgrade().unwrap();
    while !slot.is_done() {
        std::thread::yield_now();
    }
}
