//! A handle that is attached to a port: how its calls complete, and how they are stopped.

use std::io;
use std::os::windows::io::{
    AsHandle, AsRawHandle, AsRawSocket, BorrowedHandle, OwnedHandle, RawHandle, RawSocket,
};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_CALL_NOT_IMPLEMENTED, ERROR_INVALID_FUNCTION,
    ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED, ERROR_SHARING_VIOLATION,
};
use windows_sys::Win32::Storage::FileSystem::SetFileCompletionNotificationModes;
use windows_sys::Win32::System::IO::{CancelIoEx, OVERLAPPED};
use windows_sys::Win32::System::WindowsProgramming::{
    FILE_SKIP_COMPLETION_PORT_ON_SUCCESS, FILE_SKIP_SET_EVENT_ON_HANDLE,
};

use crate::driver::lending::Sweeps;
use crate::socket::SharedSocket;
use crate::sys::iocp::engine::Engine;
#[cfg(test)]
use crate::sys::iocp::tests::faults;

/// Whose file object a handle is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The caller's too, who may wait for it, but makes no overlapped calls on it.
    Caller,
    Pump,
}

/// What follows a call that succeeded at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inline {
    /// Nothing: the result is taken from the call.
    Taken,
    /// A packet, as after any other.
    Queued,
}

/// Which packets a handle sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packets {
    /// One for each call that the kernel said it would answer later, and no other: what Windows
    /// promises of a handle that has the skip mode, and what Wine keeps to. The pointer in such a
    /// packet is followed as it is.
    Promised,
    /// Perhaps others too, for calls that were over when they returned. Wine sends one for a call
    /// that it refused on a handle without the skip mode; and for a part of a pipe's message, which
    /// is half an error, nobody says whether one comes. The engine has a
    /// [`Roll`](crate::driver::lending::Roll) of what is lent on these.
    Doubted,
}

impl Inline {
    /// Has a handle, which is attached, send no packets for what succeeds at once, if that can be.
    pub fn asked_of(handle: BorrowedHandle<'_>, owner: Owner) -> Self {
        let skip = match owner {
            // Someone may wait for the handle itself.
            Owner::Caller => FILE_SKIP_COMPLETION_PORT_ON_SUCCESS,
            Owner::Pump => FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE,
        };
        // SAFETY: the handle is open.
        let set = unsafe { SetFileCompletionNotificationModes(handle.as_raw_handle(), skip as u8) };
        if set == 0 { Self::Queued } else { Self::Taken }
    }
}

/// A handle that is attached to a port.
#[derive(Debug)]
pub(crate) struct Attachment {
    handle: Handle,
    engine: Weak<Engine>,
    inline: Inline,
    packets: Packets,
    sweeps: Sweeps,
}

/// By which handle the kernel is told to stop.
#[derive(Debug)]
pub(super) enum Handle {
    /// One of a file, which is the pump's, for as long as the file is shared: not a moment longer,
    /// however late who holds the attachment lets go of that. NTFS would set the time of the last
    /// write when it is closed, and nobody could open the file for himself alone. Nobody else makes
    /// overlapped calls on its file object.
    OfFile {
        raw: usize,
        owned: Mutex<Option<OwnedHandle>>,
    },
    /// That of a socket, for as long as the socket is open. A second one would keep the connection
    /// up when the socket is closed.
    OfSocket(Mutex<Option<RawSocket>>),
}

impl Handle {
    /// One of a file, which [closes](Attachment::forget_handle) it.
    pub fn of_file(handle: OwnedHandle) -> Self {
        Self::OfFile {
            raw: handle.as_raw_handle().addr(),
            owned: Mutex::new(Some(handle)),
        }
    }

    /// That of a socket, which [forgets](Attachment::forget_handle) it before it closes.
    pub fn of_socket(socket: &SharedSocket) -> Self {
        Self::OfSocket(Mutex::new(Some(socket.as_raw_socket())))
    }

    /// Calls `use_it` with the handle, unless it is being closed.
    pub fn with<R>(&self, use_it: impl FnOnce(BorrowedHandle<'_>) -> R) -> Option<R> {
        match self {
            Self::OfFile { owned, .. } => Some(use_it(lock(owned).as_ref()?.as_handle())),
            Self::OfSocket(socket) => {
                let socket = lock(socket);
                let raw = (*socket)? as RawHandle;
                // SAFETY: the socket is open until it is forgotten, which the lock keeps from
                // happening now.
                Some(use_it(unsafe { BorrowedHandle::borrow_raw(raw) }))
            }
        }
    }
}

impl Attachment {
    pub(super) fn new(
        handle: Handle,
        inline: Inline,
        packets: Packets,
        engine: Weak<Engine>,
    ) -> Self {
        Self {
            handle,
            engine,
            inline,
            packets,
            sweeps: Sweeps::new(),
        }
    }

    /// The handle by which a file is read and written, while one of its operations holds the file;
    /// a socket's operations have their own.
    pub(super) fn file_handle(&self) -> Option<RawHandle> {
        match &self.handle {
            Handle::OfFile { raw, .. } => Some(ptr::without_provenance_mut(*raw)),
            Handle::OfSocket(_) => None,
        }
    }

    pub(super) fn inline(&self) -> Inline {
        self.inline
    }

    pub(super) fn packets(&self) -> Packets {
        self.packets
    }

    pub(super) fn sweeps(&self) -> &Sweeps {
        &self.sweeps
    }

    /// Cancels all operations on it.
    pub(super) fn cancel_all(&self) {
        self.sweeps.sweep(|| self.cancel(ptr::null()));
    }

    /// Tells the kernel to stop the operation of this address, or all if it is null.
    pub(super) fn cancel(&self, overlapped: *const OVERLAPPED) {
        self.handle.with(|handle| {
            // SAFETY: the handle is open, and the kernel only compares the address. That there was
            // nothing to stop is no failure.
            unsafe { CancelIoEx(handle.as_raw_handle(), overlapped) };
        });
    }

    /// The file or socket is about to close: it has no operations any more.
    pub(super) fn forget_handle(&self) {
        match &self.handle {
            Handle::OfFile { owned, .. } => {
                let owned = lock(owned).take();
                // To close it takes long at times: not under the lock.
                drop(owned);
            }
            Handle::OfSocket(socket) => *lock(socket) = None,
        }
    }

    pub(super) fn belongs_to(&self, engine: &Arc<Engine>) -> bool {
        ptr::eq(self.engine.as_ptr(), Arc::as_ptr(engine))
    }
}

/// What is remembered of the attempts to attach a file or socket, for as long as it is open.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// What does not change any more: the attachment, or that no port can work on it.
    lasting: OnceLock<Option<Arc<Attachment>>>,
    /// Held by who tries: a handle is attached once.
    trying: Mutex<()>,
}

impl Attempts {
    /// The attachment, if there is one by now.
    pub fn attachment(&self) -> Option<&Arc<Attachment>> {
        self.lasting.get()?.as_ref()
    }

    /// The attachment to this engine, by `attach` if that has not succeeded before. None if it is
    /// refused, or is another engine's: an attached handle belongs to one port for its life. Then
    /// the operation goes another way; and the next one tries again, unless the refusal is one that
    /// lasts.
    pub fn attach(
        &self,
        engine: &Arc<Engine>,
        attach: impl FnOnce() -> io::Result<Arc<Attachment>>,
    ) -> Option<Arc<Attachment>> {
        let known = match self.lasting.get() {
            Some(known) => known,
            None => self.try_to(attach)?,
        };
        let attachment = known.as_ref()?;
        attachment
            .belongs_to(engine)
            .then(|| Arc::clone(attachment))
    }

    fn try_to(
        &self,
        attach: impl FnOnce() -> io::Result<Arc<Attachment>>,
    ) -> Option<&Option<Arc<Attachment>>> {
        let _alone = lock(&self.trying);
        if let Some(known) = self.lasting.get() {
            return Some(known);
        }
        #[cfg(test)]
        let attach = || faults::at(faults::Place::Attaching).and_then(|()| attach());
        match attach() {
            Ok(attachment) => Some(self.lasting.get_or_init(|| Some(attachment))),
            Err(error) if lasts(&error) => Some(self.lasting.get_or_init(|| None)),
            Err(_) => None,
        }
    }

    #[cfg(test)]
    pub fn attach_by_hand(&self, attachment: Arc<Attachment>) {
        self.lasting.set(Some(attachment)).unwrap();
    }
}

/// Whether a refusal to attach will be the same for as long as the handle is open: no such calls on
/// it (`Unsupported` is ours), another port's, no access, or a caller who has opened the file for
/// himself alone. Whatever else there is may pass: memory or handles that have run out, a pump that
/// is closed.
fn lasts(error: &io::Error) -> bool {
    let lasting = [
        ERROR_ACCESS_DENIED,
        ERROR_CALL_NOT_IMPLEMENTED,
        ERROR_INVALID_FUNCTION,
        ERROR_INVALID_PARAMETER,
        ERROR_NOT_SUPPORTED,
        // Somebody else, who may go away, seldom shares less than we ask for; and to ask before each
        // operation costs more than the port gains.
        ERROR_SHARING_VIOLATION,
    ];
    error.kind() == io::ErrorKind::Unsupported
        || lasting
            .iter()
            .any(|&number| error.raw_os_error() == Some(number as i32))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
