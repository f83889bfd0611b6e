//! What the three roles share: the options, the tally, the narrator and the pump.

use crate::charset::Converter;
use crate::control::Control;
use crate::era::Era;
use crate::error::{Fatal, Problem, Problems, SessionError};
use crate::event::{Message, Role, Severity, Totals};
use crate::narrator::Narrator;
use crate::open_files::OpenFiles;
use crate::stats::Stats;
use delta::MatchStats;
use fast_io::CompletionPump;
use fast_io::dir::{Access, Identity};
use fast_io::offload::Copier;
use options::{Options, SuperMode};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the three roles share.
pub(crate) struct Context {
    pub options: Options,
    /// What the protocol makes different.
    pub era: Era,
    pub narrator: Narrator,
    pub problems: Problems,
    pub control: Arc<Control>,
    pub pump: Arc<CompletionPump>,
    pub copier: Arc<Copier>,
    /// Who the process acts as.
    pub identity: Identity,
    /// Whether ownership is set and device nodes are made.
    pub am_root: bool,
    /// The permissions that a new file gets where those of the source are not preserved.
    pub default_permissions: u32,
    /// The process's file-mode creation mask, as it was.
    pub umask: u32,
    pub open_files: OpenFiles,
    /// By which names are converted that cross a wire (`--iconv`).
    pub charset: Option<Converter>,
    tally: Counters,
}

/// The counters, in cache lines of their own: threads write them for every file, and what would be
/// beside them is read by all threads for every file.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counters(Mutex<Tally>);

/// What is counted while the session runs.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub stats: Stats,
    pub totals: Totals,
}

impl Context {
    pub fn new(
        options: Options,
        era: Era,
        narrator: Narrator,
        control: Arc<Control>,
        pump: Arc<CompletionPump>,
        umask: u32,
        open_files: OpenFiles,
    ) -> Context {
        let identity = fast_io::dir::identity();
        let am_root = match options.super_mode {
            SuperMode::Auto => identity.privileged,
            SuperMode::Super => true,
            SuperMode::NoSuper => false,
        };
        Context {
            charset: Converter::of(&options),
            options,
            era,
            narrator,
            problems: Problems::default(),
            control,
            pump,
            copier: Arc::new(Copier::new()),
            identity,
            am_root,
            default_permissions: 0o777 & !umask,
            umask,
            open_files,
            tally: Counters::default(),
        }
    }

    /// How files are opened that are only read.
    pub fn reading(&self) -> Access {
        if self.options.open_noatime {
            Access::ReadUnseen
        } else {
            Access::Read
        }
    }

    /// The counters, for a moment.
    pub fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the session stands.
    pub fn totals(&self) -> Totals {
        self.tally().totals
    }

    /// Tells a line that goes to standard output.
    pub fn info(&self, role: Role, text: impl Into<Vec<u8>>) {
        self.tell(Severity::Info, role, text.into(), None);
    }

    /// Tells a line that goes to standard output, with the system's error.
    pub fn info_os(&self, role: Role, text: impl Into<Vec<u8>>, error: io::Error) {
        self.tell(Severity::Info, role, text.into(), Some(error));
    }

    /// Tells the sender's figures of the delta search at `-vv`.
    // rsync: match.c match_report()
    pub fn report_matches(&self, found: &MatchStats) {
        if self.options.debug.deltasum == 0 {
            return;
        }
        let MatchStats {
            matches,
            hash_hits,
            false_alarms,
            ..
        } = found;
        let data = self.tally().stats.literal_data;
        let text = format!(
            "total: matches={matches}  hash_hits={hash_hits}  false_alarms={false_alarms} data={data}"
        );
        self.info(Role::Sender, text);
    }

    /// Tells a line that goes to standard output but not to the log.
    pub fn client(&self, role: Role, text: impl Into<Vec<u8>>) {
        self.tell(Severity::Client, role, text.into(), None);
    }

    /// Tells a warning.
    pub fn warn(&self, role: Role, text: impl Into<Vec<u8>>) {
        self.tell(Severity::Warning, role, text.into(), None);
    }

    /// Tells a warning with the system's error.
    pub fn warn_os(&self, role: Role, text: impl Into<Vec<u8>>, error: io::Error) {
        self.tell(Severity::Warning, role, text.into(), Some(error));
    }

    /// Tells an error that by itself does not change the exit code.
    pub fn error(&self, role: Role, text: impl Into<Vec<u8>>) {
        self.tell(Severity::Error, role, text.into(), None);
    }

    /// Tells a system's error that by itself does not change the exit code.
    pub fn error_os(&self, role: Role, text: impl Into<Vec<u8>>, error: io::Error) {
        self.tell(Severity::Error, role, text.into(), Some(error));
    }

    /// Tells an error of one file; the session will end with "some files could not be transferred".
    pub fn transfer_error(&self, role: Role, text: impl Into<Vec<u8>>) {
        self.problems.add(role, Problem::Transfer);
        self.tell(Severity::TransferError, role, text.into(), None);
    }

    /// Like [`Self::transfer_error`], with the system's error.
    pub fn transfer_error_os(&self, role: Role, text: impl Into<Vec<u8>>, error: io::Error) {
        self.problems.add(role, Problem::Transfer);
        self.tell(Severity::TransferError, role, text.into(), Some(error));
    }

    /// Tells an error and makes the value that ends the session with it.
    pub fn fatal(&self, kind: Fatal, role: Role, text: impl Into<Vec<u8>>) -> SessionError {
        self.tell(Severity::Error, role, text.into(), None);
        SessionError { kind, role }
    }

    /// Like [`Self::fatal`], with the system's error.
    pub fn fatal_os(
        &self,
        kind: Fatal,
        role: Role,
        text: impl Into<Vec<u8>>,
        error: io::Error,
    ) -> SessionError {
        self.tell(Severity::Error, role, text.into(), Some(error));
        SessionError { kind, role }
    }

    /// Ends the role if somebody asked the session to stop.
    pub fn check_stopped(&self, role: Role) -> Result<(), SessionError> {
        if self.control.is_stopped() {
            return Err(SessionError {
                kind: Fatal::Interrupted,
                role,
            });
        }
        Ok(())
    }

    fn tell(&self, severity: Severity, role: Role, text: Vec<u8>, os_error: Option<io::Error>) {
        self.narrator.message(Message {
            severity,
            role,
            text,
            os_error,
        });
    }
}

/// Joins pieces of bytes and text into one line.
macro_rules! line {
    ($($piece:expr),+ $(,)?) => {{
        let mut text: Vec<u8> = Vec::new();
        $(text.extend_from_slice(AsRef::<[u8]>::as_ref(&$piece));)+
        text
    }};
}
pub(crate) use line;

/// A name as errors show it: with the directory it is relative to, in quotation marks.
// rsync: util1.c full_fname()
pub(crate) fn full_name(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if crate::paths::is_absolute(name) {
        return line!("\"", name, "\"");
    }
    let slash = if dir.is_empty() || dir.ends_with(b"/") {
        ""
    } else {
        "/"
    };
    line!("\"", dir, slash, name, "\"")
}
