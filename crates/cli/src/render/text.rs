//! rsync's text on standard output and standard error, to the letter.

use super::console::{Console, Last};
use super::format::{LineFormat, Subject};
use super::progress::{Meter, Scope, Standing};
use super::{Outcome, View, list, message, summary};
use options::Options;
use std::time::{Duration, Instant};
use transfer::event::{
    Audience, Event, FileList, Message, Progress, Role, Severity, Stage, Totals,
};
use transfer::item::ItemFlags;

/// What prints rsync's text.
pub(crate) struct Text {
    console: Console,
    options: Options,
    format: Option<LineFormat>,
    meter: Option<Meter>,
    started: Instant,
    /// Files whose transfer is complete: the number of `xfr#`.
    transferred: u64,
    /// The sizes of the files whose transfer has begun.
    transferred_size: u64,
    /// The next count of files to show while the list is made.
    next_count: u64,
}

/// What is transferred first, and so shown first.
// rsync: rsync.h CHUNK_SIZE, match.c match_sums()
const FIRST_CHUNK: u64 = 32 * 1024;

/// The count of files is shown whenever it has grown by so many.
const COUNT_STEP: u64 = 100;

impl Text {
    pub(crate) fn new(console: Console, options: &Options) -> Text {
        let format = options.out_format.as_ref();
        let scope = match options.info.progress {
            0 => None,
            1 => Some(Scope::File),
            _ => Some(Scope::Whole),
        };
        Text {
            console,
            options: options.clone(),
            format: format.map(|format| LineFormat::new(&format.text, options)),
            meter: scope.map(|scope| Meter::new(scope, options.human_readable)),
            started: Instant::now(),
            transferred: 0,
            transferred_size: 0,
            next_count: 0,
        }
    }

    /// Writes out what has been told so far.
    pub(crate) fn flush(&mut self) {
        self.console.flush();
    }

    fn message(&mut self, message: &Message) {
        let line = message::text(message);
        match message.severity {
            Severity::Info | Severity::Client => self.console.info(&line),
            Severity::Warning | Severity::Error | Severity::TransferError => match message.role {
                Role::Generator | Role::Receiver => self.console.destination_error(&line),
                Role::Sender | Role::Client | Role::Destination => self.console.error(&line),
            },
        }
    }

    /// What the other side tells.
    // rsync: log.c rwrite()
    fn told(&mut self, severity: Severity, text: &[u8]) {
        for line in message::lines_of(text) {
            match severity {
                Severity::Info | Severity::Client => self.console.info(line),
                Severity::Warning | Severity::Error | Severity::TransferError => {
                    self.console.error(line);
                }
            }
        }
    }

    // rsync: flist.c send_file_list()
    fn file_list(&mut self, event: FileList) {
        match event {
            FileList::Started {
                incremental: true,
                receiving,
            } if self.options.info.flist >= 1 => {
                self.console.info(if receiving {
                    b"receiving incremental file list"
                } else {
                    b"sending incremental file list"
                });
            }
            FileList::Started {
                incremental: false,
                receiving,
            } if message::shows_list(&self.options) => {
                self.console.open(if receiving {
                    "receiving file list ... "
                } else {
                    "building file list ... "
                });
            }
            FileList::Grown(count) if self.options.info.flist >= 2 => self.count(count),
            FileList::Finished(count) => {
                if self.options.info.flist >= 2 && count > 0 {
                    self.count(count - 1);
                }
                if let Some(line) = message::list_finished(count, &self.options) {
                    self.console.close(&line);
                }
            }
            _ => {}
        }
    }

    /// Shows the counts up to `count`, however far the list grew at a time.
    fn count(&mut self, count: u64) {
        while message::shows_list(&self.options) && self.next_count <= count {
            self.console
                .count(&format!(" {} files...", self.next_count));
            self.next_count += COUNT_STEP;
        }
    }

    // rsync: log.c log_delete()
    fn deleted(&mut self, name: &[u8], mode: u32) {
        let operation = self
            .options
            .out_format
            .as_ref()
            .is_some_and(|f| f.operation);
        match &self.format {
            Some(format) if operation => {
                self.console
                    .info(&format.line(Subject::Deleted { name, mode }));
            }
            None if self.options.info.del == 0 => {}
            _ => self
                .console
                .info(&message::deletion(name, message::is_dir(mode))),
        }
    }

    // rsync: sender.c send_files()
    fn progress(&mut self, progress: &Progress<'_>) {
        let Some(mut meter) = self.meter.take() else {
            return;
        };
        let now = self.started.elapsed();
        match progress.stage {
            Stage::Started => {
                self.transferred_size += progress.size;
                self.name_before(progress);
                if progress.size > 0 {
                    self.moving(&mut meter, now, progress, FIRST_CHUNK.min(progress.size));
                }
            }
            Stage::Moving => self.moving(&mut meter, now, progress, progress.offset),
            Stage::Finished => {
                self.transferred += 1;
                let (offset, size) = match self.options.info.progress {
                    1 => (progress.size, progress.size),
                    _ => (self.transferred_size, progress.totals.total_size),
                };
                let standing = Standing {
                    transferred: self.transferred,
                    to_check: progress.totals.files_to_check,
                    known: progress.totals.files_known,
                    complete: progress.totals.list_complete,
                };
                let line = meter.finished(now, offset, size, standing);
                self.console.progress(&line, self.is_last());
            }
        }
        self.meter = Some(meter);
    }

    /// A line that is written after the transfer leaves the progress without a name.
    fn name_before(&mut self, progress: &Progress<'_>) {
        let written_before = self
            .options
            .out_format
            .as_ref()
            .is_some_and(|format| format.is_written_before());
        if !written_before && self.options.info.name >= 1 && self.options.info.progress == 1 {
            self.console.info(&progress.entry.path());
        }
    }

    fn moving(&mut self, meter: &mut Meter, now: Duration, progress: &Progress<'_>, offset: u64) {
        let (offset, size) = match self.options.info.progress {
            1 => (offset, progress.size),
            _ => {
                let before = self.transferred_size.saturating_sub(progress.size);
                (before + offset, progress.totals.total_size)
            }
        };
        if let Some(line) = meter.moving(now, offset, size) {
            self.console.progress(&line, Last::No);
        }
    }

    /// The one line for the whole stays open.
    fn is_last(&self) -> Last {
        if self.options.info.progress == 1 {
            Last::Yes
        } else {
            Last::No
        }
    }

    /// The whole's line, when there is nothing more to check in a part of the list.
    // rsync: progress.c end_progress()
    fn part_done(&mut self, totals: &Totals) {
        let Some(meter) = self
            .meter
            .as_mut()
            .filter(|_| self.options.info.progress >= 2)
        else {
            return;
        };
        let standing = Standing {
            transferred: self.transferred,
            to_check: totals.files_to_check,
            known: totals.files_known,
            complete: totals.list_complete,
        };
        let now = self.started.elapsed();
        let line = meter.finished(now, self.transferred_size, totals.total_size, standing);
        self.console.progress(&line, Last::No);
    }
}

impl Text {
    /// Whether content is only pretended to move on this side.
    fn pretends(&self) -> bool {
        let receives = matches!(self.options.route, options::Route::Pull(_));
        self.options.dry_run && (receives || !self.options.only_writes_batch())
    }
}

impl View for Text {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(message) => self.message(message),
            Event::Told { severity, text } => self.told(*severity, text),
            Event::FileList(event) => self.file_list(*event),
            Event::Item(item) if item.audience == Audience::Log => {}
            Event::Item(item) => {
                if self.pretends() && item.flags.contains(ItemFlags::TRANSFER) {
                    self.transferred += 1;
                    self.transferred_size += item.entry.size;
                }
                if let Some(format) = &self.format {
                    self.console.info(&format.line(Subject::Item(item)));
                }
            }
            Event::Deleted { name, mode } => self.deleted(name, *mode),
            Event::Listed(entry) => self.console.info(&list::list_line(entry, &self.options)),
            Event::Progress(progress) => self.progress(progress),
            Event::PartDone(totals) => self.part_done(totals),
            Event::Flight(_) | Event::Totals(_) => {}
        }
    }

    fn finish(&mut self, outcome: &Outcome<'_>) {
        if let Some(stats) = outcome.stats {
            for line in summary::lines(stats, &self.options) {
                self.console.info(line.as_bytes());
            }
        }
        self.console.finish();
        if let Some(line) = outcome.closing_line() {
            self.console.error(line.as_bytes());
        }
        self.console.finish();
    }
}

#[cfg(test)]
mod tests;
