//! Ctrl-C, SIGTERM and SIGHUP: the session ends tidily, and the program ends soon, whatever else
//! it hangs in.
//!
//! A signal stops the session: files in flight are given up, and nothing waits any longer for a
//! reader of our output. What cannot be ended that way is a read (of `--files-from=-`, of a
//! filter file that is a pipe): so a thread of its own waits until nothing unfinished is left at
//! the destination, gives the session a little longer to come to its own end, and ends the
//! program. A second signal does not even wait for the files.
// rsync: rsync.c sig_int(), cleanup.c _exit_cleanup()

use crate::exit_code::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use transfer::Control;

/// Some senders signal both a program and its group (`timeout` does): that is one signal.
const ONE_SIGNAL: Duration = Duration::from_millis(50);

/// How long the session has to end when its files are tidied up.
const TO_END: Duration = Duration::from_millis(500);

/// How long the last line has to be written, on a stream that may be stuck.
const TO_TELL: Duration = Duration::from_millis(100);

/// Has signals stop the session of `control`, and end the program.
///
/// # Errors
/// If they cannot be caught: then a signal ends the program as it always does, and unfinished
/// files may stay.
pub fn stop_on_signals(control: &Arc<Control>) -> Result<(), ctrlc::Error> {
    let control = Arc::clone(control);
    let mut first: Option<Instant> = None;
    ctrlc::set_handler(move || match first {
        None => {
            first = Some(Instant::now());
            control.stop();
            let control = Arc::clone(&control);
            let watch = thread::Builder::new().name("end".to_owned());
            // Without this thread there is still the second signal.
            let _ = watch.spawn(move || end_when_tidy(&control));
        }
        Some(first) if first.elapsed() < ONE_SIGNAL => {}
        Some(_) => end(),
    })
}

fn end_when_tidy(control: &Control) {
    control.wait_until_tidy();
    thread::sleep(TO_END);
    if let Some(line) = ExitCode::Signal.closing_line("sender") {
        thread::spawn(move || eprintln!("{line}"));
        thread::sleep(TO_TELL);
    }
    end();
}

fn end() -> ! {
    std::process::exit(ExitCode::Signal.number().into());
}
