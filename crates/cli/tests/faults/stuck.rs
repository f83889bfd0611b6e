//! A standard stream whose other end neither reads, writes nor goes away: a signal ends the program
//! all the same, and tidily. And one whose reader has left: that is no reason to end.

use std::fs::{self, File};
use std::io::pipe;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Scratch, content, eventually, is_rsync, is_temporary, wait_for_end};

/// Enough names to fill any pipe.
const FILES: usize = 6_000;

fn many_names() -> Scratch {
    let scratch = Scratch::new();
    for number in 0..FILES {
        let name = format!("src/a-name-that-is-long-enough-to-fill-a-pipe-{number:06}");
        File::create(scratch.path(&name)).unwrap();
    }
    scratch
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

/// Ends with 20. (rsync dies of a signal that comes while it looks at its options.)
fn assert_interrupted(scratch: &Scratch, child: &mut Child, what: &str) {
    let status = wait_for_end(child);
    let died = is_rsync() && status.signal().is_some();
    assert!(
        status.code() == Some(20) || died,
        "{what}: {status}, {}",
        scratch.stderr()
    );
    eventually("no temporary file is left", || {
        let names = scratch.names("dst");
        !names.iter().any(|name| is_temporary(name.as_ref()))
    });
}

/// Waits until the program has come to a halt: nothing of it runs any more, and it is prepared for
/// a signal. (rsync is not while it looks at its options.)
fn wait_until_it_hangs(child: &Child) {
    eventually("the signals are handled", || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|l| l.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
        is_rsync() || caught & 1 << (Signal::SIGHUP as u32 - 1) != 0
    });
    let processor_time = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
        (fields[12].to_owned(), fields[13].to_owned())
    };
    let mut before = processor_time();
    loop {
        sleep(Duration::from_millis(300));
        let now = processor_time();
        if now == before {
            return;
        }
        before = now;
    }
}

#[test]
fn a_signal_ends_a_program_whose_input_never_comes() {
    for option in ["--files-from=-", "--exclude-from=-"] {
        for first in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            let scratch = Scratch::new();
            scratch.write("src/a", "a");
            let (input, _writer) = pipe().unwrap();
            let mut command = scratch.command();
            command.stdin(input).args(["-a", option, "src/", "dst/"]);
            let mut child = command.spawn().unwrap();
            wait_until_it_hangs(&child);
            signal(&child, first);
            assert_interrupted(&scratch, &mut child, option);
        }
    }
}

#[test]
fn a_signal_ends_a_program_whose_output_nobody_reads() {
    let scratch = many_names();
    for arguments in [
        &["-avn", "src/", "dst/"][..],
        &["-av", "src/", "dst/"],
        &["-av", "--no-W", "src/", "dst/"],
        &["-r", "--list-only", "src/"],
    ] {
        // Copied anew: what is there already is not told of.
        let _ = fs::remove_dir_all(scratch.path("dst"));
        fs::create_dir(scratch.path("dst")).unwrap();
        let (_reader, output) = pipe().unwrap();
        let mut child = scratch
            .command()
            .stdout(output)
            .args(arguments)
            .spawn()
            .unwrap();
        wait_until_it_hangs(&child);
        signal(&child, Signal::SIGTERM);
        assert_interrupted(&scratch, &mut child, &format!("{arguments:?}"));
    }
}

#[test]
fn a_signal_ends_a_program_when_neither_output_is_read() {
    let scratch = many_names();
    let (_reader, output) = pipe().unwrap();
    let mut command = scratch.command();
    command.stderr(output.try_clone().unwrap()).stdout(output);
    let mut child = command.args(["-av", "src/", "dst/"]).spawn().unwrap();
    wait_until_it_hangs(&child);
    signal(&child, Signal::SIGINT);
    assert_interrupted(&scratch, &mut child, "both");
}

#[test]
fn a_second_signal_ends_it_too() {
    let scratch = many_names();
    let (_reader, output) = pipe().unwrap();
    let mut command = scratch.command();
    let mut child = command
        .stdout(output)
        .args(["-av", "src/", "dst/"])
        .spawn()
        .unwrap();
    wait_until_it_hangs(&child);
    signal(&child, Signal::SIGINT);
    sleep(Duration::from_millis(100));
    signal(&child, Signal::SIGTERM);
    assert_interrupted(&scratch, &mut child, "both signals");
}

/// Large files are under way when what is told of deletions fills the pipe.
#[test]
fn files_in_flight_are_tidied_though_nobody_reads() {
    const LENGTH: usize = 96 << 20;
    for partial in ["--no-partial", "--partial"] {
        let mut caught = false;
        for _ in 0..6 {
            let scratch = Scratch::new();
            for directory in ["src/a", "src/z", "dst/z"] {
                fs::create_dir(scratch.path(directory)).unwrap();
            }
            for number in 0..4 {
                scratch.write(&format!("src/a/large.{number}"), content(number, LENGTH));
            }
            for number in 0..FILES {
                let name = format!("dst/z/a-name-that-is-long-enough-to-fill-a-pipe-{number:06}");
                File::create(scratch.path(&name)).unwrap();
            }
            let (_reader, output) = pipe().unwrap();
            let mut command = scratch.command();
            command.stdout(output).args(["-av", "--delete", partial]);
            let mut child = command.args(["src/", "dst/"]).spawn().unwrap();
            wait_until_it_hangs(&child);
            signal(&child, Signal::SIGTERM);
            assert_interrupted(&scratch, &mut child, partial);
            let arrived = || {
                let names = scratch.names("dst/a").into_iter();
                names.map(|name| {
                    (
                        fs::metadata(scratch.path("dst/a").join(&name))
                            .unwrap()
                            .len(),
                        name,
                    )
                })
            };
            eventually("no temporary file is left", || {
                arrived().all(|(_, name)| !is_temporary(name.as_ref()))
            });
            let cut = arrived().any(|(length, _)| length < LENGTH as u64);
            assert!(partial == "--partial" || !cut, "a cut file has its name");
            caught |= cut || arrived().count() < 4;
            if caught {
                break;
            }
        }
        assert!(caught || is_rsync(), "no file was ever in flight");
    }
}

#[test]
fn a_reader_that_leaves_is_no_reason_to_leave_work_undone() {
    let scratch = many_names();
    let (reader, output) = pipe().unwrap();
    drop(reader);
    let mut command = scratch.command();
    command.stdout(output).args(["-av", "src/", "dst/"]);
    let status = command.status().unwrap();
    assert_eq!(status.code(), Some(0), "{}", scratch.stderr());
    assert_eq!(scratch.stderr(), "");
    assert_eq!(scratch.names("dst").len(), FILES);
    for arguments in [
        &["--list-only", "-r", "src/"][..],
        &["--version"],
        &["--help"],
    ] {
        let (reader, output) = pipe().unwrap();
        drop(reader);
        let mut command = scratch.command();
        let status = command.stdout(output).args(arguments).status().unwrap();
        let died = is_rsync() && status.signal().is_some();
        assert!(status.code() == Some(0) || died, "{arguments:?}: {status}");
        assert_eq!(scratch.stderr(), "");
    }
}

#[test]
fn output_that_cannot_be_written_is_told_of() {
    if is_rsync() {
        // It does not look.
        return;
    }
    let scratch = Scratch::new();
    scratch.write("src/a", "a");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = scratch.command();
    command
        .stdout(Stdio::from(full))
        .args(["-av", "src/", "dst/"]);
    assert_eq!(command.status().unwrap().code(), Some(13));
    assert!(
        scratch
            .stderr()
            .contains("errors with program diagnostics (code 13)")
    );
    assert_eq!(fs::read(scratch.path("dst/a")).unwrap(), b"a");
}
