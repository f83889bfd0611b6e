//! The way between client and server: a remote shell that stays at home, and may be slow to answer.
//!
//! It is this program itself, so that it is there on every system. Without a delay it is only what
//! starts the server, whose pipes are the client's; with one, all bytes come by here and wait.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use lexopt::ValueExt;

use crate::error::BenchError;
use crate::sys;

/// The benchmark's own sub-command that is the remote shell.
pub const REMOTE_SHELL: &str = "remote-shell";

/// Runs the command of `remote-shell MILLISECONDS HOST PROGRAM ARGUMENT...`, and ends as it does.
pub fn shell(mut parser: lexopt::Parser) -> Result<(), BenchError> {
    let delay = Duration::from_millis(parser.value()?.parse()?);
    let mut words = parser.raw_args()?;
    let (Some(_host), Some(program)) = (words.next(), words.next()) else {
        return Err(BenchError::Usage(format!(
            "{REMOTE_SHELL} needs a host and a command"
        )));
    };
    let words: Vec<OsString> = words.collect();
    let mut command = Command::new(&program);
    command.args(words);
    let ended = if delay.is_zero() {
        become_it(&mut command)
    } else {
        run_behind(&mut command, delay)
    };
    match ended {
        // Neither has what a destructor would have to finish.
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(source) => Err(BenchError::Io {
            action: "run",
            path: program.into(),
            source,
        }),
    }
}

/// Nothing of this process is left where that can be.
#[cfg(unix)]
fn become_it(command: &mut Command) -> io::Result<ExitStatus> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> io::Result<ExitStatus> {
    command.status()
}

fn run_behind(command: &mut Command, delay: Duration) -> io::Result<ExitStatus> {
    sys::have_output_wait()?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) {
        carry(io::stdin(), to, delay);
        let answers = carry(from, io::stdout(), delay);
        // The way there may wait for the client for ever.
        let _ = answers.join();
    }
    child.wait()
}

/// Whatever is read is written so much later, however much is on its way.
fn carry(
    mut from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    delay: Duration,
) -> JoinHandle<()> {
    let (road, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut room = vec![0; 1 << 16];
        // Whatever ends it ends the connection.
        while let Ok(length @ 1..) = from.read(&mut room) {
            let due = Instant::now() + delay;
            if road.send((due, room[..length].to_vec())).is_err() {
                break;
            }
        }
        // The end is on its way as long as all else.
        let _ = road.send((Instant::now() + delay, Vec::new()));
    });
    thread::spawn(move || {
        for (due, bytes) in arriving {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).and_then(|()| to.flush()).is_err() {
                break;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_arrive_in_order_and_late() {
        let delay = Duration::from_millis(30);
        let sent: Vec<u8> = (0..200_000_u32).map(|number| number as u8).collect();
        let (mut reader, writer) = io::pipe().unwrap();
        let start = Instant::now();
        let carrying = carry(io::Cursor::new(sent.clone()), writer, delay);
        let mut arrived = vec![0; 1];
        reader.read_exact(&mut arrived).unwrap();
        assert!(start.elapsed() >= delay);
        reader.read_to_end(&mut arrived).unwrap();
        carrying.join().unwrap();
        assert!(arrived == sent);
    }
}
