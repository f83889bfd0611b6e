//! Sockets on the port itself: which calls end at once and which wait, how waiting ones are stopped,
//! and what becomes of sockets that another port has.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::windows::io::{AsRawHandle, AsRawSocket, FromRawHandle, OwnedHandle};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use std::{ptr, thread};

use socket2::SockRef;
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::IO::CreateIoCompletionPort;

use super::{pair, pump, receive, run};
use crate::driver::Driver;
use crate::sys::iocp::attachment::{Handle, Inline, Packets};
use crate::{Completion, Operation, SharedSocket, is_cancelled, is_closed, oneshot_handler};

fn listen() -> (SharedSocket, std::net::SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener.into(), address)
}

fn is_on_the_port(socket: &SharedSocket) -> bool {
    socket.kernel().existing_attachment().is_some()
}

/// Waits until the other end's bytes are there to be taken.
fn wait_for_bytes(socket: &SharedSocket) {
    let socket = SockRef::from(socket);
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    assert!(socket.peek(&mut [std::mem::MaybeUninit::uninit()]).unwrap() > 0);
}

#[test]
fn a_connection_is_made_on_the_port_from_both_ends() {
    let (pump, driver) = pump();
    let (listener, address) = listen();
    let (handler, accepted) = oneshot_handler();
    pump.submit(Operation::accept(listener.clone()), handler);
    assert_eq!(driver.engine.under_way(), 1, "the kernel has it");
    let client = SharedSocket::unconnected(&address).unwrap();
    let connect = Operation::connect(client.clone(), address);
    assert_eq!(run(&pump, connect).result.unwrap(), 0);
    let server = accepted.wait().accepted.unwrap();
    assert!(is_on_the_port(&listener) && is_on_the_port(&client));
    // Each end knows the other, and can end its half: what the update of the context is for.
    assert_eq!(client.peer_addr().unwrap(), address);
    assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
    client.shut_down_sending().unwrap();
    assert_eq!(run(&pump, receive(&server, 1)).result.unwrap(), 0);
    server.shut_down_sending().unwrap();
    assert_eq!(run(&pump, receive(&client, 1)).result.unwrap(), 0);
    // And so it is as the standard library's.
    let stream = server.into_tcp_stream().expect("nobody else holds it");
    assert_eq!((&stream).read(&mut [0]).unwrap(), 0);
}

#[test]
fn what_is_there_already_completes_once_and_leaves_no_packet() {
    let (pump, driver) = pump();
    let (ours, mut theirs) = pair();
    for round in 0..200u8 {
        theirs.write_all(&[round; 3]).unwrap();
        wait_for_bytes(&ours);
        let completion = run(&pump, receive(&ours, 3));
        assert!(completion.buffer.iter().all(|&byte| byte == round));
        let left = 3 - completion.buffer.len();
        (&*SockRef::from(&ours))
            .read_exact(&mut vec![0; left])
            .unwrap();
        let send = Operation::send(ours.clone(), vec![round; 3].into(), ..);
        assert_eq!(run(&pump, send).result.unwrap(), 3);
        theirs.read_exact(&mut [0; 3]).unwrap();
    }
    let attachment = ours.kernel().existing_attachment().unwrap();
    assert_eq!(attachment.inline(), Inline::Taken);
    pump.shut_down();
    assert_eq!((pump.stray_packets(), driver.engine.under_way()), (0, 0));
}

#[test]
fn what_is_waited_for_completes_once() {
    let (pump, driver) = pump();
    let (ours, mut theirs) = pair();
    for round in 0..200u8 {
        let (handler, receiver) = oneshot_handler();
        pump.submit(receive(&ours, 3), handler);
        assert!(driver.engine.under_way() > 0, "the kernel has it");
        theirs.write_all(&[round]).unwrap();
        assert_eq!(&*receiver.wait().buffer, [round]);
    }
    pump.shut_down();
    assert_eq!(pump.stray_packets(), 0);
}

#[test]
fn a_socket_without_the_skip_mode_gets_its_packets() {
    let (pump, driver) = pump();
    let (ours, mut theirs) = pair();
    let attachment = driver
        .engine
        .attach(Handle::of_socket(&ours), Packets::Doubted, |_| {
            Inline::Queued
        });
    ours.kernel().attach_by_hand(attachment.unwrap());
    for round in 0..100u8 {
        theirs.write_all(&[round]).unwrap();
        wait_for_bytes(&ours);
        assert_eq!(&*run(&pump, receive(&ours, 3)).buffer, [round]);
        let send = Operation::send(ours.clone(), vec![round; 3].into(), ..);
        assert_eq!(run(&pump, send).result.unwrap(), 3);
    }
    pump.shut_down();
    assert_eq!(pump.stray_packets(), 0);
}

#[test]
fn a_socket_whose_packets_nobody_can_promise_is_not_for_the_port() {
    let (_pump, driver) = pump();
    let (ours, _theirs) = pair();
    let refused = driver
        .engine
        .attach(Handle::of_socket(&ours), Packets::Promised, |_| {
            Inline::Queued
        });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_long_send_waits_for_its_receiver() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pair();
    let content: Vec<u8> = (0..16 << 20).map(|at: u32| (at % 251) as u8).collect();
    let (handler, receiver) = oneshot_handler();
    let send = Operation::send(ours, content.clone().into(), ..);
    pump.submit(send, handler);
    let mut received = vec![0; content.len()];
    theirs.read_exact(&mut received).unwrap();
    assert!(received == content);
    assert_eq!(receiver.wait().result.unwrap(), content.len() as u64);
}

#[test]
fn an_accept_is_cancelled_and_the_listener_goes_on() {
    let (pump, _) = pump();
    let (listener, address) = listen();
    for round in 0..20 {
        let (handler, receiver) = oneshot_handler();
        let ticket = pump.submit(Operation::accept(listener.clone()), handler);
        if round % 2 == 0 {
            assert!(ticket.cancel());
        } else {
            pump.cancel_socket(&listener);
        }
        let completion = receiver.wait();
        assert!(is_cancelled(&completion.result.unwrap_err()));
        assert!(completion.cancel_requested && completion.accepted.is_none());
    }
    let (handler, receiver) = oneshot_handler();
    pump.submit(Operation::accept(listener), handler);
    let mut theirs = TcpStream::connect(address).unwrap();
    let ours = receiver.wait().accepted.expect("somebody connected");
    theirs.write_all(b"x").unwrap();
    assert_eq!(run(&pump, receive(&ours, 1)).result.unwrap(), 1);
}

#[test]
fn who_is_accepted_while_that_is_cancelled_is_not_lost() {
    let (pump, _) = pump();
    let (listener, address) = listen();
    for _ in 0..50 {
        let (handler, receiver) = oneshot_handler();
        let ticket = pump.submit(Operation::accept(listener.clone()), handler);
        let connecting = thread::spawn(move || TcpStream::connect(address).unwrap());
        ticket.cancel();
        let mut theirs = connecting.join().unwrap();
        let completion = receiver.wait();
        // Either the operation has the connection, or the next one gets it.
        let ours = match completion.result {
            Ok(_) => completion.accepted.unwrap(),
            Err(error) => {
                assert!(is_cancelled(&error) && completion.accepted.is_none());
                run(&pump, Operation::accept(listener.clone()))
                    .accepted
                    .unwrap()
            }
        };
        theirs.write_all(b"here").unwrap();
        theirs.shutdown(Shutdown::Write).unwrap();
        let mut arrived = 0;
        while let moved @ 1.. = run(&pump, receive(&ours, 9)).result.unwrap() {
            arrived += moved;
        }
        assert_eq!(arrived, 4);
    }
}

#[test]
fn handles_dropped_with_operations_in_flight() {
    let (pump, _) = pump();
    let (listener, address) = listen();
    let (handler, accepted) = oneshot_handler();
    pump.submit(Operation::accept(listener), handler); // which is the only one to hold it now
    let mut theirs = TcpStream::connect(address).unwrap();
    let ours = accepted.wait().accepted.unwrap();
    let (handler, receiver) = oneshot_handler();
    pump.submit(receive(&ours, 4), handler);
    drop(ours);
    theirs.write_all(b"late").unwrap();
    assert_eq!(receiver.wait().result.unwrap(), 4);
    // With that operation the socket has gone.
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
    TcpStream::connect(address).expect_err("the listener has gone too");
}

#[test]
fn a_reset_with_a_receive_pending_is_an_error_and_stays_one() {
    let (pump, _) = pump();
    for _ in 0..20 {
        let (ours, theirs) = pair();
        let (handler, receiver) = oneshot_handler();
        pump.submit(receive(&ours, 10), handler);
        SockRef::from(&theirs)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(theirs);
        let error = receiver.wait().result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        for _ in 0..3 {
            let error = run(&pump, receive(&ours, 10)).result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
    }
}

#[test]
fn deadlines_are_kept_in_whatever_order_they_come() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pair();
    let start = Instant::now();
    let (done, ends) = mpsc::channel();
    let all = [400, 50, 3_600_000, 200, 100];
    for after in all {
        let done = done.clone();
        let deadline = start + Duration::from_millis(after);
        pump.submit(
            receive(&ours, 1).with_deadline(deadline),
            move |completion: Completion| {
                done.send((after, start.elapsed(), completion)).unwrap();
            },
        );
    }
    for expected in [50, 100, 200, 400] {
        let (after, elapsed, completion) = ends.recv().unwrap();
        assert_eq!(after, expected);
        assert!(elapsed >= Duration::from_millis(after), "{elapsed:?}");
        assert_eq!(completion.result.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(!completion.cancel_requested);
    }
    // The one that is left is as good as ever.
    theirs.write_all(b"x").unwrap();
    let (_, _, completion) = ends.recv().unwrap();
    assert_eq!(completion.result.unwrap(), 1);
}

#[test]
fn shutting_down_ends_receives_that_would_wait_for_ever() {
    for _ in 0..10 {
        let (pump, _) = pump();
        let pairs: Vec<_> = (0..40).map(|_| pair()).collect();
        let ended = Arc::new(AtomicUsize::new(0));
        for (index, (ours, _)) in pairs.iter().cycle().take(1000).enumerate() {
            let ended = Arc::clone(&ended);
            let mut operation = receive(ours, 1);
            if index % 3 == 0 {
                operation = operation.with_deadline(Instant::now() + Duration::from_secs(3600));
            }
            pump.submit(operation, move |completion: Completion| {
                let error = completion.result.unwrap_err();
                assert!(is_cancelled(&error) || is_closed(&error), "{error:?}");
                ended.fetch_add(1, Ordering::SeqCst);
            });
        }
        pump.shut_down();
        assert_eq!((ended.load(Ordering::SeqCst), pump.panics()), (1000, 0));
        assert_eq!((pump.stray_packets(), pump.operations_in_flight()), (0, 0));
    }
}

#[test]
fn a_socket_of_another_port_is_served_all_the_same() {
    // SAFETY: makes a new port, attached to nothing.
    let port = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, 1) };
    // SAFETY: just made, and nobody else owns it.
    let foreign = unsafe { OwnedHandle::from_raw_handle(port) };
    let (pump, _) = pump();
    let (ours, mut theirs) = pair();
    // SAFETY: both handles are open.
    let attached =
        unsafe { CreateIoCompletionPort(ours.as_raw_socket() as _, foreign.as_raw_handle(), 7, 0) };
    assert!(!attached.is_null());
    for round in 0..20u8 {
        let (handler, receiver) = oneshot_handler();
        pump.submit(receive(&ours, 3), handler);
        theirs.write_all(&[round]).unwrap();
        assert_eq!(&*receiver.wait().buffer, [round]);
    }
    assert!(!is_on_the_port(&ours));
    let soon = Instant::now() + Duration::from_millis(20);
    let completion = run(&pump, receive(&ours, 3).with_deadline(soon));
    assert_eq!(completion.result.unwrap_err().kind(), ErrorKind::TimedOut);
    let (handler, receiver) = oneshot_handler();
    pump.submit(receive(&ours, 3), handler);
    pump.cancel_socket(&ours);
    assert!(is_cancelled(&receiver.wait().result.unwrap_err()));
}

#[test]
fn two_pumps_serve_one_socket() {
    let pumps = [pump().0, pump().0];
    let (ours, mut theirs) = pair();
    for pump in pumps.iter().chain(&pumps) {
        let (handler, receiver) = oneshot_handler();
        pump.submit(receive(&ours, 3), handler);
        theirs.write_all(b"x").unwrap();
        assert_eq!(&*receiver.wait().buffer, b"x");
    }
}

#[test]
fn a_stream_that_was_handed_back_is_taken_again() {
    let (pump, _) = pump();
    let (mut ours, mut theirs) = pair();
    for _ in 0..3 {
        let (handler, receiver) = oneshot_handler();
        pump.submit(receive(&ours, 3), handler);
        theirs.write_all(b"x").unwrap();
        assert_eq!(receiver.wait().result.unwrap(), 1);
        let mut stream = ours.into_tcp_stream().expect("nobody else holds it");
        theirs.write_all(b"y").unwrap();
        assert_eq!(stream.read(&mut [0; 3]).unwrap(), 1);
        ours = stream.into();
    }
}

#[test]
fn with_a_port_no_thread_waits_for_readiness() {
    let (pump, driver) = pump();
    let (ours, _theirs) = pair();
    let (handler, receiver) = oneshot_handler();
    pump.submit(receive(&ours, 3), handler);
    driver.lane.cancel(crate::driver::Target::All);
    assert_eq!(pump.operations_in_flight(), 1, "the lane has not got it");
    pump.cancel_all();
    assert!(is_cancelled(&receiver.wait().result.unwrap_err()));
}
