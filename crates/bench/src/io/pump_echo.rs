//! Echoes on the completion pump: each handler submits what comes next on its stream.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fast_io::{Buffer, Completion, CompletionPump, Operation, SharedSocket};

use super::echo::{Echo, MESSAGE};
use super::pump::Failure;

/// What all streams share.
struct Network {
    pump: Arc<CompletionPump>,
    rounds: usize,
    failure: Failure,
}

/// The operations that a pump for this has in flight at most: one at each end of each stream, and
/// handlers go on before theirs are counted as over.
pub fn operations(echo: &Echo) -> usize {
    4 * echo.streams
}

pub fn run(pump: Arc<CompletionPump>, echo: &Echo) -> io::Result<Duration> {
    let network = Arc::new(Network {
        pump,
        rounds: echo.rounds,
        failure: Failure::default(),
    });
    let ends = echo.connect()?.into_iter().enumerate();
    let streams: Vec<(Client, Buffer, Buffer, Server)> = ends
        .map(|(number, ends)| {
            let client = Client {
                network: Arc::clone(&network),
                socket: ends.client.into(),
                round: 0,
            };
            let server = Server {
                network: Arc::clone(&network),
                socket: ends.server.into(),
                left: echo.bytes(),
            };
            let message = echo.message(number).into();
            (client, message, Buffer::with_capacity(MESSAGE), server)
        })
        .collect();
    let begun = Instant::now();
    for (client, message, room, server) in streams {
        server.receive(Buffer::with_capacity(MESSAGE));
        client.send(message, room);
    }
    network.pump.drain();
    let time = begun.elapsed();
    network.failure.clone().or(time)
}

/// The end that begins. When it fails it is dropped, which the other end sees.
struct Client {
    network: Arc<Network>,
    socket: SharedSocket,
    round: usize,
}

impl Client {
    fn send(self, mut message: Buffer, room: Buffer) {
        if self.round == self.network.rounds {
            return;
        }
        Echo::stamp(self.round, &mut message);
        let operation = Operation::send(self.socket.clone(), message, ..);
        let network = Arc::clone(&self.network);
        network.pump.submit(operation, |completion: Completion| {
            match completion.result {
                Ok(_) => self.receive(completion.buffer, room, 0),
                Err(error) => self.network.failure.note(error),
            }
        });
    }

    fn receive(mut self, message: Buffer, room: Buffer, arrived: usize) {
        let operation = Operation::receive(self.socket.clone(), room, MESSAGE - arrived);
        let network = Arc::clone(&self.network);
        network
            .pump
            .submit(operation, move |completion: Completion| {
                let part = completion.buffer;
                let checked = completion
                    .result
                    .and_then(|_| Echo::check(&message, arrived, &part));
                match checked {
                    Ok(MESSAGE) => {
                        self.round += 1;
                        self.send(message, part);
                    }
                    Ok(arrived) => self.receive(message, part, arrived),
                    Err(error) => self.network.failure.note(error),
                }
            });
    }
}

/// The end that sends back what arrives.
struct Server {
    network: Arc<Network>,
    socket: SharedSocket,
    left: usize,
}

impl Server {
    fn receive(mut self, room: Buffer) {
        if self.left == 0 {
            return;
        }
        let operation = Operation::receive(self.socket.clone(), room, MESSAGE);
        let network = Arc::clone(&self.network);
        network
            .pump
            .submit(operation, move |completion: Completion| {
                match completion.result {
                    // The client has failed, and said so.
                    Ok(0) => {}
                    Ok(_) => {
                        self.left = self.left.saturating_sub(completion.buffer.len());
                        self.send(completion.buffer);
                    }
                    Err(error) => self.network.failure.note(error),
                }
            });
    }

    fn send(self, part: Buffer) {
        let operation = Operation::send(self.socket.clone(), part, ..);
        let network = Arc::clone(&self.network);
        network.pump.submit(operation, |completion: Completion| {
            match completion.result {
                Ok(_) => self.receive(completion.buffer),
                Err(error) => self.network.failure.note(error),
            }
        });
    }
}
