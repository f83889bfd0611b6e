//! Sockets: cancelling, closing and shutting down while operations wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use fast_io::{Completion, Operation, is_cancelled, is_closed, oneshot_handler};

use crate::driver::{Subject, on_every_driver, start};
use crate::network::{NETWORKS, Network, connected, receive, run, send};

on_every_driver!(
    one_of_several_that_wait_is_cancelled,
    all_of_one_socket_is_cancelled_and_nothing_of_another,
    everything_that_waits_is_cancelled,
    a_dropped_socket_lives_as_long_as_its_operations,
    an_operation_lets_go_of_its_socket_before_its_handler_runs,
    dropping_the_pump_with_thousands_waiting,
    after_the_end_sockets_are_refused_too,
    handlers_of_sockets_may_submit_and_shut_down,
);

fn one_of_several_that_wait_is_cancelled(subject: &Subject) {
    let pump = subject.pump();
    for &network in NETWORKS {
        let (client, server) = connected(&pump, network);
        let mut waiting = Vec::new();
        for _ in 0..3 {
            let (handler, receiver) = oneshot_handler();
            waiting.push((pump.submit(receive(&server, 1), handler), receiver));
        }
        let (ticket, receiver) = waiting.remove(1);
        assert!(ticket.cancel());
        let completion = receiver.wait();
        assert!(is_cancelled(&completion.result.unwrap_err()));
        assert!(completion.cancel_requested);
        assert_eq!(completion.buffer.capacity(), 1);
        run(&pump, send(&client, b"12")).result.unwrap();
        for (_, receiver) in waiting {
            let completion = receiver.wait();
            assert_eq!(completion.result.unwrap(), 1);
            assert!(!completion.cancel_requested);
        }
    }
}

fn all_of_one_socket_is_cancelled_and_nothing_of_another(subject: &Subject) {
    let pump = subject.pump();
    for &network in NETWORKS {
        let listening = network.listen();
        let (client, kept) = listening.pair(&pump);
        let (_other_end, cancelled) = listening.pair(&pump);
        let mut receivers = Vec::new();
        for index in 0..10 {
            let socket = if index % 2 == 0 { &kept } else { &cancelled };
            let (handler, receiver) = oneshot_handler();
            pump.submit(receive(socket, 1), handler);
            receivers.push(receiver);
        }
        pump.cancel_socket(&cancelled);
        run(&pump, send(&client, b"12345")).result.unwrap();
        for (index, receiver) in receivers.into_iter().enumerate() {
            match receiver.wait().result {
                Ok(received) => assert!(received == 1 && index % 2 == 0),
                Err(error) => assert!(is_cancelled(&error) && index % 2 == 1),
            }
        }
    }
}

fn everything_that_waits_is_cancelled(subject: &Subject) {
    let pump = subject.pump();
    let listening = Network::Tcp.listen();
    let (_client, server) = listening.pair(&pump);
    let (done, results) = mpsc::channel();
    for index in 0..40 {
        let done = done.clone();
        let operation = match index % 2 {
            0 => receive(&server, 10),
            _ => Operation::accept(listening.listener.clone()),
        };
        pump.submit(operation, move |completion: Completion| {
            done.send(completion.result).unwrap();
        });
    }
    drop(done);
    pump.cancel_all();
    let results: Vec<_> = results.iter().collect();
    assert_eq!(results.len(), 40);
    assert!(
        results
            .into_iter()
            .all(|result| result.is_err_and(|error| is_cancelled(&error)))
    );
}

fn a_dropped_socket_lives_as_long_as_its_operations(subject: &Subject) {
    let pump = subject.pump();
    for &network in NETWORKS {
        let (client, server) = connected(&pump, network);
        let (handler, receiver) = oneshot_handler();
        pump.submit(receive(&server, 1), handler);
        drop(server);
        run(&pump, send(&client, b"x")).result.unwrap();
        assert_eq!(receiver.wait().result.unwrap(), 1);
        assert_eq!(run(&pump, receive(&client, 1)).result.unwrap(), 0, "closed");
    }
}

fn an_operation_lets_go_of_its_socket_before_its_handler_runs(subject: &Subject) {
    let pump = subject.pump();
    let (client, server) = connected(&pump, Network::Tcp);
    let (done, finished) = mpsc::channel();
    pump.submit(receive(&server, 10), move |_: Completion| {
        done.send(server.into_tcp_stream().is_ok()).unwrap();
    });
    run(&pump, send(&client, b"x")).result.unwrap();
    assert!(finished.recv().unwrap());
}

fn dropping_the_pump_with_thousands_waiting(subject: &Subject) {
    let pump = start(&subject.config().with_max_operations(10_000));
    let listening = Network::Tcp.listen();
    let pairs: Vec<_> = (0..8).map(|_| listening.pair(&pump)).collect();
    let ended = Arc::new(AtomicUsize::new(0));
    for index in 0..4000 {
        let ended = Arc::clone(&ended);
        let operation = match index % 9 {
            8 => Operation::accept(listening.listener.clone()),
            pair => receive(&pairs[pair].1, 64),
        };
        pump.submit(operation, move |completion: Completion| {
            assert!(is_cancelled(&completion.result.unwrap_err()));
            assert!(completion.buffer.capacity() == 64 || index % 9 == 8);
            ended.fetch_add(1, Ordering::SeqCst);
        });
    }
    pump.shut_down();
    assert_eq!((ended.load(Ordering::SeqCst), pump.panics()), (4000, 0));
}

fn after_the_end_sockets_are_refused_too(subject: &Subject) {
    let pump = subject.pump();
    let (client, _server) = connected(&pump, Network::Tcp);
    pump.shut_down();
    let completion = run(&pump, send(&client, b"back"));
    assert!(is_closed(&completion.result.unwrap_err()));
    assert_eq!(&*completion.buffer, b"back");
    let first = subject.pump();
    first.shut_down();
    let completion = run(&first, send(&client, b"back"));
    assert!(is_closed(&completion.result.unwrap_err()), "also the first");
}

fn handlers_of_sockets_may_submit_and_shut_down(subject: &Subject) {
    let pump = start(&subject.config().with_max_operations(2).with_workers(1));
    let (client, server) = connected(&pump, Network::Tcp);
    let (done, finished) = mpsc::channel();
    let inner = Arc::clone(&pump);
    let peer = client.clone();
    pump.submit(receive(&server, 1), move |_: Completion| {
        for _ in 0..5 {
            let (inner2, done) = (Arc::clone(&inner), done.clone());
            inner.submit(receive(&peer, 1), move |completion: Completion| {
                inner2.shut_down();
                done.send(completion.result.is_err_and(|error| is_cancelled(&error)))
                    .unwrap();
            });
        }
        inner.shut_down();
    });
    pump.submit(send(&client, b"x"), |_: Completion| {});
    let answers: Vec<bool> = finished.iter().collect();
    assert_eq!(answers, [true; 5]);
}
