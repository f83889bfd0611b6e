//! What becomes of files that are replaced or deleted, under `-b`.

use super::{same, usual};
use crate::specimen::{Kind, Tree};

/// Where backups may go.
const PLACES: [&str; 4] = [
    "-b",
    "-b --suffix=.old",
    "--backup-dir=../kept",
    "-b --backup-dir=../kept --suffix=.old",
];

/// A destination where every kind of entry is replaced by another, or deleted.
fn replaced() -> Tree {
    usual()
        .symlink("src/a link", "changed")
        .file("dst/a link", "was a file")
        .file("src/a file", "content")
        .symlink("dst/a file", "was a link")
        .file("src/was a pipe", "content")
        .node("dst/was a pipe", Kind::Fifo)
        .symlink("src/pipe", "was one")
        .node("dst/pipe", Kind::Fifo)
        .dir("src/a dir")
        .file("src/a dir/x", "content")
        .file("dst/a dir", "was a file")
}

#[test]
fn of_everything_that_can_be_replaced() {
    for place in PLACES {
        for options in ["-ai --delete", "-aivv --delete", "-rlti --force"] {
            same(&replaced(), &format!("{options} {place} src/ dst/"), 0);
        }
    }
}

#[test]
fn of_what_is_in_a_directory_that_makes_way() {
    let tree = Tree::new()
        .dir("src")
        .file("src/full", "content")
        .dir("dst")
        .dir("dst/full")
        .file("dst/full/in it", "content");
    same(&tree, "-aivvb src/ dst/", 23);
    same(&tree, "-aivvb --force src/ dst/", 23);
    same(&tree, "-aivv --backup-dir=../kept --force src/ dst/", 0);
    same(&tree, "-aivvn --backup-dir=../kept --delete src/ dst/", 0);
}

#[test]
fn a_dry_run_tells_which_would_be_made() {
    for place in PLACES {
        for options in ["-ani", "-anv", "-anvv", "-anvv --delete-after"] {
            same(
                &replaced(),
                &format!("{options} --force {place} src/ dst/"),
                0,
            );
            same(
                &replaced(),
                &format!("{options} --delete {place} src/ dst/"),
                0,
            );
        }
        same(
            &replaced(),
            &format!("-an --info=backup --force {place} src/ dst/"),
            0,
        );
    }
}

/// Directories stand where backups belong.
fn with_older_backups() -> Tree {
    replaced()
        .dir("dst/changed~")
        .dir("dst/changed~/deep")
        .file("dst/changed~/deep/file", "older")
        .symlink("dst/changed~/link", "older")
        .dir("dst/a link~")
        .file("dst/a link~/file", "older")
        .dir("kept")
        .dir("kept/changed")
        .dir("kept/changed/deep")
        .file("kept/changed/deep/file", "older")
        .dir("kept/foreign")
        .file("kept/foreign/file", "older")
        .file("kept/dir", "no directory")
}

#[test]
fn an_older_directory_makes_way() {
    for place in ["-b", "--backup-dir=../kept"] {
        // Not with `-T .`: there rsync's receiver sometimes touches the destination after its
        // generator has set the time.
        for options in ["-a", "-ai", "-av", "-avv"] {
            let line = format!("{options} --force {place} src/ dst/");
            same(&with_older_backups(), &line, 0);
        }
        same(
            &with_older_backups(),
            &format!("-ai --stats --delete --force {place} src/ dst/"),
            0,
        );
    }
    same(
        &with_older_backups(),
        "-ab --info=backup,del --force src/ dst/",
        0,
    );
}

#[test]
fn beside_the_files_over_older_ones() {
    let tree = replaced()
        .file("dst/changed~", "older")
        .symlink("dst/a link~", "older")
        .node("dst/pipe~", Kind::Fifo)
        .node("dst/foreign~", Kind::Fifo);
    // A name that is nothing but the suffix counts as a backup, below the root.
    let tree = tree
        .dir("src/dir/~")
        .node("dst/dir/~", Kind::Fifo)
        .dir("src/~")
        .node("dst/~", Kind::Fifo);
    for options in ["-ai", "-avv", "-rltvv", "-avv --delete-excluded"] {
        same(&tree, &format!("{options} --force -b src/ dst/"), 0);
    }
}

#[test]
fn in_a_directory_of_the_destination() {
    let tree = usual()
        .dir("dst/kept")
        .file("dst/kept/changed", "older")
        .file("dst/kept/only here", "older");
    for options in [
        "-avv",
        "-avv --delete",
        "-avv --delete-after",
        "-aivv --delete -n",
    ] {
        same(&tree, &format!("{options} --backup-dir=kept src/ dst/"), 0);
        same(
            &tree,
            &format!("{options} --backup-dir=kept --exclude=/kept src/ dst/"),
            0,
        );
    }
}

#[test]
fn a_place_that_cannot_be() {
    same(&usual(), "-a --backup-dir=equal src/ dst/", 1);
    same(&usual(), "-a --backup-dir=equal/kept src/ dst/", 11);
}

#[test]
fn behind_a_link_until_it_is_deleted() {
    let behind = |tree: Tree| tree.dir("outside").symlink("dst/kept", "../outside");
    same(
        &behind(replaced()),
        "-aib --backup-dir=kept --force src/ dst/",
        0,
    );
    // In its deleting process rsync does not notice that the directory is gone: no more than the
    // link is deleted here.
    let files = behind(Tree::new().dir("src").dir("dst"))
        .file("src/a", "content")
        .file("dst/a", "old")
        .dir("src/d")
        .file("src/d/b", "content")
        .dir("dst/d")
        .file("dst/d/b", "older");
    for when in ["--delete", "--delete-before", "--delete-after"] {
        let line = format!("-aib --backup-dir=kept {when} src/ dst/");
        same(&files, &line, 0);
    }
}
