//! Measures tidesync and its completion pump against their peers, in the same run, on the machine
//! at hand.
//!
//! Claims about speed are only worth something when anyone can repeat them, so the numbers in
//! the README come from this program. Each sub-command is one module with a `run`; the
//! workloads it measures are plain data, made from a seed.
#![forbid(unsafe_code)]

mod arguments;
mod bare_copy;
mod compare_trees;
mod error;
mod generate;
mod harness;
mod interruption;
mod io;
mod local;
mod machine;
mod measure;
mod peak_memory;
mod peer;
mod place;
mod plot;
mod publish;
mod remote;
mod report;
mod sys;
mod table;
mod workload;

use std::process::ExitCode;

use error::{BenchError, Doing};
use peer::BARE_COPY;
use remote::REMOTE_SHELL;
use std::path::PathBuf;

const USAGE: &str = "\
Usage: cargo run --release -p bench -- COMMAND [OPTIONS]

Commands:
  local                         copies, comparisons and deltas within one file system
  remote                        the same with another process, through pipes and a slow link
  io                            the completion pump's drivers beside the bare system calls and other
                                libraries
  publish REPORT.json...        puts what `--json` wrote into the READMEs and docs/
  bare-copy SOURCE DESTINATION  the system calls that copying small files takes, and nothing else;
                                `local` runs it beside the programs
  remote-shell MS HOST COMMAND  runs the command here, what it reads and writes delayed by so many
                                milliseconds; `remote` has it run the servers

`COMMAND --help` lists the options of a command.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), BenchError> {
    let mut parser = lexopt::Parser::from_env();
    match parser.next()? {
        Some(lexopt::Arg::Value(command)) if command == "local" => local::run(parser),
        Some(lexopt::Arg::Value(command)) if command == "remote" => remote::run(parser),
        Some(lexopt::Arg::Value(command)) if command == REMOTE_SHELL => remote::shell(parser),
        Some(lexopt::Arg::Value(command)) if command == "io" => io::run(parser),
        Some(lexopt::Arg::Value(command)) if command == "publish" => publish::run(parser),
        Some(lexopt::Arg::Value(command)) if command == BARE_COPY => {
            let source = PathBuf::from(parser.value()?);
            let destination = PathBuf::from(parser.value()?);
            bare_copy::run(&source, &destination).doing("copy", &source)
        }
        Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h')) => {
            println!("{USAGE}");
            Ok(())
        }
        Some(other) => Err(BenchError::Usage(format!(
            "{}\n{USAGE}",
            other.unexpected()
        ))),
        None => Err(BenchError::Usage(format!("name a command\n{USAGE}"))),
    }
}
