//! One question asked of both programs: a tree, a command line, and what came of it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::normalise::{self, Lines};
use crate::snapshot::Snapshot;
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
        let mut line = format!("LC_ALL={} TZ={} rsync", self.locale, self.time_zone);
        for argument in self.arguments() {
            let text = argument.as_bytes().escape_ascii().to_string();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:+@%".contains(c);
            if !text.is_empty() && text.chars().all(plain) {
                line += &format!(" {text}");
            } else {
                line += &format!(" $'{text}'");
            }
        }
        line
    }
}

/// What a program did with a case.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended: `exit code 0`, or a signal.
    pub ending: String,
    pub stdout: Lines,
    pub stderr: Lines,
    /// Everything in the playground afterwards, source and destination alike.
    pub tree: Snapshot,
}

impl Outcome {
    /// Whether rsync 3.5.0 lost count of its own file list: with hard links and backups both, its
    /// receiver may name an entry that its generator has done with.
    // rsync: generator.c got_flist_entry_status()
    pub fn crashed(&self) -> bool {
        let lost = |line: &String| line.contains("(got_flist_entry_status) [generator]");
        self.stderr.unordered.iter().any(lost)
    }

    /// Whether a file was sent a second time: rsync's generator does so as soon as it hears of it,
    /// which may be between any two directories.
    fn tried_again(&self) -> bool {
        let again = |line: &String| line.ends_with(" (will try again).");
        self.stderr.unordered.iter().any(again)
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
    let mut differences = differences(theirs, ours);
    let mut mixing = Mixing::Same;
    if normalise::same_but_mixed(&theirs.stdout, &ours.stdout, theirs.tried_again())
        && theirs.stdout.ordered != ours.stdout.ordered
    {
        mixing = Mixing::Other;
        differences.retain(|difference| difference.aspect != "stdout");
    }
    Verdict {
        differences,
        mixing,
    }
}

fn differences(theirs: &Outcome, ours: &Outcome) -> Vec<Difference> {
    let mut found = Vec::new();
    if theirs.ending != ours.ending {
        found.push(Difference {
            aspect: "exit code",
            text: format!("  - {}\n  + {}\n", theirs.ending, ours.ending),
        });
    }
    let tree_lines = |outcome: &Outcome| -> Vec<String> {
        let line = |(name, what): (&Vec<u8>, &String)| format!("{}: {what}", name.escape_ascii());
        outcome.tree.iter().map(line).collect()
    };
    let aspects = [
        ("tree", diff(&tree_lines(theirs), &tree_lines(ours))),
        ("stdout", diff(&theirs.stdout.ordered, &ours.stdout.ordered)),
        (
            "stdout, lines in any order",
            diff(&theirs.stdout.unordered, &ours.stdout.unordered),
        ),
        (
            "stderr",
            diff(&theirs.stderr.unordered, &ours.stderr.unordered),
        ),
    ];
    for (aspect, text) in aspects {
        if let Some(text) = text {
            found.push(Difference { aspect, text });
        }
    }
    found
}

/// One respect in which two outcomes differ.
pub struct Difference {
    pub aspect: &'static str,
    pub text: String,
}

/// The lines of only one side, `-` rsync's and `+` ours, with the line before each change; by the
/// longest common subsequence.
fn diff(theirs: &[String], ours: &[String]) -> Option<String> {
    if theirs == ours {
        return None;
    }
    let (rows, columns) = (theirs.len(), ours.len());
    let mut common = vec![vec![0u32; columns + 1]; rows + 1];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            common[i][j] = if theirs[i] == ours[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let mut text = String::new();
    let (mut i, mut j) = (0, 0);
    let mut context = None;
    while i < rows || j < columns {
        if i < rows && j < columns && theirs[i] == ours[j] {
            context = Some(&theirs[i]);
            (i, j) = (i + 1, j + 1);
            continue;
        }
        if let Some(line) = context.take() {
            text += &format!("    {line}\n");
        }
        if j == columns || (i < rows && common[i + 1][j] >= common[i][j + 1]) {
            text += &format!("  - {}\n", theirs[i]);
            i += 1;
        } else {
            text += &format!("  + {}\n", ours[j]);
            j += 1;
        }
    }
    Some(text)
}
