//! How the outside stops a session, and how the session shows that it is alive.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A handle on a running session, to stop it by.
pub struct Control {
    stop: AtomicBool,
    /// The stop is the one that `--stop-at` asked for.
    at_limit: AtomicBool,
    on_stop: Mutex<Vec<Box<dyn Fn() + Send>>>,
    timeout: Mutex<Option<Duration>>,
    on_limit: Mutex<Vec<Box<dyn Fn() + Send>>>,
    /// How many threads of the receiver may hold unfinished files.
    at_work: Mutex<usize>,
    all_tidy: Condvar,
    started: Instant,
    /// Milliseconds after `started` when something last moved.
    last_sign: AtomicU64,
}

impl Control {
    /// A handle for a session that is about to start.
    pub fn new() -> Control {
        Control {
            stop: AtomicBool::new(false),
            at_limit: AtomicBool::new(false),
            on_stop: Mutex::default(),
            timeout: Mutex::default(),
            on_limit: Mutex::default(),
            at_work: Mutex::new(0),
            all_tidy: Condvar::new(),
            started: Instant::now(),
            last_sign: AtomicU64::new(0),
        }
    }

    /// Asks the session to end soon: files in flight are given up.
    pub fn stop(&self) {
        // Whoever comes to be called after this sees that it is late.
        let listeners = self.on_stop.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.stop.swap(true, Ordering::SeqCst) {
            for listener in listeners.iter() {
                listener();
            }
        }
    }

    /// Stops because the time has come that `--stop-at` named.
    pub(crate) fn stop_at_limit(&self) {
        self.at_limit.store(true, Ordering::SeqCst);
        self.stop();
    }

    /// Whether that was the reason.
    pub(crate) fn is_at_limit(&self) -> bool {
        self.at_limit.load(Ordering::SeqCst)
    }

    /// Has `listener` called at the first [`stop`](Self::stop), or at once if there was one: what
    /// the session may have to wait for can then make it wait no longer.
    pub fn on_stop(&self, listener: impl Fn() + Send + 'static) {
        let mut listeners = self.on_stop.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_stopped() {
            listener();
        }
        listeners.push(Box::new(listener));
    }

    /// Waits until no file is left unfinished under a name of its own: after a stop this comes
    /// soon, also where the session itself hangs in reading or telling something.
    pub fn wait_until_tidy(&self) {
        let mut at_work = self.at_work();
        while *at_work > 0 {
            at_work = self
                .all_tidy
                .wait(at_work)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits as [`Self::wait_until_tidy`] does, but not for ever.
    pub(crate) fn wait_until_tidy_for(&self, most: Duration) {
        let at_work = self.at_work();
        // Whoever is left behind is told of by what it leaves.
        let _ = self
            .all_tidy
            .wait_timeout_while(at_work, most, |at_work| *at_work > 0);
    }

    /// Says that unfinished files may be about, until the answer is dropped. Ask
    /// [`is_stopped`](Self::is_stopped) after it, not before.
    pub(crate) fn work(&self) -> AtWork<'_> {
        *self.at_work() += 1;
        AtWork(self)
    }

    fn at_work(&self) -> MutexGuard<'_, usize> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody asked.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
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

    /// How long nothing may move: so long if that is shorter than before. True if it is.
    // rsync: io.c read_a_msg(), MSG_IO_TIMEOUT
    pub(crate) fn limit_timeout(&self, limit: Duration) -> bool {
        {
            let mut timeout = self.timeout.lock().unwrap_or_else(PoisonError::into_inner);
            if limit.is_zero() || timeout.is_some_and(|timeout| timeout <= limit) {
                return false;
            }
            *timeout = Some(limit);
        }
        let listeners = self.on_limit.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener());
        true
    }

    /// How long nothing may move, if that matters.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        *self.timeout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `listener` called whenever less silence is allowed than before.
    pub(crate) fn on_limit(&self, listener: impl Fn() + Send + 'static) {
        let mut listeners = self.on_limit.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Box::new(listener));
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

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("stopped", &self.is_stopped())
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}

/// A thread that may hold unfinished files.
pub(crate) struct AtWork<'a>(&'a Control);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut at_work = self.0.at_work();
        *at_work -= 1;
        if *at_work == 0 {
            self.0.all_tidy.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn a_listener_hears_of_a_stop_before_and_after_it() {
        let control = Control::new();
        let calls = Arc::new(AtomicU32::new(0));
        let listen = || {
            let calls = calls.clone();
            control.on_stop(move || {
                calls.fetch_add(1, Ordering::Relaxed);
            });
        };
        listen();
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        control.stop();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        listen();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_timeout_only_gets_shorter() {
        let control = Control::new();
        let calls = Arc::new(AtomicU32::new(0));
        let heard = calls.clone();
        control.on_limit(move || {
            heard.fetch_add(1, Ordering::Relaxed);
        });
        let limit = |seconds| control.limit_timeout(Duration::from_secs(seconds));
        assert!(!limit(0) && control.timeout().is_none());
        assert!(limit(60) && !limit(90) && !limit(60) && limit(5) && !limit(0));
        assert_eq!(control.timeout(), Some(Duration::from_secs(5)));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn it_is_tidy_when_the_last_thread_is_done() {
        let control = Control::new();
        let (one, two) = (control.work(), control.work());
        drop(one);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| control.wait_until_tidy());
            assert!(!waiting.is_finished());
            drop(two);
        });
        control.wait_until_tidy();
    }
}
