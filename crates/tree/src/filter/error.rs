//! What can be wrong with filter rules, in rsync's words.
//!
//! A rule that came from a file's contents is never echoed: whoever chooses which file is
//! merged could otherwise read any line of it in an error message. Such messages say where the
//! rule stands instead.
//!
//! rsync: exclude.c rule_text(), filter_rule_err()

use std::io;

/// A filter rule that cannot be used. Each ends the session.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// The rule begins with no known rule name.
    #[error("Unknown filter rule: {rule}")]
    UnknownRule {
        /// The rule, or where it stands if it came from a file.
        rule: String,
    },
    /// A modifier that does not exist or does not fit the rule.
    #[error("invalid modifier{detail} in filter rule: {rule}")]
    InvalidModifier {
        /// ` 'c' at position n`, or nothing if the rule came from a file.
        detail: String,
        /// The rule, or where it stands if it came from a file.
        rule: String,
    },
    /// A rule without its pattern.
    #[error("unexpected end of filter rule: {rule}")]
    UnexpectedEnd {
        /// The rule, or where it stands if it came from a file.
        rule: String,
    },
    /// A list-clearing rule with something after it.
    #[error("'!' rule has trailing characters: {rule}")]
    ClearWithPattern {
        /// The rule, or where it stands if it came from a file.
        rule: String,
    },
    /// A merge rule for one side whose file holds a rule that names a side too.
    #[error("specified-side merge file contains specified-side filter: {rule}")]
    SideInSidedMerge {
        /// The rule, or where it stands if it came from a file.
        rule: String,
    },
    /// A file of rules that the user named cannot be read. The system's error is the source;
    /// there is none where telling it would answer a question that a file's contents asked.
    #[error("failed to open {}clude file {name}", if *.include { "in" } else { "ex" })]
    Open {
        /// Whether the file was to hold include patterns.
        include: bool,
        /// The file's name, or where it was named if that was in a file.
        name: String,
        /// Why it cannot be read.
        source: Option<io::Error>,
    },
    /// Merge files that merge files that merge files…
    #[error("merge-file include depth limit ({limit}) exceeded at {name}")]
    MergeDepth {
        /// How deep merging may go.
        limit: usize,
        /// The file's name, or where it was named if that was in a file.
        name: String,
    },
    /// A rule that the other side's version of the protocol has no words for.
    #[error("filter rules are too modern for remote rsync.")]
    TooModern,
}

impl FilterError {
    /// Whether the rule's text is at fault (rsync's exit code 1) rather than a file (11).
    pub fn is_syntax(&self) -> bool {
        !matches!(
            self,
            Self::Open { .. } | Self::MergeDepth { .. } | Self::TooModern
        )
    }

    /// Whether the other side is too old for the rules (rsync's exit code 2).
    pub fn is_of_protocol(&self) -> bool {
        matches!(self, Self::TooModern)
    }
}

/// Something about the rules that the user should hear and that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterNotice {
    /// A rule too long to be a path was dropped. An error message.
    #[error("discarding over-long filter: {rule}")]
    OverLong {
        /// The rule, or where it stands if it came from a file.
        rule: String,
    },
    /// A merge file nested too deep, found while directories were scanned, was dropped. An
    /// error message.
    #[error("merge-file include depth limit ({limit}) exceeded at {name}")]
    MergeDepth {
        /// How deep merging may go.
        limit: usize,
        /// The file's name, or where it was named if that was in a file.
        name: String,
    },
    /// A merge file's name with the path of the directory that it is named in is too long. An error
    /// message.
    #[error("merge-file name overflows: {name}")]
    LongName {
        /// The file's name, or where it was named if that was in a file.
        name: String,
    },
    /// A directory's path leaves no room for its merge file's name. An error message, and an
    /// I/O error for the session.
    #[error("cannot add local filter rules in long-named directory: {directory}")]
    LongDirectory {
        /// The directory's path.
        directory: String,
    },
    /// A pattern ends in a space, which is seldom meant. Shown by `--debug=FILTER` only.
    #[error("add_rule({rule}){}", if *from_file { "" } else { " -- CAUTION: trailing whitespace!" })]
    TrailingWhitespace {
        /// The rule, or where it stands if it came from a file.
        rule: String,
        /// It came from a file, whose text, and what is odd about it, is nobody's business.
        from_file: bool,
    },
}

/// Where the rule text now being parsed came from.
#[derive(Clone, Debug, Default)]
pub(super) enum Origin {
    /// An option on the command line, or the peer's rule list.
    #[default]
    Argument,
    /// A file's contents.
    File {
        /// The file's name, if the user gave it; never a name found in a file.
        name: Option<Vec<u8>>,
        /// Where the file was named, if a file named it just now.
        named_at: Option<String>,
        /// The line number, or none if the file is read word by word.
        line: Option<usize>,
    },
}

impl Origin {
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// "FILE line N", or what can be said without naming the file.
    pub(super) fn place(&self) -> String {
        match self {
            Self::File {
                name: Some(name),
                line,
                ..
            } => {
                let name = String::from_utf8_lossy(name);
                line.map_or_else(|| name.to_string(), |line| format!("{name} line {line}"))
            }
            Self::File {
                named_at: Some(place),
                ..
            } => format!("a file named at {place}"),
            Self::File { .. } | Self::Argument => "a file read earlier".to_string(),
        }
    }

    /// The text itself if the user typed it, else where it stands.
    pub(super) fn show(&self, text: &[u8], text_from_file: bool) -> String {
        if self.is_file() || text_from_file {
            format!("<rule from {}>", self.place())
        } else {
            String::from_utf8_lossy(text).into_owned()
        }
    }
}
