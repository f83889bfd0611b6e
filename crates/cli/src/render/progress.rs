//! rsync's progress lines: the text of `--progress` (a line for each file) and of
//! `--info=progress2` (one line for the whole), and how rates and times are reckoned.
// rsync: progress.c

use super::number;
use std::collections::VecDeque;
use std::time::Duration;

/// Measures a transfer and words how far it is.
#[derive(Debug)]
pub struct Meter {
    scope: Scope,
    level: u8,
    start: Option<Point>,
    /// The latest points, oldest first: as many as [`HISTORY`], at least a second apart.
    history: VecDeque<Point>,
    /// How long the part behind the time was at its longest, for the whole's one line.
    tail_length: usize,
}

/// What a line speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One file.
    File,
    /// All of them.
    Whole,
}

/// Where the list stands when a file is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Files transferred so far.
    pub transferred: u64,
    /// Entries still to be looked at.
    pub to_check: u64,
    /// Entries known.
    pub known: u64,
    /// No more will become known.
    pub complete: bool,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    time: Duration,
    offset: u64,
}

/// Points that the present rate is reckoned from.
// rsync: PROGRESS_HISTORY_SECS
const HISTORY: usize = 5;

/// How often a line is printed.
const INTERVAL: Duration = Duration::from_secs(1);

/// A file that begins so soon after the last one's last point began when that ended.
const GAP: Duration = Duration::from_millis(1500);

impl Meter {
    /// A meter for one file after the other, or for the whole, with numbers at this level of
    /// `-h`.
    pub fn new(scope: Scope, level: u8) -> Meter {
        Meter {
            scope,
            level,
            start: None,
            history: VecDeque::new(),
            tail_length: 0,
        }
    }

    /// The line for `offset` of `size` bytes done at `now`, if it is time for one. `now` counts
    /// from any fixed moment.
    // rsync: show_progress()
    pub fn moving(&mut self, now: Duration, offset: u64, size: u64) -> Option<String> {
        if self.start.is_none() {
            let last = self
                .history
                .back()
                .filter(|last| now.saturating_sub(last.time) <= GAP);
            let start = match last {
                Some(last) => Point {
                    time: last.time,
                    offset: 0,
                },
                None => Point { time: now, offset },
            };
            self.start = Some(start);
            self.history = VecDeque::from([start; HISTORY]);
        } else {
            let newest = self.history.back()?;
            if now.saturating_sub(newest.time) < INTERVAL {
                return None;
            }
            self.history.pop_front();
            self.history.push_back(Point { time: now, offset });
        }
        let rate = self.history.front()?.rate(now, offset);
        let left = size.saturating_sub(offset) as f64;
        let remaining = if rate > 0.0 {
            left / rate / 1000.0
        } else {
            0.0
        };
        Some(self.line(offset, size, rate, remaining) + "  ")
    }

    /// The line for `offset` of `size` bytes done when a file is complete.
    // rsync: end_progress()
    pub fn finished(
        &mut self,
        now: Duration,
        offset: u64,
        size: u64,
        standing: Standing,
    ) -> String {
        let start = self.start.unwrap_or_default();
        let passed = match self.start {
            Some(start) => now.saturating_sub(start.time).as_millis().max(1),
            None => 1,
        };
        let rate = start.rate_over(passed, offset);
        let line = self.line(offset, size, rate, passed as f64 / 1000.0);
        let mut tail = standing.tail();
        match self.scope {
            Scope::File => self.start = None,
            Scope::Whole => {
                // A longer line's end must not show behind a shorter one.
                let length = tail.len();
                tail = format!("{tail:<width$}", width = self.tail_length);
                self.tail_length = length;
            }
        }
        line + &tail
    }

    fn line(&self, offset: u64, size: u64, mut rate: f64, remaining: f64) -> String {
        let mut unit = "kB/s";
        if rate > 1024.0 * 1024.0 {
            (rate, unit) = (rate / (1024.0 * 1024.0), "GB/s");
        } else if rate > 1024.0 {
            (rate, unit) = (rate / 1024.0, "MB/s");
        }
        let percent = match size {
            _ if offset == size => 100,
            0 => 0,
            _ => (100.0 * offset as f64 / size as f64) as u64,
        };
        let offset = number::human(offset, self.level);
        format!(
            "{offset:>15} {percent:>3}% {rate:>7.2}{unit} {}",
            clock(remaining)
        )
    }
}

impl Point {
    /// Kilobytes a second since then.
    fn rate(self, now: Duration, offset: u64) -> f64 {
        self.rate_over(now.saturating_sub(self.time).as_millis().max(1), offset)
    }

    fn rate_over(self, milliseconds: u128, offset: u64) -> f64 {
        (offset as f64 - self.offset as f64) * 1000.0 / milliseconds as f64 / 1024.0
    }
}

impl Default for Point {
    fn default() -> Self {
        Point {
            time: Duration::ZERO,
            offset: 0,
        }
    }
}

impl Standing {
    fn tail(self) -> String {
        let kind = if self.complete { "to" } else { "ir" };
        let Standing {
            transferred,
            to_check,
            known,
            ..
        } = self;
        format!(" (xfr#{transferred}, {kind}-chk={to_check}/{known})")
    }
}

fn clock(seconds: f64) -> String {
    if !(0.0..=9999.0 * 3600.0).contains(&seconds) {
        return "  ??:??:??".to_owned();
    }
    let seconds = seconds as u64;
    format!(
        "{:>4}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn standing(transferred: u64, to_check: u64) -> Standing {
        Standing {
            transferred,
            to_check,
            known: 8,
            complete: true,
        }
    }

    // Lines of rsync -a --progress.
    #[test]
    fn a_small_file_has_two_lines() {
        let mut meter = Meter::new(Scope::File, 1);
        assert_eq!(
            meter.moving(at(0), 6, 6).unwrap(),
            "              6 100%    0.00kB/s    0:00:00  "
        );
        assert_eq!(
            meter.finished(at(0), 6, 6, standing(1, 6)),
            "              6 100%    0.00kB/s    0:00:00 (xfr#1, to-chk=6/8)"
        );
        assert_eq!(
            meter.moving(at(1), 32_768, 3_000_000).unwrap(),
            "         32,768   1%   31.25MB/s    0:00:00  "
        );
        assert_eq!(
            meter.finished(at(4), 3_000_000, 3_000_000, standing(2, 5)),
            "      3,000,000 100%  715.26MB/s    0:00:00 (xfr#2, to-chk=5/8)"
        );
    }

    #[test]
    fn a_large_file_has_a_line_a_second() {
        let mut meter = Meter::new(Scope::File, 2);
        let size = 10_000_000_000;
        assert!(meter.moving(at(0), 0, size).is_some());
        assert_eq!(meter.moving(at(999), 50_000_000, size), None);
        assert_eq!(
            meter.moving(at(1000), 102_400_000, size).unwrap(),
            "        102.40M   1%   97.66MB/s    0:01:38  "
        );
        for second in 2..=6 {
            assert!(
                meter
                    .moving(at(second * 1000), second * 102_400_000, size)
                    .is_some()
            );
        }
        // Only the last seconds count: the rate halves, though the mean of all is higher.
        for second in 7..=12 {
            meter.moving(at(second * 1000), (second + 6) * 51_200_000, size);
        }
        assert_eq!(
            meter.moving(at(13_000), 972_800_000, size).unwrap(),
            "        972.80M   9%   48.83MB/s    0:03:00  "
        );
        assert!(
            meter
                .finished(at(14_000), size, size, standing(1, 0))
                .contains("    0:00:14 (xfr#1")
        );
    }

    #[test]
    fn an_empty_file_is_complete() {
        let mut meter = Meter::new(Scope::File, 1);
        assert_eq!(
            meter.finished(
                at(9),
                0,
                0,
                Standing {
                    complete: false,
                    ..standing(3, 12)
                }
            ),
            "              0 100%    0.00kB/s    0:00:00 (xfr#3, ir-chk=12/8)"
        );
    }

    #[test]
    fn the_whole_has_one_line_whose_end_is_wiped() {
        let mut meter = Meter::new(Scope::Whole, 1);
        let long = meter.finished(at(0), 6, 3_000_010, standing(1, 10));
        assert_eq!(
            long,
            "              6   0%    5.86kB/s    0:00:00 (xfr#1, to-chk=10/8)"
        );
        let short = meter.finished(at(0), 6, 3_000_010, standing(1, 9));
        assert!(short.ends_with("to-chk=9/8) "));
        let next = meter.finished(at(0), 6, 3_000_010, standing(1, 8));
        assert!(next.ends_with("to-chk=8/8)"));
    }

    #[test]
    fn a_time_beyond_reason_is_unknown() {
        assert_eq!(clock(-1.0), "  ??:??:??");
        assert_eq!(clock(9999.0 * 3600.0 + 1.0), "  ??:??:??");
        assert_eq!(clock(3661.9), "   1:01:01");
    }
}
