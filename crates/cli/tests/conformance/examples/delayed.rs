//! Files that wait until all have arrived: `--delay-updates`.

use super::{same, usual};
use crate::specimen::{Kind, Tree};

#[test]
fn put_into_place_in_the_end() {
    for options in [
        "-ai",
        "-aivv --delete",
        "-aic --no-W",
        "-aivv --delete-after",
        "-ani",
    ] {
        same(&usual(), &format!("{options} --delay-updates src/ dst/"), 0);
    }
    same(&usual(), "-aiO --delay-updates --delete-delay src/ dst/", 0);
    same(&usual(), "-rli --delay-updates src/ dst/", 0);
    same(&usual(), "-ai --delay-updates --delete src dst", 0);
    same(&usual(), "-i --delay-updates src/changed dst/new", 0);
    same(&usual(), "-ai --delay-updates src/ fresh/", 0);
    same(&usual(), "-aiR --delay-updates src/dir/ dst/", 0);
}

#[test]
fn from_a_directory_of_the_user_s_choice() {
    for dir in [".wait", "a/b"] {
        let line = format!("-aivv --delay-updates --delete --partial-dir={dir} src/ dst/");
        same(&usual(), &line, 0);
    }
    let tree = usual()
        .dir("dst/.~tmp~")
        .file("dst/.~tmp~/changed", "changed con")
        .file("dst/.~tmp~/foreign", "foreign")
        .file("dst/dir/.~tmp~", "in the way");
    same(&tree, "-ai --delay-updates --no-W --delete src/ dst/", 0);
    same(&tree, "-ai --no-delay-updates --delay-updates src/ dst/", 0);
}

#[test]
fn with_what_they_replace_kept() {
    for place in ["-b", "--backup-dir=../kept", "-b --suffix=.old"] {
        let line = format!("-aivv --delay-updates --delete {place} src/ dst/");
        same(&usual(), &line, 0);
    }
}

#[test]
fn with_more_than_one_name() {
    let tree = Tree::new()
        .dir("src")
        .dir("src/dir")
        .file("src/a", "content")
        .node("src/b", Kind::HardLink(b"src/a".to_vec()))
        .node("src/dir/c", Kind::HardLink(b"src/a".to_vec()))
        .dir("dst")
        .dir("dst/dir")
        .file("dst/dir/c", "older");
    same(&tree, "-aiH --delay-updates src/ dst/", 0);
    same(&tree, "-aivvH --delay-updates --no-W src/ dst/", 0);
    same(
        &tree,
        "-aiH --delay-updates --remove-source-files src/ dst/",
        0,
    );
    same(
        &tree,
        "-ai --delay-updates --remove-source-files src/ dst/",
        0,
    );
}

#[test]
fn what_stands_in_the_way() {
    let tree = usual()
        .dir("dst/new file")
        .file("dst/new file/x", "x")
        .symlink("dst/dir/.~tmp~", "../..");
    same(&tree, "-ai --delay-updates --force src/ dst/", 0);
}

#[test]
fn not_with_in_place() {
    same(&usual(), "-ai --delay-updates --inplace src/ dst/", 1);
    same(&usual(), "-ai --delay-updates --append src/ dst/", 1);
}
