//! What can keep a benchmark from giving an honest number, each with its cure.

use std::io;
use std::path::{Path, PathBuf};

/// Why the measurement stopped.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),

    /// A program that the comparison needs is not there.
    #[error("cannot find {program}: {cure}")]
    Missing {
        /// What was looked for.
        program: String,
        /// What the user can do about it.
        cure: &'static str,
    },

    /// The directory cannot hold a workload.
    #[error(
        "workload `{workload}` needs {needed} {unit} in {directory}, which has room for \
         {available}: choose another place with --dir, a smaller --scale, or fewer with --only"
    )]
    Room {
        /// The workload that does not fit.
        workload: &'static str,
        /// How much it needs.
        needed: u64,
        /// What is counted: "MiB" or "files".
        unit: &'static str,
        /// Where it was to be made.
        directory: PathBuf,
        /// How much there is.
        available: u64,
    },

    /// A peer ended with an error, so its time means nothing.
    #[error("{peer} failed on workload `{workload}` ({status}): {stderr}")]
    PeerFailed {
        /// The program's name.
        peer: String,
        /// What it was doing.
        workload: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said.
        stderr: String,
    },

    /// A peer ended well and did the wrong thing.
    #[error(
        "{peer} gave a wrong result on workload `{workload}`: {difference}\n\
         Its time would mean nothing, so the run stops here. Repeat it with \
         `--only {workload} --runs 1` to look closer."
    )]
    WrongResult {
        /// The program's name.
        peer: String,
        /// What it was doing.
        workload: String,
        /// The first difference found.
        difference: String,
    },

    /// What was to be published is not fit for it.
    #[error("{} is not published: {reason}", .path.display())]
    Unfit {
        /// The report.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// `cargo build` did not give us a tidesync.
    #[error(
        "cannot build tidesync ({0}): repair the build, or name a program with --tidesync PATH"
    )]
    Build(String),

    /// The system refused something to the benchmark itself.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl From<lexopt::Error> for BenchError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Names the action and the path of a failed system call.
pub trait Doing<T> {
    /// Turns an [`io::Error`] into a [`BenchError::Io`] that says what was tried.
    fn doing(self, action: &'static str, path: &Path) -> Result<T, BenchError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, BenchError> {
        self.map_err(|source| BenchError::Io {
            action,
            path: path.to_owned(),
            source,
        })
    }
}
