//! One timed run of one program, and the statistics of several.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::{BenchError, Doing};
use crate::peak_memory::{self, PeakMemory};
use crate::peer::Peer;
use crate::workload::Workload;

/// What one run took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Of a program: from before it was started until it was gone.
    pub seconds: f64,
    /// Where it was asked for and the system can tell.
    pub memory: Option<PeakMemory>,
}

/// Whether the memory of a run is watched, which costs a little of its time.
#[derive(Clone, Copy, PartialEq)]
pub enum WatchMemory {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// Runs the program on the workload in `directory`; `None` when it cannot do this task.
pub fn run(
    peer: &Peer,
    workload: Workload,
    directory: &Path,
    watch: WatchMemory,
) -> Result<Option<Run>, BenchError> {
    let Some(arguments) = peer.kind.arguments(workload.task()) else {
        return Ok(None);
    };
    let mut command = Command::new(&peer.program);
    command.args(arguments).current_dir(directory);
    let (run, status, stderr) = timed(&mut command, watch)?;
    if !peer.kind.succeeded(status.code()) {
        return Err(BenchError::PeerFailed {
            peer: peer.kind.name().to_owned(),
            workload: workload.name(),
            status,
            stderr,
        });
    }
    Ok(Some(run))
}

/// Runs the command to its end: what it took, how it ended, and what it said of it.
pub fn timed(
    command: &mut Command,
    watch: WatchMemory,
) -> Result<(Run, ExitStatus, String), BenchError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let program = PathBuf::from(command.get_program());
    let start = Instant::now();
    let child = command.spawn().doing("start", &program)?;
    let process = child.id();
    let (output, time, memory) = thread::scope(|scope| {
        let (running, ended) = mpsc::channel();
        let watcher = (watch == WatchMemory::Yes)
            .then(|| scope.spawn(move || peak_memory::watch(process, &ended)));
        let output = child.wait_with_output();
        let time = start.elapsed();
        drop(running);
        let memory = watcher.and_then(|watcher| watcher.join().ok().flatten());
        (output, time, memory)
    });

    let output = output.doing("wait for", &program)?;
    let run = Run {
        seconds: time.as_secs_f64(),
        memory,
    };
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok((run, output.status, stderr))
}

/// The middle value, or the mean of the middle two; `None` of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_order_and_outliers() {
        assert_eq!(median([3.0, 900.0, 1.0]), Some(3.0));
        assert_eq!(median([4.0, 1.0, 2.0, 900.0]), Some(3.0));
        assert_eq!(median([5.0]), Some(5.0));
        assert_eq!(median([]), None);
    }
}
