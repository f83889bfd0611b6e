//! Shares out how many files the system lets the process have open at once.
//!
//! rsync has a handful open. Here several files are in flight, and each keeps its directories open:
//! where the system allows few, fewer may be in flight.

/// What each part of a session may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenFiles {
    /// How many threads may move content.
    pub threads: usize,
    /// How many directories of the destination may be opened for files in flight.
    pub dirs: usize,
}

/// Standard streams, a log, the roots, what the list and the decisions are made from.
const BESIDES: usize = 12;
/// A source and its directory, a target once or twice, what it is compared with and kept in.
const A_THREAD: usize = 8;

impl OpenFiles {
    /// Shares out this many.
    pub fn share(limit: usize) -> OpenFiles {
        let left = limit.saturating_sub(BESIDES);
        OpenFiles {
            threads: (left / 2 / A_THREAD).max(1),
            dirs: (left / 4).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_stay_within_the_limit() {
        for limit in [32, 64, 256, 1024, 1 << 20] {
            let OpenFiles { threads, dirs } = OpenFiles::share(limit);
            assert!(BESIDES + threads * A_THREAD + dirs <= limit, "{limit}");
        }
        let least = OpenFiles::share(0);
        assert_eq!((least.threads, least.dirs), (1, 1));
        assert!(OpenFiles::share(usize::MAX).dirs > 1 << 20);
    }
}
