//! Turns a session's events into what the user reads: rsync's text, a live display, or JSON
//! lines, and a log file beside them.
//!
//! ```text
//!                     ┌▶ text ─┬▶ console ▶ output     standard output and error
//!   events ▶ sink ────┼▶ bar ──┘                       (a bar and its text share a terminal)
//!                     ├▶ json                          one event a line
//!                     └▶ log_file
//! ```
//!
//! `format`, `list`, `message`, `progress`, `summary` word the lines; `number`, `time` and
//! `escape` are what lines are made of. No file here decides what is told, or when: that is the
//! session's business.
// rsync: log.c, progress.c, main.c output_summary()

pub mod escape;
pub mod format;
pub mod list;
pub mod number;
pub mod output;
pub mod progress;
pub mod summary;
pub mod time;

mod bar;
mod console;
mod json;
mod log_file;
mod message;
mod server;
mod text;

#[cfg(test)]
mod specimen;

pub use message::os_error;

use crate::exit_code::ExitCode;
use bar::Bar;
use console::Console;
use json::Json;
use log_file::Log;
use options::{Options, OutFormat};
use output::{OnLost, Output};
use std::sync::{Arc, Mutex, PoisonError};
use text::Text;
use transfer::event::{Event, EventSink, Role};
use transfer::stats::Stats;
use transfer::{Control, Fatal, Messenger};

/// Shows a session, event by event, and how it ended.
pub trait Renderer: EventSink {
    /// Tells the end. Nothing may be told after it.
    fn finish(&self, outcome: &Outcome<'_>);
}

/// How a session ended.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// What it counted; `None` if it ended before its work was done.
    pub stats: Option<&'a Stats>,
    /// What the program exits with.
    pub exit: ExitCode,
    /// Who met the error, if there was one.
    pub role: Role,
    /// The other side has told it.
    pub is_told: bool,
}

/// The renderer that the options ask for, of the session that `control` stops: then nothing is
/// kept waiting any more by a standard stream that nobody reads. `on_output_lost` is called once,
/// from any thread, when standard output can no longer be written, as when its reader has left.
pub fn sink(options: &Options, control: &Control, on_output_lost: OnLost) -> Arc<dyn Renderer> {
    let mut views: Vec<Box<dyn View>> = Vec::new();
    let mut complaint = None;
    if let Some(log) = &options.log_file {
        match Log::open(log, options) {
            Ok(log) => views.push(Box::new(log)),
            Err(error) => {
                let name = log.path.display();
                let error = message::os_error(&error);
                complaint = Some(format!(
                    "tidesync: [client] failed to open log-file {name}: {error}"
                ));
            }
        }
    }
    let console = |options: &Options, on_lost: OnLost| {
        let mut console = Console::of_process(options, control, on_lost);
        // rsync does without the log, too.
        if let Some(complaint) = &complaint {
            console.error(complaint.as_bytes());
            console.info(b"Ignoring \"log file\" setting.");
        }
        console
    };
    if options.json {
        if let Some(complaint) = complaint {
            eprintln!("{complaint}");
        }
        let out = Output::stdout(control, on_output_lost);
        views.push(Box::new(Json::new(out, options)));
    } else {
        let text = Text::new(console(options, on_output_lost), options);
        if options.progress_bar && options.quiet == 0 {
            views.push(Box::new(Bar::new(text)));
        } else {
            views.push(Box::new(text));
        }
    }
    Arc::new(Views(Mutex::new(views)))
}

/// The renderer of a server, which tells everything to its client; the log is its own.
pub fn for_client(options: &Options, messenger: Messenger) -> Arc<dyn Renderer> {
    Arc::new(server::Server::new(messenger, options))
}

/// The options as they can be obeyed where the output goes, and what there is to tell of it.
///
/// `--progress=bar` needs a terminal; where there is none, `--progress` is shown.
pub fn suited(options: Options) -> (Options, Option<&'static str>) {
    if !options.progress_bar || options.json || options.quiet > 0 || bar::has_place() {
        return (options, None);
    }
    let told = "tidesync: --progress=bar needs a terminal to draw on: showing --progress instead";
    (without_bar(options), Some(told))
}

fn without_bar(mut options: Options) -> Options {
    options.progress_bar = false;
    options.info.progress = options.info.progress.max(1);
    options.info.flist = options.info.flist.max(2);
    if options.out_format.is_none() {
        options.info.name = options.info.name.max(1);
        options.out_format = Some(OutFormat::new("%n%L", 0));
    }
    options
}

/// One of the ways in which a session is shown.
trait View: Send {
    fn event(&mut self, event: &Event<'_>);
    fn finish(&mut self, outcome: &Outcome<'_>);
}

/// The ways that were asked for.
struct Views(Mutex<Vec<Box<dyn View>>>);

impl Views {
    fn each(&self, mut f: impl FnMut(&mut dyn View)) {
        let mut views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        views.iter_mut().for_each(|view| f(view.as_mut()));
    }
}

impl EventSink for Views {
    fn event(&self, event: Event<'_>) {
        self.each(|view| view.event(&event));
    }
}

impl Renderer for Views {
    fn finish(&self, outcome: &Outcome<'_>) {
        self.each(|view| view.finish(outcome));
    }
}

impl<'a> From<&'a transfer::Outcome> for Outcome<'a> {
    fn from(outcome: &'a transfer::Outcome) -> Outcome<'a> {
        Outcome {
            stats: outcome.error.is_none().then_some(&outcome.stats),
            exit: outcome.into(),
            role: outcome.error.map_or(Role::Sender, |error| error.role),
            is_told: matches!(outcome.error, Some(error) if matches!(error.kind, Fatal::Peer(_))),
        }
    }
}

impl Outcome<'_> {
    fn closing_line(&self) -> Option<String> {
        let line = self.exit.closing_line(self.role.name());
        line.filter(|_| !self.is_told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_without_a_terminal_is_the_progress_of_each_file() {
        let options = without_bar(Options {
            progress_bar: true,
            ..Options::default()
        });
        assert_eq!((options.info.progress, options.info.flist), (1, 2));
        assert_eq!(options.out_format.unwrap().text, b"%n%L");
        let itemized = Options {
            out_format: Some(OutFormat::new("%i %n%L", 1)),
            ..Options::default()
        };
        assert_eq!(without_bar(itemized).out_format.unwrap().text, b"%i %n%L");
    }

    #[test]
    fn a_log_is_written_beside_the_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let format = OutFormat::new("%n", 0);
        let log_file = Some(options::LogFile {
            path: path.clone(),
            format,
        });
        let options = Options {
            log_file,
            quiet: 1,
            ..Options::default()
        };
        let renderer = sink(&options, &Control::new(), Box::new(|_| ()));
        renderer.event(Event::Message(&specimen::message(
            transfer::event::Severity::Info,
            "hello",
        )));
        renderer.finish(&Outcome {
            stats: None,
            exit: ExitCode::Ok,
            role: Role::Sender,
            is_told: false,
        });
        let log = std::fs::read_to_string(path).unwrap();
        assert!(log.lines().next().unwrap().ends_with("] hello"), "{log}");
    }
}
