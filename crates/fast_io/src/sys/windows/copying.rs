//! Block cloning on ReFS: `FSCTL_DUPLICATE_EXTENTS_TO_FILE`. Other volumes read and write.

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_INVALID_FUNCTION, ERROR_NOT_SAME_DEVICE, ERROR_NOT_SUPPORTED,
};
use windows_sys::Win32::Storage::FileSystem::GetVolumeInformationByHandleW;
use windows_sys::Win32::System::Ioctl::{
    DUPLICATE_EXTENTS_DATA, FSCTL_DUPLICATE_EXTENTS_TO_FILE, FSCTL_GET_INTEGRITY_INFORMATION,
    FSCTL_GET_INTEGRITY_INFORMATION_BUFFER,
};
use windows_sys::Win32::System::SystemServices::FILE_SUPPORTS_BLOCK_REFCOUNTING;

use crate::sys::windows::control::{Plain, control};

/// Calls cost more here than on Linux, and go through filter drivers: fewer, larger ones.
pub(crate) const COPY_BUFFER_SIZE: usize = 1 << 20;

/// One request may cover less than 4 GiB; this is a multiple of every cluster size.
const LONGEST_CLONE: u64 = 1 << 30;

// SAFETY: plain numbers.
unsafe impl Plain for FSCTL_GET_INTEGRITY_INFORMATION_BUFFER {}
// SAFETY: plain numbers and a handle, which its only maker keeps open across the call.
unsafe impl Plain for DUPLICATE_EXTENTS_DATA {}

/// Shares all blocks of `source`.
pub(crate) fn clone_file(source: &File, destination: &File) -> io::Result<()> {
    if volume_flags(destination)? & FILE_SUPPORTS_BLOCK_REFCOUNTING == 0 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let integrity: Option<FSCTL_GET_INTEGRITY_INFORMATION_BUFFER> =
        control(destination, FSCTL_GET_INTEGRITY_INFORMATION, &())?;
    let cluster = integrity.map_or(0, |known| u64::from(known.ClusterSizeInBytes));
    if cluster == 0 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let len = source.metadata()?.len();
    // The target of a clone must exist: its length first.
    destination.set_len(len)?;
    let cloned = clone_blocks(source, destination, len.next_multiple_of(cluster));
    if cloned.is_err() {
        // The copy that follows may be shorter than this length.
        destination.set_len(0)?;
    }
    cloned
}

fn clone_blocks(source: &File, destination: &File, len: u64) -> io::Result<()> {
    let mut offset = 0;
    while offset < len {
        let part = LONGEST_CLONE.min(len - offset);
        let request = DUPLICATE_EXTENTS_DATA {
            FileHandle: source.as_raw_handle(),
            SourceFileOffset: offset as i64,
            TargetFileOffset: offset as i64,
            ByteCount: part as i64,
        };
        control::<_, ()>(destination, FSCTL_DUPLICATE_EXTENTS_TO_FILE, &request)?;
        offset += part;
    }
    Ok(())
}

fn volume_flags(file: &File) -> io::Result<u32> {
    let mut flags = 0;
    // SAFETY: the handle is open; the only output asked for is one number that outlives the call.
    let succeeded = unsafe {
        GetVolumeInformationByHandleW(
            file.as_raw_handle(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            &mut flags,
            ptr::null_mut(),
            0,
        )
    };
    if succeeded == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(flags)
    }
}

/// `CopyFileExW` works on names, not on open files: nothing here to use.
pub(crate) fn copy_in_kernel(
    _source: &File,
    _from: u64,
    _destination: &File,
    _to: u64,
    _len: u64,
) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the error means that these volumes will never do it.
pub(crate) fn is_never_supported(error: &io::Error) -> bool {
    let never = [
        ERROR_CALL_NOT_IMPLEMENTED,
        ERROR_INVALID_FUNCTION,
        ERROR_NOT_SAME_DEVICE,
        ERROR_NOT_SUPPORTED,
    ];
    error.kind() == io::ErrorKind::Unsupported
        || never
            .iter()
            .any(|&number| error.raw_os_error() == Some(number as i32))
}
