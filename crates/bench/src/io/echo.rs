//! Streams of loopback TCP on which one end sends and the other sends it back, as plain data.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use super::job::pattern;

/// What is sent at once: more than a request, less than a socket's buffer.
pub const MESSAGE: usize = 1 << 10;

/// On each stream, in turn: a message goes out and comes back whole.
pub struct Echo {
    pub streams: usize,
    /// Messages on each stream.
    pub rounds: usize,
    pattern: Arc<Vec<u8>>,
}

/// Both ends of one stream.
pub struct Ends {
    pub client: TcpStream,
    pub server: TcpStream,
}

impl Echo {
    pub fn new(streams: usize, rounds: usize) -> Self {
        Self {
            streams,
            rounds,
            pattern: pattern(MESSAGE),
        }
    }

    /// The bytes that pass over each stream, in each direction.
    pub fn bytes(&self) -> usize {
        self.rounds * MESSAGE
    }

    /// New connections, one a stream.
    ///
    /// # Errors
    /// The system's.
    pub fn connect(&self) -> io::Result<Vec<Ends>> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        (0..self.streams)
            .map(|_| {
                let client = TcpStream::connect(address)?;
                let (server, _) = listener.accept()?;
                for end in [&client, &server] {
                    end.set_nodelay(true)?;
                }
                Ok(Ends { client, server })
            })
            .collect()
    }

    /// The same connections, for those who wait for readiness.
    ///
    /// # Errors
    /// The system's.
    pub fn connect_nonblocking(&self) -> io::Result<Vec<Ends>> {
        let all = self.connect()?;
        for ends in &all {
            ends.client.set_nonblocking(true)?;
            ends.server.set_nonblocking(true)?;
        }
        Ok(all)
    }

    /// A message of the `stream`th; [`stamp`](Self::stamp) makes it that of a round.
    pub fn message(&self, stream: usize) -> Vec<u8> {
        let mut message = self.pattern.to_vec();
        message[..8].copy_from_slice(&(stream as u64).to_le_bytes());
        message
    }

    /// Makes a message that of a round.
    pub fn stamp(round: usize, message: &mut [u8]) {
        message[8..16].copy_from_slice(&(round as u64).to_le_bytes());
    }

    /// Whether `part`, which came back after `before` others, is what was sent; hands back how
    /// much has come now.
    ///
    /// # Errors
    /// If it is not, or if the stream has ended.
    pub fn check(message: &[u8], before: usize, part: &[u8]) -> io::Result<usize> {
        let now = before + part.len();
        if part.is_empty() {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else if message.get(before..now) == Some(part) {
            Ok(now)
        } else {
            Err(io::Error::other("what came back is not what was sent"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_is_right() {
        let echo = Echo::new(2, 3);
        assert_eq!(echo.bytes(), 3 * MESSAGE);
        let mut message = echo.message(1);
        let before = message.clone();
        Echo::stamp(2, &mut message);
        assert_ne!(message, before);
        assert_ne!(echo.message(0), echo.message(1));
        assert_eq!(Echo::check(&message, 0, &message[..10]).unwrap(), 10);
        let rest = message.len() - 10;
        assert_eq!(
            Echo::check(&message, 10, &message[10..]).unwrap(),
            10 + rest
        );
        assert!(Echo::check(&message, 0, &before).is_err());
        assert!(Echo::check(&message, 1, &message).is_err(), "too much");
        assert!(Echo::check(&message, 3, &[]).is_err());
    }
}
