//! `bench io`: the completion pump on each of its drivers, beside the bare system calls and other
//! libraries, in the same run.

mod arguments;
mod bare;
mod compio_runtime;
mod contender;
mod job;
mod pump;
mod report;
mod task;
mod tokio_runtime;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{BenchError, Doing};
use crate::interruption;
use crate::machine::Machine;
use crate::plot;
use arguments::IoArguments;
use contender::Contender;
use report::{IoReport, IoRow};
use task::{Stage, Task};

/// Parses the rest of the command line, measures, prints.
pub fn run(parser: lexopt::Parser) -> Result<(), BenchError> {
    let Some(arguments) = IoArguments::parse(parser)? else {
        return Ok(());
    };
    let parent = place(&arguments)?;
    let place = tempfile::Builder::new()
        .prefix("tidesync-bench-")
        .tempdir_in(&parent)
        .doing("make a directory in", &parent)?;
    let interrupted = interruption::remove_at(place.path());

    let contenders = contender::all();
    let mut report = IoReport {
        machine: Machine::look(place.path()),
        scale: arguments.scale,
        runs: arguments.runs,
        auto: contender::auto(),
        contenders: contenders.iter().map(|c| c.name()).collect(),
        rows: Vec::new(),
    };
    let measured = measure_all(&arguments, place.path(), &contenders, &mut report);
    interrupted.park_if_so();
    // What was measured before a failure is still worth printing.
    if !report.rows.is_empty() {
        print!("{}", report.markdown());
    }
    if let Some(path) = &arguments.json {
        fs::write(path, report.json()).doing("write", path)?;
    }
    if let Some(path) = &arguments.plot {
        fs::write(path, plot::svg(&report.chart())).doing("write", path)?;
    }
    measured
}

fn measure_all(
    arguments: &IoArguments,
    place: &Path,
    contenders: &[Box<dyn Contender>],
    report: &mut IoReport,
) -> Result<(), BenchError> {
    let in_memory = report.machine.file_system.as_deref() == Some("tmpfs");
    for task in Task::all() {
        if !arguments.wants(&task) || (task.is_cold() && (in_memory || !Stage::CAN_DROP_CACHES)) {
            continue;
        }
        let row = measure_task(task, arguments, place, contenders)?;
        report.rows.push(row);
    }
    Ok(())
}

/// A B A B: whatever disturbs the machine for a while disturbs all contenders alike.
fn measure_task(
    task: Task,
    arguments: &IoArguments,
    place: &Path,
    contenders: &[Box<dyn Contender>],
) -> Result<IoRow, BenchError> {
    let mut stage = Stage::prepare(task, place, arguments.scale).doing("make files in", place)?;
    let mut row = IoRow::new(&stage, contenders.len());
    for _ in 0..arguments.runs {
        for (contender, runs) in contenders.iter().zip(&mut row.seconds) {
            stage.reset().doing("make files in", place)?;
            let time = contender
                .run(stage.job())
                .doing("finish a benchmark in", place)?;
            let Some(time) = time else { continue };
            if let Some(difference) = stage.difference().doing("verify the files in", place)? {
                return Err(BenchError::WrongResult {
                    peer: contender.name(),
                    workload: task.kind(),
                    difference,
                });
            }
            runs.push(time.as_secs_f64());
        }
    }
    eprintln!("{}", row.one_line());
    Ok(row)
}

/// Where to work: as asked, or where the system keeps what is temporary.
fn place(arguments: &IoArguments) -> Result<PathBuf, BenchError> {
    match &arguments.directory {
        Some(directory) => std::path::absolute(directory).doing("find", directory),
        None => Ok(std::env::temp_dir()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_does_every_task_rightly() {
        let place = tempfile::tempdir().unwrap();
        let arguments = IoArguments::parse(lexopt::Parser::from_args(["--quick"]));
        let mut arguments = arguments.unwrap().unwrap();
        arguments.scale = 1e-9;
        let contenders = contender::all();
        assert_eq!(contenders[0].name(), contender::auto());
        for task in Task::all().into_iter().filter(|task| !task.is_cold()) {
            let row = measure_task(task, &arguments, place.path(), &contenders).unwrap();
            assert_eq!(row.seconds[0].len(), 1, "{}", row.title);
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
