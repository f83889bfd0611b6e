//! Which operations must end by when. The thread that watches over them asks for the nearest before
//! it sleeps, and sleeps without a limit where there is none.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Deadlines of operations that are known by a `Key` each.
pub(crate) struct Deadlines<Key> {
    ordered: BTreeSet<(Instant, Key)>,
}

impl<Key: Ord> Deadlines<Key> {
    pub fn new() -> Self {
        Self {
            ordered: BTreeSet::new(),
        }
    }

    /// Watches over an operation, if it has a deadline.
    pub fn insert(&mut self, deadline: Option<Instant>, key: Key) {
        if let Some(deadline) = deadline {
            self.ordered.insert((deadline, key));
        }
    }

    /// Forgets an operation, which has ended.
    pub fn remove(&mut self, deadline: Option<Instant>, key: Key) {
        if let Some(deadline) = deadline {
            self.ordered.remove(&(deadline, key));
        }
    }

    /// The nearest deadline, if there is any.
    pub fn nearest(&self) -> Option<Instant> {
        self.ordered.first().map(|(deadline, _)| *deadline)
    }

    /// How long it is until then.
    pub fn until_nearest(&self) -> Option<Duration> {
        let nearest = self.nearest()?;
        Some(nearest.saturating_duration_since(Instant::now()))
    }

    /// Takes one out whose time has come.
    pub fn pop_expired(&mut self) -> Option<Key> {
        if self.nearest()? > Instant::now() {
            return None;
        }
        self.ordered.pop_first().map(|(_, key)| key)
    }
}
