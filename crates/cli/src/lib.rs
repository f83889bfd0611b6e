//! The parts of the `tidesync` program that turn a session into what a user sees: its output
//! ([`render`]), its exit code ([`exit_code`]), how signals end it ([`signals`]) and what it says
//! of itself ([`version`]); and on Windows what a shell does elsewhere (`wildcards`).
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
