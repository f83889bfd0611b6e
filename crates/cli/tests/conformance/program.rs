//! Runs rsync and tidesync, each alone in the same freshly built playground, so that even
//! absolute paths in their messages are equal.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use crate::case::{Case, Outcome};
use crate::{normalise, snapshot};

/// Which of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Rsync,
    Tidesync,
}

/// How long a run may take before it counts as hung; a run takes a small part of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// The ending of a run that had to be killed.
pub const HUNG: &str = "hung";

impl Program {
    fn path(self) -> PathBuf {
        match self {
            Program::Rsync => rsync().clone(),
            Program::Tidesync => std::env::var_os("TIDESYNC_BIN")
                .map_or_else(|| env!("CARGO_BIN_EXE_tidesync").into(), PathBuf::from),
        }
    }
}

/// rsync itself, or a failure that says how to get it: without it, these tests test nothing.
fn rsync() -> &'static PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let path = std::env::var_os("TIDESYNC_RSYNC").map_or_else(|| "rsync".into(), PathBuf::from);
        let output = Command::new(&path).arg("--version").output().unwrap_or_else(|error| {
            panic!("these tests compare with rsync, which cannot be run ({error}): apt-get install rsync")
        });
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            text.starts_with("rsync  version 3."),
            "these tests compare with Samba's rsync 3 (made against 3.5.0); {} is another: {text}",
            path.display()
        );
        path
    })
}

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

    /// How much of the disk a file has after a run, in units of 512 bytes.
    pub fn allocated(&self, path: &str) -> u64 {
        let path = self.scratch.path().join("tree").join(path);
        fs::metadata(path).map_or(0, |file| file.blocks())
    }

    /// Builds the tree anew, lets `program` run, and looks at everything afterwards.
    pub fn run(&self, program: Program, case: &Case) -> Outcome {
        let scratch = self.scratch.path();
        let tree = scratch.join("tree");
        clear(&tree);
        fs::create_dir(&tree).expect("the scratch directory is ours");
        case.tree.build(&tree);
        let (stdout, stderr) = (scratch.join("stdout"), scratch.join("stderr"));
        // New files, not emptied ones: a process that rsync leaves behind may still write to the old.
        for output in [&stdout, &stderr] {
            let _ = fs::remove_file(output);
        }
        let started = SystemTime::now();
        let mut child = Command::new(program.path())
            .args(case.arguments())
            .current_dir(&tree)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", scratch)
            .env("LC_ALL", case.locale)
            .env("TZ", case.time_zone)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).expect("the scratch directory is ours"))
            .stderr(File::create(&stderr).expect("the scratch directory is ours"))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {program:?}: {error}"));
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
            tree: snapshot::look(&tree, started),
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
    child.kill().expect("our own child");
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
