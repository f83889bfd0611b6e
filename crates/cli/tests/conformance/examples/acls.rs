//! Access control lists in a local session.

use super::same;
use crate::attributed::guarded;
use crate::specimen::Tree;

#[test]
fn other_directories_are_compared_with_their_lists_too() {
    for line in [
        "-aiA --link-dest=../dst src/ fresh/",
        "-aiA --copy-dest=../dst src/ fresh/",
        "-aiA --compare-dest=../dst src/ fresh/",
        "-aiAX --link-dest=../dst src/ fresh/",
    ] {
        same(&guarded(), line, 0);
    }
}

#[test]
fn all_of_them_are_copied() {
    for line in [
        "-aiA src/ dst/",
        "-aiA --delete src/ dst/",
        "-aiA src/ fresh",
        "-rltiA src dst/",
        "-aA src/new fresh",
        "-aiA --no-inc-recursive src/ dst/",
        "-aiA --numeric-ids src/ dst/",
        "-aiAc --inplace src/ dst/",
        "-aiA --no-W src/ dst/",
        "-aiA -b --suffix=.old src/ dst/",
        "-aiA --chmod=g-w src/ dst/",
        "-aiAX src/ dst/",
        "-rltiA --no-p src/ dst/",
        "-rlti src/ dst/",
        "-rltiE src/ dst/",
    ] {
        same(&guarded(), line, 0);
    }
}

#[test]
fn what_differs_is_told() {
    for line in [
        "-aniA src/ dst/",
        "-aniiA src/ dst/",
        "-avvA src/ dst/",
        "-aA --info=skip2 --ignore-existing src/ dst/",
    ] {
        same(&guarded(), line, 0);
    }
}

/// What is made where a default list holds gets the mode of the source all the same.
#[test]
fn default_lists_do_not_change_modes() {
    let mut tree: Tree = guarded();
    for number in 0..40 {
        tree = tree
            .file(format!("src/m{number}"), "m")
            .mode(0o600 + number % 64);
    }
    for line in ["-ai src/ dst/", "-aiA src/ dst/"] {
        same(&tree, line, 0);
    }
}
