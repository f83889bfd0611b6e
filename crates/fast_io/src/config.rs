//! How a pump is set up: every knob, its default and its bounds, the same on every system.

use std::thread;

use crate::driver::scripted::Script;

/// Settings of a [`CompletionPump`](crate::CompletionPump). Values out of bounds are clamped, not
/// refused: a number from a command line cannot keep a pump from starting.
///
/// | setting | default | bounds |
/// |---|---|---|
/// | workers | one a processor, 2 to 16 | 1 to 256 |
/// | operations in flight | 1,024 | 1 to 65,536 |
/// | bytes in flight | 64 MiB | 4 KiB to 64 GiB |
#[derive(Debug, Clone)]
pub struct PumpConfig {
    workers: usize,
    max_operations: usize,
    max_bytes: u64,
    backend: Backend,
}

/// Which driver moves the bytes.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Backend {
    /// The fastest that this system offers, by our published measurements.
    #[default]
    Auto,
    /// Worker threads and ordinary system calls.
    Threads,
    /// Linux's io_uring, with worker threads for what it does not do. Starting it elsewhere, or where
    /// it is forbidden, is an error.
    Uring,
    /// The test driver: real I/O, but in an order, in pieces and with the errors of a script.
    Scripted(Script),
}

impl Default for PumpConfig {
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(2, usize::from);
        Self {
            workers: processors.clamp(2, 16),
            max_operations: 1024,
            max_bytes: 64 << 20,
            backend: Backend::Auto,
        }
    }
}

impl PumpConfig {
    /// Threads that run operations and handlers.
    pub fn with_workers(mut self, workers: usize) -> Self {
        self.workers = workers.clamp(1, 256);
        self
    }

    /// Operations in flight before a submitter has to wait.
    pub fn with_max_operations(mut self, operations: usize) -> Self {
        self.max_operations = operations.clamp(1, 65_536);
        self
    }

    /// Bytes of buffers in flight before a submitter has to wait. One operation that is larger than
    /// the bound is admitted when it is alone.
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes.clamp(4 << 10, 64 << 30);
        self
    }

    /// Forces a driver.
    pub fn with_backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Threads that run operations and handlers.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Operations in flight before a submitter has to wait.
    pub fn max_operations(&self) -> usize {
        self.max_operations
    }

    /// Bytes of buffers in flight before a submitter has to wait.
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// The driver asked for.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_bounds_are_clamped() {
        let least = PumpConfig::default()
            .with_workers(0)
            .with_max_operations(0)
            .with_max_bytes(0);
        assert_eq!((least.workers(), least.max_operations()), (1, 1));
        assert_eq!(least.max_bytes(), 4096);
        let most = PumpConfig::default()
            .with_workers(usize::MAX)
            .with_max_bytes(u64::MAX);
        assert_eq!((most.workers(), most.max_bytes()), (256, 64 << 30));
    }
}
