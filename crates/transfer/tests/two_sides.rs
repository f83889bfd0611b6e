//! Both sides of a session over the wire in one process, joined by two pipes.
#![forbid(unsafe_code)]

use options::{Options, Request};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
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
                assert_eq!(world.differences(), Vec::<String>::new(), "{what}");
                world.change();
            }
        }
    }
}

/// Parts of a file that have moved to and fro, near and far, with new data and changes between them:
/// whole pieces of the old file are passed on, and others in parts.
#[test]
fn parts_of_a_file_that_moved_are_put_together() {
    for options in [
        &["-aI"][..],
        &["-aI", "--inplace"],
        &["-aIS"],
        &["-aIz", "--zc=zlib"],
        &["-aIz", "--zc=zstd"],
        &["-aI", "--block-size=700"],
    ] {
        let world = World::with_large(5_000_000);
        let old = bytes(7, 5_000_000);
        let mut changed = old[1_000_000..4_000_000].to_vec();
        for at in (0..changed.len()).step_by(300_001) {
            changed[at] ^= 1;
        }
        let new = [
            &old[3_000_000..],
            &old[..1_500_000],
            &bytes(8, 100),
            &changed,
            &old[2_000_000..2_100_000],
            &old[2_200_000..3_900_000],
            &old[700_000..700_100],
            &old[4_900_000..],
        ];
        world.sync(Way::Push, &["-a"], "before");
        fs::write(world.source().join("large"), new.concat()).unwrap();
        let told = world.sync(Way::Push, options, &format!("{options:?}"));
        assert_eq!(told, Vec::<String>::new(), "{options:?}");
        assert_eq!(world.differences(), Vec::<String>::new(), "{options:?}");
    }
}

#[test]
fn times_of_access_arrive_either_way() {
    let read_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    let times = fs::FileTimes::new().set_accessed(read_at);
    for way in [Way::Push, Way::Pull] {
        for options in ["-U", "-UU"] {
            let world = World::new();
            let name = world.source().join("read");
            fs::write(&name, "content").unwrap();
            let file = fs::File::options().write(true).open(&name).unwrap();
            file.set_times(times).unwrap();
            drop(file);
            world.sync(way, &["-rt", options], "-U");
            let arrived = fs::metadata(world.destination().join("read")).unwrap();
            assert_eq!(arrived.accessed().unwrap(), read_at, "{way:?} {options}");
            if cfg!(target_os = "linux") && options == "-UU" {
                let source = fs::metadata(&name).unwrap();
                assert_eq!(source.accessed().unwrap(), read_at, "{way:?}");
            }
        }
    }
}

/// Wine takes seconds for what is a matter of milliseconds elsewhere: there it is one of each kind.
fn versions() -> &'static [u8] {
    if cfg!(windows) {
        &[28, 32]
    } else {
        &[27, 28, 29, 30, 31, 32]
    }
}

#[test]
fn a_tree_arrives_by_every_protocol() {
    for way in [Way::Push, Way::Pull] {
        for version in versions() {
            for options in [
                &["-aH"][..],
                &["-ac"],
                &["-a", "--delete"],
                &["-aI", "--delete-after"],
                &["-aI", "--delete-delay", "--inplace"],
            ] {
                let world = World::with_large(100_000);
                world.add_names_around_directories();
                let protocol = format!("--protocol={version}");
                let options = [options, &[&protocol]].concat();
                let deletes = options.iter().any(|o| o.starts_with("--delete"));
                for round in 0..2 {
                    let what = format!("{way:?} {options:?}, round {round}");
                    let told = world.sync(way, &options, &what);
                    assert_eq!(told, Vec::<String>::new(), "{what}");
                    assert_eq!(world.differences(), Vec::<String>::new(), "{what}");
                    if round > 0 {
                        break;
                    }
                    world.change();
                    if deletes {
                        world.remove_some();
                    }
                }
            }
        }
    }
}

/// Names that sort between a directory and its content by old protocols, but not by new ones.
#[cfg(unix)]
#[test]
fn directories_that_an_old_list_returns_to_keep_their_times_and_permissions() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    for way in [Way::Push, Way::Pull] {
        for version in 27..=29 {
            let world = World::with_large(100_000);
            world.add_names_around_directories();
            for name in ["deep-er", "deep", "deep/er", "deep/er-"] {
                let path = world.source().join(name);
                fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
                let dir = fs::File::open(&path).unwrap();
                let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(99);
                dir.set_modified(then).unwrap();
            }
            let options = ["-aH", &format!("--protocol={version}")];
            let what = format!("{way:?} {version}");
            let told = world.sync(way, &options, &what);
            assert_eq!(told, Vec::<String>::new(), "{what}");
            for name in ["deep-er", "deep", "deep/er", "deep/er-"] {
                let path = world.destination().join(name);
                let got = fs::metadata(&path).unwrap();
                let wanted = (0o40555, 99);
                assert_eq!((got.mode(), got.mtime()), wanted, "{what}: {name}");
                // So that all can be removed.
                for path in [path, world.source().join(name)] {
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
                }
            }
            let link = |name: &str| fs::metadata(world.destination().join(name)).unwrap().ino();
            assert_eq!(link("deep/er.link"), link("deep/er/linked"), "{what}");
        }
    }
}

#[test]
fn what_an_old_protocol_cannot_do_is_refused_by_both_sides() {
    let world = World::new();
    for way in [Way::Push, Way::Pull] {
        let options = ["-a", "--prune-empty-dirs", "--protocol=28"];
        let (ends, told) = world.try_sync(way, &options);
        for end in ends {
            assert!(end.error.is_some(), "{way:?} {end:?}");
        }
        let refusal = "--prune-empty-dirs requires protocol 29 or higher (negotiated 28).";
        assert_eq!(told, [refusal, refusal], "{way:?}");
    }
}

struct World {
    scratch: tempfile::TempDir,
    /// The size of the largest file.
    large: usize,
}

impl World {
    fn new() -> World {
        World::with_large(3_000_000)
    }

    fn with_large(large: usize) -> World {
        let world = World {
            scratch: tempfile::tempdir().unwrap(),
            large,
        };
        let source = world.source();
        fs::create_dir_all(source.join("deep/er/still")).unwrap();
        fs::create_dir_all(source.join("empty")).unwrap();
        for number in 0..300usize {
            let dir = ["", "deep", "deep/er", "deep/er/still"][number % 4];
            let path = source.join(dir).join(format!("file{number}"));
            fs::write(path, bytes(number, number * 37)).unwrap();
        }
        fs::write(source.join("large"), bytes(7, large)).unwrap();
        fs::write(source.join("zeros"), vec![0; large / 4]).unwrap();
        fs::create_dir(world.destination()).unwrap();
        world
    }

    fn source(&self) -> std::path::PathBuf {
        self.scratch.path().join("source")
    }

    fn destination(&self) -> std::path::PathBuf {
        self.scratch.path().join("destination")
    }

    fn add_names_around_directories(&self) {
        let source = self.source();
        for dir in [
            "deep-er",
            "deep/er-",
            "!",
            "deep/er.d/x",
            "gone",
            "gone-too/x",
        ] {
            fs::create_dir_all(source.join(dir)).unwrap();
            fs::write(source.join(dir).join("content"), dir).unwrap();
        }
        for name in [
            "!first",
            "deep!",
            "deep,",
            "deep/er+",
            "deep/er/linked",
            "gone+",
        ] {
            fs::write(source.join(name), name).unwrap();
        }
        fs::hard_link(source.join("deep/er/linked"), source.join("deep/er.link")).unwrap();
    }

    fn remove_some(&self) {
        for dir in ["gone", "gone-too"] {
            fs::remove_dir_all(self.source().join(dir)).unwrap();
        }
        for name in ["gone+", "!first", "deep/er+", "!/content"] {
            fs::remove_file(self.source().join(name)).unwrap();
        }
        // What was a file is a directory, and the other way round.
        fs::remove_file(self.source().join("deep,")).unwrap();
        fs::create_dir(self.source().join("deep,")).unwrap();
        fs::remove_dir_all(self.source().join("deep/er.d")).unwrap();
        fs::write(self.source().join("deep/er.d"), "now a file").unwrap();
    }

    /// A later state of the source, with its beginning, middle and end changed.
    fn change(&self) {
        let mut large = bytes(7, self.large);
        let middle = self.large / 3;
        large.splice(middle..middle + 500, *b"changed");
        large.extend_from_slice(b"more");
        fs::write(self.source().join("large"), large).unwrap();
        fs::write(self.source().join("deep/file1"), b"another").unwrap();
        fs::write(self.source().join("deep/new"), b"new").unwrap();
    }

    /// The names whose content is not the same at both ends.
    fn differences(&self) -> Vec<String> {
        let (source, destination) = (tree(&self.source()), tree(&self.destination()));
        let names = source.keys().chain(destination.keys());
        let differ = |name: &&String| source.get(*name) != destination.get(*name);
        let mut names: Vec<String> = names.filter(differ).cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    fn sync(&self, way: Way, arguments: &[&str], what: &str) -> Vec<String> {
        let (ends, told) = self.try_sync(way, arguments);
        for end in ends {
            assert!(end.error.is_none(), "{what}: {end:?} {told:?}");
        }
        told
    }

    /// How the client's and the server's session end, and what they tell of trouble.
    fn try_sync(&self, way: Way, arguments: &[&str]) -> ([Outcome; 2], Vec<String>) {
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
        ([outcome, other], told)
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
