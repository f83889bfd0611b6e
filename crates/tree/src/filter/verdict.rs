//! What the rules say of an entry, and the words for it.
//!
//! rsync: exclude.c check_filter(), report_filter_result()

use super::rule::{EntryKind, Rule};
use super::{Side, list::Slot};

/// The outcome of a check: the first rule that matches decides.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// No rule matches; the entry takes part.
    Unmatched,
    /// An include rule matches.
    Included(Match<'a>),
    /// An exclude rule matches.
    Excluded(Match<'a>),
}

/// The rule that decided, and the list it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    rule: &'a Rule,
    list: ListName<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ListName<'a> {
    Global,
    Cvs,
    PerDirectory(&'a Slot),
}

impl<'a> Verdict<'a> {
    pub(super) fn of(rule: &'a Rule, list: ListName<'a>) -> Self {
        let decided = Match { rule, list };
        if rule.flags().include {
            Self::Included(decided)
        } else {
            Self::Excluded(decided)
        }
    }

    /// Whether the entry is left out of the transfer, or safe from deletion.
    pub fn is_excluded(&self) -> bool {
        matches!(self, Self::Excluded(_))
    }

    /// The rule that decided, if any.
    pub fn decided_by(&self) -> Option<Match<'a>> {
        match *self {
            Self::Unmatched => None,
            Self::Included(decided) | Self::Excluded(decided) => Some(decided),
        }
    }
}

impl<'a> Match<'a> {
    /// The line that `-vv` and `--debug=FILTER` show, without the line's end:
    /// `[sender] hiding file x because of pattern *.o`. `path` is the entry's path in the
    /// transfer. The text of rules that came from files is not shown.
    pub fn explain(&self, side: Side, path: &[u8], kind: EntryKind) -> Vec<u8> {
        let (who, action) = match (side, self.rule.flags().include) {
            (Side::Sender, true) => ("sender", "showing"),
            (Side::Sender, false) => ("sender", "hiding"),
            (Side::Receiver, true) => ("generator", "risking"),
            (Side::Receiver, false) => ("generator", "protecting"),
        };
        let kind = match kind {
            EntryKind::File => "file",
            EntryKind::Directory => "directory",
            EntryKind::Xattr => "xattr",
        };
        let mut text = format!("[{who}] {action} {kind} ").into_bytes();
        text.extend_from_slice(path);
        text.extend_from_slice(b" because of pattern ");
        let flags = self.rule.flags();
        if flags.from_file {
            text.extend_from_slice(b"<rule from a file read earlier>");
        } else {
            text.extend_from_slice(self.rule.pattern());
            text.extend_from_slice(if flags.directory { b"/" } else { b"" });
        }
        self.list.append_to(&mut text);
        text
    }
}

impl ListName<'_> {
    fn append_to(self, text: &mut Vec<u8>) {
        match self {
            Self::Global => {}
            Self::Cvs => text.extend_from_slice(b" [global CVS]"),
            Self::PerDirectory(slot) => {
                text.extend_from_slice(b" [per-dir ");
                text.extend_from_slice(slot.label.as_bytes());
                text.push(b']');
            }
        }
    }
}
