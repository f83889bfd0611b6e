//! Requests to a file system that have no function of their own: `DeviceIoControl`.

use std::fs::File;
use std::io;
use std::ptr;

use windows_sys::Win32::System::IO::DeviceIoControl;

use crate::sys::windows::positioned::wait_for;

/// Plain data of the C interface: any bytes make a valid value, and none of it points anywhere.
///
/// # Safety
/// Implement it only for `#[repr(C)]` structures without pointers and without padding that matters;
/// handles in them must be valid for the call.
pub(crate) unsafe trait Plain: Copy + Default {}

// SAFETY: the unit type has no bytes.
unsafe impl Plain for () {}

/// Sends `code` with `input`, and returns the output if all of it came.
pub(crate) fn control<I: Plain, O: Plain>(
    file: &File,
    code: u32,
    input: &I,
) -> io::Result<Option<O>> {
    let mut output = O::default();
    // SAFETY: both pointers cover exactly one `I` and one `O`, which live until the call is over,
    // which is when `wait_for` returns; the kernel reads the first and writes plain data into the
    // second. The handle is open.
    let returned = wait_for(file, 0, |handle, overlapped| unsafe {
        DeviceIoControl(
            handle,
            code,
            ptr::from_ref(input).cast(),
            size_of::<I>() as u32,
            ptr::from_mut(&mut output).cast(),
            size_of::<O>() as u32,
            ptr::null_mut(),
            overlapped,
        )
    })?;
    // More might follow; what fits has been filled in.
    Ok((returned == size_of::<O>()).then_some(output))
}
