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
use windows_sys::Win32::System::Ioctl::{FILE_REGION_OUTPUT, FSCTL_QUERY_FILE_REGIONS};

use crate::sys::iocp::attachment::{Attachment, Attempts, Handle, Inline, Owner, Packets};
use crate::sys::iocp::engine::Engine;
use crate::sys::windows::control::{Plain, control};
use crate::sys::{as_unsupported, error_of_status};

/// What is remembered of one shared file.
#[derive(Debug, Default)]
pub(crate) struct KernelFile {
    nature: OnceLock<Nature>,
    /// Asked when the first write comes.
    writes: OnceLock<Writes>,
    /// Up to here it has been written, as far as we know: see [`Writes::of`].
    settled: AtomicU64,
    attachment: Attempts,
    /// Nobody else makes overlapped calls on the file object.
    exclusive: bool,
}

/// What kind of handle a file is.
#[derive(Debug, Clone, Copy)]
struct Nature {
    overlapped: bool,
    on_disk: bool,
}

/// Which writes to a file on disk the kernel can do later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writes {
    /// Those within what has been written before.
    WithinTheWritten,
    /// None: it is compressed or encrypted.
    Never,
}

impl KernelFile {
    /// Of a file object that is the pump's alone.
    ///
    /// # Safety
    /// As for [`SharedFile::exclusive`](crate::SharedFile::exclusive).
    pub unsafe fn exclusive() -> Self {
        let mut file = Self::default();
        file.exclusive = true;
        file
    }

    /// Whether calls on the handle do not wait for what they start.
    pub fn is_overlapped(&self, file: &File) -> bool {
        self.nature(file).overlapped
    }

    /// Whether a write that ends at `end` is one that the kernel can do later. What lies beyond the
    /// *valid data length*, up to which a file has been written, NTFS writes within the call, also
    /// where the file is longer; and so it does with all of compressed or encrypted files.
    pub fn can_write_later(&self, file: &File, end: u64) -> bool {
        if !self.nature(file).on_disk {
            return true;
        }
        let writes = self.writes.get_or_init(|| {
            let (writes, written) = Writes::of(file);
            self.note_written(written);
            writes
        });
        *writes == Writes::WithinTheWritten && end <= self.settled.load(Ordering::Relaxed)
    }

    /// Notes that the file has been written up to `end`.
    pub fn note_written(&self, end: u64) {
        self.settled.fetch_max(end, Ordering::Relaxed);
    }

    /// The handle by which this engine works on the file. None if it cannot, or if the file
    /// belongs to another: an attached handle is that for its life.
    pub fn attachment(&self, file: &File, engine: &Arc<Engine>) -> Option<Arc<Attachment>> {
        self.attachment.attach(engine, || {
            let (handle, owner) = self.own_handle(file)?;
            let packets = match owner {
                Owner::Pump => Packets::Promised,
                // A pipe, which may be one of messages.
                Owner::Caller => Packets::Doubted,
            };
            let ask = |handle: BorrowedHandle<'_>| Inline::asked_of(handle, owner);
            engine.attach(Handle::of_file(handle), packets, ask)
        })
    }

    /// The attachment, if there has been reason for one.
    pub fn existing_attachment(&self) -> Option<&Arc<Attachment>> {
        self.attachment.attachment()
    }

    #[cfg(test)]
    pub(super) fn attach_by_hand(&self, attachment: Arc<Attachment>) {
        self.attachment.attach_by_hand(attachment);
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
        *self.nature.get_or_init(|| Nature::of(file))
    }
}

impl Drop for KernelFile {
    fn drop(&mut self) {
        if let Some(attachment) = self.existing_attachment() {
            attachment.forget_handle();
        }
    }
}

impl Nature {
    /// Looks at a handle.
    fn of(file: &File) -> Self {
        // SAFETY: the handle is open.
        let on_disk = unsafe { GetFileType(file.as_raw_handle()) } == FILE_TYPE_DISK;
        let mode: FILE_MODE_INFORMATION = query(file, FileModeInformation).unwrap_or(
            // It cannot be told: assume the usual kind.
            FILE_MODE_INFORMATION {
                Mode: FILE_SYNCHRONOUS_IO_NONALERT,
            },
        );
        let waits = FILE_SYNCHRONOUS_IO_NONALERT | FILE_SYNCHRONOUS_IO_ALERT;
        Self {
            overlapped: mode.Mode & waits == 0,
            on_disk,
        }
    }
}

impl Writes {
    /// Looks at a file on disk; also says up to where it has been written, as far as the system
    /// tells. Too much costs the submitter a wait within its call, and too little costs the write
    /// a way by the lane, no more; the two requests are made once a file, and never for reads.
    ///
    /// It may become too much later, when the caller shortens the file and makes it longer again.
    fn of(file: &File) -> (Self, u64) {
        let mut known = BY_HANDLE_FILE_INFORMATION::default();
        // SAFETY: the handle is open, and the structure is live. If it fails all stays zero: then
        // every write counts as extending.
        unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut known) };
        if known.dwFileAttributes & (FILE_ATTRIBUTE_COMPRESSED | FILE_ATTRIBUTE_ENCRYPTED) != 0 {
            return (Self::Never, 0);
        }
        let length = u64::from(known.nFileSizeHigh) << 32 | u64::from(known.nFileSizeLow);
        let told = control(file, FSCTL_QUERY_FILE_REGIONS, &()).map_err(as_unsupported);
        (Self::WithinTheWritten, written_of(told, length))
    }
}

/// Up to where a file of this length has been written, by what the volume told of its regions.
///
/// Wine, where all tests run, does not know the request; what NTFS and ReFS answer is by Microsoft's
/// open specifications (MS-FSA, MS-FSCC).
fn written_of(told: io::Result<Option<FILE_REGION_OUTPUT>>, length: u64) -> u64 {
    match told {
        // The first region is what has been written; or it is marked as not being that.
        Ok(Some(told)) => {
            let first = told.Region[0];
            let written = told.RegionEntryCount > 0 && first.FileOffset == 0 && first.Usage != 0;
            if written {
                length.min(first.Length as u64)
            } else {
                0
            }
        }
        // No regions at all: it is empty, or nothing of it has been written.
        Ok(None) => 0,
        // A volume that does not know the request has no such length that could be asked for: FAT, a
        // share, Wine. On most of them writes within the file are done later, or are none of this
        // system's business.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => length,
        Err(_) => 0,
    }
}

// SAFETY: plain numbers.
unsafe impl Plain for FILE_REGION_OUTPUT {}
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

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use windows_sys::Win32::Foundation::ERROR_INVALID_FUNCTION;
    use windows_sys::Win32::System::Ioctl::{
        FILE_REGION_INFO, FILE_REGION_USAGE_VALID_CACHED_DATA,
        FILE_REGION_USAGE_VALID_NONCACHED_DATA,
    };

    use super::*;
    use crate::sys::win32_error;

    fn first_region(offset: i64, length: i64, usage: u32) -> FILE_REGION_OUTPUT {
        FILE_REGION_OUTPUT {
            TotalRegionEntryCount: 2,
            RegionEntryCount: 1,
            Region: [FILE_REGION_INFO {
                FileOffset: offset,
                Length: length,
                Usage: usage,
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn what_a_volume_tells_is_how_far_a_file_has_been_written() {
        for usage in [
            FILE_REGION_USAGE_VALID_CACHED_DATA,
            FILE_REGION_USAGE_VALID_NONCACHED_DATA,
        ] {
            let told =
                |offset, length| written_of(Ok(Some(first_region(offset, length, usage))), 100);
            assert_eq!([told(0, 60), told(0, 100), told(0, 4096)], [60, 100, 100]);
            assert_eq!(told(60, 40), 0, "not from the start");
        }
        let unwritten = first_region(0, 100, 0);
        assert_eq!(written_of(Ok(Some(unwritten)), 100), 0);
        assert_eq!(written_of(Ok(Some(FILE_REGION_OUTPUT::default())), 100), 0);
        assert_eq!(written_of(Ok(None), 100), 0);
    }

    #[test]
    fn where_nothing_is_told_the_length_counts_and_after_trouble_nothing() {
        let unknown = as_unsupported(win32_error(ERROR_INVALID_FUNCTION));
        assert_eq!(unknown.kind(), ErrorKind::Unsupported);
        assert_eq!(written_of(Err(unknown), 100), 100);
        assert_eq!(written_of(Err(ErrorKind::PermissionDenied.into()), 100), 0);
    }
}
