//! The program that is tested, as a process of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where it is: what the environment names, or the one that was just built.
pub fn path() -> PathBuf {
    std::env::var_os("TIDESYNC_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_tidesync").into(), PathBuf::from)
}

/// Runs it in a directory, to its end.
pub fn run<I: AsRef<OsStr>>(directory: &Path, arguments: impl IntoIterator<Item = I>) -> Output {
    let mut command = Command::new(path());
    command.args(arguments).current_dir(directory);
    for _ in 0..LOST_STARTS {
        match command.output() {
            Err(error) if lost_by_wine(&error) => {}
            ended => return ended.expect("the program starts"),
        }
    }
    panic!("Wine lost {LOST_STARTS} new processes in a row");
}

/// How often a process may be lost before it began.
const LOST_STARTS: u32 = 5;

/// Once in some thousand starts, Wine 8 ends a new process before it has run anything, and tells
/// its parent `ERROR_INTERNAL_ERROR`; so it does of programs that have nothing to do with this one.
fn lost_by_wine(error: &std::io::Error) -> bool {
    const ERROR_INTERNAL_ERROR: i32 = 1359;
    cfg!(windows) && error.raw_os_error() == Some(ERROR_INTERNAL_ERROR)
}
