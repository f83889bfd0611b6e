//! SIGINT, SIGTERM and SIGHUP in the middle of several large files: exit code 20, and the temporary
//! files gone, or kept as partial files where that was asked for.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Scratch, content, eventually, is_rsync, is_temporary, skipped, wait_for_end};

const SIGNALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

const LARGE: [&str; 4] = ["large.0", "large.1", "large.2", "large.3"];
const OLD: &[u8] = b"old";
const MODE: u32 = 0o640;

/// Copies large files with `options`, and sends `signal` when the copy of several has begun.
fn interrupt(signal: Signal, options: &[&str]) -> Scratch {
    Interruption {
        signal,
        options,
        replaced: false,
        temporaries: None,
    }
    .run()
}

struct Interruption<'a> {
    signal: Signal,
    options: &'a [&'a str],
    /// Whether older files stand in the destination.
    replaced: bool,
    /// The directory whose temporary files show that the copy has begun, if not the destination.
    temporaries: Option<&'a Path>,
}

impl Interruption<'_> {
    fn run(&self) -> Scratch {
        let Interruption {
            signal, options, ..
        } = *self;
        // Real data: holes are passed over in no time.
        let megabyte = content(1, 1 << 20);
        let mut megabytes = 48;
        // rsync copies one after the other.
        let several = if is_rsync() { 1 } else { 2 };
        for _ in 0..6 {
            let scratch = Scratch::new();
            scratch.write("src/small", "small");
            scratch.write("dst/untouched", "untouched");
            for name in LARGE {
                let mut large = File::create(scratch.path("src").join(name)).unwrap();
                for _ in 0..megabytes {
                    large.write_all(&megabyte).unwrap();
                }
                let mode = fs::Permissions::from_mode(MODE);
                large.set_permissions(mode).unwrap();
                if self.replaced {
                    scratch.write(&format!("dst/{name}"), OLD);
                }
            }
            let arguments = [&["-a"], options, &["src/", "dst/"]].concat();
            let mut child = scratch.start(&arguments);
            let begun = match self.temporaries {
                None => scratch.wait_for_unfinished("dst", ".large.", several, &mut child),
                Some(directory) => {
                    let directory = directory.to_str().unwrap();
                    scratch.wait_for_unfinished(directory, "large.", several, &mut child)
                }
            };
            if begun {
                kill(Pid::from_raw(child.id() as i32), signal).unwrap();
                let code = wait_for_end(&mut child).code();
                if code != Some(0) {
                    assert_eq!(code, Some(20), "after {signal}: {}", scratch.stderr());
                    let told = "received SIGINT, SIGTERM, or SIGHUP (code 20)";
                    assert!(scratch.stderr().contains(told), "{}", scratch.stderr());
                    eventually("no temporary file is left", || {
                        let names = scratch.names("dst");
                        !names.iter().any(|name| is_temporary(name.as_ref()))
                    });
                    let untouched = fs::read(scratch.path("dst/untouched")).unwrap();
                    assert_eq!(untouched, b"untouched");
                    return scratch;
                }
            }
            // The copy was over before the signal: try larger ones.
            megabytes = (megabytes * 2).min(192);
        }
        panic!("the program was never caught in the middle of a copy");
    }
}

/// Which time an unfinished file has.
#[derive(Clone, Copy)]
enum Time {
    /// The oldest, so that it is not taken for a newer file.
    Oldest,
    /// That of the interruption.
    Now,
}

/// Whether `directory` holds unfinished files of those that were copied, each with the mode of the
/// complete one and this time. All that lies there is a beginning of its source.
fn holds_unfinished(scratch: &Scratch, directory: &str, time: Time) -> bool {
    let mut found = false;
    for name in LARGE {
        let Ok(kept) = fs::metadata(scratch.path(directory).join(name)) else {
            continue;
        };
        let source = fs::metadata(scratch.path("src").join(name)).unwrap();
        if kept.len() == OLD.len() as u64 || kept.len() == source.len() {
            continue;
        }
        let bytes = fs::read(scratch.path(directory).join(name)).unwrap();
        let whole = fs::read(scratch.path("src").join(name)).unwrap();
        assert!(whole.starts_with(&bytes), "{name} is no beginning");
        let right_time = match time {
            // rsync leaves it its parts of a second.
            Time::Oldest => kept.mtime() == 0,
            Time::Now => kept.mtime() >= source.mtime(),
        };
        if kept.permissions().mode() & 0o7777 != MODE || !right_time {
            return false;
        }
        found = true;
    }
    found
}

/// Whether a file in the destination is neither the old one nor complete.
fn is_cut(scratch: &Scratch) -> bool {
    let whole = fs::metadata(scratch.path("src/large.0")).unwrap().len();
    let lengths = beginnings(scratch, "dst");
    let cut = |length: &u64| *length != whole && *length != OLD.len() as u64;
    lengths.iter().any(cut)
}

/// A directory on another file system than `scratch`.
fn elsewhere(scratch: &Scratch) -> Option<tempfile::TempDir> {
    let directory = tempfile::tempdir().unwrap();
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    if device(directory.path()) == device(scratch.root()) {
        skipped("there is no second file system");
        return None;
    }
    Some(directory)
}

/// What of the large files lies in `directory`: each is the beginning of its source.
fn beginnings(scratch: &Scratch, directory: &str) -> Vec<u64> {
    let lengths = LARGE.map(|name| {
        let copy = fs::metadata(scratch.path(directory).join(name)).ok()?.len();
        let whole = fs::metadata(scratch.path("src").join(name)).unwrap().len();
        assert!(copy <= whole, "{name} has grown");
        Some(copy)
    });
    lengths.into_iter().flatten().collect()
}

#[test]
fn interrupted_leaves_no_temporary_file() {
    for signal in SIGNALS {
        for options in [&[][..], &["--no-W"]] {
            let scratch = interrupt(signal, options);
            let whole = fs::metadata(scratch.path("src/large.0")).unwrap().len();
            let arrived = beginnings(&scratch, "dst");
            assert!(arrived.len() < LARGE.len(), "all has arrived");
            assert!(
                arrived.iter().all(|length| *length == whole),
                "cut: {arrived:?}"
            );
        }
    }
}

#[test]
fn interrupted_with_partial_keeps_what_arrived() {
    for (signal, options) in [
        (Signal::SIGINT, &["--partial"][..]),
        (Signal::SIGHUP, &["--partial", "--no-W"]),
    ] {
        let scratch = interrupt(signal, options);
        let whole = fs::metadata(scratch.path("src/large.0")).unwrap().len();
        eventually("a partial file is there", || {
            beginnings(&scratch, "dst")
                .iter()
                .any(|length| *length < whole)
        });
        // The next run completes it.
        assert_eq!(scratch.run(&["-a", "src/", "dst/"]), Some(0));
        for name in LARGE {
            let copy = fs::read(scratch.path("dst").join(name)).unwrap();
            assert!(
                copy == fs::read(scratch.path("src").join(name)).unwrap(),
                "{name}"
            );
        }
    }
}

#[test]
fn interrupted_with_a_partial_directory_keeps_what_arrived_there() {
    let scratch = interrupt(Signal::SIGTERM, &["--partial-dir=.part"]);
    let whole = fs::metadata(scratch.path("src/large.0")).unwrap().len();
    eventually("a partial file is there", || {
        holds_unfinished(&scratch, "dst/.part", Time::Now)
    });
    let arrived = beginnings(&scratch, "dst");
    assert!(
        arrived.iter().all(|length| *length == whole),
        "cut: {arrived:?}"
    );
}

#[test]
fn interrupted_with_backups_keeps_the_old_file_and_what_arrived() {
    for (options, kept, suffix) in [
        (&["-b", "--partial"][..], "dst", "~"),
        (&["-b", "--no-W", "--partial"], "dst", "~"),
        (&["-b", "--backup-dir=kept", "--partial"], "dst/kept", ""),
    ] {
        let scratch = Interruption {
            signal: Signal::SIGINT,
            options,
            replaced: true,
            temporaries: None,
        }
        .run();
        eventually("an unfinished file is there", || {
            holds_unfinished(&scratch, "dst", Time::Oldest)
        });
        for name in LARGE {
            let now = fs::read(scratch.path("dst").join(name)).unwrap();
            if now != OLD {
                let backup = scratch.path(kept).join(format!("{name}{suffix}"));
                assert_eq!(fs::read(backup).unwrap(), OLD, "{options:?}: {name}");
            }
        }
    }
}

#[test]
fn interrupted_keeps_what_arrived_on_another_file_system() {
    let Some(other) = elsewhere(&Scratch::new()) else {
        return;
    };
    let directory = other.path().to_str().unwrap();
    // Unfinished files go there, from the destination, whether they have a name already or not.
    for replaced in [true, false] {
        let scratch = Interruption {
            signal: Signal::SIGINT,
            options: &[&format!("--partial-dir={directory}")],
            replaced,
            temporaries: None,
        }
        .run();
        eventually("an unfinished file is there", || {
            holds_unfinished(&scratch, directory, Time::Now)
        });
        assert!(
            !is_cut(&scratch),
            "an unfinished file is in the destination"
        );
        for name in fs::read_dir(directory).unwrap() {
            fs::remove_file(name.unwrap().path()).unwrap();
        }
    }
    // They come from there, to the destination.
    for _ in 0..6 {
        let scratch = Interruption {
            signal: Signal::SIGINT,
            options: &["-b", "--partial", "-T", directory],
            replaced: true,
            temporaries: Some(other.path()),
        }
        .run();
        eventually("nothing is left elsewhere", || {
            fs::read_dir(directory).unwrap().count() == 0
        });
        let whole = fs::metadata(scratch.path("src/large.0")).unwrap().len();
        let complete_or_old = [whole, OLD.len() as u64];
        let lengths = beginnings(&scratch, "dst");
        // All that was there may have been complete, and on its way to the destination.
        if lengths
            .iter()
            .any(|length| !complete_or_old.contains(length))
        {
            eventually("the unfinished file has its attributes", || {
                holds_unfinished(&scratch, "dst", Time::Oldest)
            });
            return;
        }
    }
    panic!("nothing was unfinished");
}

#[test]
fn interrupted_in_copying_across_file_systems_commits_nothing_more() {
    if is_rsync() {
        skipped("rsync copies to the file's own name");
        return;
    }
    let Some(other) = elsewhere(&Scratch::new()) else {
        return;
    };
    let options = ["-T", other.path().to_str().unwrap()];
    for _ in 0..6 {
        // Its temporary files are in the destination when they are copied there.
        let scratch = interrupt(Signal::SIGINT, &options);
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
        let arrived = beginnings(&scratch, "dst");
        let whole = fs::metadata(scratch.path("src/large.0")).unwrap().len();
        assert!(arrived.iter().all(|length| *length == whole), "{arrived:?}");
        if arrived.is_empty() {
            return;
        }
    }
    panic!("copies that had begun were always ended");
}
