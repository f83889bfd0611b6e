//! What the kernel holds of one operation: its `OVERLAPPED`, and behind it the operation.
//!
//! ```text
//!            lend                      packet
//! submitter ──────▶ kernel (raw Arc) ──────────▶ worker ──▶ handler
//!     ▲                │ taken inline, or refused
//!     └────────────────┘
//! ```
//!
//! From [`PortSlot::lend`] on, the kernel owns one reference, as the address of the `OVERLAPPED`,
//! which is the slot's first field. Whoever learns that the kernel is done takes that reference
//! back, and with it the operation, which can be taken only once. The address is not used again
//! while a [`Ticket`](crate::Ticket) may still cancel by it: its life holds a weak reference.

use std::cell::UnsafeCell;
use std::io;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock, Weak};

use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_HANDLE_EOF, NTSTATUS, STATUS_PENDING,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

use crate::slot::{Life, RunningSlot};
use crate::sys::error_of_status;
use crate::sys::iocp::file::Attachment;

/// One operation on a port.
#[repr(C)]
pub(crate) struct PortSlot {
    /// First: its address is the slot's.
    overlapped: UnsafeCell<OVERLAPPED>,
    running: UnsafeCell<Option<RunningSlot>>,
    /// Whether `running` is there to be taken.
    lent: AtomicBool,
    life: Arc<Life>,
    attachment: Arc<Attachment>,
    /// How often all of the file's operations had been cancelled when this one was submitted.
    cancels_before: u64,
}

// SAFETY: the operation inside may be sent between threads. `running` is touched only by the thread
// that lends it, before it does, and by the one thread that turns `lent` off; `overlapped` only by
// the kernel while it is lent, and by the thread that holds the operation while it is not.
unsafe impl Send for PortSlot {}
// SAFETY: as above.
unsafe impl Sync for PortSlot {}

/// Where a life finds its operation while a port has it.
pub(crate) type Whereabouts = OnceLock<Weak<PortSlot>>;

/// Which way the bytes of a call move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    In,
    Out,
}

impl PortSlot {
    /// The slot of an operation with this life.
    pub fn new(life: Arc<Life>, attachment: Arc<Attachment>) -> Arc<Self> {
        let cancels_before = attachment.cancels();
        let slot = Arc::new(Self {
            overlapped: UnsafeCell::new(OVERLAPPED::default()),
            running: UnsafeCell::new(None),
            lent: AtomicBool::new(false),
            life,
            attachment,
            cancels_before,
        });
        // A life has one operation, which is on one port once.
        let _ = slot.life.whereabouts.set(Arc::downgrade(&slot));
        slot
    }

    pub fn attachment(&self) -> &Attachment {
        &self.attachment
    }

    pub fn life(&self) -> &Life {
        &self.life
    }

    /// Gives the operation away, to be started at `offset` with the address that this returns.
    pub fn lend(self: &Arc<Self>, running: RunningSlot, offset: u64) -> *mut OVERLAPPED {
        let mut overlapped = OVERLAPPED {
            // Says that no result has come, whether or not the call gets as far as to say so itself.
            Internal: STATUS_PENDING as usize,
            ..OVERLAPPED::default()
        };
        overlapped.Anonymous.Anonymous.Offset = offset as u32;
        overlapped.Anonymous.Anonymous.OffsetHigh = (offset >> 32) as u32;
        // SAFETY: the caller has the operation, so it is not lent: both fields are its alone.
        unsafe {
            *self.overlapped.get() = overlapped;
            *self.running.get() = Some(running);
        }
        self.lent.store(true, Ordering::Release);
        Arc::into_raw(Arc::clone(self)).cast_mut().cast()
    }

    /// Takes an operation back that the kernel is done with. Nothing if it was taken before: then
    /// the packet is a stale one.
    ///
    /// # Safety
    /// `lent` comes from [`lend`](Self::lend), and the kernel uses it no more. If it was taken back
    /// before, the slot must still exist.
    pub unsafe fn take_back(lent: *const PortSlot) -> Option<(Arc<Self>, RunningSlot)> {
        // SAFETY: the reference that `lend` gave away. It becomes ours only if the operation does.
        let slot = ManuallyDrop::new(unsafe { Arc::from_raw(lent) });
        let running = slot.take()?;
        Some((ManuallyDrop::into_inner(slot), running))
    }

    /// As [`take_back`](Self::take_back), for a packet that may have come although the call failed
    /// at once: Wine sends such, and leaves the status at "pending". The submitter has that operation.
    ///
    /// # Safety
    /// `lent` comes from [`lend`](Self::lend), and a packet for it has come. If it was taken back
    /// before, the slot must still exist.
    pub unsafe fn take_back_if_done(lent: *const PortSlot) -> Option<(Arc<Self>, RunningSlot)> {
        // SAFETY: the slot exists, and the kernel writes to it no more. Only this field is looked
        // at, which is plain data that nobody writes between a call and its packet but the kernel.
        let status = unsafe { ptr::read_volatile(&raw const (*(*lent).overlapped.get()).Internal) };
        if status as NTSTATUS == STATUS_PENDING {
            return None;
        }
        // SAFETY: the kernel is done.
        unsafe { Self::take_back(lent) }
    }

    fn take(&self) -> Option<RunningSlot> {
        if self.lent.swap(false, Ordering::AcqRel) {
            // SAFETY: only one thread sees `lent` go off, and nobody lends it before that thread
            // has it.
            unsafe { (*self.running.get()).take() }
        } else {
            None
        }
    }

    /// What the call that was lent for has come to.
    ///
    /// # Safety
    /// The kernel is done with it, and the caller has the operation.
    pub(super) unsafe fn outcome(&self, direction: Direction) -> io::Result<usize> {
        // SAFETY: the kernel writes no more, and no other thread does.
        let (status, moved) = unsafe {
            let overlapped = &*self.overlapped.get();
            (overlapped.Internal, overlapped.InternalHigh)
        };
        outcome(status as NTSTATUS, moved, direction)
    }

    /// Tells the kernel to stop, if it has begun.
    pub fn cancel(&self) {
        // After the request was noted, and before the kernel is asked: see `is_to_stop`.
        fence(Ordering::SeqCst);
        self.attachment.cancel(self.overlapped.get());
    }

    /// Whether somebody asked for its end. A submitter looks once more after the kernel has begun,
    /// for those who asked just before that.
    pub fn is_to_stop(&self) -> bool {
        fence(Ordering::SeqCst);
        if self.attachment.cancels() != self.cancels_before {
            self.life.request_cancel();
        }
        self.life.cancel_requested()
    }
}

/// What a status means to a reader or writer.
fn outcome(status: NTSTATUS, moved: usize, direction: Direction) -> io::Result<usize> {
    // Successes and warnings ("there is more in this message") have moved bytes.
    let is_error = status as u32 >> 30 == 3;
    if is_error {
        unless_the_end(error_of_status(status), direction)
    } else {
        Ok(moved)
    }
}

/// The end of a file, or of a pipe, is no error but no more bytes.
pub(super) fn unless_the_end(error: io::Error, direction: Direction) -> io::Result<usize> {
    match error.raw_os_error().map(|number| number as u32) {
        Some(ERROR_HANDLE_EOF | ERROR_BROKEN_PIPE) if direction == Direction::In => Ok(0),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use windows_sys::Win32::Foundation::{
        STATUS_ACCESS_DENIED, STATUS_BUFFER_OVERFLOW, STATUS_CANCELLED, STATUS_CONNECTION_RESET,
        STATUS_DISK_FULL, STATUS_END_OF_FILE, STATUS_FILE_LOCK_CONFLICT,
        STATUS_INSUFFICIENT_RESOURCES, STATUS_IO_TIMEOUT, STATUS_PIPE_BROKEN, STATUS_SUCCESS,
    };

    #[test]
    fn every_status_comes_out_as_the_right_error() {
        let table = [
            (STATUS_CANCELLED, 995, ErrorKind::TimedOut),
            (STATUS_INSUFFICIENT_RESOURCES, 1450, ErrorKind::Other),
            (STATUS_IO_TIMEOUT, 121, ErrorKind::TimedOut),
            (STATUS_DISK_FULL, 112, ErrorKind::StorageFull),
            (STATUS_CONNECTION_RESET, 64, ErrorKind::Other),
            (STATUS_ACCESS_DENIED, 5, ErrorKind::PermissionDenied),
            (STATUS_FILE_LOCK_CONFLICT, 33, ErrorKind::Other),
        ];
        for direction in [Direction::In, Direction::Out] {
            for (status, number, kind) in table {
                let error = outcome(status, 0, direction).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(number), "{status:x}");
                // What std has no stable kind for is none of those it has.
                if kind != ErrorKind::Other {
                    assert_eq!(error.kind(), kind, "{status:x}");
                }
            }
        }
    }

    #[test]
    fn the_end_is_no_error_to_a_reader_and_one_to_a_writer() {
        for (status, number) in [(STATUS_END_OF_FILE, 38), (STATUS_PIPE_BROKEN, 109)] {
            assert_eq!(outcome(status, 0, Direction::In).unwrap(), 0);
            let error = outcome(status, 0, Direction::Out).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(number));
        }
    }

    #[test]
    fn successes_and_warnings_count_bytes() {
        for status in [STATUS_SUCCESS, STATUS_BUFFER_OVERFLOW] {
            assert_eq!(outcome(status, 7, Direction::In).unwrap(), 7);
        }
    }
}
