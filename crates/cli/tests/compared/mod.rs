//! What every test needs that lets rsync and tidesync do the same thing and compares: trees to begin
//! with, a place to run in, and what came of it.

#[cfg(target_os = "linux")]
pub mod attributed;
pub mod command_line;
pub mod noise;
pub mod normalise;
pub mod outcome;
pub mod playground;
pub mod power;
pub mod rsync;
pub mod snapshot;
pub mod specimen;
