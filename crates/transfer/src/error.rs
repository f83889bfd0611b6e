//! Why a session ended early. Trouble with one file is not here: it is told as an event,
//! remembered in [`Problems`], and the session goes on.

use crate::event::Role;
use std::sync::atomic::{AtomicU8, Ordering};

/// The end of a session before its work was done. What went wrong has been told as an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} ({role:?})")]
pub struct SessionError {
    /// What kind of trouble it is.
    pub kind: Fatal,
    /// Which role met it.
    pub role: Role,
}

/// The kinds of trouble that end a session.
// rsync: errcode.h
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fatal {
    /// The request makes no sense.
    #[error("syntax or usage error")]
    Syntax,
    /// Source or destination cannot be used.
    #[error("errors selecting input/output files, dirs")]
    FileSelect,
    /// The request is understood but not possible here.
    #[error("requested action not supported")]
    Unsupported,
    /// Reading or writing failed in a way that leaves nothing to go on with.
    #[error("error in file IO")]
    FileIo,
    /// A part of the program itself failed.
    #[error("error in IPC code")]
    Internal,
    /// The user stopped it.
    #[error("received SIGINT, SIGTERM, or SIGHUP")]
    Interrupted,
    /// Nothing moved for as long as `--timeout` allows.
    #[error("timeout in data send/receive")]
    Timeout,
}

/// Trouble that did not end the session, but shows in its exit code.
#[derive(Debug, Default)]
pub struct Problems(AtomicU8);

/// One kind of such trouble.
// rsync: rsync.h IOERR_*, log.c got_xfer_error
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Problem {
    /// Something of the source could not be read: deletions are held back.
    General = 1,
    /// A source file vanished before it could be read.
    Vanished = 2,
    /// `--max-delete` held deletions back.
    DeleteLimit = 4,
    /// Something could not be transferred or set.
    Transfer = 8,
}

impl Problems {
    /// Remembers a problem.
    pub fn add(&self, problem: Problem) {
        self.0.fetch_or(problem as u8, Ordering::Relaxed);
    }

    /// Whether this kind of problem came up.
    pub fn has(&self, problem: Problem) -> bool {
        self.0.load(Ordering::Relaxed) & problem as u8 != 0
    }
}
