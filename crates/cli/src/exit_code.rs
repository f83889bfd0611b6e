//! The numbers that the program exits with. They are rsync's, and stand nowhere else.
// rsync: errcode.h, log.c rerr_names[], log_exit(), cleanup.c _exit_cleanup()

use std::fmt;

/// How the program ends, with rsync's number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// All is well.
    Ok = 0,
    /// The command line makes no sense.
    Syntax = 1,
    /// The two sides speak no common protocol.
    Protocol = 2,
    /// Source or destination cannot be used.
    FileSelect = 3,
    /// The request is understood, but not possible here.
    Unsupported = 4,
    /// The other side could not be started.
    StartClient = 5,
    /// A socket failed.
    SocketIo = 10,
    /// A file failed in a way that leaves nothing to go on with.
    FileIo = 11,
    /// The protocol's data stream broke.
    StreamIo = 12,
    /// Nobody reads what we tell.
    MessageIo = 13,
    /// A part of the program failed another.
    Internal = 14,
    /// A part of the program crashed.
    Crashed = 15,
    /// A part of the program was ended from outside.
    Terminated = 16,
    /// The user stopped it.
    Signal = 20,
    /// A part of the program could not be waited for.
    WaitChild = 21,
    /// There is not enough memory.
    Memory = 22,
    /// Some things were not transferred.
    Partial = 23,
    /// Some files vanished before they could be transferred.
    Vanished = 24,
    /// `--max-delete` held deletions back.
    DeleteLimit = 25,
    /// Nothing moved for too long.
    Timeout = 30,
    /// A daemon did not answer in time.
    ConnectTimeout = 35,
}

impl ExitCode {
    /// The number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The end of another process, by its number; one that is not rsync's is a broken stream.
    pub fn of_number(number: u8) -> ExitCode {
        const ALL: [ExitCode; 21] = [
            ExitCode::Ok,
            ExitCode::Syntax,
            ExitCode::Protocol,
            ExitCode::FileSelect,
            ExitCode::Unsupported,
            ExitCode::StartClient,
            ExitCode::SocketIo,
            ExitCode::FileIo,
            ExitCode::StreamIo,
            ExitCode::MessageIo,
            ExitCode::Internal,
            ExitCode::Crashed,
            ExitCode::Terminated,
            ExitCode::Signal,
            ExitCode::WaitChild,
            ExitCode::Memory,
            ExitCode::Partial,
            ExitCode::Vanished,
            ExitCode::DeleteLimit,
            ExitCode::Timeout,
            ExitCode::ConnectTimeout,
        ];
        let known = ALL.into_iter().find(|code| code.number() == number);
        known.unwrap_or(ExitCode::StreamIo)
    }

    /// What both sides' ends come to: the graver one, by number, as rsync has it.
    // rsync: main.c client_run(), MAX(exit_code, exit_code2)
    #[must_use]
    pub fn or(self, other: ExitCode) -> ExitCode {
        if other.number() > self.number() {
            other
        } else {
            self
        }
    }

    /// The last line, on standard error: `tidesync error: TEXT (code 23) [sender=0.1.0]`.
    /// `None` if all is well. rsync also names a place in its source, which helps nobody.
    pub fn closing_line(self, speaker: &str) -> Option<String> {
        let kind = match self {
            ExitCode::Ok => return None,
            ExitCode::Vanished => "warning",
            _ => "error",
        };
        let version = env!("CARGO_PKG_VERSION");
        let number = self.number();
        Some(format!(
            "tidesync {kind}: {self} (code {number}) [{speaker}={version}]"
        ))
    }
}

impl fmt::Display for ExitCode {
    /// rsync's text for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ExitCode::Ok => "success",
            ExitCode::Syntax => "syntax or usage error",
            ExitCode::Protocol => "protocol incompatibility",
            ExitCode::FileSelect => "errors selecting input/output files, dirs",
            ExitCode::Unsupported => "requested action not supported",
            ExitCode::StartClient => "error starting client-server protocol",
            ExitCode::SocketIo => "error in socket IO",
            ExitCode::FileIo => "error in file IO",
            ExitCode::StreamIo => "error in rsync protocol data stream",
            ExitCode::MessageIo => "errors with program diagnostics",
            ExitCode::Internal => "error in IPC code",
            ExitCode::Crashed => "sibling process crashed",
            ExitCode::Terminated => "sibling process terminated abnormally",
            ExitCode::Signal => "received SIGINT, SIGTERM, or SIGHUP",
            ExitCode::WaitChild => "waitpid() failed",
            ExitCode::Memory => "error allocating core memory buffers",
            ExitCode::Partial => "some files/attrs were not transferred (see previous errors)",
            ExitCode::Vanished => "some files vanished before they could be transferred",
            ExitCode::DeleteLimit => "the --max-delete limit stopped deletions",
            ExitCode::Timeout => "timeout in data send/receive",
            ExitCode::ConnectTimeout => "timeout waiting for daemon connection",
        })
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.number().into()
    }
}

impl From<options::ErrorKind> for ExitCode {
    fn from(kind: options::ErrorKind) -> Self {
        match kind {
            options::ErrorKind::Syntax => ExitCode::Syntax,
            options::ErrorKind::Unsupported => ExitCode::Unsupported,
            options::ErrorKind::Protocol => ExitCode::Protocol,
        }
    }
}

impl From<transfer::Fatal> for ExitCode {
    fn from(kind: transfer::Fatal) -> Self {
        use transfer::Fatal;
        match kind {
            Fatal::Syntax => ExitCode::Syntax,
            Fatal::FileSelect => ExitCode::FileSelect,
            Fatal::Unsupported => ExitCode::Unsupported,
            Fatal::FileIo => ExitCode::FileIo,
            Fatal::Internal => ExitCode::Internal,
            Fatal::Interrupted => ExitCode::Signal,
            Fatal::Timeout => ExitCode::Timeout,
            Fatal::Protocol => ExitCode::Protocol,
            Fatal::StreamIo => ExitCode::StreamIo,
            Fatal::StartClient => ExitCode::StartClient,
            Fatal::Peer(code) => ExitCode::of_number(code),
        }
    }
}

impl From<&transfer::Outcome> for ExitCode {
    fn from(outcome: &transfer::Outcome) -> Self {
        use transfer::Trouble;
        match (outcome.error, outcome.trouble) {
            (Some(error), _) => error.kind.into(),
            (None, Some(Trouble::Partial)) => ExitCode::Partial,
            (None, Some(Trouble::Vanished)) => ExitCode::Vanished,
            (None, Some(Trouble::DeleteLimit)) => ExitCode::DeleteLimit,
            (None, None) => ExitCode::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transfer::event::Role;
    use transfer::stats::Stats;
    use transfer::{Fatal, Outcome, SessionError, Trouble};

    #[test]
    fn the_closing_line_has_rsyncs_shape() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            ExitCode::Partial.closing_line("sender").unwrap(),
            format!(
                "tidesync error: some files/attrs were not transferred (see previous errors) \
                 (code 23) [sender={version}]"
            )
        );
        assert_eq!(
            ExitCode::Vanished.closing_line("sender").unwrap(),
            format!(
                "tidesync warning: some files vanished before they could be transferred \
                 (code 24) [sender={version}]"
            )
        );
        assert_eq!(ExitCode::Ok.closing_line("sender"), None);
    }

    #[test]
    fn what_ended_a_session_decides_before_what_troubled_it() {
        let mut outcome = Outcome {
            stats: Stats::default(),
            error: None,
            trouble: None,
        };
        assert_eq!(ExitCode::from(&outcome), ExitCode::Ok);
        for (trouble, code) in [
            (Trouble::DeleteLimit, ExitCode::DeleteLimit),
            (Trouble::Vanished, ExitCode::Vanished),
            (Trouble::Partial, ExitCode::Partial),
        ] {
            outcome.trouble = Some(trouble);
            assert_eq!(ExitCode::from(&outcome), code);
        }
        outcome.error = Some(SessionError {
            kind: Fatal::Interrupted,
            role: Role::Receiver,
        });
        assert_eq!(ExitCode::from(&outcome), ExitCode::Signal);
    }
}
