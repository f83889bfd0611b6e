//! One question asked of both programs: a tree, a command line, and what came of it.

use std::ffi::OsString;

use crate::command_line::as_typed;
use crate::outcome::{Difference, Outcome, differences};
use crate::specimen::Tree;

/// A tree, and the command line that is run in the directory that holds it.
#[derive(Clone)]
pub struct Case {
    pub tree: Tree,
    /// Options in groups that make sense only together; each group can be left out alone.
    pub options: Vec<Vec<OsString>>,
    pub operands: Vec<OsString>,
    /// The value of `LC_ALL`.
    pub locale: &'static str,
    /// The value of `TZ`.
    pub time_zone: &'static str,
}

impl Case {
    /// A case in the usual locale.
    pub fn new(tree: Tree, options: Vec<Vec<OsString>>, operands: Vec<OsString>) -> Self {
        Case {
            tree,
            options,
            operands,
            locale: "C.UTF-8",
            time_zone: "UTC0",
        }
    }

    /// All arguments in order.
    pub fn arguments(&self) -> impl Iterator<Item = &OsString> {
        self.options.iter().flatten().chain(&self.operands)
    }

    /// The command line as a person would type it.
    pub fn command_line(&self) -> String {
        let arguments = as_typed(self.arguments());
        format!(
            "LC_ALL={} TZ={} rsync{arguments}",
            self.locale, self.time_zone
        )
    }
}

/// What came of comparing two outcomes.
pub struct Verdict {
    /// In what they differ; empty if in nothing that rsync does not itself do now so, now so.
    pub differences: Vec<Difference>,
    /// Whether standard output is equal line by line, or only but for how what the generator tells
    /// and what the sender tells are mixed. Run twice, rsync mixes them differently in one case of
    /// a hundred.
    pub mixing: Mixing,
}

/// How the lines of rsync's processes are mixed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mixing {
    Same,
    Other,
}

/// Compares `theirs` (rsync's) with `ours`.
pub fn judge(theirs: &Outcome, ours: &Outcome) -> Verdict {
    let differences = differences(theirs, ours);
    let lines_are_mixed = theirs.stdout.ordered != ours.stdout.ordered
        && differences
            .iter()
            .all(|difference| difference.aspect != "stdout");
    let mixing = if lines_are_mixed {
        Mixing::Other
    } else {
        Mixing::Same
    };
    Verdict {
        differences,
        mixing,
    }
}
