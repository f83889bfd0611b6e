//! Reads and writes at an offset that are done when the call returns. Windows moves the file's
//! cursor as well: code that uses both on one handle must not expect the cursor to stay.

use std::fs::File;
use std::io;
use std::os::windows::fs::FileExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_HANDLE_EOF, ERROR_IO_PENDING, ERROR_MORE_DATA, HANDLE, STATUS_PENDING,
};
use windows_sys::Win32::Storage::FileSystem::{ReadFile, WriteFile};
use windows_sys::Win32::System::IO::{GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Threading::CreateEventW;

use crate::file::SharedFile;

/// Reads once at `offset`; zero at the end of the file.
pub(crate) fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(room, offset)
}

/// Writes once at `offset`.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(bytes, offset)
}

/// [`read_at`], whatever else goes on on the handle.
pub(crate) fn read_part(file: &SharedFile, room: &mut [u8], offset: u64) -> io::Result<usize> {
    if !file.kernel().is_overlapped(file) {
        return read_at(file, room, offset);
    }
    let len = call_len(room.len());
    // SAFETY: `room` is live and at least `len` bytes long until the call is over, which is when
    // `wait_for` returns.
    let read = wait_for(file, offset, |handle, overlapped| unsafe {
        ReadFile(handle, room.as_mut_ptr(), len, ptr::null_mut(), overlapped)
    });
    read.or_else(
        |error| match error.raw_os_error().map(|number| number as u32) {
            Some(ERROR_HANDLE_EOF | ERROR_BROKEN_PIPE) => Ok(0),
            _ => Err(error),
        },
    )
}

/// [`write_at`], whatever else goes on on the handle.
pub(crate) fn write_part(file: &SharedFile, bytes: &[u8], offset: u64) -> io::Result<usize> {
    let written = if file.kernel().is_overlapped(file) {
        let len = call_len(bytes.len());
        // SAFETY: as for reading.
        wait_for(file, offset, |handle, overlapped| unsafe {
            WriteFile(handle, bytes.as_ptr(), len, ptr::null_mut(), overlapped)
        })
    } else {
        write_at(file, bytes, offset)
    }?;
    file.kernel().note_written(offset + written as u64);
    Ok(written)
}

/// Makes a call on any kind of handle and waits until it is over. On an overlapped one the standard
/// library would wait for the handle, which any other operation on it wakes.
pub(super) fn wait_for(
    file: &File,
    offset: u64,
    call: impl FnOnce(HANDLE, *mut OVERLAPPED) -> i32,
) -> io::Result<usize> {
    let event = new_event()?;
    let mut overlapped = OVERLAPPED {
        // With the lowest bit set no packet goes to the port that the handle may be attached to.
        hEvent: event.as_raw_handle().map_addr(|address| address | 1),
        ..OVERLAPPED::default()
    };
    overlapped.Anonymous.Anonymous.Offset = offset as u32;
    overlapped.Anonymous.Anonymous.OffsetHigh = (offset >> 32) as u32;
    let handle = file.as_raw_handle();
    if call(handle, &mut overlapped) == 0 {
        let error = io::Error::last_os_error();
        if !is(&error, ERROR_IO_PENDING) && !is(&error, ERROR_MORE_DATA) {
            return Err(error);
        }
    }
    let mut moved = 0;
    // SAFETY: the handle and the event are open, and the structure is the call's own; this returns
    // when the kernel is done with it.
    if unsafe { GetOverlappedResult(handle, &overlapped, &mut moved, 1) } == 0 {
        let error = io::Error::last_os_error();
        if overlapped.Internal == STATUS_PENDING as usize {
            // It could not even wait, and the kernel still has the memory: nothing is safe any more.
            std::process::abort();
        }
        // That there is more in a pipe's message is no error: this part of it has come.
        if !is(&error, ERROR_MORE_DATA) {
            return Err(error);
        }
    }
    Ok(moved as usize)
}

fn is(error: &io::Error, number: u32) -> bool {
    error.raw_os_error() == Some(number as i32)
}

fn new_event() -> io::Result<OwnedHandle> {
    // SAFETY: makes a new event without a name, to be reset by hand, not set.
    let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
    if event.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else owns it.
    Ok(unsafe { OwnedHandle::from_raw_handle(event) })
}

fn call_len(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
