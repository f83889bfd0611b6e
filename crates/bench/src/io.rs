//! `bench io`: the completion pump on each of its drivers, beside the bare system calls and other
//! libraries, in the same run.

mod bare;
mod compio_runtime;
mod contender;
mod echo;
mod job;
#[cfg(windows)]
mod private_port;
mod pump;
mod pump_echo;
mod task;
mod tokio_runtime;

use std::path::{Path, PathBuf};

use lexopt::ValueExt;

use crate::arguments::{self, Arguments};
use crate::error::{BenchError, Doing};
use crate::harness::{self, Benchmark, Outcome};
use crate::measure::Run;
use crate::report::{Comparison, Named, Report, Row};
use contender::Contender;
use task::{Stage, Task};

const HELP: &str = "\
Usage: cargo run --release -p bench -- io [OPTIONS]

Runs the completion pump on each driver of this system, the bare system calls, tokio and compio
in turn, checks every result, and prints medians and ratios.

Options:
  --dir DIR          where to work (default: the system's temporary directory)
  --with NAME,...    only these contenders, by the heads of their columns: to profile one";

/// Parses the rest of the command line, measures, prints.
pub fn run(parser: lexopt::Parser) -> Result<(), BenchError> {
    let names = Task::names();
    let help = || format!("{HELP}\n{}\n\nNames: {}", arguments::HELP, names.join(", "));
    let mut with = None;
    let arguments = Arguments::parse(parser, help, &names, |option, parser| {
        if option == "with" {
            with = Some(parser.value()?.string()?);
        }
        Ok(option == "with")
    })?;
    let Some(arguments) = arguments else {
        return Ok(());
    };
    let contenders = arguments::chosen(contender::all(), |each| each.name(), with.as_deref())?;
    let parent = place(&arguments)?;
    harness::run(
        benchmark(&contenders),
        &arguments,
        &parent,
        |place, report| {
            report.partial |= with.is_some();
            let in_memory = report.machine.file_system.as_deref() == Some("tmpfs");
            for task in Task::all() {
                let cold = task.is_cold() && (in_memory || !Stage::CAN_DROP_CACHES);
                if cold || !arguments.wants(task.name()) || !sockets_suffice(&task) {
                    continue;
                }
                let row = measure_task(task, report, place, &contenders)?;
                report.rows.push(row);
            }
            Ok(())
        },
    )
}

fn benchmark(contenders: &[Box<dyn Contender>]) -> Benchmark {
    Benchmark {
        command: "io",
        conditions: format!("`auto` is `{}`", contender::auto()),
        comparison: Comparison::Summed,
        contenders: contenders
            .iter()
            .map(|each| Named {
                name: each.name().to_owned(),
                version: None,
                ours: each.is_pump(),
            })
            .collect(),
    }
}

/// Whether the system lets us open as many sockets as the task has.
fn sockets_suffice(task: &Task) -> bool {
    // What else is open: files, rings, standard streams.
    const OTHERS: usize = 64;
    let needed = task.sockets() + OTHERS;
    let suffice = task.sockets() == 0 || fast_io::dir::raise_open_limit() >= needed;
    if !suffice {
        eprintln!(
            "{}: not measured, the system lets us open fewer than {needed} files (`ulimit -Hn`)",
            task.title()
        );
    }
    suffice
}

fn measure_task(
    task: Task,
    report: &Report,
    place: &Path,
    contenders: &[Box<dyn Contender>],
) -> Result<Row, BenchError> {
    let mut stage = Stage::prepare(task, place, report.scale).doing("make files in", place)?;
    let operations = stage.job().count();
    let mut row = report.new_row(task.name(), task.title(), task.unit(), operations);
    row.drawn = task.is_drawn();
    harness::in_turn(report, &mut row, |contender| {
        stage.reset().doing("make files in", place)?;
        let time = contenders[contender].run(stage.job());
        let Some(time) = time.doing("finish a benchmark in", place)? else {
            return Ok(None);
        };
        let difference = stage.difference().doing("verify the files in", place)?;
        let run = Run {
            seconds: time.as_secs_f64(),
            memory: None,
        };
        Ok(Some(Outcome { run, difference }))
    })?;
    Ok(row)
}

/// Where to work: as asked, or where the system keeps what is temporary.
fn place(arguments: &Arguments) -> Result<PathBuf, BenchError> {
    match &arguments.directory {
        Some(directory) => std::path::absolute(directory).doing("find", directory),
        None => Ok(std::env::temp_dir()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn everyone_does_every_task_rightly() {
        let place = tempfile::tempdir().unwrap();
        let contenders = contender::all();
        assert_eq!(contenders[0].name(), contender::auto());
        let report = Report {
            scale: 1e-9,
            runs: 1,
            contenders: benchmark(&contenders).contenders,
            ..sample()
        };
        let can_be = |task: &Task| !task.is_cold() && sockets_suffice(task);
        for task in Task::all().into_iter().filter(can_be) {
            let row = measure_task(task, &report, place.path(), &contenders).unwrap();
            let first = row.runs.iter().find(|runs| !runs.is_empty());
            assert_eq!(first.map(Vec::len), Some(1), "{}", row.title);
        }
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
