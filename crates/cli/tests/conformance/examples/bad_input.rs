//! What is refused, with which words and which exit code.

use super::{same, same_words, usual};
use crate::specimen::Tree;

#[test]
fn a_missing_source() {
    same(&usual(), "-a none dst/", 23);
    same(&usual(), "-av src/ none dst/", 23);
    same(&usual(), "-a none1 none2 fresh", 23);
}

#[test]
fn a_destination_that_is_a_file() {
    same(&usual(), "-a src/ src/equal dst/equal", 3);
    same(&usual(), "-a src/ dst/equal", 3);
    same(&usual(), "-a src/changed dst/equal/", 3);
    same(&usual(), "-a src/changed dst/equal/deeper", 3);
}

#[test]
fn a_destination_whose_parent_is_missing() {
    same(&usual(), "-a src/ none/deeper", 11);
    same(&usual(), "-a src/changed none/deeper", 3);
}

#[test]
fn directories_without_recursion_are_skipped() {
    same(&usual(), "src/ fresh", 0);
    same(&usual(), "-v src/dir src/equal fresh/", 0);
    same(&usual(), "-lptv src dst", 0);
}

#[test]
fn unknown_and_malformed_options() {
    for line in [
        "--bogus src/ dst/",
        "-a --recursive=yes src/ dst/",
        "-a --max-size=big src/ dst/",
        "-a --max-delete=many src/ dst/",
        "-a --timeout=soon src/ dst/",
        "-a --suffix",
        "-Q src/ dst/",
        "-a --chmod=bogus src/ dst/",
        "-a --info=bogus src/ dst/",
        "-a --debug=bogus src/ dst/",
        "-a --modify-window=x src/ dst/",
    ] {
        same(&usual(), line, 1);
    }
}

#[test]
fn options_that_do_not_go_together() {
    same(&usual(), "--delete src/ dst/", 1);
    same(&usual(), "-a --delete-before --delete-after src/ dst/", 1);
    same(&usual(), "-ab --suffix=a/b src/ dst/", 1);
    same(&usual(), "-a --inplace --partial-dir=p src/ dst/", 1);
    same(&usual(), "-a --append --inplace src/ dst/", 0);
    same(&usual(), "-a --append --whole-file src/ dst/", 1);
    same(&usual(), "-ab --suffix= src/ dst/", 1);
}

#[test]
fn unreadable_and_malformed_rules() {
    same(&usual(), "-a --exclude-from=none src/ dst/", 11);
    same(&usual(), "-a --files-from=none src/ dst/", 1);
    for rule in ["bogus rule", "-z x", "+", ": ", "-,", ". none"] {
        let rule = format!("--filter={rule}");
        let code = if rule.ends_with("none") { 11 } else { 1 };
        same_words(&usual(), &["-a", &rule, "src/", "dst/"], code);
    }
}

#[test]
fn a_source_inside_its_destination() {
    let tree = Tree::new()
        .dir("src")
        .file("src/a", "a")
        .dir("src/in")
        .file("src/in/b", "b");
    same(&tree, "-ai src/in/ src/", 0);
    same(&tree, "-ain src/ src/in/", 0);
    same(&tree, "-ai src/ src/", 0);
}
