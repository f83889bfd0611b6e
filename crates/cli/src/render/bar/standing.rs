//! Where the whole stands, in words and numbers that never go backwards.

use indicatif::{HumanBytes, HumanDuration};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use transfer::event::Totals;

/// Where the whole stands.
///
/// While the list still grows the bytes known grow faster than those done, and an honest share
/// would shrink: the bar then stays where it is until it is right again.
#[derive(Debug, Default)]
pub(super) struct Standing {
    totals: Totals,
    /// Thousandths of the whole.
    share: u64,
    /// Where it stood at moments of the last seconds.
    history: VecDeque<Point>,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    time: Instant,
    moved: u64,
    done: u64,
    files: u64,
}

/// The rate is that of so much past.
const MEMORY: Duration = Duration::from_secs(5);

/// How far moments that are remembered are apart.
const STEP: Duration = Duration::from_millis(100);

/// What is this far in the past tells a rate.
const LEAST_PAST: Duration = Duration::from_millis(500);

/// How finely the bar moves.
pub(super) const WHOLE: u64 = 1000;

impl Standing {
    pub(super) fn update(&mut self, totals: &Totals, now: Instant) {
        self.totals = *totals;
        let Totals {
            bytes_done,
            total_size,
            files_done,
            files_known,
            ..
        } = *totals;
        // Of nothing but empty files, the files are the measure.
        let (part, whole) = match total_size {
            0 => (files_done, files_known),
            _ => (bytes_done, total_size),
        };
        if whole > 0 {
            let share = (u128::from(part) * u128::from(WHOLE) / u128::from(whole)) as u64;
            self.share = self.share.max(share.min(WHOLE));
        }
        let last = self.history.back();
        if last.is_none_or(|last| now.duration_since(last.time) >= STEP) {
            self.history.push_back(Point {
                time: now,
                moved: totals.bytes_moved,
                done: bytes_done,
                files: files_done,
            });
        }
        while self.history.len() > 2 && now.duration_since(self.history[1].time) > MEMORY {
            self.history.pop_front();
        }
    }

    pub(super) fn share(&self) -> u64 {
        self.share
    }

    /// What the rate is reckoned from, and how many seconds ago that was.
    fn past(&self, now: Instant) -> Option<(Point, f64)> {
        let recent = |point: &&Point| now.duration_since(point.time) <= MEMORY;
        let first = self.history.iter().find(recent).or(self.history.back())?;
        let passed = now.duration_since(first.time);
        (passed >= LEAST_PAST).then_some((*first, passed.as_secs_f64()))
    }

    /// Bytes of content a second.
    fn rate(&self, now: Instant) -> Option<f64> {
        let (past, seconds) = self.past(now)?;
        Some(self.totals.bytes_moved.saturating_sub(past.moved) as f64 / seconds)
    }

    /// How long it will take, where that can be known.
    fn remaining(&self, now: Instant) -> Option<Duration> {
        let Totals {
            bytes_done,
            total_size,
            files_done,
            files_known,
            list_complete,
            ..
        } = self.totals;
        let (past, seconds) = self.past(now).filter(|_| list_complete)?;
        let (left, passed) = match total_size.saturating_sub(bytes_done) {
            0 => (
                files_known.saturating_sub(files_done),
                files_done.saturating_sub(past.files),
            ),
            left => (left, bytes_done.saturating_sub(past.done)),
        };
        Duration::try_from_secs_f64(left as f64 * seconds / passed as f64).ok()
    }

    pub(super) fn words(&self, now: Instant) -> String {
        let Totals {
            files_done,
            files_known,
            list_complete,
            ..
        } = self.totals;
        let more = if list_complete { "" } else { "+" };
        let unknown = || "--".to_owned();
        let rate = self
            .rate(now)
            .map_or_else(unknown, |rate| HumanBytes(rate as u64).to_string());
        let left = self.remaining(now).map_or_else(unknown, |left| {
            // A last second takes a second at most.
            let seconds = left.as_secs_f64().ceil();
            format!("{:#}", HumanDuration(Duration::from_secs(seconds as u64)))
        });
        format!("{files_done}/{files_known}{more} files  {rate}/s  {left} left")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(bytes_done: u64, total_size: u64, list_complete: bool) -> Totals {
        Totals {
            bytes_done,
            bytes_moved: bytes_done,
            total_size,
            list_complete,
            files_known: 9,
            files_done: 2,
            ..Totals::default()
        }
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_bar_never_goes_backwards() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        let mut last = 0;
        for (done, size) in [
            (10, 100),
            (20, 1000),
            (25, 1000),
            (500, 2000),
            (1999, 2000),
            (2000, 2000),
        ] {
            standing.update(&totals(done, size, false), start);
            assert!(standing.share() >= last);
            last = standing.share();
        }
        assert_eq!(last, WHOLE);
    }

    #[test]
    fn the_time_left_is_unknown_until_the_list_is_complete() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        standing.update(&totals(0, 1000, false), start);
        assert_eq!(standing.words(start), "2/9+ files  --/s  -- left");
        standing.update(&totals(100, 1000, false), start + seconds(1));
        let now = start + seconds(1);
        assert_eq!(standing.words(now), "2/9+ files  100 B/s  -- left");
        let now = start + seconds(2);
        standing.update(&totals(200, 1000, true), now);
        assert_eq!(standing.words(now), "2/9 files  100 B/s  8s left");
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        for second in 0..20 {
            let done = if second < 10 {
                second * 1000
            } else {
                9000 + (second - 9) * 10
            };
            standing.update(&totals(done, 100_000, true), start + seconds(second));
        }
        assert_eq!(standing.rate(start + seconds(19)), Some(10.0));
    }

    #[test]
    fn where_nothing_moves_there_is_no_telling_when_it_ends() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        standing.update(&totals(0, 1000, true), start);
        standing.update(&totals(500, 1000, true), start + seconds(1));
        let now = start + seconds(20);
        assert_eq!(standing.words(now), "2/9 files  0 B/s  -- left");
    }

    #[test]
    fn what_was_found_equal_is_done_but_did_not_move() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        let found = |done| Totals {
            bytes_moved: 0,
            ..totals(done, 1000, true)
        };
        standing.update(&found(0), start);
        standing.update(&found(500), start + seconds(1));
        let now = start + seconds(1);
        assert_eq!(standing.words(now), "2/9 files  0 B/s  1s left");
    }

    #[test]
    fn empty_files_are_counted_by_number() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        standing.update(&totals(0, 0, true), start);
        let now = start + seconds(1);
        let all = Totals {
            files_done: 9,
            ..totals(0, 0, true)
        };
        assert_eq!(standing.share(), 2 * WHOLE / 9);
        standing.update(&all, now);
        assert_eq!(standing.share(), WHOLE);
        assert_eq!(standing.words(now), "9/9 files  0 B/s  0s left");
    }
}
