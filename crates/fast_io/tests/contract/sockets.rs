//! Sockets: connecting, both directions, the end of one, deadlines and resets.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use fast_io::{
    Backend, Completion, Operation, PumpConfig, Script, SharedSocket, Victims, oneshot_handler,
};
use socket2::SockRef;

use crate::driver::{Subject, new_file, on_every_driver, pattern, start};
use crate::network::{NETWORKS, Network, connected, receive, receive_to_end, run, send};

on_every_driver!(
    both_ends_know_each_other,
    connections_are_made_by_the_dozen,
    nobody_listens,
    what_is_sent_both_ways_at_once_arrives,
    a_receive_takes_what_is_there,
    one_direction_ends_and_the_other_goes_on,
    who_waits_too_long_is_told,
    a_deadline_that_is_met_changes_nothing,
    a_reset_breaks_off_what_is_being_sent,
    waiting_sockets_hold_nobody_up,
    a_socket_that_did_not_wait_before,
    what_stays_in_flight_does_not_keep_others_from_what_is_free,
);

fn both_ends_know_each_other(subject: &Subject) {
    let pump = subject.pump();
    let (client, server) = connected(&pump, Network::Tcp);
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
}

fn connections_are_made_by_the_dozen(subject: &Subject) {
    let pump = subject.pump();
    for network in NETWORKS {
        let listening = network.listen();
        let mut accepts = Vec::new();
        let mut connects = Vec::new();
        for _ in 0..24 {
            let (handler, receiver) = oneshot_handler();
            pump.submit(Operation::accept(listening.listener.clone()), handler);
            accepts.push(receiver);
        }
        for index in 0..24u8 {
            let (socket, connect) = listening.connect();
            let (handler, receiver) = oneshot_handler();
            pump.submit(connect, handler);
            connects.push((index, socket, receiver));
        }
        for (index, socket, receiver) in connects {
            assert_eq!(receiver.wait().result.unwrap(), 0);
            assert_eq!(run(&pump, send(&socket, &[index])).result.unwrap(), 1);
        }
        let mut greetings = Vec::new();
        for receiver in accepts {
            let completion = receiver.wait();
            assert_eq!(completion.result.unwrap(), 0);
            greetings.extend(receive_to_end(&pump, &completion.accepted.unwrap()).unwrap());
        }
        greetings.sort();
        assert_eq!(greetings, (0..24).collect::<Vec<_>>());
    }
}

fn nobody_listens(subject: &Subject) {
    let pump = subject.pump();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let socket = SharedSocket::unconnected(&address).unwrap();
    let error = run(&pump, Operation::connect(socket, address)).result;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

fn what_is_sent_both_ways_at_once_arrives(subject: &Subject) {
    let pump = subject.pump();
    for &network in NETWORKS {
        let ends: [SharedSocket; 2] = connected(&pump, network).into();
        let contents = [pattern(1, 700_001), pattern(2, 300_007)];
        let mut sends = Vec::new();
        for (end, content) in ends.iter().zip(&contents) {
            let (handler, receiver) = oneshot_handler();
            pump.submit(send(end, content), handler);
            sends.push((receiver, content.len()));
        }
        let mut arrived = [Vec::new(), Vec::new()];
        for (end, (arrived, content)) in ends
            .iter()
            .zip(arrived.iter_mut().zip(contents.iter().rev()))
        {
            while arrived.len() < content.len() {
                let completion = run(&pump, receive(end, 65_536));
                assert_eq!(completion.result.unwrap(), completion.buffer.len() as u64);
                assert!(!completion.buffer.is_empty(), "the other end is open");
                arrived.extend_from_slice(&completion.buffer);
            }
            assert!(arrived == content);
        }
        for (receiver, len) in sends {
            let completion = receiver.wait();
            assert_eq!(completion.result.unwrap(), len as u64);
            assert_eq!(completion.buffer.len(), len, "the buffer came back");
        }
    }
}

fn a_receive_takes_what_is_there(subject: &Subject) {
    let pump = subject.pump();
    for &network in NETWORKS {
        let (client, server) = connected(&pump, network);
        run(&pump, send(&client, b"short")).result.unwrap();
        let completion = run(&pump, receive(&server, 1000));
        assert!((1..=5).contains(&completion.result.unwrap()));
        assert!(b"short".starts_with(&completion.buffer));
        assert_eq!(completion.transferred, completion.buffer.len() as u64);
        assert_eq!(run(&pump, send(&client, b"")).result.unwrap(), 0);
    }
}

fn one_direction_ends_and_the_other_goes_on(subject: &Subject) {
    let pump = subject.pump();
    for &network in NETWORKS {
        let (client, server) = connected(&pump, network);
        run(&pump, send(&client, b"question")).result.unwrap();
        client.shut_down_sending().unwrap();
        assert_eq!(receive_to_end(&pump, &server).unwrap(), b"question");
        assert_eq!(run(&pump, receive(&server, 9)).result.unwrap(), 0, "again");
        run(&pump, send(&server, b"answer")).result.unwrap();
        drop(server);
        assert_eq!(receive_to_end(&pump, &client).unwrap(), b"answer");
    }
}

fn who_waits_too_long_is_told(subject: &Subject) {
    let pump = subject.pump();
    let soon = || Instant::now() + Duration::from_millis(20);
    for &network in NETWORKS {
        let listening = network.listen();
        let accept = Operation::accept(listening.listener.clone());
        let completion = run(&pump, accept.with_deadline(soon()));
        assert_eq!(completion.result.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(completion.accepted.is_none() && !completion.cancel_requested);

        let (client, server) = listening.pair(&pump);
        for deadline in [soon(), Instant::now()] {
            let completion = run(&pump, receive(&server, 10).with_deadline(deadline));
            assert_eq!(completion.result.unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(completion.buffer.capacity(), 10, "the buffer came back");
        }
        // Nobody receives: at some time there is no room for more.
        let bytes = pattern(3, 1 << 20);
        let mut sent = 0;
        let error = loop {
            let completion = run(&pump, send(&client, &bytes).with_deadline(soon()));
            sent += completion.transferred as usize;
            if let Err(error) = completion.result {
                break error;
            }
            assert!(sent < 1 << 30, "somebody must have received it");
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        // What was sent till then arrives, and the socket is as good as before.
        drop(client);
        assert_eq!(receive_to_end(&pump, &server).unwrap().len(), sent);
    }
}

fn a_deadline_that_is_met_changes_nothing(subject: &Subject) {
    let pump = subject.pump();
    let (client, server) = connected(&pump, Network::Tcp);
    let far = Instant::now() + Duration::from_secs(3600);
    let (handler, receiver) = oneshot_handler();
    pump.submit(receive(&server, 10).with_deadline(far), handler);
    let sending = run(&pump, send(&client, b"x").with_deadline(far));
    assert_eq!(sending.result.unwrap(), 1);
    assert_eq!(receiver.wait().result.unwrap(), 1);
    // Files wait for nobody, and know no deadlines.
    let scratch = tempfile::tempdir().unwrap();
    for index in 0..50 {
        let file = new_file(scratch.path(), &index.to_string());
        let write = Operation::write(file, 0, vec![1; 100_000].into(), ..);
        let completion = run(&pump, write.with_deadline(Instant::now()));
        assert_eq!(completion.result.unwrap(), 100_000);
    }
}

/// Closes a stream the hard way.
fn reset(socket: SharedSocket) {
    SockRef::from(&socket)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

fn a_reset_breaks_off_what_is_being_sent(subject: &Subject) {
    let pump = subject.pump();
    let (client, server) = connected(&pump, Network::Tcp);
    let (handler, receiver) = oneshot_handler();
    let bytes = pattern(4, 24 << 20);
    pump.submit(send(&server, &bytes), handler);
    assert!(run(&pump, receive(&client, 1000)).result.unwrap() > 0);
    reset(client);
    let completion = receiver.wait();
    let kind = completion.result.unwrap_err().kind();
    let broken = [
        ErrorKind::ConnectionReset,
        ErrorKind::BrokenPipe,
        ErrorKind::ConnectionAborted,
    ];
    assert!(broken.contains(&kind), "{kind:?}");
    assert!(completion.transferred < bytes.len() as u64);
    assert!(*completion.buffer == *bytes, "the buffer came back");
    for _ in 0..3 {
        let error = run(&pump, receive(&server, 10)).result.unwrap_err();
        assert!(broken.contains(&error.kind()), "not an end: {error}");
    }
}

fn waiting_sockets_hold_nobody_up(subject: &Subject) {
    let pump = start(&subject.config().with_workers(1));
    let listening = NETWORKS[NETWORKS.len() - 1].listen();
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let (client, server) = listening.pair(&pump);
        let (handler, receiver) = oneshot_handler();
        pump.submit(receive(&server, 10), handler);
        waiting.push((client, receiver));
    }
    assert_eq!(run(&pump, Operation::work(|| Ok(7))).result.unwrap(), 7);
    for (client, receiver) in waiting.into_iter().rev() {
        run(&pump, send(&client, b"go on")).result.unwrap();
        assert!(receiver.wait().result.unwrap() > 0);
    }
}

fn a_socket_that_did_not_wait_before(subject: &Subject) {
    let pump = subject.pump();
    let (client, server) = connected(&pump, Network::Tcp);
    SockRef::from(&server).set_nonblocking(true).unwrap();
    let (handler, receiver) = oneshot_handler();
    pump.submit(receive(&server, 10), handler);
    run(&pump, send(&client, b"x")).result.unwrap();
    assert_eq!(receiver.wait().result.unwrap(), 1);
    // And as it is handed back, it does wait.
    let stream = server.into_tcp_stream().expect("nobody else holds it");
    let (handler, receiver) = oneshot_handler();
    pump.submit(send(&client, b"y"), handler);
    assert_eq!(std::io::Read::read(&mut &stream, &mut [0; 4]).unwrap(), 1);
    assert_eq!(receiver.wait().result.unwrap(), 1);
}

fn what_stays_in_flight_does_not_keep_others_from_what_is_free(subject: &Subject) {
    let config = subject.config().with_max_operations(8);
    for config in [
        config.clone().with_max_bytes(64 << 10),
        config.with_max_bytes(15 << 10),
    ] {
        let pump = start(&config);
        let (_client, server) = connected(&pump, Network::Tcp);
        for _ in 0..7 {
            pump.submit(receive(&server, 2 << 10), |_: Completion| {});
        }
        let scratch = tempfile::tempdir().unwrap();
        let file = new_file(scratch.path(), "file");
        for _ in 0..20 {
            let write = Operation::write(file.clone(), 0, vec![1; 1 << 10].into(), ..);
            pump.submit(write, |_: Completion| {});
        }
        pump.cancel_all();
        pump.drain();
    }
}

/// A reset without anything under way: Wine says goodbye before each, which is an end.
#[cfg(unix)]
mod resetting {
    use super::*;

    on_every_driver!(a_reset_is_an_error_and_stays_one);

    fn a_reset_is_an_error_and_stays_one(subject: &Subject) {
        let pump = subject.pump();
        let (client, server) = connected(&pump, Network::Tcp);
        let (handler, receiver) = oneshot_handler();
        pump.submit(receive(&server, 10), handler);
        reset(client);
        let error = receiver.wait().result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        for _ in 0..3 {
            let error = run(&pump, receive(&server, 10)).result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            let error = run(&pump, send(&server, b"x")).result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    }
}

/// Connecting is the one thing that Linux can be made not to answer, by a queue that is full.
#[cfg(target_os = "linux")]
mod connecting {
    use super::*;

    on_every_driver!(who_is_not_answered_is_told);

    fn who_is_not_answered_is_told(subject: &Subject) {
        let pump = subject.pump();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        SockRef::from(&listener).listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut connected = Vec::new();
        let error = loop {
            let socket = SharedSocket::unconnected(&address).unwrap();
            let deadline = Instant::now() + Duration::from_millis(50);
            let connect = Operation::connect(socket.clone(), address).with_deadline(deadline);
            match run(&pump, connect).result {
                Ok(_) => connected.push(socket),
                Err(error) => break error,
            }
            assert!(connected.len() < 50, "its queue is for one");
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}

#[test]
fn a_script_makes_sockets_fail() {
    let script = Script::seeded(3)
        .with_short_counts(10)
        .failing_nth(Victims::Accepts, 2, ErrorKind::ConnectionAborted)
        .failing_nth(Victims::Connects, 2, ErrorKind::HostUnreachable)
        .failing_nth(Victims::Receives, 1, ErrorKind::ConnectionReset)
        .failing_nth(Victims::Sends, 1, ErrorKind::BrokenPipe);
    let pump = start(&PumpConfig::default().with_backend(Backend::Scripted(script)));
    let listening = Network::Tcp.listen();
    let (client, server) = listening.pair(&pump);
    let kind = |operation| {
        let completion = run(&pump, operation);
        (
            completion.result.unwrap_err().kind(),
            completion.transferred,
        )
    };
    let accept = Operation::accept(listening.listener.clone());
    assert_eq!(kind(accept), (ErrorKind::ConnectionAborted, 0));
    assert_eq!(kind(listening.connect().1), (ErrorKind::HostUnreachable, 0));
    assert_eq!(kind(receive(&server, 9)), (ErrorKind::ConnectionReset, 0));
    let (broken, sent) = kind(send(&client, &[1; 100]));
    assert_eq!(broken, ErrorKind::BrokenPipe);
    assert!((1..=10).contains(&sent), "it struck after the first part");
}
