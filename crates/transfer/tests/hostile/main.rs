//! Peers that do not keep to the protocol, played over streams in memory. Each ends the session with the
//! error that tells why, soon, and with nothing done outside of what was asked for.
#![forbid(unsafe_code)]

mod peer;
mod receivers;
mod senders;
mod stalls;
#[cfg(target_os = "linux")]
mod xattrs;
