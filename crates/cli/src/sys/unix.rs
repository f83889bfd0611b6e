//! Reads that a stop of the session breaks off, so that what is unfinished can be tidied up while the
//! other side says nothing.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use transfer::Control;

/// The stream, which ends early when the session is stopped.
///
/// # Errors
/// The system has no pipe left.
pub fn until_stopped(
    from: impl Into<OwnedFd>,
    control: &Control,
) -> io::Result<Box<dyn Read + Send>> {
    let (stopped, running) = io::pipe()?;
    let running = Mutex::new(Some(running));
    control.on_stop(move || {
        // Its end is what the reader sees.
        running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    });
    Ok(Box::new(UntilStopped {
        from: File::from(from.into()),
        stopped,
    }))
}

/// How much either stream may hold. Ordinary users usually get less of it.
const HELD: usize = 1024 * 1024;

/// Starts a program with a stream to its standard input and one from its standard output.
///
/// They are sockets, as rsync's are, and not pipes: who waits for room in a full socket is woken when
/// most of it has been read, and not each time that the reader takes a piece.
///
/// # Errors
/// The system's.
// rsync: util1.c fd_pair(), pipe.c piped_child()
pub fn spawn_between_streams(command: &mut Command) -> io::Result<(Child, File, File)> {
    let (to, input) = UnixStream::pair()?;
    let (output, from) = UnixStream::pair()?;
    for (writer, reader) in [(&to, &input), (&output, &from)] {
        // What the system does not allow stays as it is.
        let _ = set_socket_send_buffer_size(writer, HELD);
        let _ = set_socket_recv_buffer_size(reader, HELD);
    }
    command
        .stdin(OwnedFd::from(input))
        .stdout(OwnedFd::from(output));
    let child = command.spawn()?;
    Ok((child, OwnedFd::from(to).into(), OwnedFd::from(from).into()))
}

struct UntilStopped {
    from: File,
    stopped: PipeReader,
}

impl Read for UntilStopped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut waited = [
            PollFd::new(&self.from, PollFlags::IN),
            PollFd::new(&self.stopped, PollFlags::IN),
        ];
        poll(&mut waited, None)?;
        if waited[1].revents().is_empty() {
            self.from.read(buffer)
        } else {
            Ok(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_stop_ends_a_read_that_waits() {
        let control = Control::new();
        let (from, mut to) = io::pipe().unwrap();
        let mut stream = until_stopped(from, &control).unwrap();
        to.write_all(b"said").unwrap();
        let mut said = [0; 8];
        assert_eq!(stream.read(&mut said).unwrap(), 4);
        let waiting = std::thread::spawn(move || stream.read(&mut said).unwrap());
        control.stop();
        assert_eq!(waiting.join().unwrap(), 0);
        drop(to);
    }
}
