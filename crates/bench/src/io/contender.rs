//! Who takes part.

use std::io;
use std::time::Duration;

use fast_io::{Backend, CompletionPump, PumpConfig};

use super::bare::Bare;
use super::compio_runtime::Compio;
use super::job::Job;
use super::pump::Pump;
use super::tokio_runtime::Tokio;

/// Someone who can do jobs.
pub trait Contender {
    /// The head of its column.
    fn name(&self) -> &'static str;

    /// Whether it is the pump, on one of its drivers.
    fn is_pump(&self) -> bool {
        false
    }

    /// Does the job once and says how long that took; `None` if it has no way to. Opening the
    /// file, connecting and starting threads are not part of the time.
    ///
    /// # Errors
    /// The first of any operation.
    fn run(&self, job: &Job) -> io::Result<Option<Duration>>;
}

/// Everyone whom this system lets take part. The pump first: what `auto` chooses, then the other
/// drivers.
pub fn all() -> Vec<Box<dyn Contender>> {
    let mut all: Vec<Box<dyn Contender>> = Vec::new();
    let mut known = Vec::new();
    for backend in [
        Backend::Auto,
        Backend::Threads,
        Backend::Uring,
        Backend::Iocp,
    ] {
        if let Some(pump) = Pump::find(backend)
            && !known.contains(&pump.name())
        {
            known.push(pump.name());
            all.push(Box::new(pump));
        }
    }
    all.push(Box::new(Bare));
    all.push(Box::new(Tokio));
    all.push(Box::new(Compio));
    #[cfg(windows)]
    all.push(Box::new(super::private_port::PrivatePort));
    all
}

/// The driver that runs when nobody asks for one.
pub fn auto() -> &'static str {
    CompletionPump::start(&PumpConfig::default()).map_or("none", |pump| pump.backend_name())
}
