//! How a pump is set up: every knob, its default and its bounds, the same on every system.

use std::thread;

use crate::driver::scripted::Script;
use crate::posting::{PostHandler, Posted};

/// Settings of a [`CompletionPump`](crate::CompletionPump). Values out of bounds are clamped, not
/// refused: a number from a command line cannot keep a pump from starting.
///
/// | setting | default | bounds |
/// |---|---|---|
/// | workers | one a processor, 2 to 16 | 1 to 256 |
/// | operations in flight | 1,024 | 1 to 65,536 |
/// | bytes in flight | 64 MiB | 4 KiB to 64 GiB |
///
/// Workers are not all of a pump's threads. A ring has one more, sockets that wait for readiness have one, and a
/// completion port has as many again as there are workers, unless
/// [`with_concurrency`](IocpPumpConfig::with_concurrency) says otherwise, and one for deadlines.
#[derive(Debug, Clone)]
pub struct PumpConfig {
    workers: usize,
    max_operations: usize,
    max_bytes: u64,
    backend: Backend,
    iocp: IocpPumpConfig,
}

/// Which driver moves the bytes.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Backend {
    /// The fastest that this system offers for each kind of operation, by our published
    /// measurements: worker threads, and on Linux a ring beside them, made with the first operation
    /// that it is better for, where the system allows it.
    #[default]
    Auto,
    /// Worker threads and ordinary system calls.
    Threads,
    /// Windows' completion ports, with worker threads for what no port does. Starting it elsewhere
    /// is an error of kind [`Unsupported`](std::io::ErrorKind::Unsupported).
    Iocp,
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
            iocp: IocpPumpConfig::default(),
        }
    }
}

impl PumpConfig {
    /// Threads that make ordinary calls and run work: the work lane, which every driver has. A completion
    /// port has as many threads of its own beside them.
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

    /// Settings of a completion port, should one be used.
    pub fn with_iocp(mut self, iocp: IocpPumpConfig) -> Self {
        self.iocp = iocp;
        self
    }

    /// Threads that make ordinary calls and run work.
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

    /// Settings of a completion port, should one be used.
    pub fn iocp(&self) -> &IocpPumpConfig {
        &self.iocp
    }
}

/// Settings of the completion port behind [`Backend::Iocp`]; every other driver takes no notice.
/// Values out of bounds are clamped.
///
/// | setting | default | bounds |
/// |---|---|---|
/// | concurrency | as many as [workers](PumpConfig::with_workers) | 1 to 256 |
/// | batch | 16 packets | 1 to 1,024 |
/// | handler of posted packets | none | |
#[derive(Debug, Clone)]
pub struct IocpPumpConfig {
    concurrency: Option<usize>,
    batch: usize,
    on_post: Option<PostHandler>,
}

impl Default for IocpPumpConfig {
    fn default() -> Self {
        Self {
            concurrency: None,
            batch: 16,
            on_post: None,
        }
    }
}

impl IocpPumpConfig {
    /// Threads that wait at the port, and how many of them the system lets run at the same time.
    pub fn with_concurrency(mut self, threads: usize) -> Self {
        self.concurrency = Some(threads.clamp(1, 256));
        self
    }

    /// Packets that a thread takes at once. Handlers of one batch run one after the other: many
    /// at once save system calls, few spread long handlers over more threads.
    pub fn with_batch(mut self, packets: usize) -> Self {
        self.batch = packets.clamp(1, 1024);
        self
    }

    /// What to run, on a thread of the pump, for each packet that
    /// [`iocp_post_completion`](crate::iocp_post_completion) posts. As with all handlers, it must
    /// not wait for the pump, and a panic in it is caught and counted.
    pub fn with_post_handler(mut self, handler: impl Fn(Posted) + Send + Sync + 'static) -> Self {
        self.on_post = Some(PostHandler::new(handler));
        self
    }

    /// Threads that wait at the port; none says as many as the pump has workers.
    pub fn concurrency(&self) -> Option<usize> {
        self.concurrency
    }

    /// Packets that a thread takes at once.
    pub fn batch(&self) -> usize {
        self.batch
    }

    #[cfg(windows)]
    pub(crate) fn on_post(&self) -> Option<&PostHandler> {
        self.on_post.as_ref()
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
        let port = IocpPumpConfig::default()
            .with_concurrency(0)
            .with_batch(usize::MAX);
        assert_eq!((port.concurrency(), port.batch()), (Some(1), 1024));
    }
}
