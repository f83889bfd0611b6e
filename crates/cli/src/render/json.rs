//! `--json`: one event a line, for programs. The schema is `docs/json.md`; it has a version,
//! and what is there stays.

use super::output::Output;
use super::{Outcome, View, format, message};
use options::Options;
use serde::Serialize;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use transfer::event::{Event, FileList, Message, Progress, Severity, Stage, Totals};
use transfer::item::ItemFlags;
use transfer::stats::{KindCounts, Stats};
use tree::entry::Entry;

/// The version of the schema: raised when something in it changes its meaning or goes away.
pub(crate) const SCHEMA: u32 = 1;

/// How often each file's progress is told.
const INTERVAL: Duration = Duration::from_millis(200);

/// What prints JSON lines.
pub(crate) struct Json {
    out: Output,
    letters: format::LineFormat,
    dry_run: bool,
    shows_progress: bool,
    /// When files in flight were last told of.
    last_moves: HashMap<Vec<u8>, Option<Instant>>,
}

impl Json {
    pub(crate) fn new(out: Output, options: &Options) -> Json {
        let mut json = Json {
            out,
            letters: format::LineFormat::new(b"%i", options),
            dry_run: options.dry_run,
            shows_progress: options.info.progress > 0 || options.progress_bar,
            last_moves: HashMap::new(),
        };
        json.line(&Line::Start {
            schema: SCHEMA,
            program: "tidesync",
            version: env!("CARGO_PKG_VERSION"),
            dry_run: options.dry_run,
            list_only: options.list_only,
            arguments: options
                .operands
                .iter()
                .map(|a| Name::from(a.as_encoded_bytes()))
                .collect(),
        });
        json
    }

    fn line(&mut self, line: &Line<'_>) {
        // Serializing to memory fails only for maps whose keys are no strings; there are none.
        if let Ok(mut text) = serde_json::to_vec(line) {
            text.push(b'\n');
            self.out.lines(&text);
        }
    }

    fn progress(&mut self, progress: &Progress<'_>) {
        let stage = match progress.stage {
            Stage::Started => "started",
            Stage::Moving => "moving",
            Stage::Finished => "finished",
        };
        match progress.stage {
            Stage::Started => {}
            Stage::Moving => {
                let last = self.last_moves.entry(progress.entry.path()).or_default();
                if !is_due(last) {
                    return;
                }
            }
            Stage::Finished => {
                self.last_moves.remove(&progress.entry.path());
            }
        }
        self.line(&Line::Progress {
            name: progress.entry.path().as_slice().into(),
            stage,
            offset: progress.offset,
            size: progress.size,
            totals: (&progress.totals).into(),
        });
    }
}

fn is_due(last: &mut Option<Instant>) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= INTERVAL);
    if due {
        *last = Some(Instant::now());
    }
    due
}

impl View for Json {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(message) => {
                self.line(&Line::message(message));
            }
            Event::Told { severity, text } => {
                for line in message::lines_of(text) {
                    self.line(&Line::told(*severity, line));
                }
            }
            Event::FileList(FileList::Finished(entries)) => {
                self.line(&Line::FileList { entries: *entries });
            }
            Event::FileList(_) => {}
            Event::Item(item) => {
                let letters = self.letters.line(format::Subject::Item(item));
                let link = item.link_name.filter(|name| !name.is_empty());
                self.line(&Line::Entry {
                    described: item.entry.into(),
                    itemized: String::from_utf8_lossy(&letters).into_owned(),
                    flags: flag_names(item.flags, item.entry),
                    hard_link: link.map(Name::from),
                    checksum: item.checksum.map(|digest| Checksum {
                        kind: digest.kind().name(),
                        hex: digest.to_string(),
                    }),
                    bytes_moved: item.bytes_moved,
                });
            }
            Event::Deleted { name, mode } => {
                self.line(&Line::Deleted {
                    name: (*name).into(),
                    kind: kind_name(*mode),
                });
            }
            Event::Listed(entry) => self.line(&Line::Listed {
                described: (*entry).into(),
            }),
            Event::Flight(progress) if self.shows_progress => self.progress(progress),
            Event::Totals(totals) if self.shows_progress => {
                self.line(&Line::Totals {
                    totals: (*totals).into(),
                });
            }
            Event::Progress(_) | Event::PartDone(_) | Event::Flight(_) | Event::Totals(_) => {}
        }
    }

    fn finish(&mut self, outcome: &Outcome<'_>) {
        self.line(&Line::Summary {
            exit_code: outcome.exit.number(),
            outcome: outcome.exit.to_string(),
            dry_run: self.dry_run,
            stats: outcome.stats.map(Counted::from),
        });
        self.out.flush();
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Start {
        schema: u32,
        program: &'a str,
        version: &'a str,
        dry_run: bool,
        list_only: bool,
        arguments: Vec<Name>,
    },
    FileList {
        entries: u64,
    },
    Entry {
        #[serde(flatten)]
        described: Described,
        itemized: String,
        flags: Vec<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        hard_link: Option<Name>,
        #[serde(skip_serializing_if = "Option::is_none")]
        checksum: Option<Checksum>,
        bytes_moved: u64,
    },
    Deleted {
        name: Name,
        #[serde(rename = "type")]
        kind: &'static str,
    },
    Listed {
        #[serde(flatten)]
        described: Described,
    },
    Progress {
        name: Name,
        stage: &'static str,
        offset: u64,
        size: u64,
        totals: Standing,
    },
    Totals {
        totals: Standing,
    },
    Message {
        level: &'static str,
        role: &'static str,
        text: Name,
        #[serde(skip_serializing_if = "Option::is_none")]
        os_error: Option<OsError>,
    },
    Summary {
        exit_code: u8,
        outcome: String,
        dry_run: bool,
        stats: Option<Counted>,
    },
}

/// Bytes that are text almost always: a string where they are, and else an object with their
/// hexadecimal digits, from which they can be had back exactly, and a text for people.
#[derive(Serialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Bytes { hex: String, lossy: String },
}

#[derive(Serialize)]
struct Described {
    name: Name,
    #[serde(rename = "type")]
    kind: &'static str,
    mode: u32,
    size: u64,
    mtime: i64,
    mtime_nanos: u32,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Name>,
}

#[derive(Serialize)]
struct Checksum {
    kind: &'static str,
    hex: String,
}

#[derive(Serialize)]
struct OsError {
    code: Option<i32>,
    text: String,
}

#[derive(Serialize)]
struct Standing {
    files_transferred: u64,
    files_to_check: u64,
    files_known: u64,
    files_done: u64,
    list_complete: bool,
    bytes_moved: u64,
    bytes_done: u64,
    bytes_known: u64,
}

#[derive(Serialize)]
struct Counted {
    files: Kinds,
    created: Kinds,
    deleted: Kinds,
    transferred_files: u64,
    total_size: u64,
    transferred_size: u64,
    literal_data: u64,
    matched_data: u64,
    bytes_sent: u64,
    bytes_received: u64,
    list_seconds: f64,
    seconds: f64,
}

#[derive(Serialize)]
struct Kinds {
    total: u64,
    regular: u64,
    directories: u64,
    symlinks: u64,
    devices: u64,
    specials: u64,
}

impl Line<'_> {
    fn message(message: &Message) -> Self {
        let os_error = message.os_error.as_ref().map(|error| OsError {
            code: error.raw_os_error(),
            text: error.to_string(),
        });
        Line::Message {
            level: level(message.severity),
            role: message.role.name(),
            text: message.text.as_slice().into(),
            os_error,
        }
    }
}

impl Line<'_> {
    fn told(severity: Severity, line: &[u8]) -> Line<'_> {
        Line::Message {
            level: level(severity),
            role: "remote",
            text: line.into(),
            os_error: None,
        }
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Client => "info",
        Severity::Warning => "warning",
        Severity::Error | Severity::TransferError => "error",
    }
}

impl From<&[u8]> for Name {
    fn from(bytes: &[u8]) -> Name {
        match std::str::from_utf8(bytes) {
            Ok(text) => Name::Text(text.to_owned()),
            Err(_) => Name::Bytes {
                hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
                lossy: String::from_utf8_lossy(bytes).into_owned(),
            },
        }
    }
}

impl From<&Entry> for Described {
    fn from(entry: &Entry) -> Described {
        Described {
            name: entry.path().as_slice().into(),
            kind: kind_name(entry.mode()),
            mode: entry.permissions(),
            size: entry.size,
            mtime: entry.mtime().secs,
            mtime_nanos: entry.mtime().nanos,
            uid: entry.uid,
            gid: entry.gid,
            target: entry.is_symlink().then(|| entry.link_target().into()),
        }
    }
}

fn kind_name(mode: u32) -> &'static str {
    use fast_io::dir::FileKind;
    match FileKind::from_mode(mode) {
        Some(FileKind::Directory) => "directory",
        Some(FileKind::Symlink) => "symlink",
        Some(FileKind::Fifo) => "fifo",
        Some(FileKind::Socket) => "socket",
        Some(FileKind::CharDevice) => "char_device",
        Some(FileKind::BlockDevice) => "block_device",
        Some(FileKind::Regular) | None => "file",
    }
}

fn flag_names(flags: ItemFlags, entry: &Entry) -> Vec<&'static str> {
    let size = if entry.is_symlink() {
        "time_failed"
    } else {
        "size"
    };
    [
        (ItemFlags::IS_NEW, "new"),
        (ItemFlags::TRANSFER, "transfer"),
        (ItemFlags::LOCAL_CHANGE, "local_change"),
        (ItemFlags::REPORT_CHANGE, "checksum"),
        (ItemFlags::REPORT_SIZE, size),
        (ItemFlags::REPORT_TIME, "time"),
        (ItemFlags::REPORT_PERMS, "permissions"),
        (ItemFlags::REPORT_OWNER, "owner"),
        (ItemFlags::REPORT_GROUP, "group"),
        (ItemFlags::REPORT_ATIME, "atime"),
        (ItemFlags::REPORT_CRTIME, "crtime"),
        (ItemFlags::REPORT_ACL, "acl"),
        (ItemFlags::REPORT_XATTR, "xattr"),
    ]
    .into_iter()
    .filter_map(|(flag, name)| flags.contains(flag).then_some(name))
    .collect()
}

impl From<&Totals> for Standing {
    fn from(totals: &Totals) -> Standing {
        Standing {
            files_transferred: totals.transferred_files,
            files_to_check: totals.files_to_check,
            files_known: totals.files_known,
            files_done: totals.files_done,
            list_complete: totals.list_complete,
            bytes_moved: totals.bytes_moved,
            bytes_done: totals.bytes_done,
            bytes_known: totals.total_size,
        }
    }
}

impl From<&Stats> for Counted {
    fn from(stats: &Stats) -> Counted {
        Counted {
            files: (&stats.files).into(),
            created: (&stats.created).into(),
            deleted: (&stats.deleted).into(),
            transferred_files: stats.transferred_files,
            total_size: stats.total_size,
            transferred_size: stats.transferred_size,
            literal_data: stats.literal_data,
            matched_data: stats.matched_data,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
            list_seconds: stats.list_seconds,
            seconds: stats.seconds,
        }
    }
}

impl From<&KindCounts> for Kinds {
    fn from(counts: &KindCounts) -> Kinds {
        Kinds {
            total: counts.total,
            regular: counts.regular(),
            directories: counts.dirs,
            symlinks: counts.symlinks,
            devices: counts.devices,
            specials: counts.specials,
        }
    }
}

#[cfg(test)]
mod tests;
