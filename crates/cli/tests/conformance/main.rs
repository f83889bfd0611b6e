//! tidesync against rsync itself: the same tree and the same command line for both, and what is
//! on disk afterwards, what was printed and the exit code must be equal.
//!
//! `generated` draws its cases from a seed; the modules under `examples` are written by hand, one
//! test a behaviour. To try the comparison itself, let rsync play both parts:
//! `TIDESYNC_BIN=/usr/bin/rsync cargo test -p cli --test conformance`.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod case;
#[path = "../compared/mod.rs"]
mod compared;
mod describe;
mod destination_generator;
mod examples;
mod filter_generator;
mod generated;
mod option_generator;
mod prng;
mod program;
mod smaller;
mod tree_generator;

use compared::{attributed, command_line, noise, outcome, playground, power, rsync, specimen};
