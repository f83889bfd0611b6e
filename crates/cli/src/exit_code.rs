//! The numbers that the program exits with. They are rsync's, and stand nowhere else.
// rsync: errcode.h, log.c rerr_names[], log_exit(), cleanup.c _exit_cleanup()

use std::fmt;

/// How the program ends, with rsync's number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// All is well.
    Ok,
    /// The command line makes no sense.
    Syntax,
    /// The two sides speak no common protocol.
    Protocol,
    /// Source or destination cannot be used.
    FileSelect,
    /// The request is understood, but not possible here.
    Unsupported,
    /// The other side could not be started.
    StartClient,
    /// A socket failed.
    SocketIo,
    /// A file failed in a way that leaves nothing to go on with.
    FileIo,
    /// The protocol's data stream broke.
    StreamIo,
    /// Nobody reads what we tell.
    MessageIo,
    /// A part of the program failed another.
    Internal,
    /// A part of the program crashed.
    Crashed,
    /// A part of the program was ended from outside.
    Terminated,
    /// The user stopped it.
    Signal,
    /// A part of the program could not be waited for.
    WaitChild,
    /// There is not enough memory.
    Memory,
    /// Some things were not transferred.
    Partial,
    /// Some files vanished before they could be transferred.
    Vanished,
    /// `--max-delete` held deletions back.
    DeleteLimit,
    /// Nothing moved for too long.
    Timeout,
    /// A daemon did not answer in time.
    ConnectTimeout,
    /// The remote shell failed.
    ShellFailed,
    /// The remote shell was ended from outside.
    ShellKilled,
    /// What the remote shell was to run cannot be run.
    CommandFailed,
    /// What the remote shell was to run is not there.
    CommandNotFound,
    /// Another program's number, such as that of a remote shell without a connection.
    Unexplained(u8),
}

/// Each with its number and rsync's text.
const MEANINGS: [(ExitCode, u8, &str); 25] = [
    (ExitCode::Ok, 0, "success"),
    (ExitCode::Syntax, 1, "syntax or usage error"),
    (ExitCode::Protocol, 2, "protocol incompatibility"),
    (
        ExitCode::FileSelect,
        3,
        "errors selecting input/output files, dirs",
    ),
    (ExitCode::Unsupported, 4, "requested action not supported"),
    (
        ExitCode::StartClient,
        5,
        "error starting client-server protocol",
    ),
    (ExitCode::SocketIo, 10, "error in socket IO"),
    (ExitCode::FileIo, 11, "error in file IO"),
    (
        ExitCode::StreamIo,
        12,
        "error in rsync protocol data stream",
    ),
    (ExitCode::MessageIo, 13, "errors with program diagnostics"),
    (ExitCode::Internal, 14, "error in IPC code"),
    (ExitCode::Crashed, 15, "sibling process crashed"),
    (
        ExitCode::Terminated,
        16,
        "sibling process terminated abnormally",
    ),
    (ExitCode::Signal, 20, "received SIGINT, SIGTERM, or SIGHUP"),
    (ExitCode::WaitChild, 21, "waitpid() failed"),
    (ExitCode::Memory, 22, "error allocating core memory buffers"),
    (
        ExitCode::Partial,
        23,
        "some files/attrs were not transferred (see previous errors)",
    ),
    (
        ExitCode::Vanished,
        24,
        "some files vanished before they could be transferred",
    ),
    (
        ExitCode::DeleteLimit,
        25,
        "the --max-delete limit stopped deletions",
    ),
    (ExitCode::Timeout, 30, "timeout in data send/receive"),
    (
        ExitCode::ConnectTimeout,
        35,
        "timeout waiting for daemon connection",
    ),
    (ExitCode::ShellFailed, 124, "remote shell failed"),
    (ExitCode::ShellKilled, 125, "remote shell killed"),
    (
        ExitCode::CommandFailed,
        126,
        "remote command could not be run",
    ),
    (ExitCode::CommandNotFound, 127, "remote command not found"),
];

impl ExitCode {
    /// The number.
    pub fn number(self) -> u8 {
        match self {
            ExitCode::Unexplained(number) => number,
            known => known.meaning().0,
        }
    }

    /// The end of another process, by its number.
    pub fn of_number(number: u8) -> ExitCode {
        let known = MEANINGS.iter().find(|known| known.1 == number);
        known.map_or(ExitCode::Unexplained(number), |known| known.0)
    }

    fn meaning(self) -> (u8, &'static str) {
        let known = MEANINGS.iter().find(|known| known.0 == self);
        known.map_or((u8::MAX, "unexplained error"), |known| (known.1, known.2))
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
        f.write_str(self.meaning().1)
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
            Fatal::Memory => ExitCode::Memory,
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
    fn another_program_s_end_keeps_its_number() {
        let line = |number| ExitCode::of_number(number).closing_line("sender");
        for (number, text) in [
            (12, "error in rsync protocol data stream"),
            (127, "remote command not found"),
            (255, "unexplained error"),
            (77, "unexplained error"),
        ] {
            let code = ExitCode::of_number(number);
            assert_eq!((code.number(), code.to_string().as_str()), (number, text));
            assert!(line(number).is_some_and(|line| line.contains(text)));
        }
        assert_eq!(line(0), None);
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
