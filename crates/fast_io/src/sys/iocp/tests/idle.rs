//! Idle costs nothing: nobody who waits at the port goes on while nothing happens, also while
//! operations wait there and a far deadline is pending. `FAST_IO_IDLE=60` watches for a minute. (Wine
//! does not tell how often a thread is switched to; Linux does, for the lane: `tests/idle.rs`.)

use std::thread;
use std::time::{Duration, Instant};

use super::{pipe, pump_with, read};
use crate::{
    Buffer, Completion, IocpPumpConfig, Operation, SharedFile, SharedSocket, oneshot_handler,
};

#[test]
fn nobody_at_an_idle_port_wakes_up() {
    let seconds = std::env::var("FAST_IO_IDLE")
        .ok()
        .and_then(|seconds| seconds.parse().ok());
    let watched = Duration::from_secs(seconds.unwrap_or(2));
    let (pump, driver) = pump_with(IocpPumpConfig::default().with_concurrency(3));
    let wakes = || {
        let engine = &driver.engine;
        (engine.port().wakes(), engine.timekeeper().rounds())
    };
    let (ours, _theirs) = pipe();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let accept = Operation::accept(SharedSocket::from(listener));
    let far = Instant::now() + Duration::from_secs(3600);
    pump.submit(accept.with_deadline(far), |_: Completion| {});
    pump.submit(read(&ours, 1), |_: Completion| {});
    let scratch = tempfile::tempdir().unwrap();
    let mut options = std::fs::File::options();
    let options = options.read(true).write(true).create_new(true);
    let file = SharedFile::from(options.open(scratch.path().join("file")).unwrap());
    for index in 0..50 {
        let (handler, receiver) = oneshot_handler();
        let write = Operation::write(file.clone(), index % 10, vec![1; 8].into(), ..);
        pump.submit(write, handler);
        receiver.wait().result.unwrap();
        let (handler, receiver) = oneshot_handler();
        let read = Operation::read(file.clone(), 0, Buffer::with_capacity(8), 8);
        pump.submit(read, handler);
        receiver.wait().result.unwrap();
    }
    // Until who was woken last has gone to sleep again.
    let mut before = wakes();
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = wakes();
        if now == before {
            break;
        }
        before = now;
    }
    assert!(before.0 >= 50, "the port was at work: {before:?}");
    assert!(before.1 >= 1, "somebody watches over a deadline");
    thread::sleep(watched);
    assert_eq!(wakes(), before);

    // They were asleep, not dead.
    pump.cancel_all();
    pump.drain();
    assert!(wakes().0 > before.0, "two operations ended");
}
