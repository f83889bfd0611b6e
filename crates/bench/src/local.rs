//! `bench local`: both trees on one file system, the programs in turn.

use std::fs;
use std::path::{Path, PathBuf};

use crate::arguments::{self, Arguments};
use crate::error::{BenchError, Doing};
use crate::harness::{self, Benchmark, Outcome};
use crate::measure::{self, WatchMemory};
use crate::peer::{self, Kind, Peer};
use crate::place;
use crate::report::{Comparison, Named, Report, Row};
use crate::table::Unit;
use crate::workload::Workload;

const HELP: &str = "\
Usage: cargo run --release -p bench -- local [OPTIONS]

Runs tidesync, rsync, cp -a and what else is installed in turn on the same file system,
checks every result, and prints medians and ratios as Markdown tables.

Options:
  --dir DIR          where to work (default: /dev/shm where it is big enough, else the
                     system's temporary directory)
  --tidesync PATH    the tidesync to measure (default: built by cargo, release profile)
  --rsync PATH       the rsync to measure (default: from the PATH)";

/// Parses the rest of the command line, measures, prints.
pub fn run(parser: lexopt::Parser) -> Result<(), BenchError> {
    let (mut tidesync, mut rsync) = (None, None);
    let names = Workload::LOCAL.map(Workload::name);
    let arguments = Arguments::parse(parser, help, &names, |option, parser| {
        let program: &mut Option<PathBuf> = match option {
            "tidesync" => &mut tidesync,
            "rsync" => &mut rsync,
            _ => return Ok(false),
        };
        *program = Some(parser.value()?.into());
        Ok(true)
    })?;
    let Some(arguments) = arguments else {
        return Ok(());
    };
    let peers = peer::find_all(tidesync.as_deref(), rsync.as_deref())?;
    let workloads: Vec<Workload> = wanted(&arguments).collect();
    let parent = place::choose(&arguments, &workloads)?;
    let named = |peer: &Peer| Named {
        name: peer.kind.name().to_owned(),
        version: Some(peer.version.clone()),
        ours: matches!(peer.kind, Kind::Tidesync),
    };
    let benchmark = Benchmark {
        command: "local",
        conditions: "caches warm".to_owned(),
        comparison: Comparison::Beside,
        contenders: peers.iter().map(named).collect(),
    };
    harness::run(benchmark, &arguments, &parent, |place, report| {
        for workload in workloads {
            let directory = place.join(workload.name());
            fs::create_dir(&directory).doing("create", &directory)?;
            let row = measure_workload(workload, report, &directory, &peers)?;
            report.rows.push(row);
            fs::remove_dir_all(&directory).doing("clear", &directory)?;
        }
        Ok(())
    })
}

fn help() -> String {
    let mut text = format!("{HELP}\n{}\n\nNames:", arguments::HELP);
    for workload in Workload::LOCAL {
        text.push_str(&format!(
            "\n  {:<12} {}",
            workload.name(),
            workload.title(1.0)
        ));
    }
    text
}

/// In the order of the table, whatever order was typed.
fn wanted(arguments: &Arguments) -> impl Iterator<Item = Workload> {
    Workload::LOCAL
        .into_iter()
        .filter(|workload| arguments.wants(workload.name()))
}

fn measure_workload(
    workload: Workload,
    report: &Report,
    directory: &Path,
    peers: &[Peer],
) -> Result<Row, BenchError> {
    eprintln!("{}: making the files", workload.name());
    let stage = workload.prepare(directory, report.scale)?;
    let watch = match workload {
        Workload::Million => WatchMemory::Yes,
        _ => WatchMemory::No,
    };
    let title = workload.title(report.scale);
    let mut row = report.new_row(workload.name(), title, Unit::Seconds, 1);
    harness::in_turn(report, &mut row, |contender| {
        let peer = &peers[contender];
        stage.reset()?;
        let Some(run) = measure::run(peer, workload, stage.directory(), watch)? else {
            return Ok(None);
        };
        let difference = stage.difference(peer.kind.fidelity())?;
        Ok(Some(Outcome { run, difference }))
    })?;
    Ok(row)
}
