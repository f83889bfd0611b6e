//! The programs that are compared: where they are, what they are asked, what they keep.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bare_copy;
use crate::compare_trees::Fidelity;
use crate::error::BenchError;
use crate::workload::{DESTINATION, SOURCE, Task};

/// Which program it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Ours.
    Tidesync,
    /// The original.
    Rsync,
    /// The plainest copy of a Unix.
    Cp,
    /// The cloud tool, used locally.
    Rclone,
    /// The copy tool of Windows.
    Robocopy,
    /// Nobody's program: the least that any of them has to do, see [`bare_copy`].
    Bare,
}

/// The benchmark's own sub-command behind [`Kind::Bare`].
pub const BARE_COPY: &str = "bare-copy";

/// A program that was found on this machine.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Which it is.
    pub kind: Kind,
    /// Where it is.
    pub program: PathBuf,
    /// The first line that it says of itself.
    pub version: String,
}

impl Kind {
    /// What the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tidesync => "tidesync",
            Self::Rsync => "rsync",
            Self::Cp => "cp -a",
            Self::Rclone => "rclone",
            Self::Robocopy => "robocopy",
            Self::Bare => "bare calls",
        }
    }

    /// The arguments for a task, for a program that runs in the directory that holds both trees
    /// (relative paths spare us drive letters); `None` when the program cannot do it.
    pub fn arguments(self, task: Task) -> Option<Vec<String>> {
        let (source, destination) = (format!("{SOURCE}/"), format!("{DESTINATION}/"));
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let mut arguments: Vec<String> = match (self, task) {
            (Self::Tidesync | Self::Rsync, task) => words(match task {
                Task::Copy | Task::CopySmall | Task::Update => &["-a"],
                Task::DryRun => &["-a", "-n"],
                Task::Delta => &["-a", "--no-W"],
                Task::Checksum => &["-a", "-c"],
            }),
            (Self::Cp, Task::Copy | Task::CopySmall) => {
                return Some(words(&["-a", &format!("{SOURCE}/."), &destination]));
            }
            (Self::Rclone, Task::Copy | Task::CopySmall | Task::Update) => words(&["sync", "-q"]),
            (Self::Rclone, Task::DryRun) => words(&["sync", "-q", "--dry-run"]),
            (Self::Rclone, Task::Checksum) => words(&["sync", "-q", "--checksum"]),
            (Self::Robocopy, Task::Copy | Task::CopySmall | Task::Update | Task::DryRun) => {
                let mut all: Vec<String> = words(&[
                    SOURCE,
                    DESTINATION,
                    "/E",
                    "/COPY:DAT",
                    "/DCOPY:DAT",
                    "/MT",
                    "/R:0",
                    "/NFL",
                    "/NDL",
                    "/NJH",
                    "/NJS",
                    "/NP",
                ]);
                if task == Task::DryRun {
                    all.push("/L".to_owned());
                }
                return Some(all);
            }
            (Self::Bare, Task::CopySmall) => words(&[BARE_COPY]),
            (Self::Cp | Self::Rclone | Self::Robocopy | Self::Bare, _) => return None,
        };
        arguments.extend([source, destination]);
        Some(arguments)
    }

    /// What the program keeps of an entry.
    pub fn fidelity(self) -> Fidelity {
        match self {
            Self::Tidesync | Self::Rsync | Self::Cp | Self::Robocopy | Self::Bare => Fidelity::FULL,
            Self::Rclone => Fidelity {
                modes: false,
                directory_times: false,
            },
        }
    }

    /// Whether the program means success by this exit code.
    pub fn succeeded(self, code: Option<i32>) -> bool {
        match self {
            // Below 8, robocopy's code says what was copied, not what failed.
            Self::Robocopy => code.is_some_and(|code| code < 8),
            _ => code == Some(0),
        }
    }
}

/// All programs that this machine has, ours first. `tidesync` and `rsync` are the paths that the
/// user gave.
pub fn find_all(tidesync: Option<&Path>, rsync: Option<&Path>) -> Result<Vec<Peer>, BenchError> {
    let tidesync = match tidesync {
        Some(path) => named(path, "give --tidesync the path of a program")?,
        None => build_tidesync()?,
    };
    let rsync = match rsync {
        Some(path) => Some(named(path, "give --rsync the path of a program")?),
        // On Windows there is none to expect, and robocopy to compare with.
        None if cfg!(windows) => None,
        None => Some(on_path("rsync").ok_or(BenchError::Missing {
            program: "rsync".to_owned(),
            cure: "install it with your package manager, or name one with --rsync PATH",
        })?),
    };
    let found = [
        (Kind::Tidesync, Some(tidesync)),
        (Kind::Rsync, rsync),
        (Kind::Cp, on_path("cp").filter(|_| cfg!(unix))),
        (Kind::Rclone, on_path("rclone")),
        (
            Kind::Robocopy,
            on_path("robocopy").filter(|found| cfg!(windows) && copies(Kind::Robocopy, found)),
        ),
        (
            Kind::Bare,
            env::current_exe().ok().filter(|_| bare_copy::AVAILABLE),
        ),
    ];
    Ok(found
        .into_iter()
        .filter_map(|(kind, program)| {
            let program = program?;
            let version = version(kind, &program);
            Some(Peer {
                kind,
                program,
                version,
            })
        })
        .collect())
}

/// Builds tidesync in the release profile and finds it beside this program.
fn build_tidesync() -> Result<PathBuf, BenchError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "-p", "cli"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .status()
        .map_err(|error| BenchError::Build(error.to_string()))?;
    if !status.success() {
        return Err(BenchError::Build(status.to_string()));
    }
    let here = env::current_exe().map_err(|error| BenchError::Build(error.to_string()))?;
    let program = format!("tidesync{}", env::consts::EXE_SUFFIX);
    here.parent()
        .map(|profile| profile.with_file_name("release").join(program))
        .filter(|path| path.is_file())
        .ok_or_else(|| BenchError::Build("it is not beside the benchmark".to_owned()))
}

/// The absolute path of a program that the user named: the programs run elsewhere.
fn named(path: &Path, cure: &'static str) -> Result<PathBuf, BenchError> {
    std::path::absolute(path)
        .ok()
        .filter(|path| path.is_file())
        .ok_or_else(|| BenchError::Missing {
            program: path.display().to_string(),
            cure,
        })
}

fn on_path(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join(&file))
        .find(|path| path.is_absolute() && path.is_file())
}

/// Whether a program does its work at all: Wine's robocopy, for one, is there and only ends.
fn copies(kind: Kind, program: &Path) -> bool {
    let tried = tempfile::tempdir().and_then(|scratch| {
        fs::create_dir_all(scratch.path().join(SOURCE).join("directory"))?;
        let output = Command::new(program)
            .args(kind.arguments(Task::Copy).unwrap_or_default())
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .output()?;
        let copy = scratch.path().join(DESTINATION).join("directory");
        Ok(kind.succeeded(output.status.code()) && copy.is_dir())
    });
    let works = tried.unwrap_or(false);
    if !works {
        eprintln!(
            "bench: {} is installed here but copies nothing: left out",
            kind.name()
        );
    }
    works
}

fn version(kind: Kind, program: &Path) -> String {
    match kind {
        Kind::Robocopy => return "as installed".to_owned(),
        Kind::Bare => return "the system calls of a copy, by this benchmark itself".to_owned(),
        _ => {}
    }
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
        _ => "version not known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rsync_and_tidesync_are_asked_the_same() {
        for task in [
            Task::Copy,
            Task::CopySmall,
            Task::Update,
            Task::DryRun,
            Task::Delta,
            Task::Checksum,
        ] {
            assert_eq!(Kind::Rsync.arguments(task), Kind::Tidesync.arguments(task));
        }
        assert_eq!(
            Kind::Rsync.arguments(Task::Delta).unwrap(),
            ["-a", "--no-W", "source/", "destination/"]
        );
    }

    #[test]
    fn programs_are_not_asked_what_they_cannot_do() {
        assert_eq!(Kind::Cp.arguments(Task::Delta), None);
        assert_eq!(Kind::Cp.arguments(Task::Update), None);
        assert_eq!(Kind::Rclone.arguments(Task::Delta), None);
        assert_eq!(Kind::Bare.arguments(Task::Copy), None);
        assert_eq!(
            Kind::Cp.arguments(Task::Copy).unwrap(),
            ["-a", "source/.", "destination/"]
        );
    }

    #[test]
    fn only_robocopy_succeeds_with_a_code() {
        assert!(Kind::Robocopy.succeeded(Some(3)));
        assert!(!Kind::Robocopy.succeeded(Some(8)));
        assert!(!Kind::Rsync.succeeded(Some(3)));
        assert!(!Kind::Rsync.succeeded(None));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_copies_nothing_is_told_from_one_that_does() {
        assert!(copies(Kind::Cp, &on_path("cp").unwrap()));
        assert!(!copies(Kind::Cp, &on_path("true").unwrap()));
        assert!(!copies(Kind::Cp, Path::new("no/such/program")));
    }

    #[test]
    fn a_program_that_is_not_there_is_named_with_the_cure() {
        let error = find_all(Some(Path::new("no/such/program")), None).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("no/such/program") && said.contains("--tidesync"));
    }
}
