//! Locks, atomics and threads: the standard library's, or, built with `--cfg loom`, those of a model
//! checker that tries every order in which they can meet (`tests` in `model.rs`).
//!
//! Only what a model has to see is here. Reference counts stay the standard library's: nothing
//! waits for one.

#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
};

#[cfg(loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
};

use std::cell::Cell;

#[cfg(not(loom))]
std::thread_local! {
    /// Whether this thread runs handlers.
    pub(crate) static ON_PUMP_THREAD: Cell<bool> = const { Cell::new(false) };
    /// The address of the lane whose worker is running a handler on this thread, or 0, and the
    /// worker's number.
    pub(crate) static HANDLING_FOR: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

#[cfg(loom)]
loom::thread_local! {
    pub(crate) static ON_PUMP_THREAD: Cell<bool> = Cell::new(false);
    pub(crate) static HANDLING_FOR: Cell<(usize, usize)> = Cell::new((0, 0));
}
