//! Sessions that end at the time that `--stop-at` names, in whatever they are.
#![forbid(unsafe_code)]

use options::{Options, Request};
use std::ffi::OsString;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};
use std::{fs, io, thread};
use transfer::event::{Event, EventSink, Severity};
use transfer::{Call, Control, Fatal, Outcome, Side, Wire, pump_config, run_local, run_remote};

/// Keeps the errors; with a control, holds the session up in all else until it is stopped.
#[derive(Default)]
struct Told {
    errors: Mutex<Vec<String>>,
    until_stopped: OnceLock<Arc<Control>>,
}

impl EventSink for Told {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Message(message) if message.severity == Severity::Error => {
                let text = String::from_utf8_lossy(&message.text).into_owned();
                self.errors.lock().unwrap().push(text);
            }
            _ => {
                while self.until_stopped.get().is_some_and(|c| !c.is_stopped()) {
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }
}

fn soon(arguments: &[&str]) -> Options {
    match options::parse(arguments.iter().map(OsString::from)) {
        Ok(Request::Sync(mut options)) => {
            options.stop_at = Some(SystemTime::now() + Duration::from_millis(50));
            *options
        }
        other => panic!("{other:?}"),
    }
}

fn is_over(outcome: &Outcome, told: &Told) {
    let kind = outcome.error.map(|error| error.kind);
    assert_eq!(kind, Some(Fatal::Timeout), "{outcome:?}");
    assert_eq!(
        *told.errors.lock().unwrap(),
        ["stopping at requested limit"]
    );
}

#[test]
fn while_files_are_copied() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::create_dir(&from).unwrap();
    for number in 0..2000 {
        fs::write(from.join(number.to_string()), "content").unwrap();
    }
    let options = soon(&["-rv", from.to_str().unwrap(), to.to_str().unwrap()]);
    let pump = pump_config(options.io_backend);
    let (told, control) = (Arc::new(Told::default()), Arc::new(Control::new()));
    told.until_stopped.set(control.clone()).unwrap();
    let outcome = run_local(options, told.clone(), control, &pump);
    is_over(&outcome, &told);
    let arrived = fs::read_dir(to.join("from")).map_or(0, Iterator::count);
    assert!(arrived < 2000);
}

#[test]
fn while_the_other_side_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for sends in [true, false] {
        let (mut unread, up) = io::pipe().unwrap();
        let (down, silent) = io::pipe().unwrap();
        let mut options = soon(&["-r", dir.path().to_str().unwrap(), "unused"]);
        options.operands.pop();
        let call = Call {
            side: Side::Client,
            sends,
            client_can: b".iLsfxCIvu".into(),
            exit_code: |_: Fatal| 1,
            last_words: |_| None,
        };
        let wire = Wire::new(Box::new(down), Box::new(up), None).unwrap();
        let pump = pump_config(options.io_backend);
        let (told, control) = (Arc::new(Told::default()), Arc::new(Control::new()));
        let taken = thread::spawn(move || io::copy(&mut unread, &mut io::sink()));
        let outcome = run_remote(options, &call, told.clone(), control, &pump, wire);
        is_over(&outcome, &told);
        drop(silent);
        taken.join().unwrap().unwrap();
    }
}
