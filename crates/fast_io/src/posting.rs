//! Packets that callers post to a completion port by hand, and what becomes of them.
//!
//! Only Windows has such ports. Elsewhere everything here compiles, and posting answers
//! [`io::ErrorKind::Unsupported`].

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::pump::CompletionPump;

/// A packet that was posted by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// The poster's key, to tell packets apart by. The highest sixteen are the pump's own.
    pub key: usize,
    /// The poster's count of bytes, or whatever else it means to both.
    pub bytes: u32,
}

/// What runs for each posted packet; see
/// [`IocpPumpConfig::with_post_handler`](crate::IocpPumpConfig::with_post_handler).
#[derive(Clone)]
pub(crate) struct PostHandler(Arc<dyn Fn(Posted) + Send + Sync>);

/// Posts a packet to the completion port of `pump`, on one of whose threads the handler registered
/// with [`IocpPumpConfig::with_post_handler`](crate::IocpPumpConfig::with_post_handler) will
/// receive it, once. Without such a handler it is counted as
/// [stray](CompletionPump::stray_packets) and dropped. Shutting down waits for packets posted before.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if the key is one of the pump's own,
/// [`io::ErrorKind::Unsupported`] if the pump has no port, an error for which
/// [`is_closed`](crate::is_closed) holds after its end, or the system's.
pub fn iocp_post_completion(pump: &CompletionPump, posted: Posted) -> io::Result<()> {
    pump.post(posted)
}

impl PostHandler {
    pub fn new(handler: impl Fn(Posted) + Send + Sync + 'static) -> Self {
        Self(Arc::new(handler))
    }

    #[cfg(windows)]
    pub fn run(&self, posted: Posted) {
        (self.0)(posted);
    }
}

impl fmt::Debug for PostHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostHandler({:p})", Arc::as_ptr(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backend, PumpConfig};

    #[test]
    fn posting_without_a_port_is_unsupported() {
        let config = PumpConfig::default().with_backend(Backend::Threads);
        let pump = CompletionPump::start(&config).unwrap();
        let refused = iocp_post_completion(&pump, Posted { key: 1, bytes: 1 });
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
}
