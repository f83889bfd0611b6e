//! The command line of `bench io`.

use std::path::PathBuf;

use lexopt::prelude::*;

use super::task::Task;
use crate::arguments::{runs, scale};
use crate::error::BenchError;

const HELP: &str = "\
Usage: cargo run --release -p bench -- io [OPTIONS]

Runs the completion pump on each driver of this system, the bare system calls on one thread,
tokio and compio in turn, checks every result, and prints medians and ratios.

Options:
  --dir DIR          where to work (default: the system's temporary directory)
  --runs N           timed runs of each contender (default: 3)
  --only KIND,...    only these kinds: nothing, work, write, scattered, fed, files, warm, cold
  --scale F          a fraction of the full number of operations (default: 1)
  --quick            the same as --scale 0.05 --runs 1
  --plot FILE.svg    draw the ratios
  --json FILE        write the raw numbers";

/// What `bench io` was asked to do.
#[derive(Debug, PartialEq)]
pub struct IoArguments {
    /// Where to work, if the user cares.
    pub directory: Option<PathBuf>,
    /// Timed runs of each contender.
    pub runs: usize,
    /// The fraction of the full size, above 0 and at most 1.
    pub scale: f64,
    /// The kinds of task to measure; all if there is none.
    pub only: Vec<String>,
    /// Where to draw the ratios.
    pub plot: Option<PathBuf>,
    /// Where to write the raw numbers.
    pub json: Option<PathBuf>,
}

impl IoArguments {
    /// Parses what follows `io`; `None` when the user only asked for help.
    pub fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, BenchError> {
        let mut arguments = Self {
            directory: None,
            runs: 3,
            scale: 1.0,
            only: Vec::new(),
            plot: None,
            json: None,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("dir") => arguments.directory = Some(parser.value()?.into()),
                Long("runs") => arguments.runs = runs(&parser.value()?.string()?)?,
                Long("only") => arguments.only = selection(&parser.value()?.string()?)?,
                Long("scale") => arguments.scale = scale(&parser.value()?.string()?)?,
                Long("quick") => (arguments.scale, arguments.runs) = (0.05, 1),
                Long("plot") => arguments.plot = Some(parser.value()?.into()),
                Long("json") => arguments.json = Some(parser.value()?.into()),
                Long("help") | Short('h') => {
                    println!("{HELP}");
                    return Ok(None);
                }
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Some(arguments))
    }

    /// Whether this task is to be measured.
    pub fn wants(&self, task: &Task) -> bool {
        self.only.is_empty() || self.only.iter().any(|kind| kind == task.kind())
    }
}

fn selection(text: &str) -> Result<Vec<String>, BenchError> {
    let wanted: Vec<String> = text.split(',').map(str::to_owned).collect();
    match wanted
        .iter()
        .find(|name| !Task::all().iter().any(|task| task.kind() == **name))
    {
        Some(name) => Err(BenchError::Usage(format!(
            "no kind of task is called `{name}`; --help lists them"
        ))),
        None => Ok(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Option<IoArguments>, BenchError> {
        IoArguments::parse(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn a_selection_takes_every_task_of_its_kinds() {
        let arguments = parse(&["--quick", "--only", "write,warm"])
            .unwrap()
            .unwrap();
        assert_eq!((arguments.scale, arguments.runs), (0.05, 1));
        let wanted: Vec<_> = Task::all()
            .into_iter()
            .filter(|task| arguments.wants(task))
            .collect();
        assert!(wanted.len() > 9 && wanted.len() < Task::all().len());
        assert!(parse(&["--only", "dance"]).is_err());
    }

    #[test]
    fn the_help_names_every_kind() {
        assert!(Task::all().iter().all(|task| HELP.contains(task.kind())));
    }
}
