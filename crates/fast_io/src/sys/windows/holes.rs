//! Sparse files on Windows: marks, allocated ranges, zeroing; and reserved space.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::windows::io::AsRawHandle;
use std::ptr;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_ALLOCATION_INFO, FileAllocationInfo, SetFileInformationByHandle,
};
use windows_sys::Win32::System::Ioctl::{
    FILE_ALLOCATED_RANGE_BUFFER, FILE_ZERO_DATA_INFORMATION, FSCTL_QUERY_ALLOCATED_RANGES,
    FSCTL_SET_SPARSE, FSCTL_SET_ZERO_DATA,
};

use crate::sys::windows::control::{Plain, control};

// SAFETY: plain numbers.
unsafe impl Plain for FILE_ALLOCATED_RANGE_BUFFER {}
// SAFETY: plain numbers.
unsafe impl Plain for FILE_ZERO_DATA_INFORMATION {}

/// The first stretch of data at or after `from`; none if only a hole follows.
///
/// An error means that the volume cannot tell.
pub(crate) fn next_data(file: &File, from: u64) -> io::Result<Option<Range<u64>>> {
    let asked = FILE_ALLOCATED_RANGE_BUFFER {
        FileOffset: from as i64,
        Length: i64::MAX - from as i64,
    };
    let first: Option<FILE_ALLOCATED_RANGE_BUFFER> =
        control(file, FSCTL_QUERY_ALLOCATED_RANGES, &asked)?;
    Ok(first.map(|found| {
        let start = found.FileOffset as u64;
        start..start + found.Length as u64
    }))
}

/// Frees the blocks of a range, which then reads as zeros; the length stays.
pub(crate) fn punch_hole(file: &File, offset: u64, len: u64) -> io::Result<()> {
    control::<_, ()>(file, FSCTL_SET_SPARSE, &())?;
    let range = FILE_ZERO_DATA_INFORMATION {
        FileOffset: offset as i64,
        BeyondFinalZero: (offset + len) as i64,
    };
    control::<_, ()>(file, FSCTL_SET_ZERO_DATA, &range)?;
    Ok(())
}

/// Reserves space for the first `len` bytes; the length stays.
pub(crate) fn reserve(file: &File, len: u64) -> io::Result<()> {
    // An allocation below the length would cut the file off.
    if len <= file.metadata()?.len() {
        return Ok(());
    }
    let wanted = FILE_ALLOCATION_INFO {
        AllocationSize: len as i64,
    };
    // SAFETY: the handle is open, and the pointer covers one structure of the class named.
    let succeeded = unsafe {
        SetFileInformationByHandle(
            file.as_raw_handle(),
            FileAllocationInfo,
            ptr::from_ref(&wanted).cast(),
            size_of::<FILE_ALLOCATION_INFO>() as u32,
        )
    };
    if succeeded == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
