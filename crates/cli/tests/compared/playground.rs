//! Runs programs, each alone in the same freshly built playground, so that even absolute paths in
//! their messages are equal.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::outcome::{HUNG, Outcome};
use super::specimen::Tree;
use super::{normalise, snapshot};

/// How long a run may take before it counts as hung; a run takes a small part of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// A scratch directory for one thread: `tree/` is where the programs run.
pub struct Playground {
    scratch: tempfile::TempDir,
}

impl Playground {
    /// A new one, in memory where the system offers that.
    pub fn new() -> Self {
        static UMASK: OnceLock<()> = OnceLock::new();
        UMASK.get_or_init(|| {
            nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
        });
        let mut builder = tempfile::Builder::new();
        builder.prefix("conform");
        let scratch = builder
            .tempdir_in("/dev/shm")
            .or_else(|_| builder.tempdir());
        Playground {
            scratch: scratch.expect("a temporary directory"),
        }
    }

    /// Where the programs run.
    pub fn tree(&self) -> PathBuf {
        self.scratch.path().join("tree")
    }

    /// A command that finds nothing of this process's surroundings, but the system's programs.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.tree())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.scratch.path());
        command
    }

    /// Builds the tree anew, lets the command run, and looks at everything afterwards.
    pub fn run(&self, tree: &Tree, command: &mut Command) -> Outcome {
        let scratch = self.scratch.path();
        let root = self.tree();
        clear(&root);
        fs::create_dir(&root).expect("the scratch directory is ours");
        tree.build(&root);
        let (stdout, stderr) = (scratch.join("stdout"), scratch.join("stderr"));
        // New files, not emptied ones: a process that rsync leaves behind may still write to the old.
        for output in [&stdout, &stderr] {
            let _ = fs::remove_file(output);
        }
        let started = SystemTime::now();
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).expect("the scratch directory is ours"))
            .stderr(File::create(&stderr).expect("the scratch directory is ours"))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let ending = match wait(&mut child) {
            None => HUNG.into(),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, signal) => format!("signal {signal:?}"),
            },
        };
        let read = |path: &Path| fs::read(path).expect("made above");
        Outcome {
            ending,
            stdout: normalise::stdout(&read(&stdout)),
            stderr: normalise::stderr(&read(&stderr)),
            tree: snapshot::look(&root, started),
        }
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        clear(&self.scratch.path().join("tree"));
    }
}

/// Waits, but not for ever: `None` for a program that had to be killed.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let started = Instant::now();
    let mut pause = Duration::from_micros(200);
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("our own child") {
            return Some(status);
        }
        std::thread::sleep(pause);
        pause = (pause * 5 / 4).min(Duration::from_millis(20));
    }
    // With whatever it has started: the group is the child's own.
    let group = Pid::from_raw(child.id() as i32);
    killpg(group, Signal::SIGKILL).expect("our own group");
    child.wait().expect("our own child");
    None
}

/// Removes a tree, even directories that nobody may enter.
fn clear(path: &Path) {
    if fs::remove_dir_all(path).is_ok() || !path.exists() {
        return;
    }
    open_up(path);
    fs::remove_dir_all(path).expect("everything is ours");
}

fn open_up(directory: &Path) {
    let open = fs::Permissions::from_mode(0o700);
    fs::set_permissions(directory, open).expect("everything is ours");
    for entry in fs::read_dir(directory).expect("just opened up") {
        let entry = entry.expect("listed");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}
