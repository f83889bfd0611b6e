//! `bench remote`: one tree on either side of a connection, every pair of programs in turn.

mod errand;
mod link;
mod pair;

use std::fs;
use std::path::{Path, PathBuf};

use lexopt::ValueExt;

use crate::arguments::{self, Arguments};
use crate::compare_trees::Fidelity;
use crate::error::{BenchError, Doing};
use crate::harness::{self, Benchmark, Outcome};
use crate::measure::{self, WatchMemory};
use crate::peer::{self, Kind};
use crate::place;
use crate::report::{Comparison, Named, Report, Row};
use crate::table::Unit;
use crate::workload::{Stage, Workload};
use errand::Errand;
pub use link::{REMOTE_SHELL, shell};
use pair::Pair;

const HELP: &str = "\
Usage: cargo run --release -p bench -- remote [OPTIONS]

Runs tidesync and rsync as clients with tidesync and rsync as servers, in turn, through a remote
shell that only starts the server on this machine, checks every result, and prints medians and
ratios as Markdown tables. The columns are client/server.

Options:
  --dir DIR          where to work (default: /dev/shm where it is big enough, else the
                     system's temporary directory)
  --tidesync PATH    the tidesync to measure (default: built by cargo, release profile)
  --rsync PATH       the rsync to measure (default: from the PATH)
  --with NAME,...    only these pairs, by the heads of their columns";

/// Parses the rest of the command line, measures, prints.
pub fn run(parser: lexopt::Parser) -> Result<(), BenchError> {
    let (mut tidesync, mut rsync, mut with) = (None, None, None);
    let names = Errand::ALL.map(|errand| errand.name);
    let arguments = Arguments::parse(parser, help, &names, |option, parser| {
        let program: &mut Option<PathBuf> = match option {
            "tidesync" => &mut tidesync,
            "rsync" => &mut rsync,
            "with" => {
                with = Some(parser.value()?.string()?);
                return Ok(true);
            }
            _ => return Ok(false),
        };
        *program = Some(parser.value()?.into());
        Ok(true)
    })?;
    let Some(arguments) = arguments else {
        return Ok(());
    };
    let mut peers = peer::find_all(tidesync.as_deref(), rsync.as_deref())?;
    peers.retain(|peer| matches!(peer.kind, Kind::Tidesync | Kind::Rsync));
    let pairs = arguments::chosen(Pair::of(&peers), |pair| &pair.name, with.as_deref())?;
    let wanted: Vec<Errand> = Errand::ALL
        .into_iter()
        .filter(|errand| arguments.wants(errand.name))
        .collect();
    let workloads: Vec<Workload> = wanted.iter().map(|errand| errand.workload).collect();
    let parent = place::choose(&arguments, &workloads)?;
    let versions: Vec<String> = peers.iter().map(|peer| peer.version.clone()).collect();
    let benchmark = Benchmark {
        command: "remote",
        conditions: format!("caches warm, {}", versions.join(" and ")),
        comparison: Comparison::WithFirst,
        contenders: pairs.iter().map(named).collect(),
    };
    harness::run(benchmark, &arguments, &parent, |place, report| {
        report.partial |= with.is_some();
        // What several errands share is made once.
        for same in wanted.chunk_by(|one, next| one.workload == next.workload) {
            let workload = same[0].workload;
            let directory = place.join(workload.name());
            fs::create_dir(&directory).doing("create", &directory)?;
            eprintln!("{}: making the files", workload.name());
            let stage = workload.prepare(&directory, report.scale)?;
            for errand in same {
                let row = measure_errand(errand, report, &stage, &pairs)?;
                report.rows.push(row);
            }
            fs::remove_dir_all(&directory).doing("clear", &directory)?;
        }
        Ok(())
    })
}

fn named(pair: &Pair) -> Named {
    Named {
        name: pair.name.clone(),
        version: None,
        ours: pair.is_ours(),
    }
}

fn help() -> String {
    let mut text = format!("{HELP}\n{}\n\nNames:", arguments::HELP);
    for errand in Errand::ALL {
        text.push_str(&format!("\n  {:<14} {}", errand.name, errand.title(1.0)));
    }
    text
}

fn measure_errand(
    errand: &Errand,
    report: &Report,
    stage: &Stage,
    pairs: &[Pair],
) -> Result<Row, BenchError> {
    let watch = match errand.workload {
        Workload::Million => WatchMemory::Yes,
        _ => WatchMemory::No,
    };
    let title = errand.title(report.scale);
    let mut row = report.new_row(errand.name, title, Unit::Seconds, 1);
    harness::in_turn(report, &mut row, |contender| {
        let pair = &pairs[contender];
        stage.reset()?;
        let run = once(pair, errand, stage.directory(), watch)?;
        let difference = stage.difference(Fidelity::FULL)?;
        Ok(Some(Outcome { run, difference }))
    })?;
    Ok(row)
}

fn once(
    pair: &Pair,
    errand: &Errand,
    directory: &Path,
    watch: WatchMemory,
) -> Result<measure::Run, BenchError> {
    let (run, status, stderr) = measure::timed(&mut pair.command(errand, directory)?, watch)?;
    if status.success() {
        return Ok(run);
    }
    Err(BenchError::PeerFailed {
        peer: pair.name.clone(),
        workload: errand.name,
        status,
        stderr,
    })
}
