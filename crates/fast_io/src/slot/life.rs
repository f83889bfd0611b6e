//! What a [`Ticket`](crate::Ticket) and its slot share: whether the operation has ended or is to.

use std::io;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::sync::atomic::AtomicU64;

use crate::completion::Cancelled;
use crate::file::HandleId;
use crate::sync::{AtomicU8, Ordering};
#[cfg(windows)]
use crate::sys;

/// What everyone may know of an operation while it lives.
#[derive(Debug)]
pub(crate) struct Life {
    state: AtomicU8,
    /// The identity of the file or socket it works on, if any.
    handle: Option<HandleId>,
    /// The number under which a ring's thread has it, which alone looks at this.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    number: AtomicU64,
    /// Where to find it while a port has it.
    #[cfg(windows)]
    pub whereabouts: sys::Whereabouts,
}

const ENDED: u8 = 0b01;
const CANCEL_REQUESTED: u8 = 0b10;
const TIMED_OUT: u8 = 0b100;
/// Handed to a thread that has to be told of a cancel.
const HANDED_OVER: u8 = 0b1000;

/// What a request to cancel has met.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Whether it came in time to be noticed: an operation that had not ended yet may still succeed,
    /// but its completion will say that it was asked to stop.
    pub in_time: bool,
    /// Whether nobody had asked before. Whoever did passes it on to where the operation is.
    pub first: bool,
}

impl Life {
    pub(super) fn new(handle: Option<HandleId>) -> Self {
        Self {
            state: AtomicU8::new(0),
            handle,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            number: AtomicU64::new(u64::MAX),
            #[cfg(windows)]
            whereabouts: sys::Whereabouts::default(),
        }
    }

    /// The file or socket that the operation works on.
    pub fn handle(&self) -> Option<HandleId> {
        self.handle
    }

    /// Whether the operation works on that file or socket.
    pub fn touches(&self, handle: HandleId) -> bool {
        self.handle == Some(handle)
    }

    /// Asks for the end.
    pub fn request_cancel(&self) -> Asked {
        let before = self.state.fetch_or(CANCEL_REQUESTED, Ordering::AcqRel);
        Asked {
            in_time: before & ENDED == 0,
            first: before & CANCEL_REQUESTED == 0,
        }
    }

    /// Notes that the operation is about to go to a thread of its own kind, a ring's or the poller's,
    /// which does not look for itself whether it is to stop.
    pub fn hand_over(&self) {
        self.state.fetch_or(HANDED_OVER, Ordering::AcqRel);
    }

    /// Whether there is such a thread to be told. If that is asked after the end was requested, and it
    /// is not so yet, that thread will find the request when it begins.
    pub fn is_handed_over(&self) -> bool {
        self.state.load(Ordering::Acquire) & HANDED_OVER != 0
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn set_number(&self, number: u64) {
        self.number
            .store(number, std::sync::atomic::Ordering::Relaxed);
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn number(&self) -> u64 {
        self.number.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub fn cancel_requested(&self) -> bool {
        self.state.load(Ordering::Acquire) & CANCEL_REQUESTED != 0
    }

    /// Notes that the operation's deadline has passed.
    pub fn time_out(&self) {
        self.state.fetch_or(TIMED_OUT, Ordering::AcqRel);
    }

    /// Whether there is a reason to give the operation up.
    #[cfg(any(windows, all(loom, test)))]
    pub fn is_to_stop(&self) -> bool {
        self.state.load(Ordering::Acquire) & (CANCEL_REQUESTED | TIMED_OUT) != 0
    }

    /// Why the operation is to be given up, if it is.
    pub fn reason_to_stop(&self) -> Option<io::Error> {
        let state = self.state.load(Ordering::Acquire);
        if state & CANCEL_REQUESTED != 0 {
            Some(Cancelled.into())
        } else if state & TIMED_OUT != 0 {
            Some(io::ErrorKind::TimedOut.into())
        } else {
            None
        }
    }

    /// Closes the book; says whether a cancel had been requested by then.
    pub(super) fn end(&self) -> bool {
        self.state.fetch_or(ENDED, Ordering::AcqRel) & CANCEL_REQUESTED != 0
    }
}
