//! What `--fsync` promises: the files that stay are on the disk when the run is over. No file system
//! tells of it afterwards, so the program's system calls are watched.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command};

use nix::errno::Errno;
use nix::libc::{SYS_fdatasync, SYS_fsync};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::{Scratch, content, program, skipped};

/// A file's device and number.
type Id = (u64, u64);

fn id(path: &Path) -> Option<Id> {
    fs::metadata(path).ok().map(|stat| (stat.dev(), stat.ino()))
}

/// Runs the program to its end, which has to be a good one; the files that it brought to the disk.
/// `None` where nobody may watch.
fn synced_by(scratch: &Scratch, arguments: &[&str]) -> Option<HashSet<Id>> {
    let child = Pid::from_raw(start_stopped(scratch, arguments).id() as i32);
    waitpid(child, Some(WaitPidFlag::WUNTRACED)).unwrap();
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_EXITKILL;
    let watched = ptrace::seize(child, options);
    kill(child, Signal::SIGCONT).unwrap();
    if let Err(e) = watched {
        waitpid(child, None).unwrap();
        skipped(&format!("system calls cannot be watched: {e}"));
        return None;
    }
    let mut synced = HashSet::new();
    // Other tests have children too, of other threads.
    let ours = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    loop {
        let (stopped, signal) = match waitpid(None, Some(ours)).unwrap() {
            WaitStatus::Exited(pid, code) if pid == child => {
                assert_eq!(code, 0, "{}", scratch.stderr());
                return Some(synced);
            }
            WaitStatus::Signaled(pid, signal, _) if pid == child => panic!("ended by {signal}"),
            WaitStatus::PtraceSyscall(pid) => {
                if let Ok(registers) = ptrace::getregs(pid)
                    && [SYS_fsync, SYS_fdatasync].contains(&(registers.orig_rax as i64))
                {
                    let file = format!("/proc/{pid}/fd/{}", registers.rdi);
                    synced.extend(id(Path::new(&file)));
                }
                (pid, None)
            }
            WaitStatus::PtraceEvent(pid, ..) => (pid, None),
            WaitStatus::Stopped(pid, signal) => (pid, Some(signal)),
            _ => continue,
        };
        match ptrace::syscall(stopped, signal) {
            // It has just been killed, as rsync's processes do with one another.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(e) => panic!("{e}"),
        }
    }
}

/// Starts the program, which stops before it begins, so that nothing it does is missed.
fn start_stopped(scratch: &Scratch, arguments: &[&str]) -> Child {
    let mut command = Command::new("sh");
    scratch.prepare(&mut command);
    command.args(["-c", r#"kill -STOP $$; exec "$0" "$@""#]);
    command.arg(program()).args(arguments).spawn().unwrap()
}

#[test]
fn every_file_that_stays_is_brought_to_the_disk() {
    let other = tempfile::tempdir().unwrap();
    let elsewhere = format!("--temp-dir={}", other.path().display());
    for options in [
        &["--fsync"][..],
        &["--fsync", "--no-W"],
        // Where the temporary directory is on another file system, copies stay.
        &["--fsync", &elsewhere],
        &["--fsync", "--no-W", &elsewhere],
        &[],
    ] {
        let scratch = Scratch::new();
        let names = ["small", "large", "replaced"];
        scratch.write("src/small", "small");
        scratch.write("src/large", content(1, 300_000));
        scratch.write("src/replaced", content(2, 30_000));
        scratch.write("dst/replaced", "old");
        let arguments = [&["-a"], options, &["src/", "dst/"]].concat();
        let Some(synced) = synced_by(&scratch, &arguments) else {
            return;
        };
        for name in names {
            let id = id(&scratch.path("dst").join(name)).unwrap();
            let is_synced = synced.contains(&id);
            assert_eq!(is_synced, !options.is_empty(), "{options:?}: {name}");
        }
    }
}
