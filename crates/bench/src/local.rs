//! `bench local`: both trees on one file system, the programs in turn.

use std::fs;
use std::path::{Path, PathBuf};

use crate::arguments::LocalArguments;
use crate::error::{BenchError, Doing};
use crate::interruption;
use crate::machine::Machine;
use crate::measure::{self, WatchMemory};
use crate::peer::{self, Peer};
use crate::plot;
use crate::report::{Report, Row};
use crate::workload::Workload;

/// Parses the rest of the command line, measures, prints.
pub fn run(parser: lexopt::Parser) -> Result<(), BenchError> {
    let Some(arguments) = LocalArguments::parse(parser)? else {
        return Ok(());
    };
    let peers = peer::find_all(arguments.tidesync.as_deref(), arguments.rsync.as_deref())?;
    let parent = place(&arguments)?;
    check_room(&arguments, &parent)?;

    let place = tempfile::Builder::new()
        .prefix("tidesync-bench-")
        .tempdir_in(&parent)
        .doing("make a directory in", &parent)?;
    let interrupted = interruption::remove_at(place.path());

    let mut report = Report {
        machine: Machine::look(place.path()),
        scale: arguments.scale,
        runs: arguments.runs,
        peers,
        rows: Vec::new(),
    };
    let measured = measure_all(&arguments, place.path(), &mut report);
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
    arguments: &LocalArguments,
    place: &Path,
    report: &mut Report,
) -> Result<(), BenchError> {
    for &workload in &arguments.workloads {
        let directory = place.join(workload.name());
        fs::create_dir(&directory).doing("create", &directory)?;
        let row = measure_workload(workload, arguments, &directory, &report.peers)?;
        report.rows.push(row);
        fs::remove_dir_all(&directory).doing("clear", &directory)?;
    }
    Ok(())
}

/// A B A B: whatever disturbs the machine for a while disturbs all programs alike.
fn measure_workload(
    workload: Workload,
    arguments: &LocalArguments,
    directory: &Path,
    peers: &[Peer],
) -> Result<Row, BenchError> {
    eprintln!("{}: making the files", workload.name());
    let stage = workload.prepare(directory, arguments.scale)?;
    let watch = match workload {
        Workload::Million => WatchMemory::Yes,
        _ => WatchMemory::No,
    };
    let mut row = Row::new(workload, arguments.scale, peers.len());
    for round in 1..=arguments.runs {
        for (peer, runs) in peers.iter().zip(&mut row.runs) {
            stage.reset()?;
            let Some(run) = measure::run(peer, workload, stage.directory(), watch)? else {
                continue;
            };
            if let Some(difference) = stage.difference(peer.kind.fidelity())? {
                return Err(BenchError::WrongResult {
                    peer: peer.kind.name(),
                    workload: workload.name(),
                    difference,
                });
            }
            eprintln!(
                "{}: run {round} of {}: {} {:.3} s",
                workload.name(),
                arguments.runs,
                peer.kind.name(),
                run.time.as_secs_f64()
            );
            runs.push(run);
        }
    }
    Ok(row)
}

/// Where to work: as asked, or in memory where that is offered and big enough.
fn place(arguments: &LocalArguments) -> Result<PathBuf, BenchError> {
    if let Some(directory) = &arguments.directory {
        return std::path::absolute(directory).doing("find", directory);
    }
    let memory = PathBuf::from("/dev/shm");
    let writable = tempfile::tempfile_in(&memory).is_ok();
    if cfg!(target_os = "linux") && writable && check_room(arguments, &memory).is_ok() {
        return Ok(memory);
    }
    Ok(std::env::temp_dir())
}

/// Workloads are made one after the other, so each must fit, not all together.
fn check_room(arguments: &LocalArguments, directory: &Path) -> Result<(), BenchError> {
    arguments
        .workloads
        .iter()
        .try_for_each(|workload| workload.check_room(directory, arguments.scale))
}
