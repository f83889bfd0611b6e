//! Locks, atomics and threads: the standard library's, or, built with `--cfg loom`, those of a model
//! checker that tries every order in which they can meet (`tests` in `model.rs`).
//!
//! Only what a model has to see is here. Reference counts stay the standard library's: nothing
//! waits for one.

#[cfg(all(not(loom), windows))]
pub(crate) use std::sync::atomic::fence;
#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
};

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
};

use std::cell::Cell;

/// The standard library's, as the model checker wants it used.
#[cfg(all(not(loom), windows))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(all(not(loom), windows))]
impl<T> UnsafeCell<T> {
    pub fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Calls `look` with the place, which nobody else may look at meanwhile.
    pub fn with_mut<R>(&self, look: impl FnOnce(*mut T) -> R) -> R {
        look(self.0.get())
    }
}

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
