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
    /// The two sides speak no common protocol, or one does not keep to it.
    #[error("protocol incompatibility")]
    Protocol,
    /// The other side is gone, or cannot be understood.
    #[error("error in rsync protocol data stream")]
    StreamIo,
    /// It would take more memory than it may.
    #[error("error allocating core memory buffers")]
    Memory,
    /// The other side could not be started.
    #[error("error starting client-server protocol")]
    StartClient,
    /// The other side ended with this code, and said why.
    #[error("the other side ended with code {0}")]
    Peer(u8),
}

/// How a session ended that did all its work but not well.
// rsync: cleanup.c _exit_cleanup()
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Something could not be transferred.
    Partial,
    /// A source file vanished before it could be read.
    Vanished,
    /// `--max-delete` held deletions back.
    DeleteLimit,
}

/// Trouble that did not end the session, but shows in its exit code. rsync's two ends each
/// remember their own, and each ends with a code of its own.
#[derive(Debug, Default)]
pub struct Problems {
    sending: AtomicU8,
    /// What the sending end had met when it began to send content.
    sending_at_first: AtomicU8,
    receiving: AtomicU8,
}

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

impl Problem {
    /// The problems that another process tells of by these bits.
    // rsync: rsync.h IOERR_VALID_MASK
    pub fn of_bits(bits: u8) -> impl Iterator<Item = Problem> {
        [Problem::General, Problem::Vanished, Problem::DeleteLimit]
            .into_iter()
            .filter(move |p| bits & *p as u8 != 0)
    }
}

/// The problems that the sending end tells the other end of.
const TOLD: u8 = Problem::General as u8 | Problem::Vanished as u8;

impl Problems {
    /// Remembers a problem that a role met.
    pub fn add(&self, role: Role, problem: Problem) {
        let end = match role {
            Role::Sender | Role::Client => &self.sending,
            Role::Generator | Role::Receiver | Role::Destination => &self.receiving,
        };
        end.fetch_or(problem as u8, Ordering::Relaxed);
    }

    /// Whether something of the source could not be read.
    pub fn source_is_incomplete(&self) -> bool {
        self.sending.load(Ordering::Relaxed) & Problem::General as u8 != 0
    }

    /// What the sending end tells the other end of, as bits.
    pub fn sending_bits(&self) -> u8 {
        self.sending.load(Ordering::Relaxed) & TOLD
    }

    /// The first part of the list is complete: from here on content is sent.
    pub fn sending_begins(&self) {
        let met = self.sending.load(Ordering::Relaxed);
        self.sending_at_first.store(met, Ordering::Relaxed);
    }

    /// What the session ends with: what the receiving end ends with, or if that is well, what the
    /// sending end does.
    // rsync: cleanup.c _exit_cleanup(), main.c client_run(); flist.c recv_file_list() and
    // sender.c send_files() for what the receiving end is told
    pub fn trouble(&self, ignore_errors: bool) -> Option<Trouble> {
        let sending = self.sending.load(Ordering::Relaxed);
        let news = (sending ^ self.sending_at_first.load(Ordering::Relaxed)) & TOLD != 0;
        let told = if ignore_errors && !news {
            0
        } else {
            sending & TOLD
        };
        let receiving = self.receiving.load(Ordering::Relaxed);
        Self::trouble_of(receiving | told).or_else(|| Self::trouble_of(sending))
    }

    fn trouble_of(met: u8) -> Option<Trouble> {
        let has = |problem: Problem| met & problem as u8 != 0;
        if has(Problem::General) || has(Problem::Transfer) {
            Some(Trouble::Partial)
        } else if has(Problem::Vanished) {
            Some(Trouble::Vanished)
        } else if has(Problem::DeleteLimit) {
            Some(Trouble::DeleteLimit)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(met: &[(Role, Problem)], ignore_errors: bool) -> Option<Trouble> {
        let problems = Problems::default();
        problems.sending_begins();
        for &(role, problem) in met {
            problems.add(role, problem);
        }
        problems.trouble(ignore_errors)
    }

    #[test]
    fn the_receiving_end_s_trouble_decides() {
        let missing = (Role::Sender, Problem::Transfer);
        let limit = (Role::Generator, Problem::DeleteLimit);
        let gone = (Role::Sender, Problem::Vanished);
        assert_eq!(trouble(&[], false), None);
        assert_eq!(trouble(&[missing], false), Some(Trouble::Partial));
        assert_eq!(
            trouble(&[missing, limit], false),
            Some(Trouble::DeleteLimit)
        );
        assert_eq!(trouble(&[missing, gone], false), Some(Trouble::Vanished));
        let unwritable = (Role::Receiver, Problem::Transfer);
        assert_eq!(
            trouble(&[limit, gone, unwritable], false),
            Some(Trouble::Partial)
        );
    }

    #[test]
    fn the_receiving_end_hears_of_what_was_not_readable_unless_it_is_to_ignore_that() {
        let limit = (Role::Generator, Problem::DeleteLimit);
        let unreadable = (Role::Sender, Problem::General);
        assert_eq!(trouble(&[unreadable, limit], false), Some(Trouble::Partial));
        let problems = Problems::default();
        problems.add(unreadable.0, unreadable.1);
        problems.sending_begins();
        problems.add(limit.0, limit.1);
        assert_eq!(problems.trouble(true), Some(Trouble::DeleteLimit));
        problems.add(Role::Sender, Problem::Vanished);
        assert_eq!(problems.trouble(true), Some(Trouble::Partial));
    }
}
