//! What goes to a ring that a test has made itself, and when one is asked for.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Instant;

use super::{BELIEVED, Expected, Means, SideRing, Temperature};
use crate::driver::threads::Threads;
use crate::driver::{Driver, Target};
use crate::ledger::Ledger;
use crate::slot::WaitingSlot;
use crate::{
    Buffer, CompletionPump, Operation, PumpConfig, SharedFile, SharedSocket, oneshot_handler,
};

const COLD: fn(&SharedFile, &mut [u8], u64) -> io::Result<usize> =
    |_, _, _| Err(io::ErrorKind::WouldBlock.into());

/// One byte of a file that has it, by a pump with these means.
fn read_by(means: Means) -> (Arc<SideRing>, u64) {
    let ledger = Arc::new(Ledger::new(8, 1 << 20));
    let config = PumpConfig::default();
    let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
    let ring = driver.ring().unwrap();
    let pump = CompletionPump::on(Arc::new(driver), ledger);
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, b"x").unwrap();
    let (handler, receiver) = oneshot_handler();
    let read = Operation::read(file.into(), 0, Buffer::with_capacity(2), 2);
    pump.submit(read, handler);
    let completion = receiver.wait();
    assert_eq!(&*completion.buffer, b"x");
    (ring, completion.result.unwrap())
}

#[test]
fn a_read_that_would_wait_goes_to_the_ring() {
    // Whatever completes it will do.
    let start = |_| -> io::Result<Arc<dyn Driver>> {
        Ok(Arc::new(Threads::start(&PumpConfig::default())?))
    };
    let (ring, read) = read_by(Means {
        few: 0,
        start,
        is_offered: || true,
        read_at_once: COLD,
    });
    assert!(matches!(ring.ring.get(), Some(Some(_))) && read == 1);
}

#[test]
fn a_file_is_synced_by_the_ring_unless_that_is_all_there_is_to_do() {
    for (few, by_the_ring) in [(0, true), (1, false)] {
        let ledger = Arc::new(Ledger::new(8, 1 << 20));
        let means = Means {
            few,
            start: |_| Ok(Arc::new(Threads::start(&PumpConfig::default())?)),
            is_offered: || true,
            read_at_once: COLD,
        };
        let config = PumpConfig::default();
        let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
        let ring = driver.ring().unwrap();
        let pump = CompletionPump::on(Arc::new(driver), ledger);
        let (handler, receiver) = oneshot_handler();
        let file = SharedFile::from(tempfile::tempfile().unwrap());
        pump.submit(Operation::sync(file), handler);
        assert_eq!(receiver.wait().result.unwrap(), 0);
        assert_eq!(ring.ring.get().is_some(), by_the_ring);
    }
}

#[test]
fn where_rings_are_refused_workers_wait() {
    let (ring, read) = read_by(Means {
        few: 0,
        start: |_| Err(io::ErrorKind::PermissionDenied.into()),
        is_offered: || false,
        read_at_once: COLD,
    });
    assert!(matches!(ring.ring.get(), Some(None)) && read == 1);
    assert!(!ring.is_offered());
}

#[test]
fn a_refusal_that_may_pass_is_forgotten() {
    static ASKED: Mutex<Vec<Instant>> = Mutex::new(Vec::new());
    let ledger = Arc::new(Ledger::new(8, 1 << 20));
    let start = |_| -> io::Result<Arc<dyn Driver>> {
        let mut asked = ASKED.lock().unwrap();
        asked.push(Instant::now());
        match asked.len() {
            // That of a process that has too many files open has no stable kind.
            1 => Err(io::Error::other("no descriptor is left")),
            2 => Err(io::ErrorKind::OutOfMemory.into()),
            _ => Ok(Arc::new(Threads::start(&PumpConfig::default())?)),
        }
    };
    let means = Means {
        few: 0,
        start,
        is_offered: || true,
        read_at_once: COLD,
    };
    let config = PumpConfig::default();
    let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
    let ring = driver.ring().unwrap();
    let pump = CompletionPump::on(Arc::new(driver), ledger);
    let file = SharedFile::from(tempfile::tempfile().unwrap());
    while ring.ring.get().is_none() {
        let (handler, receiver) = oneshot_handler();
        pump.submit(Operation::sync(file.clone()), handler);
        assert_eq!(receiver.wait().result.unwrap(), 0);
        thread::sleep(BELIEVED / 20);
    }
    assert!(matches!(ring.ring.get(), Some(Some(_))));
    let asked = ASKED.lock().unwrap();
    assert_eq!(asked.len(), 3);
    // Not for each operation.
    assert!(asked.windows(2).all(|two| two[1] - two[0] >= BELIEVED));
}

#[test]
fn a_socket_that_waits_for_readiness_stays_there() {
    static ALLOWED: AtomicBool = AtomicBool::new(false);
    let ledger = Arc::new(Ledger::new(8, 1 << 20));
    let means = Means {
        few: 0,
        start: |_| {
            if ALLOWED.load(Ordering::Relaxed) {
                Ok(Arc::new(Threads::start(&PumpConfig::default())?))
            } else {
                Err(io::ErrorKind::OutOfMemory.into())
            }
        },
        is_offered: || true,
        read_at_once: COLD,
    };
    let config = PumpConfig::default();
    let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
    let ring = driver.ring().unwrap();
    let pump = CompletionPump::on(Arc::new(driver), ledger);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let here = SharedSocket::from(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    let there = SharedSocket::from(listener.accept().unwrap().0);
    let receive = || Operation::receive(here.clone(), vec![0; 8].into(), 8);
    let (handler, receiver) = oneshot_handler();
    pump.submit(receive(), handler);
    ALLOWED.store(true, Ordering::Relaxed);
    thread::sleep(BELIEVED);
    let send = |socket: &SharedSocket| {
        let (handler, sent) = oneshot_handler();
        let send = Operation::send(socket.clone(), b"x".to_vec().into(), ..);
        pump.submit(send, handler);
        assert_eq!(sent.wait().result.unwrap(), 1);
    };
    send(&here);
    assert!(ring.ring.get().is_none(), "the ring was asked for");
    // A new one is the ring's.
    send(&there);
    assert!(matches!(ring.ring.get(), Some(Some(_))));
    assert_eq!(receiver.wait().result.unwrap(), 1);
}

/// A ring that keeps what it is given, and counts what it is told to cancel.
struct Keeper;

static KEPT: Mutex<Vec<WaitingSlot>> = Mutex::new(Vec::new());
static CANCELS: AtomicUsize = AtomicUsize::new(0);

impl Driver for Keeper {
    fn name(&self) -> &'static str {
        "keeper"
    }

    fn push(&self, slot: WaitingSlot) -> Result<(), WaitingSlot> {
        KEPT.lock().unwrap().push(slot);
        Ok(())
    }

    fn cancel(&self, _target: Target<'_>) {
        CANCELS.fetch_add(1, Ordering::Relaxed);
    }

    fn shut_down(&self) {
        KEPT.lock().unwrap().clear();
    }
}

#[test]
fn the_ring_is_told_once_and_only_of_what_it_has() {
    let ledger = Arc::new(Ledger::new(8, 1 << 20));
    let means = Means {
        few: 0,
        start: |_| Ok(Arc::new(Keeper)),
        is_offered: || true,
        read_at_once: COLD,
    };
    let config = PumpConfig::default();
    let driver = Threads::start_beside_a_ring(&config, &ledger, means).unwrap();
    let pump = CompletionPump::on(Arc::new(driver), ledger);
    let file = SharedFile::from(tempfile::tempfile().unwrap());
    let (handler, synced) = oneshot_handler();
    let sync = pump.submit(Operation::sync(file), handler);
    let (release, released) = mpsc::channel::<()>();
    let work = Operation::work(move || Ok(u64::from(released.recv().is_err())));
    let (handler, worked) = oneshot_handler();
    let work = pump.submit(work, handler);
    for _ in 0..3 {
        assert!(work.cancel());
    }
    assert_eq!(CANCELS.load(Ordering::Relaxed), 0, "a worker has it");
    for _ in 0..3 {
        assert!(sync.clone().cancel());
    }
    assert_eq!(CANCELS.load(Ordering::Relaxed), 1);
    drop(release);
    assert!(worked.wait().cancel_requested);
    pump.shut_down();
    assert!(synced.wait().cancel_requested);
    assert!(!sync.cancel(), "too late");
}

#[test]
fn nothing_read_is_not_believed_to_be_the_end() {
    let (ring, read) = read_by(Means {
        few: 0,
        start: |_| unreachable!("no ring is needed"),
        is_offered: || true,
        read_at_once: |_, _, _| Ok(0),
    });
    assert_eq!(read, 1);
    // The pump has ended: there will be no ring.
    assert!(matches!(ring.ring.get(), Some(None)));
}

#[test]
fn a_file_system_that_cannot_tell_is_asked_once() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let (_, read) = read_by(Means {
        few: 0,
        start: |_| unreachable!("no ring is needed"),
        is_offered: || true,
        read_at_once: |_, _, _| {
            ASKED.fetch_add(1, Ordering::Relaxed);
            Err(io::ErrorKind::Unsupported.into())
        },
    });
    // One byte, and then the end of the file.
    assert_eq!((read, ASKED.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn a_cold_file_is_tried_again_after_a_while() {
    let file = Temperature::default();
    assert_eq!(file.next(), Expected::Anything);
    file.note_cold();
    let unasked = (0..100).take_while(|_| file.next() == Expected::Wait);
    assert_eq!(unasked.count(), 32);
    file.note_cold();
    file.note_warm();
    assert_eq!(file.next(), Expected::NoWait);
    file.note_unknowable();
    assert_eq!(file.next(), Expected::Anything);
    assert!(file.is_unknowable());
}
