//! Sockets: cancelling, closing and shutting down while operations wait.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use fast_io::{Completion, Operation, is_cancelled, is_closed, oneshot_handler};

use crate::driver::{Subject, on_every_driver, pattern, start};
use crate::network::{NETWORKS, Network, connected, receive, run, send};
use crate::stress::scale;

on_every_driver!(
    one_of_several_that_wait_is_cancelled,
    all_of_one_socket_is_cancelled_and_nothing_of_another,
    everything_that_waits_is_cancelled,
    a_dropped_socket_lives_as_long_as_its_operations,
    an_operation_lets_go_of_its_socket_before_its_handler_runs,
    dropping_the_pump_with_thousands_waiting,
    a_storm_of_cancellations_and_deadlines_loses_no_byte,
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

/// What is received by operations that are given up all the time, together with what is left in the
/// end, is all that was sent.
fn a_storm_of_cancellations_and_deadlines_loses_no_byte(subject: &Subject) {
    let pump = start(&subject.config().with_max_operations(200));
    let (client, server) = connected(&pump, Network::Tcp);
    let (count, bytes) = (300 * scale(), 300_000 * scale());
    let received = Arc::new(AtomicUsize::new(0));
    let tickets = Mutex::new(Vec::new());
    let (all_ended, has_all_ended) = mpsc::channel::<()>();
    let has_all_ended = Mutex::new(has_all_ended);
    thread::scope(|threads| {
        let all_ended = all_ended;
        threads.spawn(|| {
            for piece in pattern(5, bytes).chunks(1000) {
                run(&pump, send(&client, piece)).result.unwrap();
            }
        });
        threads.spawn(|| {
            for index in 0..count {
                let received = Arc::clone(&received);
                let soon = Instant::now() + Duration::from_micros(index as u64 % 7 * 500);
                let operation = receive(&server, 64).with_deadline(soon);
                let ticket = pump.submit(operation, move |completion: Completion| {
                    let stopped = is_stopped(&completion);
                    match completion.result {
                        Ok(count) => drop(received.fetch_add(count as usize, Ordering::SeqCst)),
                        Err(error) => assert!(stopped, "{error}"),
                    }
                });
                tickets.lock().unwrap().push(ticket);
            }
            // Wine loses operations that end while the thread that started them does.
            let _gone = has_all_ended.lock().unwrap().recv();
        });
        for round in 0..50 {
            for ticket in tickets.lock().unwrap().drain(..).step_by(3) {
                ticket.cancel();
            }
            match round % 10 {
                4 => pump.cancel_socket(&server),
                _ => thread::sleep(Duration::from_micros(300)),
            }
        }
        let patience = Instant::now() + Duration::from_secs(10);
        while received.load(Ordering::SeqCst) < bytes {
            assert!(Instant::now() < patience, "{received:?} of {bytes} bytes");
            let soon = Instant::now() + Duration::from_millis(20);
            let rest = run(&pump, receive(&server, 10_000).with_deadline(soon));
            match rest.result {
                Ok(count) => drop(received.fetch_add(count as usize, Ordering::SeqCst)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
            }
        }
        pump.drain();
        drop(all_ended);
    });
    assert_eq!((received.load(Ordering::SeqCst), pump.panics()), (bytes, 0));
    let soon = Instant::now() + Duration::from_millis(20);
    let more = run(&pump, receive(&server, 1).with_deadline(soon)).result;
    assert_eq!(
        more.unwrap_err().kind(),
        ErrorKind::TimedOut,
        "not a byte more"
    );
}

/// Whether it was cancelled or came to its deadline.
fn is_stopped(completion: &Completion) -> bool {
    completion.result.as_ref().is_err_and(|error| {
        completion.cancel_requested && is_cancelled(error) || error.kind() == ErrorKind::TimedOut
    })
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
