//! What differs from system to system, one same-named item each, chosen here and nowhere else.
//!
//! Every system provides:
//!
//! - `read_at(&File, &mut [u8], u64) -> io::Result<usize>` and
//!   `write_at(&File, &[u8], u64) -> io::Result<usize>`: one positioned system call;
//! - `read_part(&SharedFile, &mut [u8], u64) -> io::Result<usize>` and
//!   `write_part(&SharedFile, &[u8], u64) -> io::Result<usize>`: the same for the workers of a pump;
//! - `SEND_FLAGS` and `is_connecting(&io::Error) -> bool` for `driver/sockets.rs`;
//! - `clone_file`, `copy_in_kernel`, `is_never_supported` and `COPY_BUFFER_SIZE` for `offload.rs`;
//! - `invalid_name() -> io::Error` for `dir/name.rs`;
//! - `refused_link() -> io::Error` for `dir/within.rs`;
//! - `TELLS_WHAT_WAITS`, `read_at_once(&SharedFile, &mut [u8], u64) -> io::Result<usize>`,
//!   `offers_rings() -> bool` and `start_ring(Closers) -> io::Result<Arc<dyn Driver>>` for `driver/side_ring.rs`;
//! - `start_uring(&PumpConfig) -> io::Result<Arc<dyn Driver>>` and
//!   `start_iocp(&PumpConfig, &Arc<Ledger>) -> io::Result<Arc<dyn Driver>>` for `driver.rs`;
//! - `next_data`, `punch_hole` and `reserve` for `sparse.rs`.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::extents::next_data;
#[cfg(unix)]
pub(crate) use unix::positioned::{read_at, read_part, write_at, write_part};
#[cfg(unix)]
pub(crate) use unix::refusals::{invalid_name, is_never_supported, refused_link};
#[cfg(unix)]
pub(crate) use unix::sockets::{SEND_FLAGS, is_connecting};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod uring;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use uring::{offers_rings, start_ring, start_uring};
#[cfg(windows)]
mod iocp;
#[cfg(windows)]
pub(crate) use iocp::{KernelFile, KernelSocket, Whereabouts, start_iocp};

mod elsewhere;
#[cfg(not(windows))]
pub(crate) use elsewhere::start_iocp;
#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{TELLS_WHAT_WAITS, read_at_once};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use elsewhere::{offers_rings, start_ring, start_uring};
#[cfg(target_os = "linux")]
pub(crate) use linux::waiting::{TELLS_WHAT_WAITS, read_at_once};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::copying::{COPY_BUFFER_SIZE, clone_file, copy_in_kernel};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::holes::{punch_hole, reserve};

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) use unix::plain::{COPY_BUFFER_SIZE, clone_file, copy_in_kernel, punch_hole, reserve};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::copying::{
    COPY_BUFFER_SIZE, clone_file, copy_in_kernel, is_never_supported,
};
#[cfg(windows)]
pub(crate) use windows::holes::{next_data, punch_hole, reserve};
#[cfg(windows)]
pub(crate) use windows::positioned::{read_at, read_part, write_at, write_part};
#[cfg(windows)]
pub(crate) use windows::sockets::{SEND_FLAGS, is_connecting};
#[cfg(windows)]
pub(crate) use windows::status::{
    as_unsupported, error_of_status, invalid_name, refused_link, socket_error_of_status,
    win32_error,
};
