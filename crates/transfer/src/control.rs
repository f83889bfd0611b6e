//! How the outside stops a session, and how the session shows that it is alive.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A handle on a running session, to stop it by.
#[derive(Debug)]
pub struct Control {
    stop: AtomicBool,
    begun: AtomicBool,
    started: Instant,
    /// Milliseconds after `started` when something last moved.
    last_sign: AtomicU64,
}

impl Control {
    /// A handle for a session that is about to start.
    pub fn new() -> Control {
        Control {
            stop: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            started: Instant::now(),
            last_sign: AtomicU64::new(0),
        }
    }

    /// Asks the session to end soon: files in flight are given up.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether there may be anything to tidy up. Before, the session only reads what it is to do,
    /// perhaps from somebody who never ends what he writes: then nothing is lost by ending at once.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// From now on things are changed.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
    }

    /// Says that something moved.
    pub(crate) fn sign_of_life(&self) {
        let now = self.started.elapsed().as_millis() as u64;
        // All threads read what is beside it, for every file: written as seldom as will do, it
        // stays in their caches.
        if self.last_sign.load(Ordering::Relaxed) != now {
            self.last_sign.store(now, Ordering::Relaxed);
        }
    }

    /// How long nothing has moved.
    pub(crate) fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.last_sign.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last)
    }

    /// Since when the session runs.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }
}

impl Default for Control {
    fn default() -> Self {
        Control::new()
    }
}
