//! Cases written by hand: one test a behaviour, so that a failure names what is wrong.

mod access_times;
mod acls;
mod alternates;
mod backups;
mod bad_input;
mod choosing;
mod delayed;
mod devices;
mod missing;
mod output;
mod sparse;
mod xattrs;

use crate::case::Case;
use crate::generated::{compare, describe};
use crate::playground::Playground;
use crate::program::Program;
use crate::specimen::Tree;

/// Asserts that both programs do the same with `line`, whose words have no spaces, and exit with
/// `code`.
fn same(tree: &Tree, line: &str, code: i32) {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    same_words(tree, &words, code);
}

/// As [`same`], for arguments that may hold spaces.
fn same_words(tree: &Tree, words: &[&str], code: i32) {
    let operands = words.iter().map(|word| word.into()).collect();
    same_case(&Case::new(tree.clone(), Vec::new(), operands), code);
}

fn same_case(case: &Case, code: i32) {
    let playground = Playground::new();
    let found = compare(&playground, case).differences;
    assert!(
        found.is_empty(),
        "tidesync differs from rsync\n{}",
        describe(case, &found)
    );
    let ending = Program::Rsync.run(&playground, case).ending;
    assert_eq!(
        ending,
        format!("exit code {code}"),
        "rsync itself, in {}",
        case.command_line()
    );
}

/// A source with something of everything, and a destination that an older run left.
fn usual() -> Tree {
    Tree::new()
        .dir("src")
        .file("src/equal", "equal")
        .file("src/new file", "new")
        .file("src/changed", "changed content")
        .file("src/touched", "touched")
        .file("src/mode", "mode")
        .mode(0o600)
        .symlink("src/link", "equal")
        .symlink("src/turned", "new file")
        .dir("src/dir")
        .file("src/dir/a.txt", "a")
        .file("src/dir/b.o", "b")
        .dir("src/dir/empty")
        .dir("dst")
        .file("dst/equal", "equal")
        .file("dst/changed", "old")
        .file("dst/touched", "touched")
        .mtime(1_100_000_000, 0)
        .file("dst/mode", "mode")
        .symlink("dst/turned", "elsewhere")
        .dir("dst/dir")
        .file("dst/dir/a.txt", "a")
        .file("dst/foreign", "foreign")
        .dir("dst/old")
        .file("dst/old/file", "old")
}
