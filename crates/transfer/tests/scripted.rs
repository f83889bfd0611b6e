//! Whole local sessions on a pump that misbehaves: operations complete in parts, in any order, and
//! with errors. What arrives is right, or what was there stays; nothing hangs, nothing panics, no
//! temporary file is left.
//!
//! The pump is given where the program gives its own. What does not go through it (the copy of a
//! whole file is calls made by one piece of work) meets errors of real file systems in the
//! program's own tests.
#![forbid(unsafe_code)]

use fast_io::{Backend, PumpConfig, Script, Victims};
use options::{Options, Request};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use transfer::event::{Event, EventSink, Severity};
use transfer::{Control, Outcome, run_local};

/// The ways in which content moves.
const WAYS: [&[&str]; 8] = [
    &[],
    &["--no-W"],
    &["--no-W", "--inplace"],
    &["-S"],
    &["--no-W", "-S", "--partial"],
    &["--append"],
    &["--append-verify"],
    &["--no-W", "-b"],
];

/// The number of an error in reading or writing.
const FAULT: i32 = 5;

#[test]
fn what_comes_in_parts_and_out_of_order_is_whole() {
    for way in WAYS {
        for seed in 0..6 {
            let world = World::new(way);
            let longest = [1 << 20, 100_000, 7_000][seed as usize % 3];
            let script = Script::seeded(seed).with_short_counts(longest);
            let (outcome, errors) = world.run(way, script);
            let what = format!("{way:?}, seed {seed}");
            assert!(outcome.error.is_none(), "{what}: {outcome:?} {errors:?}");
            assert!(outcome.trouble.is_none(), "{what}: {outcome:?} {errors:?}");
            assert_eq!(errors, Vec::<String>::new(), "{what}");
            world.assert_equal(&what);
        }
    }
}

#[test]
fn after_an_error_every_file_is_old_or_new() {
    let mut struck = 0;
    for victims in [Victims::Reads, Victims::Writes, Victims::Work] {
        for way in WAYS {
            for nth in [1, 2, 7] {
                for again in [false, true] {
                    let script = Script::seeded(nth);
                    let script = if again {
                        script.failing_every(victims, nth, FAULT)
                    } else {
                        script.failing_nth(victims, nth, FAULT)
                    };
                    let world = World::new(way);
                    let (outcome, errors) = world.run(way, script);
                    let what = format!("{way:?}, {victims:?} {nth}, again: {again}");
                    let failed = outcome.error.is_some() || outcome.trouble.is_some();
                    if failed {
                        struck += 1;
                        assert!(!errors.is_empty(), "{what}: nothing was told");
                        world.assert_old_or_new(way, &what);
                    } else {
                        world.assert_equal(&what);
                    }
                    // What was spoilt is mended by the next run.
                    if again && !way.contains(&"--append") {
                        let (outcome, errors) = world.run(way, Script::seeded(1));
                        assert!(outcome.error.is_none(), "{what}: {errors:?}");
                        world.assert_equal(&what);
                    }
                }
            }
        }
    }
    assert!(struck > 60, "only {struck} sessions met an error");
}

type Files = BTreeMap<String, Vec<u8>>;

/// A source and a destination that holds older states of some of it.
struct World {
    directory: tempfile::TempDir,
    old: Files,
    new: Files,
}

impl World {
    fn new(way: &[&str]) -> World {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let appends = way.iter().any(|option| option.starts_with("--append"));
        let (mut old, mut new) = (Files::new(), Files::new());
        for (number, length) in [0, 700, 16_384, 40_000, 700_000].into_iter().enumerate() {
            let mut content = noise(number as u64, length);
            if length > 100_000 {
                content[20_000..90_000].fill(0);
            }
            let mut before = content[..length - length / 3].to_vec();
            if !appends && !before.is_empty() {
                let middle = before.len() / 2;
                before[middle] ^= 0x55;
            }
            new.insert(format!("fresh{number}"), content.clone());
            old.insert(format!("changed{number}"), before);
            new.insert(format!("changed{number}"), content);
        }
        let world = World {
            directory,
            old,
            new,
        };
        for (side, files) in [("src", &world.new), ("dst", &world.old)] {
            fs::create_dir_all(world.path(side).join("sub")).unwrap();
            for (name, content) in files {
                for place in ["", "sub"] {
                    let path = world.path(side).join(place).join(name);
                    fs::write(&path, content).unwrap();
                    if side == "dst" {
                        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
                        let file = File::options().write(true).open(&path).unwrap();
                        file.set_modified(then).unwrap();
                    }
                }
            }
        }
        world
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a session on the scripted driver; what it ended with, and the errors it told.
    fn run(&self, way: &[&str], script: Script) -> (Outcome, Vec<String>) {
        let mut arguments: Vec<OsString> = ["-a"].iter().chain(way).map(OsString::from).collect();
        let mut source = self.path("src").into_os_string();
        source.push("/");
        arguments.extend([source, self.path("dst").into_os_string()]);
        let options: Options = match options::parse(arguments) {
            Ok(Request::Sync(options)) => *options,
            other => panic!("{other:?}"),
        };
        let config = PumpConfig::default().with_backend(Backend::Scripted(script));
        let errors = Arc::new(Errors::default());
        let (done, ended) = channel();
        let session = std::thread::spawn({
            let errors = errors.clone();
            move || {
                let outcome = run_local(options, errors, Arc::new(Control::new()), &config);
                let _ = done.send(outcome);
            }
        });
        // A session that panics drops its end of the channel.
        match ended.recv_timeout(Duration::from_secs(120)) {
            Ok(outcome) => {
                session.join().expect("the session does not panic");
                let errors = errors.0.lock().unwrap().clone();
                (outcome, errors)
            }
            Err(error) => panic!(
                "{way:?} did not end ({error}): {:?}",
                errors.0.lock().unwrap()
            ),
        }
    }

    /// The files of a directory of the destination, without backups.
    fn arrived(&self, place: &str) -> Files {
        let entries = fs::read_dir(self.path("dst").join(place)).unwrap();
        let files = entries
            .flatten()
            .filter(|e| e.file_type().unwrap().is_file());
        let named = files.map(|e| (e.file_name().into_string().unwrap(), read(&e.path())));
        named.filter(|(name, _)| !name.ends_with('~')).collect()
    }

    fn assert_equal(&self, what: &str) {
        for place in ["", "sub"] {
            let arrived = self.arrived(place);
            assert!(arrived.keys().eq(self.new.keys()), "{what}: other names");
            for (name, content) in &arrived {
                assert!(*content == self.new[name], "{what}: {place}/{name} differs");
            }
        }
    }

    fn assert_old_or_new(&self, way: &[&str], what: &str) {
        // What is written where it lies may be cut short by an error, as with rsync.
        let in_place = way
            .iter()
            .any(|o| *o == "--inplace" || o.starts_with("--append"));
        let keeps_parts = way.contains(&"--partial");
        for place in ["", "sub"] {
            let arrived = self.arrived(place);
            for (name, content) in &arrived {
                let new = self.new.get(name);
                let new = new.unwrap_or_else(|| panic!("{what}: {place}/{name} is left over"));
                let whole = content == new || self.old.get(name) == Some(content);
                let part = content.len() <= new.len();
                assert!(
                    whole || (part && (in_place || keeps_parts)),
                    "{what}: {place}/{name} is neither old nor new"
                );
            }
            for name in self.old.keys() {
                assert!(arrived.contains_key(name), "{what}: {place}/{name} is lost");
            }
        }
    }
}

/// The errors that a session tells.
#[derive(Default)]
struct Errors(Mutex<Vec<String>>);

impl EventSink for Errors {
    fn event(&self, event: Event<'_>) {
        if let Event::Message(message) = event
            && !matches!(message.severity, Severity::Info | Severity::Client)
        {
            let text = String::from_utf8_lossy(&message.text).into_owned();
            self.0.lock().unwrap().push(text);
        }
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

/// `length` bytes that `seed` decides, without repetition.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
