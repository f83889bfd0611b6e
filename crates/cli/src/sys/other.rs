//! A read that has begun cannot be broken off here: the program's end does that.

use std::fs::File;
use std::io::{self, Read};
use std::os::windows::io::OwnedHandle;
use std::process::{Child, Command, Stdio};
use transfer::Control;

/// The stream as it is.
///
/// # Errors
/// None here.
pub fn until_stopped(
    from: impl Read + Send + 'static,
    _control: &Control,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(from))
}

/// Starts a program with a pipe to its standard input and one from its standard output.
///
/// # Errors
/// The system's.
pub fn spawn_between_streams(command: &mut Command) -> io::Result<(Child, File, File)> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(to), Some(from)) => {
            let (to, from) = (OwnedHandle::from(to), OwnedHandle::from(from));
            Ok((child, to.into(), from.into()))
        }
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}
