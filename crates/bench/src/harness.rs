//! What every benchmark does around its own work: a place that goes away again, contenders in
//! turn, results checked, and everything told at the end, also after a failure.

use std::fs;
use std::path::Path;

use crate::arguments::Arguments;
use crate::error::{BenchError, Doing};
use crate::interruption;
use crate::machine::{self, Machine};
use crate::measure::Run;
use crate::plot;
use crate::report::{Comparison, Named, Report, Row, VERSION};

/// What a benchmark says of itself.
pub struct Benchmark {
    /// The name of its command.
    pub command: &'static str,
    /// What a reader must know of the numbers.
    pub conditions: String,
    /// How its contenders are compared.
    pub comparison: Comparison,
    /// Who takes part, the one that all others are compared with first.
    pub contenders: Vec<Named>,
}

/// Has `measure` fill a report in a new directory below `parent`, then tells what it found.
pub fn run(
    benchmark: Benchmark,
    arguments: &Arguments,
    parent: &Path,
    measure: impl FnOnce(&Path, &mut Report) -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    let place = tempfile::Builder::new()
        .prefix("tidesync-bench-")
        .tempdir_in(parent)
        .doing("make a directory in", parent)?;
    let interrupted = interruption::remove_at(place.path());

    let mut report = Report {
        version: VERSION,
        name: benchmark.command.to_owned() + machine::suffix(),
        machine: Machine::look(place.path()),
        scale: arguments.scale,
        runs: arguments.runs,
        partial: !arguments.only.is_empty(),
        conditions: benchmark.conditions,
        comparison: benchmark.comparison,
        contenders: benchmark.contenders,
        rows: Vec::new(),
    };
    let measured = measure(place.path(), &mut report);
    interrupted.park_if_so();
    report.partial |= measured.is_err();
    // What was measured before a failure is still worth printing.
    if !report.rows.is_empty() {
        print!("{}", report.markdown());
    }
    if let Some(path) = &arguments.json {
        let written = report.json().and_then(|json| fs::write(path, json));
        written.doing("write", path)?;
    }
    if let Some(path) = &arguments.plot {
        fs::write(path, plot::svg(&report)).doing("write", path)?;
    }
    measured
}

/// One run, and what it did wrong, if anything.
pub struct Outcome {
    /// The run.
    pub run: Run,
    /// The first difference from what should have come out.
    pub difference: Option<String>,
}

/// A B A B: whatever disturbs the machine for a while disturbs all contenders alike. `once` has one
/// of them do the task, or says that it cannot.
pub fn in_turn(
    report: &Report,
    row: &mut Row,
    mut once: impl FnMut(usize) -> Result<Option<Outcome>, BenchError>,
) -> Result<(), BenchError> {
    for _ in 0..report.runs {
        for (contender, runs) in row.runs.iter_mut().enumerate() {
            let Some(outcome) = once(contender)? else {
                continue;
            };
            if let Some(difference) = outcome.difference {
                return Err(BenchError::WrongResult {
                    peer: report.contenders[contender].name.clone(),
                    workload: row.name.clone(),
                    difference,
                });
            }
            runs.push(outcome.run);
        }
    }
    eprintln!("{}", row.one_line());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;
    use crate::table::Unit;

    #[test]
    fn contenders_take_turns_until_a_result_is_wrong() {
        let report = sample();
        let new_row = || report.new_row("small", String::new(), Unit::Seconds, 1);
        let outcome = |seconds, difference| {
            let memory = None;
            let run = Run { seconds, memory };
            Ok(Some(Outcome { run, difference }))
        };
        let (mut row, mut turns) = (new_row(), Vec::new());
        in_turn(&report, &mut row, |contender| {
            turns.push(contender);
            match contender {
                2 => Ok(None),
                _ => outcome(turns.len() as f64, None),
            }
        })
        .unwrap();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
        assert_eq!([row.seconds(0), row.seconds(1)], [Some(4.0), Some(5.0)]);
        assert_eq!(row.seconds(2), None);

        let error = in_turn(&report, &mut new_row(), |contender| {
            outcome(
                1.0,
                (contender == 1).then(|| "a file is missing".to_owned()),
            )
        });
        let message = error.unwrap_err().to_string();
        assert!(message.contains("rsync") && message.contains("a file is missing"));
    }
}
