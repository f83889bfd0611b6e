//! What is remembered of an open file for as long as it is open: what kind of handle it is, how far
//! it has been written, and the handle by which a port works on it.
//!
//! A port needs a handle for overlapped I/O, of a file object that nobody else makes overlapped
//! calls on: the port gets a packet for each of those too, with a pointer that is not ours. So the
//! pump opens a file on disk a second time for itself, and callers may go on using theirs, however
//! they opened it. (The standard library cannot even share an overlapped handle: it waits for *the
//! handle*, wakes at anybody's completion, and aborts.) A pipe cannot be opened again, and safe code
//! may share it: with a clone of its handle, the standard library makes overlapped calls on a
//! child's. It is attached only if a caller has promised, by `unsafe`, that it is ours alone.

use std::fs::File;
use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_ACCESS_INFORMATION, FILE_MODE_INFORMATION, FILE_SYNCHRONOUS_IO_ALERT,
    FILE_SYNCHRONOUS_IO_NONALERT, FileAccessInformation, FileModeInformation,
    NtQueryInformationFile,
};
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_APPEND_DATA, FILE_ATTRIBUTE_COMPRESSED,
    FILE_ATTRIBUTE_ENCRYPTED, FILE_FLAG_OVERLAPPED, FILE_READ_DATA, FILE_SHARE_DELETE,
    FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_TYPE_DISK, FILE_WRITE_DATA, GetFileInformationByHandle,
    GetFileType, ReOpenFile,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

use crate::sys::error_of_status;
use crate::sys::iocp::attachment::{Attachment, Attempt, Handle, Inline, Owner, attach_once};
use crate::sys::iocp::engine::Engine;
use crate::sys::windows::control::Plain;

/// What is remembered of one shared file.
#[derive(Debug, Default)]
pub(crate) struct KernelFile {
    nature: OnceLock<Nature>,
    /// Up to here it has been written, as far as we know: to write beyond extends it.
    settled: AtomicU64,
    attachment: Attempt,
    /// Nobody else makes overlapped calls on the file object.
    exclusive: bool,
}

/// What kind of handle a file is.
#[derive(Debug, Clone, Copy)]
struct Nature {
    overlapped: bool,
    on_disk: bool,
    /// Compressed or encrypted: every write waits.
    writes_wait: bool,
}

impl KernelFile {
    /// Of a file object that is the pump's alone.
    ///
    /// # Safety
    /// As for [`SharedFile::exclusive`](crate::SharedFile::exclusive).
    pub unsafe fn exclusive() -> Self {
        Self {
            exclusive: true,
            ..Self::default()
        }
    }

    /// Whether calls on the handle do not wait for what they start.
    pub fn is_overlapped(&self, file: &File) -> bool {
        self.nature(file).overlapped
    }

    /// Whether a write that ends at `end` is one that the kernel can do later. NTFS extends files,
    /// and writes compressed or encrypted ones, within the call.
    pub fn can_write_later(&self, file: &File, end: u64) -> bool {
        let nature = self.nature(file);
        !nature.on_disk || (!nature.writes_wait && end <= self.settled.load(Ordering::Relaxed))
    }

    /// Notes that the file has been written up to `end`.
    pub fn note_written(&self, end: u64) {
        self.settled.fetch_max(end, Ordering::Relaxed);
    }

    /// The handle by which this engine works on the file. None if it cannot, or if the file
    /// belongs to another: an attached handle is that for its life.
    pub fn attachment(&self, file: &File, engine: &Arc<Engine>) -> Option<Arc<Attachment>> {
        attach_once(&self.attachment, engine, || {
            let (handle, owner) = self.own_handle(file)?;
            let ask = |handle: BorrowedHandle<'_>| Inline::asked_of(handle, owner);
            engine.attach(Handle::OfFile(handle), ask)
        })
    }

    /// The attachment, if there has been reason for one.
    pub fn existing_attachment(&self) -> Option<&Arc<Attachment>> {
        self.attachment.get()?.as_ref()
    }

    #[cfg(test)]
    pub(super) fn attach_by_hand(&self, attachment: Arc<Attachment>) {
        self.attachment.set(Some(attachment)).unwrap();
    }

    /// An overlapped handle for the pump, on whose file object nobody else makes overlapped calls.
    fn own_handle(&self, file: &File) -> io::Result<(OwnedHandle, Owner)> {
        let nature = self.nature(file);
        if nature.on_disk {
            Ok((open_again(file)?, Owner::Pump))
        } else if nature.overlapped && self.exclusive {
            Ok((file.as_handle().try_clone_to_owned()?, Owner::Caller))
        } else {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    fn nature(&self, file: &File) -> Nature {
        *self.nature.get_or_init(|| {
            let (nature, length) = Nature::of(file);
            self.note_written(length);
            nature
        })
    }
}

impl Nature {
    /// Looks at a handle; also says how long the file is.
    fn of(file: &File) -> (Self, u64) {
        // SAFETY: the handle is open.
        let on_disk = unsafe { GetFileType(file.as_raw_handle()) } == FILE_TYPE_DISK;
        let mode: FILE_MODE_INFORMATION = query(file, FileModeInformation).unwrap_or(
            // It cannot be told: assume the usual kind.
            FILE_MODE_INFORMATION {
                Mode: FILE_SYNCHRONOUS_IO_NONALERT,
            },
        );
        let waits = FILE_SYNCHRONOUS_IO_NONALERT | FILE_SYNCHRONOUS_IO_ALERT;
        let mut known = BY_HANDLE_FILE_INFORMATION::default();
        if on_disk {
            // SAFETY: the handle is open, and the structure is live. If it fails all stays zero:
            // then every write counts as extending.
            unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut known) };
        }
        let special = FILE_ATTRIBUTE_COMPRESSED | FILE_ATTRIBUTE_ENCRYPTED;
        let nature = Self {
            overlapped: mode.Mode & waits == 0,
            on_disk,
            writes_wait: known.dwFileAttributes & special != 0,
        };
        let length = u64::from(known.nFileSizeHigh) << 32 | u64::from(known.nFileSizeLow);
        (nature, length)
    }
}

// SAFETY: plain numbers.
unsafe impl Plain for FILE_MODE_INFORMATION {}
// SAFETY: plain numbers.
unsafe impl Plain for FILE_ACCESS_INFORMATION {}

/// Asks the kernel for one of its structures about a handle.
fn query<T: Plain>(file: &File, class: i32) -> io::Result<T> {
    let mut status = IO_STATUS_BLOCK::default();
    let mut answer = T::default();
    // SAFETY: the handle is open, and the kernel writes one `T` of plain data; this call waits on
    // every kind of handle.
    let result = unsafe {
        NtQueryInformationFile(
            file.as_raw_handle(),
            &mut status,
            ptr::from_mut(&mut answer).cast(),
            size_of::<T>() as u32,
            class,
        )
    };
    if result < 0 {
        Err(error_of_status(result))
    } else {
        Ok(answer)
    }
}

/// Opens the same file once more, overlapped, with no more access to its bytes than `file` has.
fn open_again(file: &File) -> io::Result<OwnedHandle> {
    let granted: FILE_ACCESS_INFORMATION = query(file, FileAccessInformation)?;
    let access = granted.AccessFlags & (FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA);
    // SAFETY: the handle is open.
    let handle = unsafe {
        ReOpenFile(
            file.as_raw_handle(),
            access,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            FILE_FLAG_OVERLAPPED,
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else owns it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}
