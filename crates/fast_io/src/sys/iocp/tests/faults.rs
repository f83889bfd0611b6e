//! Errors of the system that cannot be had otherwise: Windows has no limit to set for a process's
//! handles. A test says what is to fail next on its own thread, where submitters make their calls.

use std::cell::RefCell;
use std::io;

/// Where something can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sys::iocp) enum Place {
    /// Opening a handle for the port, and attaching it.
    Attaching,
    /// Making a socket for who connects.
    Accepting,
    /// The call that starts an operation.
    Calling,
}

thread_local! {
    static NEXT: RefCell<Vec<(Place, u32)>> = const { RefCell::new(Vec::new()) };
}

/// Has the next `times` fail there, with this error.
pub fn fail(place: Place, times: usize, number: u32) {
    NEXT.with_borrow_mut(|next| next.extend(vec![(place, number); times]));
}

/// How many failures have not been met yet.
pub fn left() -> usize {
    NEXT.with_borrow(Vec::len)
}

/// Fails if that is wanted.
pub(in crate::sys::iocp) fn at(place: Place) -> io::Result<()> {
    let due = NEXT.with_borrow_mut(|next| {
        let at = next.iter().position(|(wanted, _)| *wanted == place)?;
        Some(next.remove(at).1)
    });
    match due {
        Some(number) => Err(io::Error::from_raw_os_error(number as i32)),
        None => Ok(()),
    }
}
