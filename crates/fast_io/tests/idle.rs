//! Idle costs nothing: no thread of a pump wakes up while nothing happens, also while sockets wait
//! and a far deadline is pending. A test program of its own, as it looks at all pumps' threads.
//! `FAST_IO_IDLE=60 cargo test -p fast_io --test idle` watches each driver for a minute.
//!
//! Linux counts how often each thread has been switched to. Elsewhere it is by construction: no wait
//! has a timeout but for a deadline.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fast_io::{
    Backend, Buffer, Completion, CompletionPump, Operation, PumpConfig, Script, SharedSocket,
    oneshot_handler,
};

#[test]
fn an_idle_pump_never_wakes_up() {
    let seconds = std::env::var("FAST_IO_IDLE")
        .ok()
        .and_then(|seconds| seconds.parse().ok());
    let watched = Duration::from_secs(seconds.unwrap_or(2));
    for backend in [
        Backend::Threads,
        Backend::Auto,
        Backend::Uring,
        Backend::Scripted(Script::seeded(7)),
    ] {
        let config = PumpConfig::default().with_backend(backend).with_workers(3);
        let pump = match CompletionPump::start(&config) {
            Ok(pump) => pump,
            // Containers often forbid it.
            Err(error) if matches!(config.backend(), Backend::Uring) => {
                eprintln!("NOT RUN: this system forbids io_uring: {error}");
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let (ours, _theirs) = pair();
        warm_up(&pump, &ours);
        let receive = Operation::receive(ours.clone(), Buffer::with_capacity(8), 8);
        let far = Instant::now() + Duration::from_secs(3600);
        pump.submit(receive.with_deadline(far), |_: Completion| {});
        wait_for_sleep();

        let before = switches();
        assert!(before.len() >= 2, "the pump has threads: {before:?}");
        thread::sleep(watched);
        assert_eq!(switches(), before, "{} woke up", pump.backend_name());

        // It was asleep, not dead.
        pump.cancel_all();
        pump.drain();
        let (handler, receiver) = oneshot_handler();
        pump.submit(Operation::work(|| Ok(1)), handler);
        assert_eq!(receiver.wait().result.unwrap(), 1);
    }
}

/// Has every thread of the pump do something.
fn warm_up(pump: &CompletionPump, socket: &SharedSocket) {
    let file = fast_io::SharedFile::new(tempfile::tempfile().unwrap());
    for index in 0..50 {
        let write = Operation::write(file.clone(), index, vec![1; 8].into(), ..);
        pump.submit(write, |_: Completion| {});
        pump.submit(Operation::work(|| Ok(0)), |_: Completion| {});
        let send = Operation::send(socket.clone(), vec![1; 8].into(), ..);
        pump.submit(send, |_: Completion| {});
    }
    pump.drain();
}

fn pair() -> (SharedSocket, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0.into(), theirs)
}

/// Until no thread of a pump runs any more: what was submitted last may still be on its way.
fn wait_for_sleep() {
    let mut before = switches();
    loop {
        thread::sleep(Duration::from_millis(200));
        let now = switches();
        if now == before {
            return;
        }
        before = now;
    }
}

/// How often each thread of a pump has been switched to so far.
fn switches() -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        // A thread may end while we look.
        let Ok(status) = fs::read_to_string(task.unwrap().path().join("status")) else {
            continue;
        };
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let name = value("Name:").unwrap().trim();
        if name.starts_with("fast_io-") {
            let counts = ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"];
            let counts = counts.map(|count| value(count).unwrap().trim().to_owned());
            let thread = format!("{name} {}", value("Pid:").unwrap().trim());
            all.insert(thread, counts.to_vec());
        }
    }
    all
}
