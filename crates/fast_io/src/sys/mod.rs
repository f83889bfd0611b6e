//! What differs from system to system, one same-named item each, chosen here and nowhere else.
//!
//! Every system provides:
//!
//! - `read_at(&File, &mut [u8], u64) -> io::Result<usize>` and
//!   `write_at(&File, &[u8], u64) -> io::Result<usize>`: one positioned system call.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::positioned::{read_at, write_at};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::positioned::{read_at, write_at};
