//! The completion port itself: making it, waiting at it, posting to it.
//!
//! What a packet is, its *key* alone decides. Keys of ours mean that the pointer beside them is one
//! of ours; of every other packet the pointer is never looked at.

use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatusEx, OVERLAPPED, OVERLAPPED_ENTRY,
    PostQueuedCompletionStatus,
};
use windows_sys::Win32::System::Threading::INFINITE;

use crate::posting::Posted;
use crate::slot::EndedSlot;
use crate::sys::iocp::attachment::Packets;
use crate::sys::iocp::hold::PortSlot;

/// Keys from here on are the pump's own; nobody else can post one.
const FIRST_RESERVED: usize = usize::MAX - 15;
/// The kernel's packets of handles that are attached: the pointer is a [`PortSlot`]'s, as nobody
/// else makes overlapped calls on those.
const OPERATION: usize = usize::MAX;
/// The same, of handles whose packets are [doubted](Packets::Doubted): the pointer is or was one's.
const DOUBTED: usize = usize::MAX - 3;
/// An operation that ended without a packet of its own: the pointer is its boxed [`EndedSlot`].
const ENDED: usize = usize::MAX - 1;
/// No packet of ours follows any more.
const LAST: usize = usize::MAX - 2;

/// Whether callers must not post this key.
pub(super) fn is_reserved(key: usize) -> bool {
    key >= FIRST_RESERVED
}

/// A completion port.
#[derive(Debug)]
pub(super) struct Port {
    handle: OwnedHandle,
    /// How often anybody who waited here went on.
    #[cfg(test)]
    wakes: std::sync::atomic::AtomicU64,
}

/// What one packet says.
pub(super) enum Packet {
    /// The kernel is done with this operation.
    Operation(*const PortSlot),
    /// So it says; but it may have been over before, and be gone.
    Doubted(*const PortSlot),
    Ended(Box<EndedSlot>),
    Posted(Posted),
    Last,
    /// None of ours.
    Stray,
}

/// Room for a batch of packets.
pub(super) struct Batch(Vec<OVERLAPPED_ENTRY>);

impl Batch {
    pub fn of(size: usize) -> Self {
        Self(vec![OVERLAPPED_ENTRY::default(); size])
    }
}

impl Port {
    /// Makes a port that lets `concurrency` of its threads run at the same time.
    pub fn new(concurrency: usize) -> io::Result<Self> {
        // SAFETY: makes a new port, attached to nothing.
        let handle = unsafe {
            CreateIoCompletionPort(
                INVALID_HANDLE_VALUE,
                ptr::null_mut(),
                0,
                u32::try_from(concurrency).unwrap_or(u32::MAX),
            )
        };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a handle that was just made and that nobody else owns.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        Ok(Self {
            handle,
            #[cfg(test)]
            wakes: Default::default(),
        })
    }

    /// Has the completions of all operations on `handle` come here, for the handle's life.
    pub fn attach(&self, handle: BorrowedHandle<'_>, packets: Packets) -> io::Result<()> {
        let key = match packets {
            Packets::Promised => OPERATION,
            Packets::Doubted => DOUBTED,
        };
        // SAFETY: both handles are open.
        let port = unsafe {
            CreateIoCompletionPort(handle.as_raw_handle(), self.handle.as_raw_handle(), key, 0)
        };
        if port.is_null() {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Waits for packets, for as long as it takes.
    pub fn wait<'a>(
        &self,
        batch: &'a mut Batch,
    ) -> io::Result<impl Iterator<Item = Packet> + use<'a>> {
        let mut count = 0;
        // SAFETY: the port is open, and the entries are live and as many as said.
        let succeeded = unsafe {
            GetQueuedCompletionStatusEx(
                self.handle.as_raw_handle(),
                batch.0.as_mut_ptr(),
                batch.0.len() as u32,
                &mut count,
                INFINITE,
                0,
            )
        };
        #[cfg(test)]
        self.wakes
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if succeeded == 0 {
            return Err(io::Error::last_os_error());
        }
        let count = (count as usize).min(batch.0.len());
        Ok(batch.0[..count].iter().map(packet))
    }

    /// Hands an ended operation to whoever waits; back if the system has no room for the packet.
    pub fn post_ended(&self, ended: Box<EndedSlot>) -> Result<(), Box<EndedSlot>> {
        let pointer = Box::into_raw(ended);
        // The kernel hands the pointer through and does not follow it.
        self.post(0, ENDED, pointer.cast()).map_err(|_| {
            // SAFETY: just taken from its box, and not posted.
            unsafe { Box::from_raw(pointer) }
        })
    }

    /// Tells one waiter that it was the last packet.
    pub fn post_last(&self) -> io::Result<()> {
        self.post(0, LAST, ptr::null())
    }

    /// Posts a caller's packet, whose key must not be one of ours.
    pub fn post_callers(&self, posted: Posted) -> io::Result<()> {
        if is_reserved(posted.key) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.post(posted.bytes, posted.key, ptr::null())
    }

    fn post(&self, bytes: u32, key: usize, pointer: *const OVERLAPPED) -> io::Result<()> {
        // SAFETY: the port is open; the pointer is not followed by the kernel.
        let succeeded =
            unsafe { PostQueuedCompletionStatus(self.handle.as_raw_handle(), bytes, key, pointer) };
        if succeeded == 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    #[cfg(test)]
    pub fn wakes(&self) -> u64 {
        self.wakes.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Posts anything at all, as only a test would.
    #[cfg(test)]
    pub fn post_raw(&self, bytes: u32, key: usize, pointer: usize) -> io::Result<()> {
        self.post(bytes, key, ptr::without_provenance(pointer))
    }
}

fn packet(entry: &OVERLAPPED_ENTRY) -> Packet {
    let pointer = entry.lpOverlapped;
    match entry.lpCompletionKey {
        LAST => Packet::Last,
        OPERATION if !pointer.is_null() => Packet::Operation(pointer.cast()),
        DOUBTED if !pointer.is_null() => Packet::Doubted(pointer.cast()),
        ENDED if !pointer.is_null() => {
            // SAFETY: only `post_ended` posts this key, each box once, and each packet comes once.
            Packet::Ended(unsafe { Box::from_raw(pointer.cast()) })
        }
        key if !is_reserved(key) && pointer.is_null() => Packet::Posted(Posted {
            key,
            bytes: entry.dwNumberOfBytesTransferred,
        }),
        _ => Packet::Stray,
    }
}

#[cfg(test)]
pub(super) const OPERATION_KEY: usize = OPERATION;
#[cfg(test)]
pub(super) const DOUBTED_KEY: usize = DOUBTED;
