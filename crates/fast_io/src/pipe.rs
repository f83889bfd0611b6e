//! Pipes that hold more: each time that one is full or empty, a thread sleeps and another wakes.

use std::fs::File;

/// Has a pipe hold as much as an ordinary user may ask for, where the system lets one ask at all.
/// Anything else than a pipe stays as it is.
pub fn widen_pipe(pipe: &File) {
    crate::sys::widen_pipe(pipe, WIDE);
}

/// What Linux lets everybody have.
const WIDE: usize = 1024 * 1024;
