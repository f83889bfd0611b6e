//! SIGINT and SIGTERM in the middle of a large file: exit code 20, and the temporary file gone, or
//! kept as the partial file where that was asked for.

use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Scratch, content, eventually};

/// Copies a large file with `options`, and sends `signal` when the copy has begun.
fn interrupt(signal: Signal, options: &[&str]) -> Scratch {
    // Real data: holes are passed over in no time.
    let megabyte = content(1, 1 << 20);
    let mut megabytes = 192;
    for _ in 0..6 {
        let scratch = Scratch::new();
        scratch.write("src/small", "small");
        scratch.write("dst/untouched", "untouched");
        let mut large = File::create(scratch.path("src/large")).unwrap();
        for _ in 0..megabytes {
            large.write_all(&megabyte).unwrap();
        }
        let arguments = [&["-a"], options, &["src/", "dst/"]].concat();
        let mut child = scratch.start(&arguments);
        if scratch.wait_for_temporary("large", &mut child) {
            kill(Pid::from_raw(child.id() as i32), signal).unwrap();
            let code = child.wait().unwrap().code();
            let arrived = fs::metadata(scratch.path("dst/large")).map_or(0, |large| large.len());
            if code != Some(0) || arrived != megabytes << 20 {
                assert_eq!(code, Some(20), "after {signal}: {}", scratch.stderr());
                eventually("no temporary file is left", || {
                    scratch
                        .names("dst")
                        .iter()
                        .all(|name| !name.starts_with(".large."))
                });
                assert_eq!(
                    fs::read(scratch.path("dst/untouched")).unwrap(),
                    b"untouched"
                );
                return scratch;
            }
        }
        // The copy was over before the signal: try a larger one.
        megabytes = (megabytes * 2).min(768);
    }
    panic!("the program was never caught in the middle of a copy");
}

#[test]
fn interrupted_leaves_no_temporary_file() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let scratch = interrupt(signal, &[]);
        assert!(!scratch.path("dst/large").exists());
    }
}

#[test]
fn interrupted_with_partial_keeps_what_arrived() {
    let scratch = interrupt(Signal::SIGINT, &["--partial"]);
    eventually("the partial file is there", || {
        scratch.path("dst/large").exists()
    });
    let (partial, whole) = (scratch.path("dst/large"), scratch.path("src/large"));
    assert!(fs::metadata(partial).unwrap().len() <= fs::metadata(whole).unwrap().len());
}

#[test]
fn interrupted_with_a_partial_directory_keeps_what_arrived_there() {
    let scratch = interrupt(Signal::SIGTERM, &["--partial-dir=.part"]);
    eventually("the partial file is there", || {
        scratch.path("dst/.part/large").exists()
    });
    assert!(!scratch.path("dst/large").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn interrupted_while_a_list_is_awaited_ends_at_once() {
    for option in ["--files-from=-", "--exclude-from=-"] {
        let scratch = Scratch::new();
        scratch.write("src/a", "a");
        let (reader, writer) = std::io::pipe().unwrap();
        let mut child = Command::new(crate::program())
            .args(["-a", option, "src/", "dst/"])
            .current_dir(scratch.path(""))
            .stdin(reader)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Until its handler is there, a signal ends the program in the system's own way.
        let handled = || {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
            let caught = status.lines().find_map(|l| l.strip_prefix("SigCgt:"));
            let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
            caught & 1 << (Signal::SIGINT as u32 - 1) != 0
        };
        eventually("the signal is handled", handled);
        kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(20), "{option}");
        drop(writer);
        assert!(scratch.names("dst").is_empty());
    }
}
