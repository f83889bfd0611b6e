//! Extended attributes: which cross, when the values do, and who sets them.

use crate::compared::attributed::{attributed, long};
use crate::matrix::same;
use crate::specimen::{Kind, SOME_TIME, Tree};

#[test]
fn beside_other_directories() {
    same(
        &attributed(),
        &[
            "-aiX --link-dest=../dst src/ fresh/",
            "-aiX --copy-dest=../dst src/ fresh/",
        ],
    );
}

#[test]
fn all_of_them_cross() {
    same(
        &attributed(),
        &[
            "-aiX src/ dst/",
            "-aiX src/ fresh",
            "-aiX --delete src/ dst/",
            "-rltiX src dst/",
            "-aX src/new fresh",
            "-ai src/ dst/",
        ],
    );
}

#[test]
fn in_every_way_of_writing() {
    same(
        &attributed(),
        &[
            "-aiX --no-inc-recursive src/ dst/",
            "-aiX --inplace src/ dst/",
            "-aiXc src/ dst/",
            "-aiXz --no-W src/ dst/",
            "-aiX -b --suffix=.old src/ dst/",
            "-aiX --existing src/ dst/",
            "-aiXR src/./dir src/./made dst/",
            "-aiX --size-only src/ dst/",
            "-aiX --chmod=Fa-w src/ dst/",
        ],
    );
}

#[test]
fn what_is_only_told() {
    same(
        &attributed(),
        &[
            "-aniX src/ dst/",
            "-aniiX src/ dst/",
            "-avvX src/ dst/",
            "-anX --info=skip2 --ignore-existing src/ dst/",
        ],
    );
}

#[test]
fn protocols_that_have_them() {
    same(
        &attributed(),
        &[
            "-aiX --protocol=30 src/ dst/",
            "-aiX --protocol=31 src/ dst/",
        ],
    );
}

#[test]
fn rules_choose() {
    same(
        &attributed(),
        &[
            "-aiX --filter=-x_user.long* src/ dst/",
            "-aiX --filter=-xr_user.old src/ dst/",
            "-aiX --filter=+x_user.short --filter=-x_* src/ dst/",
        ],
    );
}

#[test]
fn names_of_one_file_share_them() {
    let again = |first: &str| Kind::HardLink(first.as_bytes().to_vec());
    let tree = Tree::new()
        .dir("src")
        .file("src/a", "linked")
        .xattr("user.short", "new")
        .xattr("user.long", long('a', 80))
        .node("src/b", again("src/a"))
        .file("src/c", "new")
        .xattr("user.long", long('c', 80))
        .dir("src/d")
        .node("src/d/c", again("src/c"))
        .dir("dst")
        .file("dst/a", "linked")
        .xattr("user.short", "old")
        .node("dst/b", again("dst/a"));
    same(
        &tree,
        &[
            "-aiHX src/ dst/",
            "-aiHX --no-inc-recursive src/ dst/",
            "-aiHX --protocol=30 src/ dst/",
            "-aHX src/ fresh",
        ],
    );
}

/// Many more than are asked for at a time, and some of the same.
#[test]
fn many_values() {
    let mut tree = Tree::new().dir("src").dir("dst");
    for number in 0..300 {
        let value = long('v', 33 + number % 100);
        tree = tree
            .file(format!("src/{number}"), "same")
            .xattr("user.long", &value)
            .xattr("user.number", format!("{number}"));
        if number % 3 > 0 {
            tree = tree
                .file(format!("dst/{number}"), "same")
                .mtime(SOME_TIME.0, SOME_TIME.1);
        }
        if number % 3 > 1 {
            tree = tree.xattr("user.long", &value);
        }
    }
    same(&tree, &["-aiX src/ dst/", "-aX src/ fresh"]);
}

#[test]
fn what_rsync_remembers_is_asked_for_twice() {
    let tree = Tree::new()
        .dir("src")
        .file("src/a", "a")
        .xattr("user.rsync.%stat", "100644 0,0 7:7")
        .xattr("user.rsync.other", "other")
        .dir("dst")
        .file("dst/a", "a")
        .xattr("user.rsync.%aacl", "acl");
    same(&tree, &["-aiX src/ dst/", "-aiXX src/ dst/"]);
}
