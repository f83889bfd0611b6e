//! The command line of `bench local`.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::error::BenchError;
use crate::workload::Workload;

const HELP: &str = "\
Usage: cargo run --release -p bench -- local [OPTIONS]

Runs tidesync, rsync, cp -a and what else is installed in turn on the same file system,
checks every result, and prints medians and ratios as Markdown tables.

Options:
  --dir DIR          where to work (default: /dev/shm where it is big enough, else the
                     system's temporary directory)
  --runs N           timed runs of each program (default: 3)
  --only NAME,...    only these workloads
  --scale F          a fraction of the full size, for a quick look (default: 1)
  --tidesync PATH    the tidesync to measure (default: built by cargo, release profile)
  --rsync PATH       the rsync to measure (default: from the PATH)
  --plot FILE.svg    draw the ratios
  --json FILE        write the raw numbers

Workloads:";

/// What `bench local` was asked to do.
#[derive(Debug, PartialEq)]
pub struct LocalArguments {
    /// Where to work, if the user cares.
    pub directory: Option<PathBuf>,
    /// Timed runs of each program.
    pub runs: usize,
    /// The workloads to measure, in the order of the table.
    pub workloads: Vec<Workload>,
    /// The fraction of the full size, above 0 and at most 1.
    pub scale: f64,
    /// A tidesync that need not be built.
    pub tidesync: Option<PathBuf>,
    /// An rsync that need not be searched.
    pub rsync: Option<PathBuf>,
    /// Where to draw the ratios.
    pub plot: Option<PathBuf>,
    /// Where to write the raw numbers.
    pub json: Option<PathBuf>,
}

impl LocalArguments {
    /// Parses what follows `local`; `None` when the user only asked for help.
    pub fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, BenchError> {
        let mut arguments = Self {
            directory: None,
            runs: 3,
            workloads: Workload::ALL.to_vec(),
            scale: 1.0,
            tidesync: None,
            rsync: None,
            plot: None,
            json: None,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("dir") => arguments.directory = Some(parser.value()?.into()),
                Long("runs") => arguments.runs = runs(&parser.value()?.string()?)?,
                Long("only") => arguments.workloads = selection(&parser.value()?.string()?)?,
                Long("scale") => arguments.scale = scale(&parser.value()?.string()?)?,
                Long("tidesync") => arguments.tidesync = Some(parser.value()?.into()),
                Long("rsync") => arguments.rsync = Some(parser.value()?.into()),
                Long("plot") => arguments.plot = Some(parser.value()?.into()),
                Long("json") => arguments.json = Some(parser.value()?.into()),
                Long("help") | Short('h') => {
                    println!("{}", help());
                    return Ok(None);
                }
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Some(arguments))
    }
}

fn help() -> String {
    let mut text = HELP.to_owned();
    for workload in Workload::ALL {
        text.push_str(&format!(
            "\n  {:<12} {}",
            workload.name(),
            workload.title(1.0)
        ));
    }
    text
}

/// A number of runs.
pub fn runs(text: &str) -> Result<usize, BenchError> {
    match text.parse() {
        Ok(runs) if runs > 0 => Ok(runs),
        _ => Err(BenchError::Usage(format!(
            "--runs takes a whole number from 1, not `{text}`"
        ))),
    }
}

/// A fraction of the full size.
pub fn scale(text: &str) -> Result<f64, BenchError> {
    match text.parse() {
        Ok(scale) if scale > 0.0 && scale <= 1.0 => Ok(scale),
        _ => Err(BenchError::Usage(format!(
            "--scale takes a number above 0 and at most 1, not `{text}`"
        ))),
    }
}

/// Reads `small,delta` into workloads, in the order of the table whatever order was typed.
fn selection(text: &str) -> Result<Vec<Workload>, BenchError> {
    let wanted: Vec<&str> = text.split(',').collect();
    for name in &wanted {
        if !Workload::ALL.iter().any(|known| known.name() == *name) {
            let known: Vec<&str> = Workload::ALL.iter().map(|known| known.name()).collect();
            return Err(BenchError::Usage(format!(
                "no workload is called `{name}`; there are {}",
                known.join(", ")
            )));
        }
    }
    Ok(Workload::ALL
        .into_iter()
        .filter(|known| wanted.contains(&known.name()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Option<LocalArguments>, BenchError> {
        LocalArguments::parse(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn options_are_read_and_workloads_keep_the_order_of_the_table() {
        let arguments = parse(&["--runs=5", "--only", "delta,small", "--scale", "0.02"])
            .unwrap()
            .unwrap();
        assert_eq!(arguments.runs, 5);
        assert_eq!(arguments.workloads, [Workload::Small, Workload::Delta]);
        assert_eq!(arguments.scale, 0.02);
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        for (arguments, said) in [
            (vec!["--runs", "0"], "--runs"),
            (vec!["--scale", "1.5"], "--scale"),
            (vec!["--scale", "NaN"], "--scale"),
            (vec!["--only", "small,tiny"], "`tiny`"),
            (vec!["--fast"], "--fast"),
        ] {
            let message = parse(&arguments).unwrap_err().to_string();
            assert!(message.contains(said), "{arguments:?} said {message}");
        }
    }
}
