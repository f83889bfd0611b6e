//! Which operations must end by when. A driver's thread asks for the nearest before it sleeps, and
//! sleeps without a limit where there is none.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Deadlines of operations that are known by a `Key` each.
pub(crate) struct Deadlines<Key> {
    ordered: BTreeSet<(Instant, Key)>,
}

impl<Key: Ord + Copy> Deadlines<Key> {
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

    /// How long it is until the nearest deadline, if there is any.
    pub fn until_nearest(&self) -> Option<Duration> {
        let (nearest, _) = self.ordered.first()?;
        Some(nearest.saturating_duration_since(Instant::now()))
    }

    /// Takes one out whose time has come.
    pub fn pop_expired(&mut self) -> Option<Key> {
        let &(nearest, key) = self.ordered.first()?;
        if nearest > Instant::now() {
            return None;
        }
        self.ordered.pop_first();
        Some(key)
    }
}
