//! `--progress=bar`: one live display of the whole transfer, on a terminal. A bar by bytes, the
//! files done of those known, the rate, the time that is left where that can be known, and the
//! files in flight; lines of text scroll by above it.

mod standing;

use super::text::Text;
use super::{Outcome, View};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use standing::{Standing, WHOLE};
use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use transfer::event::{Event, Progress, Stage, Totals};

/// A live display with the text that goes by above it.
pub(crate) struct Bar {
    text: Text,
    screen: MultiProgress,
    overall: ProgressBar,
    /// The lines for files in flight, below the bar.
    rows: Vec<ProgressBar>,
    flying: Vec<Flying>,
    standing: Arc<Mutex<Standing>>,
    /// When the lines were last brought up to date.
    drawn: Instant,
}

/// A file on its way.
struct Flying {
    name: Vec<u8>,
    since: Instant,
    offset: u64,
    size: u64,
}

/// How many files in flight are shown.
const MOST_ROWS: usize = 4;

/// A file that is gone sooner could not be read of.
const WORTH_SHOWING: Duration = Duration::from_millis(100);

/// Times a second that the display is drawn.
const FRAMES: u8 = 10;
const FRAME: Duration = Duration::from_millis(1000 / FRAMES as u64);

/// Whether standard output is a terminal on which lines can be drawn anew.
pub(crate) fn has_place() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Bar {
    pub(crate) fn new(text: Text) -> Bar {
        let standing = Arc::new(Mutex::new(Standing::default()));
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(FRAMES));
        let told = Arc::clone(&standing);
        // Asked at each frame, so that rate and time are right even while nothing happens.
        let words = move |_: &ProgressState, to: &mut dyn fmt::Write| {
            let standing = told.lock().unwrap_or_else(PoisonError::into_inner);
            // Writing to a string does not fail.
            let _ = to.write_str(&standing.words(Instant::now()));
        };
        let style = style(OVERALL).with_key("words", words);
        let overall = screen.add(ProgressBar::new(WHOLE).with_style(style));
        overall.enable_steady_tick(FRAME);
        Bar {
            text,
            screen,
            overall,
            rows: Vec::new(),
            flying: Vec::new(),
            standing,
            drawn: Instant::now(),
        }
    }

    fn totals(&mut self, totals: &Totals, now: Instant) {
        let share = {
            let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
            standing.update(totals, now);
            standing.share()
        };
        if now.duration_since(self.drawn) >= FRAME {
            self.drawn = now;
            self.overall.set_position(share);
            self.draw_rows(now);
        }
    }

    fn flight(&mut self, progress: &Progress<'_>) {
        let (name, now) = (progress.entry.path(), Instant::now());
        let at = self.flying.iter().position(|flying| flying.name == name);
        match (progress.stage, at) {
            (Stage::Finished, Some(at)) => {
                self.flying.remove(at);
            }
            (Stage::Finished, None) => {}
            (Stage::Started | Stage::Moving, Some(at)) => self.flying[at].offset = progress.offset,
            (Stage::Started | Stage::Moving, None) => self.flying.push(Flying {
                name,
                since: now,
                offset: progress.offset,
                size: progress.size,
            }),
        }
        self.totals(&progress.totals, now);
    }

    fn draw_rows(&mut self, now: Instant) {
        let shown = self
            .flying
            .iter()
            .filter(|flying| now.duration_since(flying.since) >= WORTH_SHOWING)
            .take(MOST_ROWS);
        let mut rows = 0;
        for flying in shown {
            if rows == self.rows.len() {
                let row = ProgressBar::new(0).with_style(style(FLYING));
                self.rows.push(self.screen.add(row));
            }
            let row = &self.rows[rows];
            row.set_length(flying.size);
            row.set_position(flying.offset);
            row.set_message(printable(&flying.name));
            rows += 1;
        }
        self.keep_rows(rows);
    }

    fn keep_rows(&mut self, rows: usize) {
        for row in self.rows.drain(rows..) {
            row.finish_and_clear();
            self.screen.remove(&row);
        }
    }
}

impl View for Bar {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Flight(progress) => self.flight(progress),
            Event::Totals(totals) => self.totals(totals, Instant::now()),
            Event::Progress(_) | Event::PartDone(_) => {}
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
        self.keep_rows(0);
        self.overall.finish_and_clear();
        self.text.finish(outcome);
    }
}

const OVERALL: &str = "{wide_bar} {percent:>3}%  {words}";
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_right() {
        for template in [OVERALL, FLYING] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
