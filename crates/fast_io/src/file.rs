//! An open file that operations in flight hold on to.
//!
//! Operations outlive the call that submits them, so they share the file's handle instead of
//! borrowing it; dropping yours with operations in flight is safe, and the last of them closes it.
//! It is a type of its own, not `Arc<File>`, because a driver must remember things about a handle
//! for the handle's life: on Windows a port attaches to a handle once, on Linux `auto` keeps in mind
//! whether its reads wait for the disk.

use std::fs::File;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::driver::side_ring::Temperature;
#[cfg(windows)]
use crate::sys;

/// A shared, open file. Cloning it shares the same open file description.
///
/// It dereferences to [`std::fs::File`] for everything that the pump does not do, and others may use
/// the same open file by handles of their own, unless [`exclusive`](Self::exclusive) promised not to.
#[derive(Debug, Clone)]
pub struct SharedFile {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    file: File,
    id: HandleId,
    temperature: Temperature,
    #[cfg(windows)]
    kernel: sys::KernelFile,
}

/// Tells a shared file or socket from all others, also from those that were closed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HandleId(pub u64);

impl HandleId {
    /// One that nobody has had yet.
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl SharedFile {
    /// Shares `file` among operations.
    pub fn new(file: File) -> Self {
        Self {
            shared: Arc::new(Shared::of(file)),
        }
    }

    /// As [`new`](Self::new), and where the file is a pipe, opened on Windows for overlapped calls,
    /// a completion port may take it: what waits there occupies no worker and can be cancelled.
    /// Elsewhere, and of files on disk, this says nothing.
    ///
    /// # Safety
    /// On Windows nobody else makes overlapped calls on this file object, from now on until its
    /// last handle is closed, by whichever handle; none is under way either. Each would send the
    /// pump a packet with a pointer, which it takes for one of its own. The standard library makes
    /// such calls on a child's pipes, in `Child::wait_with_output` for one: nobody may have a clone
    /// of such a pipe, nor put it back into its `Child`.
    pub unsafe fn exclusive(file: File) -> Self {
        let shared = Shared::of(file);
        #[cfg(windows)]
        let shared = Shared {
            // SAFETY: the caller's promise.
            kernel: unsafe { sys::KernelFile::exclusive() },
            ..shared
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The plain file, if nobody else holds on to it; otherwise `self` again.
    ///
    /// # Errors
    /// Hands `self` back while an operation or another clone still holds the file.
    pub fn into_file(self) -> Result<File, SharedFile> {
        match Arc::try_unwrap(self.shared) {
            Ok(shared) => Ok(shared.file),
            Err(shared) => Err(Self { shared }),
        }
    }

    /// Whether nobody else holds on to it: letting go of it closes the file.
    #[cfg(any(windows, target_os = "linux", target_os = "android"))]
    pub(crate) fn is_held_once(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }

    /// What a port remembers of it.
    #[cfg(windows)]
    pub(crate) fn kernel(&self) -> &sys::KernelFile {
        &self.shared.kernel
    }

    /// Whether reads of it wait for the disk, as far as is known.
    pub(crate) fn temperature(&self) -> &Temperature {
        &self.shared.temperature
    }

    pub(crate) fn id(&self) -> HandleId {
        self.shared.id
    }
}

impl Shared {
    fn of(file: File) -> Self {
        Self {
            file,
            id: HandleId::next(),
            temperature: Temperature::default(),
            #[cfg(windows)]
            kernel: sys::KernelFile::default(),
        }
    }
}

impl From<File> for SharedFile {
    fn from(file: File) -> Self {
        Self::new(file)
    }
}

impl Deref for SharedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.shared.file
    }
}
