//! `--progress=bar`: one live display of the whole transfer, on a terminal. A bar by bytes, the
//! files done of those known, the rate, the time that is left where that can be known, and the
//! files in flight; lines of text scroll by above it.

use super::text::Text;
use super::{Outcome, View};
use indicatif::{
    HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle,
};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use transfer::event::{Event, Progress, Stage, Totals};

/// A live display with the text that goes by above it.
pub(crate) struct Bar {
    text: Text,
    screen: MultiProgress,
    overall: ProgressBar,
    flying: Vec<Flying>,
    standing: Standing,
}

/// A file on its way.
struct Flying {
    name: Vec<u8>,
    bar: ProgressBar,
}

/// How many files in flight are shown.
const MOST_FLYING: usize = 4;

/// A file smaller than this is gone before it could be read of.
const WORTH_SHOWING: u64 = 4 << 20;

/// Times a second that the display is drawn.
const FRAMES: u8 = 10;

impl Bar {
    pub(crate) fn new(text: Text) -> Bar {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(FRAMES));
        let overall = screen.add(ProgressBar::new(0).with_style(style(OVERALL)));
        Bar {
            text,
            screen,
            overall,
            flying: Vec::new(),
            standing: Standing::default(),
        }
    }

    fn totals(&mut self, totals: &Totals) {
        self.standing.update(totals, Instant::now());
        self.overall.set_length(self.standing.length());
        self.overall.set_position(self.standing.position());
        self.overall.set_message(self.standing.words());
    }

    fn progress(&mut self, progress: &Progress<'_>) {
        let name = progress.entry.path();
        let at = self.flying.iter().position(|flying| flying.name == name);
        match (progress.stage, at) {
            (Stage::Finished, Some(at)) => self.land(at),
            (Stage::Started | Stage::Moving, Some(at)) => {
                self.flying[at].bar.set_position(progress.offset);
            }
            (Stage::Started, None)
                if progress.size >= WORTH_SHOWING && self.flying.len() < MOST_FLYING =>
            {
                let bar = ProgressBar::new(progress.size).with_style(style(FLYING));
                let bar = self.screen.add(bar);
                bar.set_message(printable(&name));
                self.flying.push(Flying { name, bar });
            }
            _ => {}
        }
        self.totals(&progress.totals);
    }

    fn land(&mut self, at: usize) {
        let landed = self.flying.swap_remove(at);
        landed.bar.finish_and_clear();
        self.screen.remove(&landed.bar);
    }

    fn clear(&mut self) {
        while !self.flying.is_empty() {
            self.land(0);
        }
        self.overall.finish_and_clear();
    }
}

impl View for Bar {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Progress(progress) => self.progress(progress),
            Event::Totals(totals) => self.totals(totals),
            _ => {
                let text = &mut self.text;
                self.screen.suspend(|| {
                    text.event(event);
                    text.flush();
                });
            }
        }
    }

    fn finish(&mut self, outcome: &Outcome<'_>) {
        self.clear();
        self.text.finish(outcome);
    }
}

const OVERALL: &str = "{wide_bar} {percent:>3}%  {msg}";
const FLYING: &str = "  {wide_msg} {bytes:>10} / {total_bytes:>10}";

fn style(template: &str) -> ProgressStyle {
    // The templates are fixed and right; a plain bar is better than no transfer if not.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

fn printable(name: &[u8]) -> String {
    let mut text = Vec::new();
    super::escape::for_terminal(name, super::escape::Charset::Utf8, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Where the whole stands, in words and numbers that never go backwards.
///
/// While the list still grows the bytes known grow faster than those done, and an honest share
/// would shrink: the bar then stays where it is until it is right again.
#[derive(Debug, Default)]
struct Standing {
    totals: Totals,
    /// Thousandths of the whole.
    share: u64,
    /// Bytes done at moments of the last seconds.
    history: VecDeque<(Instant, u64)>,
}

/// The rate is that of so much past.
const MEMORY: Duration = Duration::from_secs(5);

/// How finely the bar moves.
const WHOLE: u64 = 1000;

impl Standing {
    fn update(&mut self, totals: &Totals, now: Instant) {
        // Events of several threads may overtake each other.
        let done = totals.bytes_done.max(self.totals.bytes_done);
        let files = totals.files_done.max(self.totals.files_done);
        self.totals = Totals {
            bytes_done: done,
            files_done: files,
            ..*totals
        };
        let share = match totals.total_size {
            0 => 0,
            size => (u128::from(done) * u128::from(WHOLE) / u128::from(size)) as u64,
        };
        self.share = self.share.max(share.min(WHOLE));
        if self
            .history
            .back()
            .is_none_or(|(last, _)| now.duration_since(*last) >= MEMORY / 50)
        {
            self.history.push_back((now, done));
        }
        while self.history.len() > 2 && now.duration_since(self.history[0].0) > MEMORY {
            self.history.pop_front();
        }
    }

    fn length(&self) -> u64 {
        WHOLE
    }

    fn position(&self) -> u64 {
        self.share
    }

    /// Bytes a second; 0 where that cannot be known yet.
    fn rate(&self) -> f64 {
        let (Some((first, from)), Some((last, to))) = (self.history.front(), self.history.back())
        else {
            return 0.0;
        };
        let seconds = last.duration_since(*first).as_secs_f64();
        if seconds > 0.0 {
            (to - from) as f64 / seconds
        } else {
            0.0
        }
    }

    /// How long it will take, where that can be known.
    fn remaining(&self) -> Option<Duration> {
        let left = self
            .totals
            .total_size
            .saturating_sub(self.totals.bytes_done);
        let rate = self.rate();
        if !self.totals.list_complete || rate <= 0.0 {
            return None;
        }
        Duration::try_from_secs_f64(left as f64 / rate).ok()
    }

    fn words(&self) -> String {
        let Totals {
            files_done,
            files_known,
            list_complete,
            ..
        } = self.totals;
        let more = if list_complete { "" } else { "+" };
        let rate = HumanBytes(self.rate() as u64);
        let left = self.remaining().map_or("--".to_owned(), |left| {
            format!("{:#}", HumanDuration(Duration::from_secs(left.as_secs())))
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
            total_size,
            list_complete,
            files_known: 9,
            files_done: 2,
            ..Totals::default()
        }
    }

    #[test]
    fn the_bar_never_goes_backwards() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        let mut last = 0;
        for (done, size) in [
            (10, 100),
            (20, 1000),
            (15, 1000),
            (500, 2000),
            (1999, 2000),
            (2000, 2000),
        ] {
            standing.update(&totals(done, size, false), start);
            assert!(standing.position() >= last);
            last = standing.position();
        }
        assert_eq!(last, standing.length());
    }

    #[test]
    fn the_time_left_is_unknown_until_the_list_is_complete() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        standing.update(&totals(0, 1000, false), start);
        standing.update(&totals(100, 1000, false), start + Duration::from_secs(1));
        assert_eq!((standing.remaining(), standing.rate()), (None, 100.0));
        assert_eq!(standing.words(), "2/9+ files  100 B/s  -- left");
        standing.update(&totals(200, 1000, true), start + Duration::from_secs(2));
        assert_eq!(standing.remaining(), Some(Duration::from_secs(8)));
        assert_eq!(standing.words(), "2/9 files  100 B/s  8s left");
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
            standing.update(
                &totals(done, 100_000, true),
                start + Duration::from_secs(second),
            );
        }
        assert_eq!(standing.rate(), 10.0);
    }

    #[test]
    fn the_templates_are_right() {
        for template in [OVERALL, FLYING] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
