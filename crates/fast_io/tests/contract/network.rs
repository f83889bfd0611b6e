//! Connections for the chapters on sockets: over TCP, and over Unix sockets where they exist.

use std::io;
use std::net::{SocketAddr, TcpListener};

use fast_io::{Completion, CompletionPump, Operation, SharedSocket, oneshot_handler};

/// A kind of stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Tcp,
    #[cfg(unix)]
    Unix,
}

/// All kinds of streams that this system has.
pub const NETWORKS: &[Network] = &[
    Network::Tcp,
    #[cfg(unix)]
    Network::Unix,
];

/// A listener, and how to reach it.
pub struct Listening {
    pub listener: SharedSocket,
    reached: Reached,
}

enum Reached {
    At(SocketAddr),
    #[cfg(unix)]
    Under(tempfile::TempDir),
}

impl Network {
    pub fn listen(self) -> Listening {
        match self {
            Network::Tcp => {
                let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
                let address = listener.local_addr().expect("it is bound");
                Listening {
                    listener: listener.into(),
                    reached: Reached::At(address),
                }
            }
            #[cfg(unix)]
            Network::Unix => {
                let directory = tempfile::tempdir().expect("a temporary directory");
                let listener = std::os::unix::net::UnixListener::bind(directory.path().join("s"));
                Listening {
                    listener: listener.expect("a short name in a new directory").into(),
                    reached: Reached::Under(directory),
                }
            }
        }
    }
}

impl Listening {
    /// A socket, and the operation that connects it to this listener.
    pub fn connect(&self) -> (SharedSocket, Operation) {
        match &self.reached {
            Reached::At(address) => {
                let socket = SharedSocket::unconnected(address).expect("a socket");
                (socket.clone(), Operation::connect(socket, *address))
            }
            #[cfg(unix)]
            Reached::Under(directory) => {
                let socket = SharedSocket::unconnected_unix().expect("a socket");
                let path = directory.path().join("s");
                let connect = Operation::connect_unix(socket.clone(), &path);
                (socket, connect.expect("the name was short enough to bind"))
            }
        }
    }

    /// Both ends of a new connection: the one that connected, and the one that was accepted.
    pub fn pair(&self, pump: &CompletionPump) -> (SharedSocket, SharedSocket) {
        let (handler, accepted) = oneshot_handler();
        pump.submit(Operation::accept(self.listener.clone()), handler);
        let (client, connect) = self.connect();
        run(pump, connect).result.expect("somebody listens");
        let server = accepted.wait().accepted.expect("somebody connected");
        (client, server)
    }
}

/// Both ends of a connection.
pub fn connected(pump: &CompletionPump, network: Network) -> (SharedSocket, SharedSocket) {
    network.listen().pair(pump)
}

/// Runs one operation to its end.
pub fn run(pump: &CompletionPump, operation: Operation) -> Completion {
    let (handler, receiver) = oneshot_handler();
    pump.submit(operation, handler);
    receiver.wait()
}

/// Receives at most `len` bytes into a new buffer.
pub fn receive(socket: &SharedSocket, len: usize) -> Operation {
    Operation::receive(socket.clone(), vec![0; len].into(), len)
}

/// Sends all of `bytes`.
pub fn send(socket: &SharedSocket, bytes: &[u8]) -> Operation {
    Operation::send(socket.clone(), bytes.to_vec().into(), ..)
}

/// Receives until the other end has said that it sends no more.
pub fn receive_to_end(pump: &CompletionPump, socket: &SharedSocket) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let completion = run(pump, receive(socket, 10_000));
        if completion.result? == 0 {
            return Ok(all);
        }
        all.extend_from_slice(&completion.buffer);
    }
}
