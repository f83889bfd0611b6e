//! Both sides of a session over the wire in one process, joined by two pipes.
#![forbid(unsafe_code)]

use options::{Options, Request};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use transfer::event::{Event, EventSink, Severity};
use transfer::{Call, Control, Fatal, Outcome, Side, Wire, pump_config, run_remote};

/// Which side is the user's.
#[derive(Clone, Copy, Debug)]
enum Way {
    Push,
    Pull,
}

#[test]
fn a_tree_arrives_either_way() {
    for way in [Way::Push, Way::Pull] {
        for options in [
            &["-a"][..],
            &["-rt"],
            &["-aH", "--no-inc-recursive"],
            &["-a", "--inplace"],
            &["-ac"],
            &["-aS"],
            &["-a", "-W"],
        ] {
            let world = World::new();
            for round in 0..2 {
                let what = format!("{way:?} {options:?}, round {round}");
                let told = world.sync(way, options, &what);
                assert_eq!(told, Vec::<String>::new(), "{what}");
                assert_eq!(tree(&world.source()), tree(&world.destination()), "{what}");
                world.change();
            }
        }
    }
}

struct World {
    scratch: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let world = World {
            scratch: tempfile::tempdir().unwrap(),
        };
        let source = world.source();
        fs::create_dir_all(source.join("deep/er/still")).unwrap();
        fs::create_dir_all(source.join("empty")).unwrap();
        for number in 0..300usize {
            let dir = ["", "deep", "deep/er", "deep/er/still"][number % 4];
            let path = source.join(dir).join(format!("file{number}"));
            fs::write(path, bytes(number, number * 37)).unwrap();
        }
        fs::write(source.join("large"), bytes(7, 3_000_000)).unwrap();
        fs::write(source.join("zeros"), vec![0; 700_000]).unwrap();
        fs::create_dir(world.destination()).unwrap();
        world
    }

    fn source(&self) -> std::path::PathBuf {
        self.scratch.path().join("source")
    }

    fn destination(&self) -> std::path::PathBuf {
        self.scratch.path().join("destination")
    }

    /// A later state of the source, with its beginning, middle and end changed.
    fn change(&self) {
        let mut large = bytes(7, 3_000_000);
        large.splice(1_000_000..1_000_500, *b"changed");
        large.extend_from_slice(b"more");
        fs::write(self.source().join("large"), large).unwrap();
        fs::write(self.source().join("deep/file1"), b"another").unwrap();
        fs::write(self.source().join("deep/new"), b"new").unwrap();
    }

    fn sync(&self, way: Way, arguments: &[&str], what: &str) -> Vec<String> {
        let source = self.source().join("").into_os_string();
        let destination = self.destination().into_os_string();
        let (up, down) = (io::pipe().unwrap(), io::pipe().unwrap());
        let (client_sends, server_sends) = match way {
            Way::Push => (true, false),
            Way::Pull => (false, true),
        };
        let operand = |sends: bool| {
            if sends {
                source.clone()
            } else {
                destination.clone()
            }
        };
        let client_options = options(arguments, operand(client_sends));
        let server_options = options(arguments, operand(server_sends));
        let can = if client_options.incremental_recursion() {
            ".iLsfxCIvu"
        } else {
            ".LsfxCIvu"
        };
        let server = std::thread::spawn(move || {
            let wire = Wire::new(Box::new(up.0), Box::new(down.1), None).unwrap();
            run(server_options, Side::Server, server_sends, can, wire)
        });
        let wire = Wire::new(Box::new(down.0), Box::new(up.1), None).unwrap();
        let (outcome, mut told) = run(client_options, Side::Client, client_sends, can, wire);
        let (other, also_told) = server.join().unwrap();
        told.extend(also_told);
        assert!(outcome.error.is_none(), "{what}: {outcome:?} {told:?}");
        assert!(other.error.is_none(), "{what}: {other:?} {told:?}");
        told
    }
}

fn run(options: Options, side: Side, sends: bool, can: &str, wire: Wire) -> (Outcome, Vec<String>) {
    let errors = Arc::new(Errors::default());
    let call = Call {
        side,
        sends,
        client_can: can.into(),
        exit_code: |_: Fatal| 1,
        last_words: |_| None,
    };
    let pump = pump_config(options.io_backend);
    let control = Arc::new(Control::new());
    let outcome = run_remote(options, &call, errors.clone(), control, &pump, wire);
    let errors = std::mem::take(&mut *errors.0.lock().unwrap());
    (outcome, errors)
}

fn options(arguments: &[&str], operand: OsString) -> Options {
    let arguments = arguments.iter().map(OsString::from);
    let arguments = arguments.chain([operand, "unused".into()]);
    match options::parse(arguments) {
        Ok(Request::Sync(mut options)) => {
            options.operands.pop();
            *options
        }
        other => panic!("{other:?}"),
    }
}

fn bytes(seed: usize, len: usize) -> Vec<u8> {
    let mut state = (seed as u32).wrapping_mul(2_654_435_761) | 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn tree(root: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.is_dir() {
                found.insert(name, None);
                waiting.push(path);
            } else {
                found.insert(name, Some(fs::read(path).unwrap()));
            }
        }
    }
    found
}

/// Keeps what is said of trouble.
#[derive(Default)]
struct Errors(Mutex<Vec<String>>);

impl EventSink for Errors {
    fn event(&self, event: Event<'_>) {
        if let Event::Message(message) = event
            && !matches!(message.severity, Severity::Info | Severity::Client)
        {
            let text = String::from_utf8_lossy(&message.text).into_owned();
            let cause = message.os_error.as_ref();
            let cause = cause.map_or(String::new(), |e| format!(": {e}"));
            self.0.lock().unwrap().push(text + &cause);
        }
    }
}
