//! What is not in the source any more.

use crate::matrix::{same, same_code};
use crate::trees::usual;

#[test]
fn at_each_time() {
    for when in [
        "--delete",
        "--delete-before",
        "--del",
        "--delete-delay",
        "--delete-after",
    ] {
        same(
            &usual(),
            &[
                &format!("-ai {when} src/ dst/"),
                &format!("-av {when} --exclude=*.o src/ dst/"),
                &format!("-ain {when} src/ dst/"),
            ],
        );
    }
}

#[test]
fn with_what_is_excluded() {
    same(
        &usual(),
        &[
            "-ai --delete-excluded --exclude=*.o src/ dst/",
            "-ai --delete-excluded --delete-after --exclude=dir src/ dst/",
        ],
    );
}

#[test]
fn within_limits() {
    same_code(&usual(), 25, &["-ai --delete --max-delete=1 src/ dst/"]);
    same(
        &usual(),
        &[
            "-ai --delete --ignore-existing src/ dst/",
            "-rlti --delete --existing src/ dst/",
        ],
    );
    let full = usual()
        .file("src/old", "a file")
        .dir("dst/new file")
        .file("dst/new file/x", "x");
    same(
        &full,
        &["-ai --force src/ dst/", "-ai --delete --stats src/ dst/"],
    );
}

#[test]
fn by_names_that_are_missing() {
    let tree = usual()
        .file("dst/ghost", "gone at the source")
        .dir("dst/ghosts")
        .file("dst/ghosts/in it", "too");
    same(
        &tree,
        &[
            "-ai --delete-missing-args src/ghost src/file src/ghosts dst/",
            "-ai --delete-missing-args --force src/ghosts dst/",
            "-aiR --delete-missing-args --delete src/./ghost src/./ghosts src/./file dst/",
            "-ai --delete-missing-args --protocol=29 src/ghost src/file dst/",
            "-a --list-only --delete-missing-args src/ghost src/file dst/",
            "-ai --ignore-missing-args src/ghost src/file dst/",
        ],
    );
}
