//! SIGINT, SIGTERM and SIGHUP in the middle of several large files: exit code 20, and the temporary
//! files gone, or kept as partial files where that was asked for.

use std::fs::{self, File};
use std::io::Write;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Scratch, content, eventually, is_rsync, is_temporary, wait_for_end};

const SIGNALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

const LARGE: [&str; 4] = ["large.0", "large.1", "large.2", "large.3"];

/// Copies large files with `options`, and sends `signal` when the copy of several has begun.
fn interrupt(signal: Signal, options: &[&str]) -> Scratch {
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
        }
        let arguments = [&["-a"], options, &["src/", "dst/"]].concat();
        let mut child = scratch.start(&arguments);
        if scratch.wait_for_unfinished(".large.", several, &mut child) {
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
        !beginnings(&scratch, "dst/.part").is_empty()
    });
    let arrived = beginnings(&scratch, "dst");
    assert!(
        arrived.iter().all(|length| *length == whole),
        "cut: {arrived:?}"
    );
}
