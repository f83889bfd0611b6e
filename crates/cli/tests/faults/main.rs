//! What must hold when something goes wrong in the middle: killed at any moment, interrupted, the
//! power gone, the disk full, few files allowed open, links planted by others, files unreadable,
//! vanishing, shrinking or growing while they are read.
//!
//! Like the conformance tests these pass with rsync itself too (`TIDESYNC_BIN=/usr/bin/rsync`).
#![cfg(unix)]
#![forbid(unsafe_code)]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod durable;
mod few_open_files;
mod full_disk;
mod interrupted;
mod killed;
mod planted_links;
mod stuck;
mod unreadable;
mod unsteady;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A scratch directory with `src` and `dst`, in memory where the system offers that.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        let mut builder = tempfile::Builder::new();
        builder.prefix("faults");
        let directory = builder
            .tempdir_in("/dev/shm")
            .or_else(|_| builder.tempdir());
        let scratch = Scratch(directory.expect("a temporary directory"));
        fs::create_dir(scratch.path("src")).unwrap();
        fs::create_dir(scratch.path("dst")).unwrap();
        scratch
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// A command that runs the program in the scratch directory, its output kept in files.
    fn command(&self) -> Command {
        let mut command = Command::new(program());
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.root())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(File::create(self.path("stdout")).unwrap())
            .stderr(File::create(self.path("stderr")).unwrap());
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command()
            .args(arguments)
            .spawn()
            .expect("the program runs")
    }

    /// Runs to the end; the exit code.
    fn run(&self, arguments: &[&str]) -> Option<i32> {
        self.start(arguments).wait().unwrap().code()
    }

    fn stdout(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("stdout")).unwrap()).into_owned()
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("stderr")).unwrap()).into_owned()
    }

    /// All names in a directory, sorted.
    fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Waits for the unfinished file of `name` in `dst` to hold a megabyte, whether it has a
    /// temporary name or none yet. False if the program ended first.
    fn wait_for_temporary(&self, name: &str, child: &mut Child) -> bool {
        self.wait_for_unfinished("dst", &format!(".{name}."), 1, child)
    }

    /// Waits for `least` unfinished files in `directory` to hold a megabyte each: such whose
    /// temporary names begin with `start`, or that have no name yet. False if the program ended
    /// first.
    fn wait_for_unfinished(
        &self,
        directory: &str,
        start: &str,
        least: usize,
        child: &mut Child,
    ) -> bool {
        let directory = self.path(directory);
        let begun = |length: std::io::Result<fs::Metadata>| {
            length.is_ok_and(|metadata| metadata.len() >= 1 << 20)
        };
        let open_files = PathBuf::from(format!("/proc/{}/fd", child.id()));
        loop {
            let entries = fs::read_dir(&directory).unwrap().flatten();
            let named = entries.filter(|entry| {
                let name = entry.file_name();
                name.as_encoded_bytes().starts_with(start.as_bytes()) && begun(entry.metadata())
            });
            let unnamed = fs::read_dir(&open_files).map_or(0, |open| {
                let unnamed = open.flatten().filter(|file| {
                    fs::read_link(file.path()).is_ok_and(|target| {
                        target.starts_with(&directory)
                            && target
                                .as_os_str()
                                .as_encoded_bytes()
                                .ends_with(b" (deleted)")
                    }) && begun(fs::metadata(file.path()))
                });
                unnamed.count()
            });
            if named.count() + unnamed >= least {
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    }
}

fn program() -> PathBuf {
    std::env::var_os("TIDESYNC_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_tidesync").into(), PathBuf::from)
}

/// Whether it is rsync itself that is run, to see that what is asked here can be had.
fn is_rsync() -> bool {
    program().file_name() == Some(OsStr::new("rsync"))
}

/// Says where nobody can overlook it that a test was not run.
fn skipped(why: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    // Past the harness, which keeps what a test that passes prints to itself.
    let _ = writeln!(std::io::stderr(), "\nNOT RUN: {name}: {why}\n");
}

/// Waits for the program to end by itself, which it has to do soon.
fn wait_for_end(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > Duration::from_secs(20) {
            let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).into_iter();
            let states = tasks.flatten().flatten().map(|task| {
                let of = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
                format!("{} in {}", of("comm").trim(), of("syscall"))
            });
            let states: String = states.collect();
            let _ = child.kill();
            let _ = child.wait();
            panic!("the program did not end; its threads:\n{states}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether `name` is one of the program's temporary names, `.name.XXXXXX`.
fn is_temporary(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    let ending = bytes
        .iter()
        .rposition(|&byte| byte == b'.')
        .map_or(0, |dot| bytes.len() - dot);
    bytes.starts_with(b".") && ending == 7 && bytes.len() > 8
}

/// Waits until `condition` holds: rsync's other processes may live on a moment after the first.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "never came true: {what}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// `length` bytes that `seed` decides, without long repetition.
fn content(seed: u64, length: usize) -> Vec<u8> {
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
