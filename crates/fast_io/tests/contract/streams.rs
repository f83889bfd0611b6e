//! Hundreds of streams at once, each full of traffic of its own, echoed and verified; some are
//! reset in the middle. `FAST_IO_STRESS=5 cargo test --release -p fast_io streams` makes them 1,000.

use std::io::{self, ErrorKind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use fast_io::{Buffer, Completion, CompletionPump, Operation, SharedSocket, oneshot_handler};
use socket2::SockRef;

use crate::driver::{Subject, on_every_driver, start};
use crate::network::{NETWORKS, Network};
use crate::stress::scale;

on_every_driver!(many_streams_of_random_traffic_arrive_whole);

/// The largest piece that is sent or received at once.
const PIECE: usize = 8 << 10;

fn many_streams_of_random_traffic_arrive_whole(subject: &Subject) {
    // Each has two sockets here.
    let most = fast_io::dir::raise_open_limit().saturating_sub(200) / 8;
    let streams = (200 * scale()).min(1000).min(most.max(20));
    for &network in NETWORKS {
        let pump = start(&subject.config().with_max_operations(8 * streams));
        let listening = network.listen();
        let (done, verdicts) = mpsc::channel();
        for number in 0..streams {
            let (handler, accepted) = oneshot_handler();
            pump.submit(Operation::accept(listening.listener.clone()), handler);
            let (client, connect) = listening.connect();
            let (handler, connected) = oneshot_handler();
            pump.submit(connect, handler);
            connected.wait().result.expect("somebody listens");
            let server = accepted.wait().accepted.expect("somebody connected");

            let fate = match (number % 10, network) {
                (7, Network::Tcp) => Fate::Reset,
                _ => Fate::Verified,
            };
            let echo = Echo {
                socket: server,
                fate,
                done: done.clone(),
            };
            echo.receive(Arc::clone(&pump), Buffer::with_capacity(PIECE));

            let mut traffic = Traffic((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            let left = match fate {
                Fate::Verified => 10_000 + traffic.next() as usize % 80_000,
                // Nobody takes the echo: it must fit into what the system keeps.
                Fate::Reset => 20_000,
            };
            let (sent, was_sent) = mpsc::channel();
            let sum = Checksum::default();
            if fate == Fate::Verified {
                let receiving = Receiving {
                    socket: client.clone(),
                    sum,
                    sent: was_sent,
                    done: done.clone(),
                };
                receiving.go_on(Arc::clone(&pump), Buffer::with_capacity(PIECE));
            }
            let sending = Sending {
                socket: client,
                traffic,
                left,
                sum,
                fate,
                sent,
            };
            sending.go_on(Arc::clone(&pump));
        }
        drop(done);
        let ends: Vec<End> = verdicts
            .iter()
            .map(|verdict| verdict.expect("as it was meant to be"))
            .collect();
        pump.drain();
        assert_eq!((ends.len(), pump.panics()), (streams, 0));
        let count = |wanted| ends.iter().filter(|&&end| end == wanted).count();
        assert!(count(End::Goodbye) <= count(End::Reset), "{ends:?}");
        assert_eq!(
            (pump.operations_in_flight(), pump.bytes_in_flight()),
            (0, 0)
        );
    }
}

/// How a stream is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// All of it comes back.
    Verified,
    /// It is closed the hard way, with traffic under way.
    Reset,
}

/// How a stream has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Reset,
    /// Wine ends a stream before it resets it: who was not waiting for bytes just then sees an end.
    Goodbye,
}

type Verdict = Result<End, String>;

/// The end that was accepted: sends back what arrives, and the end when that comes. If the stream is
/// to be reset, that is what it has to see.
struct Echo {
    socket: SharedSocket,
    fate: Fate,
    done: mpsc::Sender<Verdict>,
}

impl Echo {
    fn receive(self, pump: Arc<CompletionPump>, buffer: Buffer) {
        let operation = Operation::receive(self.socket.clone(), buffer, PIECE);
        let next = Arc::clone(&pump);
        pump.submit(operation, move |completion: Completion| {
            match (completion.result, self.fate) {
                (Ok(0), Fate::Verified) => self.socket.shut_down_sending().unwrap(),
                (Ok(0), Fate::Reset) if cfg!(windows) => self.tell(Ok(End::Goodbye)),
                (Ok(0), Fate::Reset) => self.tell(Err("the reset came out as an end".into())),
                (Ok(_), _) => self.send(next, completion.buffer),
                (Err(error), _) => self.broken(&error),
            }
        });
    }

    fn send(self, pump: Arc<CompletionPump>, buffer: Buffer) {
        let operation = Operation::send(self.socket.clone(), buffer, ..);
        let next = Arc::clone(&pump);
        pump.submit(operation, move |completion: Completion| {
            match completion.result {
                Ok(_) => self.receive(next, completion.buffer),
                Err(error) => self.broken(&error),
            }
        });
    }

    fn broken(&self, error: &io::Error) {
        let by_reset = [
            ErrorKind::ConnectionReset,
            ErrorKind::ConnectionAborted,
            ErrorKind::BrokenPipe,
        ];
        if self.fate == Fate::Reset && by_reset.contains(&error.kind()) {
            self.tell(Ok(End::Reset));
        } else {
            self.tell(Err(format!("the echo broke off: {error}")));
        }
    }

    fn tell(&self, verdict: Verdict) {
        self.done.send(verdict).expect("the test waits");
    }
}

/// The end that connected: pieces of random lengths and contents go out.
struct Sending {
    socket: SharedSocket,
    traffic: Traffic,
    left: usize,
    sum: Checksum,
    fate: Fate,
    /// What was sent, when all was.
    sent: mpsc::Sender<Checksum>,
}

impl Sending {
    fn go_on(mut self, pump: Arc<CompletionPump>) {
        if self.left == 0 {
            // Nobody waits for it if the stream is reset.
            let _ = self.sent.send(self.sum);
            match self.fate {
                Fate::Verified => self.socket.shut_down_sending().unwrap(),
                // Nobody else holds it, and it is dropped here.
                Fate::Reset => SockRef::from(&self.socket)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap(),
            }
            return;
        }
        let len = (1 + self.traffic.next() as usize % PIECE).min(self.left);
        self.left -= len;
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.traffic.next().to_le_bytes());
        }
        bytes.truncate(len);
        self.sum.add(&bytes);
        let operation = Operation::send(self.socket.clone(), bytes.into(), ..);
        let next = Arc::clone(&pump);
        pump.submit(operation, move |completion: Completion| {
            completion.result.expect("the echo takes all of it");
            self.go_on(next);
        });
    }
}

/// The same end: their echo comes in.
struct Receiving {
    socket: SharedSocket,
    sum: Checksum,
    sent: mpsc::Receiver<Checksum>,
    done: mpsc::Sender<Verdict>,
}

impl Receiving {
    fn go_on(mut self, pump: Arc<CompletionPump>, buffer: Buffer) {
        let operation = Operation::receive(self.socket.clone(), buffer, PIECE);
        let next = Arc::clone(&pump);
        pump.submit(operation, move |completion: Completion| {
            let verdict = match completion.result {
                Ok(0) => self.judge(),
                Ok(_) => {
                    self.sum.add(&completion.buffer);
                    return self.go_on(next, completion.buffer);
                }
                Err(error) => Err(format!("the stream broke off: {error}")),
            };
            self.done.send(verdict).expect("the test waits");
        });
    }

    /// The end has come: of all that was sent, and of nothing else?
    fn judge(&self) -> Verdict {
        match self.sent.try_recv() {
            Ok(sent) if sent == self.sum => Ok(End::Whole),
            other => Err(format!("sent {other:?}, but {:?} came back", self.sum)),
        }
    }
}

/// A length, and an FNV-1a hash of that many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checksum {
    len: u64,
    hash: u64,
}

impl Default for Checksum {
    fn default() -> Self {
        Self {
            len: 0,
            hash: 0xcbf2_9ce4_8422_2325,
        }
    }
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        for &byte in bytes {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Random numbers (xorshift).
struct Traffic(u64);

impl Traffic {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
