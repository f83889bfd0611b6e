//! What a session tells the outside. `transfer` prints nothing: it hands each of these to the
//! [`EventSink`] it was given, and the program renders them as rsync's text, a progress
//! display, or JSON lines.
//!
//! Events of one session arrive one at a time and in the order in which rsync would print them.

use crate::item::ItemFlags;
use std::io;
use tree::entry::Entry;

/// Receives a session's events. Called from several threads, but never twice at once.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn event(&self, event: Event<'_>);
}

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A line of text for the user.
    Message(&'a Message),
    /// What the other side of a wire tells, as it came: perhaps several lines, or a part of one.
    Told {
        /// How grave it is.
        severity: Severity,
        /// The text, with its newlines.
        text: &'a [u8],
    },
    /// The making of the file list.
    FileList(FileList),
    /// An entry was itemized (and, where that was needed, transferred).
    Item(&'a Item<'a>),
    /// An entry of the destination was deleted, or would have been.
    Deleted {
        /// Its name below the destination, without a trailing slash.
        name: &'a [u8],
        /// Its type and permission bits.
        mode: u32,
    },
    /// An entry of the source is listed (`--list-only`), not copied.
    Listed(&'a Entry),
    /// The content of the file moves whose line is due next: what rsync's progress is made of.
    Progress(&'a Progress<'a>),
    /// Everything is done with a part of the list, where one line for the whole is asked for.
    PartDone(&'a Totals),
    /// The content of any file moves, told at once and for all that are in flight. Sent where
    /// a live display or JSON progress is asked for.
    Flight(&'a Progress<'a>),
    /// The whole session's counters moved though no content did, a few times a second and once
    /// at the end. Sent where [`Event::Flight`] is.
    Totals(&'a Totals),
}

/// Who speaks: it is part of rsync's error texts.
// rsync: rsync.c who_am_i()
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads the source.
    Sender,
    /// Decides what each destination entry needs.
    Generator,
    /// Rebuilds and commits files.
    Receiver,
    /// Finds out what the command line means.
    Client,
    /// Finds out what the destination is, before generator and receiver part.
    Destination,
}

impl Role {
    /// What rsync's messages call it.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Sender => "sender",
            Role::Generator => "generator",
            Role::Receiver => "receiver",
            Role::Client => "client",
            Role::Destination => "Receiver",
        }
    }
}

/// How grave a message is, which also says where rsync prints it.
// rsync: rsync.h enum logcode
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Goes to standard output and the log (`FINFO`).
    Info,
    /// Goes to standard output but not to the log (`FCLIENT`).
    Client,
    /// Goes to standard error (`FWARNING`).
    Warning,
    /// Goes to standard error (`FERROR`).
    Error,
    /// Goes to standard error, and the session ends with code 23 (`FERROR_XFER`).
    TransferError,
}

/// A line of text.
#[derive(Debug)]
pub struct Message {
    /// How grave it is.
    pub severity: Severity,
    /// Who says it.
    pub role: Role,
    /// The line, without a newline and without the `rsync: [role] ` and `: strerror (errno)`
    /// that rsync puts around it when there is an `os_error`.
    pub text: Vec<u8>,
    /// The system's error that caused it.
    pub os_error: Option<io::Error>,
}

/// The making of the file list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileList {
    /// It begins: incremental ("sending incremental file list") or whole ("building file list ...").
    Started {
        /// The transfer starts before the list is complete.
        incremental: bool,
        /// It comes from elsewhere: "receiving", not "sending".
        receiving: bool,
    },
    /// A whole list has grown to this many entries.
    Grown(u64),
    /// A whole list is complete.
    Finished(u64),
}

/// One line of `-i` or `--out-format`.
#[derive(Debug)]
pub struct Item<'a> {
    /// The source's entry.
    pub entry: &'a Entry,
    /// What is done or differs.
    pub flags: ItemFlags,
    /// For a hard link that was made, the name it was linked to; empty if it already was.
    pub link_name: Option<&'a [u8]>,
    /// The directory that the entry's name starts from, as the user named it (`%f` shows it);
    /// empty for the current directory.
    pub source_dir: &'a [u8],
    /// The checksum that `%C` shows, in hexadecimal, where one is known.
    pub checksum: Option<delta::Digest>,
    /// Whom it is for.
    pub audience: Audience,
    /// How many bytes of content crossed for this entry.
    pub bytes_moved: u64,
    /// What rsync's sender would have written for this transfer (`%b`).
    pub bytes_sent: u64,
    /// What it would have read of checksums (`%c`).
    pub checksum_bytes: u64,
}

/// Whom an item is for. A line that the user sees before the transfer is logged after it, when
/// all is known.
// rsync: sender.c send_files() log_code
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody.
    All,
    /// Everybody but the log.
    User,
    /// The log.
    Log,
}

/// How far a file's transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It begins.
    Started,
    /// It goes on.
    Moving,
    /// It is complete.
    Finished,
}

/// The movement of one file's content.
#[derive(Debug)]
pub struct Progress<'a> {
    /// The entry whose content moves.
    pub entry: &'a Entry,
    /// How far it is.
    pub stage: Stage,
    /// Bytes of the file that are done.
    pub offset: u64,
    /// Bytes of the file in all.
    pub size: u64,
    /// The session as a whole.
    pub totals: Totals,
}

/// Where the session as a whole stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Files whose content has arrived.
    pub transferred_files: u64,
    /// Entries of the list that are still to be looked at. In [`Event::Progress`], those that
    /// come after this one (`to-chk`, `ir-chk`).
    pub files_to_check: u64,
    /// Entries in the list so far.
    pub files_known: u64,
    /// The list is complete: `to-chk`, not `ir-chk`.
    pub list_complete: bool,
    /// The sizes of all files in the list so far.
    pub total_size: u64,
    /// Bytes of content that were transferred, of files in flight too.
    pub bytes_moved: u64,
    /// Bytes of `total_size` that need no more work, of files in flight too.
    pub bytes_done: u64,
    /// Entries that need no more work: those in flight are not among them.
    pub files_done: u64,
}
