//! Rules that both sides must know.

use crate::matrix::{same, same_words};
use crate::session::Way;
use crate::trees::ruled;

#[test]
fn on_the_command_line() {
    for rules in [
        "--exclude=*.o",
        "--exclude=/dir/",
        "--exclude=dir/***",
        "--include=*/ --include=*.txt --exclude=*",
        "--exclude=/dir/deep --include=dir --exclude=large",
        "--exclude-from=names",
        "--include-from=names --exclude=*",
        "-C",
        "-m --include=*/ --include=*.txt --exclude=*",
    ] {
        same(&ruled(), &[&format!("-ai --delete {rules} src/ dst/")]);
    }
}

#[test]
fn for_one_side_only() {
    for rule in [
        "P foreign",
        "protect *.o",
        "H dir",
        "hide,! */",
        "R old",
        "S equal",
        "-s *.o",
        "-r foreign",
        "-p deep",
        "-! *.txt",
    ] {
        with_rule(rule, "--delete");
    }
}

#[test]
fn in_files() {
    for rule in [
        ": .rules",
        ":n .rules",
        ":e .rules",
        ":C",
        ":w names",
        ". rules",
        ".- names",
    ] {
        with_rule(rule, "--delete");
        with_rule(rule, "--delete-after");
    }
    same(
        &ruled(),
        &[
            "-aiF --delete src/ dst/",
            "-aiFF --delete src/ dst/",
            "-aiC --delete src/ dst/",
        ],
    );
}

fn with_rule(rule: &str, delete: &str) {
    let rule = format!("--filter={rule}");
    let words = vec![
        &b"-ai"[..],
        delete.as_bytes(),
        rule.as_bytes(),
        b"src/",
        b"dst/",
    ];
    same_words(&ruled(), 0, &[Way::Push, Way::Pull], &[words]);
}
