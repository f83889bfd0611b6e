//! Extended attributes in a local session.

use super::same;
use crate::attributed::{attributed, long};
use crate::specimen::{Kind, Tree};

#[test]
fn all_of_them_are_copied() {
    for line in [
        "-aiX src/ dst/",
        "-aiX --delete src/ dst/",
        "-aiX src/ fresh",
        "-rltiX src dst/",
        "-aX src/new fresh",
        "-ai src/ dst/",
        "-aiX --no-inc-recursive src/ dst/",
        "-aiXc src/ dst/",
        "-aiX --inplace src/ dst/",
        "-aiX --no-W src/ dst/",
        "-aiXS src/ dst/",
        "-aiX -b --suffix=.old src/ dst/",
        "-aiX -b --inplace src/ dst/",
        "-aiX --backup-dir=../kept src/ dst/",
        "-aiX --partial-dir=.part src/ dst/",
        "-aiXR src/./dir src/./made dst/",
        "-aiX --chmod=Fa-w src/ dst/",
        "-aiX --no-super src/ dst/",
    ] {
        same(&attributed(), line, 0);
    }
}

#[test]
fn what_differs_is_told() {
    for line in [
        "-aniX src/ dst/",
        "-aniiX src/ dst/",
        "-avvX src/ dst/",
        "-avvXu src/ dst/",
        "-aX --info=skip2 --ignore-existing src/ dst/",
        "-aiX --existing src/ dst/",
    ] {
        same(&attributed(), line, 0);
    }
}

#[test]
fn other_directories_are_compared_with_their_attributes_too() {
    for line in [
        "-aiX --link-dest=../dst src/ fresh/",
        "-aiiX --link-dest=../dst src/ fresh/",
        "-aiX --copy-dest=../dst src/ fresh/",
        "-aiX --compare-dest=../dst src/ fresh/",
        "-aiXy --link-dest=../dst src/ fresh/",
        "-ai --link-dest=../dst src/ fresh/",
    ] {
        same(&attributed(), line, 0);
    }
}

#[test]
fn rules_choose() {
    for line in [
        "-aiX --filter=-x_user.long* src/ dst/",
        "-aiX --filter=-xr_user.old src/ dst/",
        "-aiX --filter=-xs_user.short src/ dst/",
        "-aiX --filter=+x_user.short --filter=-x_* src/ dst/",
    ] {
        same(&attributed(), line, 0);
    }
}

#[test]
fn a_file_has_the_same_by_every_name() {
    let again = |first: &str| Kind::HardLink(first.as_bytes().to_vec());
    let tree = Tree::new()
        .dir("src")
        .file("src/a", "linked")
        .xattr("user.short", "new")
        .xattr("user.long", long('a', 80))
        .node("src/b", again("src/a"))
        .dir("src/d")
        .node("src/d/c", again("src/a"))
        .dir("dst")
        .file("dst/a", "linked")
        .xattr("user.short", "old")
        .node("dst/b", again("dst/a"));
    for line in ["-aiHX src/ dst/", "-aiHX src/ fresh", "-aiX src/ dst/"] {
        same(&tree, line, 0);
    }
}
