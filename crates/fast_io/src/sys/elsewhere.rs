//! What only another system has: asked for here, it says so.

use std::io;
use std::sync::Arc;

use crate::config::PumpConfig;
use crate::driver::Driver;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use crate::driver::closing::Closers;
#[cfg(not(target_os = "linux"))]
use crate::file::SharedFile;
#[cfg(not(windows))]
use crate::ledger::Ledger;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn start_uring(_config: &PumpConfig) -> io::Result<Arc<dyn Driver>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(windows))]
pub(crate) fn start_iocp(
    _config: &PumpConfig,
    _ledger: &Arc<Ledger>,
) -> io::Result<Arc<dyn Driver>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn offers_rings() -> bool {
    false
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn start_ring(_: Closers) -> io::Result<Arc<dyn Driver>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub(crate) const TELLS_WHAT_WAITS: bool = false;

#[cfg(not(target_os = "linux"))]
pub(crate) fn read_at_once(_: &SharedFile, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}
