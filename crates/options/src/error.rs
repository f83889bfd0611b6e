//! What can be wrong with a command line, and who is to blame.
//!
//! rsync formats its complaint into a static buffer of 200 bytes and prints it later. Ours are
//! values: the sentence is rsync's wherever rsync has one, the exit number is the program's
//! business (`cli`), so an error says only of what kind it is.
//!
//! rsync: options.c option_error()

use std::fmt;

/// A command line that cannot be obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// Who is to blame.
    pub kind: ErrorKind,
    message: String,
}

/// Who is to blame for an [`OptionError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line makes no sense (rsync exits 1).
    Syntax,
    /// It makes sense, but this program cannot do it, or not yet (rsync exits 4).
    Unsupported,
    /// It asks for a version of the protocol that is not spoken (rsync exits 2).
    Protocol,
}

impl OptionError {
    /// An error that rsync prints after its own name: `rsync: --foo: unknown option`.
    pub(crate) fn syntax(complaint: impl fmt::Display) -> OptionError {
        OptionError::bare(format!("{}: {complaint}", crate::PROGRAM))
    }

    /// An error that rsync prints as it is: `Unknown --info item: "foo"`.
    pub(crate) fn bare(message: impl Into<String>) -> OptionError {
        OptionError {
            kind: ErrorKind::Syntax,
            message: message.into(),
        }
    }

    /// Something that rsync can do and we cannot.
    pub(crate) fn unsupported(complaint: impl fmt::Display) -> OptionError {
        OptionError::syntax(complaint).but(ErrorKind::Unsupported)
    }

    /// The same message with another one to blame.
    pub(crate) fn but(mut self, kind: ErrorKind) -> OptionError {
        self.kind = kind;
        self
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OptionError {}
