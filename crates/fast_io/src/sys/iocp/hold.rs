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
//! back, and with it the operation, which can be taken only once ([`Loan`]). The address is not used
//! again while a [`Ticket`](crate::Ticket) may still cancel by it: its life holds a weak reference.

use std::cell::UnsafeCell;
use std::io;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use windows_sys::Win32::Foundation::{NTSTATUS, STATUS_PENDING};
use windows_sys::Win32::System::IO::OVERLAPPED;

use crate::driver::lending::{Loan, ask_to_stop};
use crate::operation::Kind;
use crate::slot::{Life, RunningSlot, WaitingSlot};
use crate::sys::iocp::attachment::Attachment;
use crate::sys::iocp::call::{ADDRESS_ROOM, Asked};

/// One operation on a port.
#[repr(C)]
pub(crate) struct PortSlot {
    /// First: its address is the slot's.
    overlapped: UnsafeCell<OVERLAPPED>,
    running: Loan<RunningSlot>,
    /// Where the kernel writes down who connected to whom, if the operation is to accept.
    addresses: Option<Box<UnsafeCell<[u8; 2 * ADDRESS_ROOM]>>>,
    life: Arc<Life>,
    deadline: Option<Instant>,
    attachment: Arc<Attachment>,
    /// How often all of the handle's operations had been cancelled when this one was submitted.
    sweeps_before: u64,
}

// SAFETY: the operation inside may be sent between threads. `overlapped` and `addresses` are touched
// only by the kernel while the operation is lent, and by the thread that has it while it is not.
unsafe impl Send for PortSlot {}
// SAFETY: as above.
unsafe impl Sync for PortSlot {}

/// Where a life finds its operation while a port has it.
pub(crate) type Whereabouts = OnceLock<Weak<PortSlot>>;

impl PortSlot {
    /// The slot of an operation on the port.
    pub fn new(operation: &WaitingSlot, attachment: Arc<Attachment>) -> Arc<Self> {
        let sweeps_before = attachment.sweeps().so_far();
        let accepts = matches!(operation.kind(), Kind::Accept { .. });
        let slot = Arc::new(Self {
            overlapped: UnsafeCell::new(OVERLAPPED::default()),
            running: Loan::new(),
            addresses: accepts.then(|| Box::new(UnsafeCell::new([0; 2 * ADDRESS_ROOM]))),
            life: Arc::clone(operation.life()),
            deadline: operation.deadline(),
            attachment,
            sweeps_before,
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

    /// The room for addresses, null if the operation needs none.
    pub(super) fn room_for_addresses(&self) -> *mut u8 {
        let room = self.addresses.as_ref();
        room.map_or(ptr::null_mut(), |room| room.get().cast())
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Gives the operation away, to be started at `offset` with the address that this returns; also
    /// says which loan it is.
    pub fn lend(self: &Arc<Self>, running: RunningSlot, offset: u64) -> (*mut OVERLAPPED, u64) {
        let mut overlapped = OVERLAPPED {
            // Says that no result has come, whether or not the call gets as far as to say so itself.
            Internal: STATUS_PENDING as usize,
            ..OVERLAPPED::default()
        };
        overlapped.Anonymous.Anonymous.Offset = offset as u32;
        overlapped.Anonymous.Anonymous.OffsetHigh = (offset >> 32) as u32;
        // SAFETY: the caller has the operation, so it is not lent: the field is its alone.
        unsafe { *self.overlapped.get() = overlapped };
        // SAFETY: as above.
        let number = unsafe { self.running.lend(running) };
        let lent = Arc::into_raw(Arc::clone(self)).cast_mut().cast();
        (lent, number)
    }

    /// Takes an operation back that the kernel is done with, by the number of its loan, if that is
    /// known. Nothing if it was taken before: then the packet is a stale one.
    ///
    /// # Safety
    /// `lent` comes from [`lend`](Self::lend), and the kernel uses it no more. If it was taken back
    /// before, the slot must still exist.
    pub unsafe fn take_back(
        lent: *const PortSlot,
        number: Option<u64>,
    ) -> Option<(Arc<Self>, RunningSlot)> {
        // SAFETY: the reference that `lend` gave away. It becomes ours only if the operation does.
        let slot = ManuallyDrop::new(unsafe { Arc::from_raw(lent) });
        let running = match number {
            Some(number) => slot.running.take(number),
            None => slot.running.take_any(),
        }?;
        Some((ManuallyDrop::into_inner(slot), running))
    }

    /// As [`take_back`](Self::take_back), by what the kernel has written down, for whom a packet
    /// came. It may have come although the call failed at once, which leaves the status at
    /// "pending", and the submitter has that operation; or be a late one, for what was lent at this
    /// address before.
    ///
    /// # Safety
    /// `lent` comes from [`lend`](Self::lend). If it was taken back before, the slot must still
    /// exist, and nobody lend it meanwhile.
    pub unsafe fn take_back_if_done(lent: *const PortSlot) -> Option<(Arc<Self>, RunningSlot)> {
        // SAFETY: the slot exists. Only this field is looked at, which is plain data that nobody
        // writes between a call and its packet but the kernel.
        let status = unsafe { ptr::read_volatile(&raw const (*(*lent).overlapped.get()).Internal) };
        if status as NTSTATUS == STATUS_PENDING {
            return None;
        }
        // The kernel writes the status last, for those who ask whether it is done without waiting.
        fence(Ordering::Acquire);
        // SAFETY: the kernel is done.
        unsafe { Self::take_back(lent, None) }
    }

    /// Whether the kernel has written down what became of it.
    #[cfg(test)]
    pub fn is_done(&self) -> bool {
        // SAFETY: as for `take_back_if_done`: only this field is looked at.
        let status = unsafe { ptr::read_volatile(&raw const (*self.overlapped.get()).Internal) };
        status as NTSTATUS != STATUS_PENDING
    }

    /// What the call that was lent for has come to.
    ///
    /// # Safety
    /// The kernel is done with it, and the caller has the operation.
    pub(super) unsafe fn outcome(&self, asked: Asked) -> io::Result<usize> {
        // SAFETY: the caller's promise.
        let (status, moved) = unsafe { self.written_by_the_kernel() };
        asked.outcome(status, moved)
    }

    /// How many bytes a call that was given up had moved by then.
    ///
    /// # Safety
    /// As for [`outcome`](Self::outcome).
    pub(super) unsafe fn moved_till_then(&self) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.written_by_the_kernel() }.1
    }

    /// The status and the count of bytes.
    ///
    /// # Safety
    /// As for [`outcome`](Self::outcome).
    unsafe fn written_by_the_kernel(&self) -> (NTSTATUS, usize) {
        // SAFETY: the kernel writes no more, and no other thread does.
        let overlapped = unsafe { &*self.overlapped.get() };
        (overlapped.Internal as NTSTATUS, overlapped.InternalHigh)
    }

    /// Tells the kernel to stop, if it has begun. The reason has been noted before.
    pub fn cancel(&self) {
        ask_to_stop(|| self.attachment.cancel(self.overlapped.get()));
    }

    /// Whether it is to end: somebody asked for that, or its time is up. A submitter looks once more
    /// after the kernel has begun, for those who asked just before that.
    pub fn is_to_stop(&self) -> bool {
        let sweeps = self.attachment.sweeps();
        sweeps.is_to_stop(self.sweeps_before, &self.life)
    }
}
