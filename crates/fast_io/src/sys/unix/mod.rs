//! What all Unix systems have, and what those without anything special have.

pub(crate) mod extents;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) mod plain;
pub(crate) mod positioned;
pub(crate) mod refusals;
pub(crate) mod sockets;
