//! The parts of the `tidesync` program.
//!
//! - What a user sees of a session: its output ([`render`]), its exit code ([`exit_code`]), how
//!   signals end it ([`signals`]); and what the program says of itself ([`version`]).
//! - Where the other side is: behind a remote shell ([`shell`]), in a batch file ([`batch`]), or whoever
//!   started this program as its server ([`serve`]).
//! - What a shell does elsewhere, on Windows: wildcards in names (`wildcards`).
//! - `sys`: reads that the end of a session breaks off.
#![forbid(unsafe_code)]

pub mod batch;
pub mod exit_code;
pub mod render;
pub mod serve;
pub mod shell;
pub mod signals;
mod sys;
pub mod version;
#[cfg(windows)]
pub mod wildcards;
