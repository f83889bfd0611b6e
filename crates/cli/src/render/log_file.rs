//! `--log-file`: each line with its time and our process number, as rsync writes it.
// rsync: log.c logit(), rwrite(), log_item(), log_delete(), log_exit()

use super::format::{LineFormat, Subject};
use super::{Outcome, View, escape, list, message, summary, time};
use fast_io::dir::{Purpose, open_named};
use options::{LogFile, Options};
use std::io::{self, Write};
use transfer::event::{Audience, Event, FileList, Item, Severity};
use transfer::item::ItemFlags;

/// The log of a session.
pub(crate) struct Log {
    to: Box<dyn Write + Send>,
    options: Options,
    format: LineFormat,
    /// An empty format has no lines.
    logs_items: bool,
    itemizes: bool,
    logs_operations: bool,
    text: Vec<u8>,
}

impl Log {
    /// Opens the file to append to it.
    pub(crate) fn open(log: &LogFile, options: &Options) -> io::Result<Log> {
        let to_append = Purpose::Append { permissions: 0o644 };
        let file = open_named(&log.path, to_append, transfer::trust(options))?;
        Ok(Log::new(Box::new(file), log, options))
    }

    fn new(to: Box<dyn Write + Send>, log: &LogFile, options: &Options) -> Log {
        Log {
            to,
            options: options.clone(),
            format: LineFormat::new(&log.format.text, options),
            logs_items: !log.format.text.is_empty(),
            itemizes: log.format.itemize > 0,
            logs_operations: log.format.operation,
            text: Vec::new(),
        }
    }

    /// One write a line, so that the lines of several programs in one file stay whole.
    fn line(&mut self, line: &[u8]) {
        self.text.clear();
        let stamp = format!("{} [{}] ", time::now(), std::process::id());
        self.text.extend_from_slice(stamp.as_bytes());
        escape::for_log(line, &mut self.text);
        self.text.push(b'\n');
        // A full disk under the log is no reason to stop; rsync does not notice it either.
        let _ = self.to.write_all(&self.text);
    }

    fn item(&mut self, item: &Item<'_>) {
        // A transfer that is only pretended is not logged, and without `%i` nothing that is
        // printed only because of `-ii` or `-vv`.
        let pretended = self.options.dry_run && item.flags.contains(ItemFlags::TRANSFER);
        if !pretended && self.logs_items && (self.itemizes || item.flags.is_significant()) {
            let line = self.format.line(Subject::Item(item));
            self.line(&line);
        }
    }

    fn deleted(&mut self, name: &[u8], mode: u32) {
        let line = if self.logs_operations {
            self.format.line(Subject::Deleted { name, mode })
        } else {
            message::deletion(name, message::is_dir(mode))
        };
        self.line(&line);
    }
}

impl View for Log {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(message) if message.severity != Severity::Client => {
                self.line(&message::text(message));
            }
            Event::Told { severity, text } if *severity != Severity::Client => {
                for line in message::lines_of(text) {
                    self.line(line);
                }
            }
            Event::Told { .. } => {}
            Event::FileList(FileList::Started { receiving, .. }) => {
                self.line(if *receiving {
                    b"receiving file list"
                } else {
                    b"building file list"
                });
            }
            Event::FileList(FileList::Finished(count)) => {
                if let Some(line) = message::list_finished(*count, &self.options) {
                    self.line(line.as_bytes());
                }
            }
            Event::Item(item) if item.audience == Audience::User => {}
            Event::Item(item) => self.item(item),
            Event::Deleted { name, mode } if !self.options.dry_run => {
                self.deleted(name, *mode);
            }
            Event::Listed(entry) => {
                let line = list::list_line(entry, &self.options);
                self.line(&line);
            }
            _ => {}
        }
    }

    fn finish(&mut self, outcome: &Outcome<'_>) {
        let lines = outcome
            .stats
            .map(|stats| summary::lines(stats, &self.options));
        for line in lines
            .unwrap_or_default()
            .iter()
            .filter(|line| !line.is_empty())
        {
            self.line(line.as_bytes());
        }
        let closing = outcome.closing_line();
        if closing.is_some() || self.options.info.stats == 0 {
            let stats = outcome.stats.copied().unwrap_or_default();
            let line = format!(
                "sent {} bytes  received {} bytes  total size {}",
                stats.bytes_sent, stats.bytes_received, stats.total_size
            );
            self.line(line.as_bytes());
        }
        if let Some(line) = closing {
            self.line(line.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;
    use crate::render::output::tests::Kept;
    use crate::render::specimen::{self, NEW_FILE, NEW_OTHER};
    use options::OutFormat;
    use transfer::event::Role;
    use transfer::stats::Stats;

    fn logged(options: &Options, format: &str, events: &[Event<'_>], exit: ExitCode) -> String {
        let kept = Kept::default();
        let log = LogFile {
            path: "log".into(),
            format: OutFormat::new(format, 0),
        };
        let mut log = Log::new(Box::new(kept.clone()), &log, options);
        for event in events {
            log.event(event);
        }
        let stats = Stats {
            bytes_sent: 228,
            bytes_received: 64,
            total_size: 3_000_010,
            ..Stats::default()
        };
        log.finish(&Outcome {
            stats: Some(&stats),
            exit,
            role: Role::Sender,
            is_told: false,
        });
        let pid = format!(" [{}] ", std::process::id());
        let without_stamp = |line: &str| line.split_once(&pid).unwrap().1.to_owned() + "\n";
        kept.text().lines().map(without_stamp).collect()
    }

    #[test]
    fn an_update_is_logged_as_rsync_logs_it() {
        let (file, link) = (specimen::file("a", 6), specimen::symlink("link", "a"));
        let (file, link) = (
            specimen::item(&file, NEW_FILE),
            specimen::item(&link, NEW_OTHER),
        );
        let client = specimen::message(Severity::Client, "not logged");
        let events = [
            Event::FileList(FileList::Started {
                incremental: true,
                receiving: false,
            }),
            Event::Message(&client),
            Event::Deleted {
                name: b"ed",
                mode: 0o040_755,
            },
            Event::Item(&file),
            Event::Item(&link),
        ];
        assert_eq!(
            logged(&Options::default(), "%i %n%L", &events, ExitCode::Ok),
            "building file list\n*deleting   ed/\n>f+++++++++ a\ncL+++++++++ link -> a\n\
             sent 228 bytes  received 64 bytes  total size 3000010\n"
        );
        let dry = Options {
            dry_run: true,
            ..Options::default()
        };
        assert_eq!(
            logged(&dry, "%i %n%L", &events, ExitCode::Ok),
            "building file list\ncL+++++++++ link -> a\n\
             sent 228 bytes  received 64 bytes  total size 3000010\n"
        );
        assert_eq!(
            logged(&Options::default(), "%n", &events[2..4], ExitCode::Ok),
            "deleting ed/\na\nsent 228 bytes  received 64 bytes  total size 3000010\n"
        );
    }

    #[test]
    fn what_the_user_saw_before_the_transfer_is_logged_after_it() {
        let file = specimen::file("a", 6);
        let before = Item {
            audience: Audience::User,
            ..specimen::item(&file, NEW_FILE)
        };
        let after = Item {
            audience: Audience::Log,
            bytes_sent: 49,
            ..specimen::item(&file, NEW_FILE)
        };
        let events = [Event::Item(&before), Event::Item(&after)];
        assert_eq!(
            logged(&Options::default(), "%b %n", &events, ExitCode::Ok),
            "49 a\nsent 228 bytes  received 64 bytes  total size 3000010\n"
        );
        assert_eq!(
            logged(&Options::default(), "", &events, ExitCode::Ok),
            "sent 228 bytes  received 64 bytes  total size 3000010\n"
        );
    }

    #[test]
    fn a_summary_and_an_error_end_it() {
        let mut options = Options {
            human_readable: 1,
            ..Options::default()
        };
        options.info.stats = 1;
        let events = [Event::FileList(FileList::Finished(8))];
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            logged(&options, "%n", &events, ExitCode::Partial),
            format!(
                "sent 228 bytes  received 64 bytes  584.00 bytes/sec\n\
                 total size is 3,000,010  speedup is 10,274.01\n\
                 sent 228 bytes  received 64 bytes  total size 3000010\n\
                 tidesync error: some files/attrs were not transferred (see previous errors) \
                 (code 23) [sender={version}]\n"
            )
        );
    }
}
