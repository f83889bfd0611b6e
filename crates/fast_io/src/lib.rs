//! Gives owned buffers to the kernel and hands them back when done.
//!
//! [`CompletionPump`] takes [`Operation`]s and runs the [`CompletionHandler`] of each, with one
//! contract whichever driver carries them out:
//!
//! - **Buffers move in and come back.** An operation owns its [`Buffer`] and shares its
//!   [`SharedFile`] or [`SharedSocket`]; the [`Completion`] hands the buffer back, whatever happened.
//! - **Exactly once.** Every handler runs exactly once, on a thread of the pump: also after a
//!   failure, a cancellation, a shutdown, and when the pump is dropped.
//! - **Panics stay where they are.** One in a handler is caught and counted; no sibling notices.
//! - **Whole counts.** Short reads, writes and sends are continued; only the end of the file makes a
//!   count short. What a socket receives is what has arrived.
//! - **Bounded.** Operations and bytes in flight have limits; submitters wait, or are told.
//! - **Idle costs nothing.** Nothing polls.
//!
//! [`WriteBatch`] writes many files at once on top of it, and [`ReadAhead`] reads one file several
//! reads deep. Beside it, [`offload`] copies inside the kernel, [`sparse`] knows holes, and [`dir`]
//! does everything with names relative to an opened directory, and opens what the user named through
//! trusted links only.

// Where thread locals are not the linker's (mingw), the lint does not see that they are `const`.
#![cfg_attr(windows, allow(clippy::missing_const_for_thread_local))]

mod buffer;
mod completion;
mod config;
pub mod dir;
mod driver;
mod file;
mod ledger;
#[cfg(all(loom, test))]
mod model;
pub mod offload;
mod operation;
mod posting;
mod pump;
mod read_ahead;
mod slot;
mod socket;
pub mod sparse;
mod sync;
mod sys;
mod write_batch;

pub use buffer::{Buffer, BufferPool};
pub use completion::{
    Cancelled, Completion, CompletionHandler, OneshotHandler, OneshotReceiver, PumpClosed,
    is_cancelled, is_closed, oneshot_handler,
};
pub use config::{Backend, IocpPumpConfig, PumpConfig};
pub use driver::scripted::{Gate, InjectedError, Script, Victims};
pub use file::SharedFile;
pub use operation::Operation;
pub use posting::{Posted, iocp_post_completion};
pub use pump::{CompletionPump, Full, Ticket};
pub use read_ahead::ReadAhead;
pub use socket::SharedSocket;
pub use write_batch::{Committed, Durability, Reserve, WriteBatch, WriteBatchConfig, WriteTicket};

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
