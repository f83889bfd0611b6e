//! Runs one session: sender, generator, receiver.
#![forbid(unsafe_code)]

pub mod event;
pub mod item;
pub mod stats;
