//! What came of a run, and in what two runs differ.

use super::normalise::{self, Lines};
use super::snapshot::Snapshot;

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
    /// Whether there is nothing here to compare with.
    pub fn is_useless(&self) -> bool {
        self.ending == HUNG || self.crashed()
    }

    /// Whether rsync 3.5.0 lost count of its own file list: with hard links and backups both, its
    /// receiver may name an entry that its generator has done with.
    // rsync: generator.c got_flist_entry_status()
    fn crashed(&self) -> bool {
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

/// The ending of a run that had to be killed.
pub const HUNG: &str = "hung";

/// In what `ours` differs from `theirs` (rsync's). How the lines of different processes are mixed on
/// standard output is no difference.
pub fn differences(theirs: &Outcome, ours: &Outcome) -> Vec<Difference> {
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
    let mixed = normalise::same_but_mixed(&theirs.stdout, &ours.stdout, theirs.tried_again());
    let stdout = || diff(&theirs.stdout.ordered, &ours.stdout.ordered);
    let aspects = [
        ("tree", diff(&tree_lines(theirs), &tree_lines(ours))),
        ("stdout", if mixed { None } else { stdout() }),
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
