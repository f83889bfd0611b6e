//! When the system has no more: handles, memory, room for one more call. What passes is tried again,
//! and what cannot be had by the port is done without it meanwhile.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;
use windows_sys::Win32::Foundation::{
    ERROR_INVALID_PARAMETER, ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_MEMORY,
    ERROR_SHARING_VIOLATION, ERROR_TOO_MANY_OPEN_FILES,
};
use windows_sys::Win32::Networking::WinSock::{WSAEMFILE, WSAENOBUFS, WSAEWOULDBLOCK};

use super::faults::{self, Place};
use super::{pair, pipe, pump, read, receive, run};
use crate::{CompletionPump, Operation, SharedFile, SharedSocket, is_cancelled, oneshot_handler};

/// A file of nine bytes, shared anew.
fn file(scratch: &tempfile::TempDir) -> SharedFile {
    let path = scratch.path().join("file");
    std::fs::write(&path, b"unchanged").unwrap();
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.unwrap().into()
}

#[test]
fn a_file_for_which_no_handle_is_left_is_attached_when_there_is_one() {
    let (pump, _) = pump();
    let scratch = tempfile::tempdir().unwrap();
    for passing in [
        ERROR_TOO_MANY_OPEN_FILES,
        ERROR_NOT_ENOUGH_MEMORY,
        ERROR_NO_SYSTEM_RESOURCES,
    ] {
        let file = file(&scratch);
        faults::fail(Place::Attaching, 2, passing);
        for left in [1, 0] {
            assert_eq!(&*run(&pump, read(&file, 9)).buffer, b"unchanged");
            assert_eq!(faults::left(), left, "it was tried");
            assert!(file.kernel().existing_attachment().is_none());
        }
        assert_eq!(&*run(&pump, read(&file, 9)).buffer, b"unchanged");
        assert!(file.kernel().existing_attachment().is_some());
    }
}

#[test]
fn a_refusal_that_lasts_is_not_asked_for_again() {
    let (pump, _) = pump();
    let scratch = tempfile::tempdir().unwrap();
    for lasting in [ERROR_INVALID_PARAMETER, ERROR_SHARING_VIOLATION] {
        let file = file(&scratch);
        faults::fail(Place::Attaching, 1, lasting);
        for _ in 0..3 {
            assert_eq!(&*run(&pump, read(&file, 9)).buffer, b"unchanged");
            assert_eq!(faults::left(), 0, "it was tried");
            assert!(file.kernel().existing_attachment().is_none());
        }
    }
}

#[test]
fn a_pump_that_was_closed_leaves_the_file_to_the_next() {
    let scratch = tempfile::tempdir().unwrap();
    let file = file(&scratch);
    let (closed, _) = pump();
    closed.shut_down();
    assert!(run(&closed, read(&file, 9)).result.is_err());
    let (pump, _) = pump();
    assert_eq!(&*run(&pump, read(&file, 9)).buffer, b"unchanged");
    assert!(file.kernel().existing_attachment().is_some());
}

#[test]
fn a_socket_that_cannot_be_attached_now_is_served_and_attached_later() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pair();
    faults::fail(Place::Attaching, 1, ERROR_NOT_ENOUGH_MEMORY);
    for attached in [false, true] {
        let (handler, receiver) = oneshot_handler();
        pump.submit(receive(&ours, 3), handler);
        assert_eq!(
            ours.kernel().existing_attachment().is_some(),
            attached,
            "by readiness first"
        );
        theirs.write_all(b"x").unwrap();
        assert_eq!(&*receiver.wait().buffer, b"x");
    }
}

#[test]
fn a_pipe_that_cannot_be_attached_now_is_read_and_attached_later() {
    let (pump, _) = pump();
    let (ours, mut theirs) = pipe();
    faults::fail(Place::Attaching, 1, ERROR_TOO_MANY_OPEN_FILES);
    for attached in [false, true] {
        theirs.write_all(b"abc").unwrap();
        assert_eq!(&*run(&pump, read(&ours, 3)).buffer, b"abc");
        assert_eq!(ours.kernel().existing_attachment().is_some(), attached);
    }
}

#[test]
fn a_call_that_the_system_has_no_memory_for_says_so_and_the_next_goes_on() {
    let (pump, driver) = pump();
    let scratch = tempfile::tempdir().unwrap();
    let (file, (pipe, mut theirs)) = (file(&scratch), pipe());
    theirs.write_all(b"unchanged").unwrap();
    for shared in [&file, &pipe] {
        faults::fail(Place::Calling, 1, ERROR_NO_SYSTEM_RESOURCES);
        let refused = run(&pump, read(shared, 9));
        assert_eq!(
            refused.result.unwrap_err().raw_os_error(),
            Some(ERROR_NO_SYSTEM_RESOURCES as i32)
        );
        assert_eq!(refused.buffer.capacity(), 9, "the buffer came back");
        assert_eq!(&*run(&pump, read(shared, 9)).buffer, b"unchanged");
    }
    assert_eq!(driver.engine.roll().len(), 0);
}

#[test]
fn with_no_socket_left_an_accept_says_so_and_the_next_has_who_waited() {
    let (pump, _) = pump();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let listener = SharedSocket::from(listener);
    let _theirs = TcpStream::connect(address).unwrap();
    for number in [WSAEMFILE, WSAENOBUFS] {
        faults::fail(Place::Accepting, 1, number as u32);
        let refused = run(&pump, Operation::accept(listener.clone()));
        assert_eq!(refused.result.unwrap_err().raw_os_error(), Some(number));
        assert!(refused.accepted.is_none());
    }
    let served = run(&pump, Operation::accept(listener));
    assert!(served.accepted.is_some(), "who waited is served now");
}

/// Submits an operation for which the system will have no room, and which waits then.
fn refused_would_block(pump: &CompletionPump, operation: Operation) -> crate::OneshotReceiver {
    faults::fail(Place::Calling, 1, WSAEWOULDBLOCK as u32);
    let (handler, receiver) = oneshot_handler();
    pump.submit(operation, handler);
    assert_eq!(faults::left(), 0, "the port was asked");
    receiver
}

#[test]
fn what_the_system_has_no_room_for_waits_until_its_socket_is_ready() {
    let (pump, driver) = pump();
    let (ours, mut theirs) = pair();
    let before = driver.engine.port().wakes();
    let receiver = refused_would_block(&pump, receive(&ours, 3));
    // It is asked once: were it asked again, this thread would not be here before the bytes are. And
    // it has left the port.
    assert_eq!(driver.engine.under_way(), 0);
    assert_eq!(pump.operations_in_flight(), 1);
    theirs.write_all(b"abc").unwrap();
    assert_eq!(receiver.wait().result.unwrap(), 3);
    assert_eq!(driver.engine.port().wakes(), before, "not by the port");

    // A send goes on to its end, and the next operation is the port's again.
    SockRef::from(&ours).set_send_buffer_size(8 << 10).unwrap();
    let content: Vec<u8> = (0..4 << 20).map(|at: u32| (at % 251) as u8).collect();
    let send = Operation::send(ours.clone(), content.clone().into(), ..);
    let receiver = refused_would_block(&pump, send);
    let mut received = vec![0; content.len()];
    theirs.read_exact(&mut received).unwrap();
    assert!(received == content);
    assert_eq!(receiver.wait().result.unwrap(), content.len() as u64);
    let (handler, receiver) = oneshot_handler();
    pump.submit(receive(&ours, 3), handler);
    assert_eq!(driver.engine.under_way(), 1);
    theirs.write_all(b"x").unwrap();
    assert_eq!(&*receiver.wait().buffer, b"x");
}

#[test]
fn who_connects_when_the_system_has_no_room_is_accepted() {
    let (pump, _) = pump();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let listener = SharedSocket::from(listener);
    let receiver = refused_would_block(&pump, Operation::accept(listener.clone()));
    let client = SharedSocket::unconnected(&address).unwrap();
    let connected = refused_would_block(&pump, Operation::connect(client.clone(), address));
    connected.wait().result.unwrap();
    let ours = receiver.wait().accepted.expect("somebody connected");
    assert_eq!(client.peer_addr().unwrap(), address);
    assert_eq!(ours.peer_addr().unwrap(), client.local_addr().unwrap());
}

#[test]
fn what_waits_for_room_can_be_stopped() {
    let (pump, _) = pump();
    let (ours, _theirs) = pair();
    let soon = Instant::now() + Duration::from_millis(20);
    let late = refused_would_block(&pump, receive(&ours, 1).with_deadline(soon));
    let late = late.wait();
    assert_eq!(
        late.result.unwrap_err().kind(),
        std::io::ErrorKind::TimedOut
    );
    assert!(!late.cancel_requested);
    let stop: [fn(&CompletionPump, &SharedSocket); 3] = [
        |pump, socket| pump.cancel_socket(socket),
        |pump, _| pump.cancel_all(),
        |pump, _| pump.shut_down(),
    ];
    for stop in stop {
        let receiver = refused_would_block(&pump, receive(&ours, 1));
        stop(&pump, &ours);
        assert!(is_cancelled(&receiver.wait().result.unwrap_err()));
    }
}
