//! Sources that do not exist: `--ignore-missing-args`, `--delete-missing-args`.

use super::{same, usual};
use crate::specimen::Tree;

/// A destination with what the source does not have, and lists that name it.
fn ghosts() -> Tree {
    usual()
        .file("dst/ghost", "gone at the source")
        .dir("dst/ghosts")
        .file("dst/ghosts/in it", "too")
        .dir("dst/empty")
        .file("dst/dir/ghost", "gone too")
        .dir("side")
        .file(
            "side/list",
            "equal\nghost\nghosts\nempty\ndir/ghost\ndir/a.txt\n",
        )
}

#[test]
fn ignored() {
    for options in ["-ai", "-aivv", "-aR", "-n"] {
        let line = format!("{options} --ignore-missing-args src/ghost src/equal src/none dst/");
        same(&ghosts(), &line, 0);
    }
    same(&ghosts(), "-ai --ignore-missing-args src/ghost dst/", 0);
    same(
        &ghosts(),
        "-ai --ignore-missing-args --files-from=side/list src/ dst/",
        0,
    );
    same(
        &ghosts(),
        "-ai --ignore-missing-args src/ghost/ src/equal dst/",
        23,
    );
    same(&ghosts(), "-ai src/ghost src/equal dst/", 23);
}

#[test]
fn deleted() {
    for options in [
        "-ai",
        "-aivv --stats",
        "-ain",
        "-aib --suffix=.old",
        "-a --force -i",
        "-aiH",
    ] {
        let ghosts_of = "src/ghost src/equal src/ghosts src/empty src/none";
        let line = format!("{options} --delete-missing-args {ghosts_of} dst/");
        same(&ghosts(), &line, 0);
    }
    same(&ghosts(), "-ai --delete-missing-args src/ghost dst/", 0);
    same(
        &ghosts(),
        "-ai --delete-missing-args src/ghosts dst/ghosts",
        0,
    );
    same(
        &ghosts(),
        "-ai --delete-missing-args --max-delete=1 src/ghost src/empty dst/",
        25,
    );
}

#[test]
fn deleted_by_a_list() {
    for options in [
        "",
        "--delete",
        "--no-R",
        "-r",
        "--no-implied-dirs",
        "-c --chmod=F600",
    ] {
        let line =
            format!("-aivv {options} --delete-missing-args --files-from=side/list src/ dst/");
        same(&ghosts(), &line, 0);
    }
    for path in ["src/./dir/ghost", "src/./ghosts"] {
        for options in ["", "--no-r", "--force", "--no-implied-dirs"] {
            let line = format!("-aiR {options} --delete-missing-args {path} dst/");
            same(&ghosts(), &line, 0);
        }
    }
}

#[test]
fn below_what_is_missing_too() {
    for options in ["", "--no-r"] {
        let line = format!("-aiR {options} --delete-missing-args src/./ghosts/ghost dst/");
        same(&ghosts(), &line, 24);
    }
    let line = "-aiR --no-implied-dirs --delete-missing-args src/./ghosts/ghost dst/";
    same(&ghosts(), line, 24);
}

#[test]
fn but_not_what_is_protected() {
    let words = "-aivv --delete-missing-args --filter=P_ghost --exclude=empty";
    same(&ghosts(), &format!("{words} src/ghost src/empty dst/"), 0);
    same(
        &ghosts(),
        &format!("{words} --delete src/ghost src/empty src/dir dst/"),
        0,
    );
}

#[test]
fn listed() {
    let line = "--delete-missing-args --list-only src/ghost src/equal";
    same(&ghosts(), &format!("-a {line} dst/"), 0);
    same(&ghosts(), &format!("-a --no-h {line} dst/"), 0);
    same(
        &ghosts(),
        "-a --ignore-missing-args --list-only src/ghost src/equal dst/",
        0,
    );
}
