//! A session with a host that is reached through a remote shell.
// rsync: main.c start_client(), do_cmd(), client_run(); pipe.c piped_child()

use crate::exit_code::ExitCode;
use crate::sys;
use options::{Options, RemoteCommand, Route};
use std::io::{self, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use transfer::event::{Event, EventSink, Message, Role, Severity};
use transfer::{Call, Control, Converter, Outcome, Recording, Side, Wire};

/// What not every session has.
pub struct Extras {
    /// Between this side's names and those that cross.
    pub charset: Option<Converter>,
    /// Writes down what crosses.
    pub recording: Option<Recording>,
}

/// Runs the session. Alongside what came of it: how the other side ended, where that counts.
///
/// # Errors
/// The shell cannot be started.
pub fn run(
    mut options: Options,
    command: &RemoteCommand,
    extras: Extras,
    sink: Arc<dyn EventSink>,
    control: Arc<Control>,
) -> io::Result<(Outcome, Option<ExitCode>)> {
    if options.debug.cmd >= 1 && options.route != Route::Local {
        sink.event(Event::Message(&Message {
            severity: Severity::Client,
            role: Role::Client,
            text: opening_line(command),
            os_error: None,
        }));
    }
    let (child, mut to, from) =
        sys::spawn_between_streams(Command::new(&command.program).args(&command.args))?;
    if let Some(arguments) = &command.secluded {
        let arguments = transfer::put_secluded_arguments(arguments, extras.charset.as_ref())?;
        // A shell that is gone shows in what it does not answer.
        let _ = to.write_all(&arguments);
    }
    let sends = match &options.route {
        // A local transfer comes here where it is this program that is at both ends.
        Route::Push(_) | Route::Local => true,
        Route::Pull(_) => false,
    };
    let destination = options.pull_destination().cloned();
    if sends {
        options.operands.pop();
    } else {
        options.operands = destination.into_iter().collect();
    }
    let pace = options.bwlimit.map(|kib| kib * 1024);
    let mut wire = Wire::new(sys::until_stopped(from, &control)?, Box::new(to), pace)?;
    wire.record(extras.recording);
    let call = Call {
        side: Side::Client,
        sends,
        client_can: Vec::new(),
        exit_code: |kind| ExitCode::from(kind).number(),
        last_words: |_| None,
    };
    let child = Arc::new(Mutex::new(Some(child)));
    let stopped = Arc::new(AtomicBool::new(false));
    {
        let (child, stopped) = (child.clone(), stopped.clone());
        // What waits for the other side waits no more.
        control.on_stop(move || {
            stopped.store(true, Ordering::Relaxed);
            if let Some(child) = &mut *lock(&child) {
                // It may have ended.
                let _ = child.kill();
            }
        });
    }
    let pump = transfer::pump_config(options.io_backend);
    let outcome = transfer::run_remote(options, &call, sink, control, &pump, wire);
    let child = lock(&child).take();
    let ended = child.and_then(|mut child| child.wait().ok());
    // One that we have ended says nothing of itself.
    let counts = !stopped.load(Ordering::Relaxed);
    let code = ended.filter(|_| counts).and_then(exit_code);
    // Nor one that lost the stream to us, when we gave up first.
    let lost = |code: &ExitCode| *code == ExitCode::StreamIo && outcome.error.is_some();
    let code = code.filter(|code| !lost(code));
    Ok((outcome, code))
}

/// What `-vv` tells of the command.
// rsync: util1.c print_child_argv()
fn opening_line(command: &RemoteCommand) -> Vec<u8> {
    let mut line = b"opening connection using: ".to_vec();
    let words = std::iter::once(&command.program).chain(&command.args);
    for word in words {
        let word = word.as_encoded_bytes();
        let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b",.-_=+@/".contains(b);
        let quote: &[u8] = if word.iter().all(is_plain) {
            b""
        } else {
            b"\""
        };
        line.extend([quote, word, quote, b" "].concat());
    }
    line.extend(format!(" ({} args)", 1 + command.args.len()).into_bytes());
    line
}

fn lock(child: &Mutex<Option<Child>>) -> std::sync::MutexGuard<'_, Option<Child>> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the other side's end means for ours. A shell that cannot be found says 127, and so on: those
/// numbers stay what they are.
fn exit_code(status: ExitStatus) -> Option<ExitCode> {
    match status.code() {
        Some(0) => None,
        Some(code) => Some(ExitCode::of_number(u8::try_from(code).unwrap_or(u8::MAX))),
        // A signal.
        None => Some(ExitCode::Terminated),
    }
}
