//! Requests to a file system that have no function of their own: `DeviceIoControl`.

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::ptr;

use windows_sys::Win32::System::IO::DeviceIoControl;

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
    let mut returned = 0;
    // SAFETY: both pointers cover exactly one `I` and one `O`, which live across this synchronous
    // call; the kernel reads the first and writes plain data into the second. The handle is open.
    let succeeded = unsafe {
        DeviceIoControl(
            file.as_raw_handle(),
            code,
            ptr::from_ref(input).cast(),
            size_of::<I>() as u32,
            ptr::from_mut(&mut output).cast(),
            size_of::<O>() as u32,
            &mut returned,
            ptr::null_mut(),
        )
    };
    if succeeded == 0 {
        let error = io::Error::last_os_error();
        // More would follow; what fits has been filled in.
        if error.raw_os_error() != Some(windows_sys::Win32::Foundation::ERROR_MORE_DATA as i32) {
            return Err(error);
        }
    }
    Ok((returned as usize == size_of::<O>()).then_some(output))
}
