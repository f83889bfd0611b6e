//! `--compare-dest`, `--copy-dest`, `--link-dest` and `--fuzzy`: what other directories have of what
//! the destination lacks.

use super::same;
use crate::specimen::{Content, Kind, Tree};

const LONG_AGO: i64 = 900_000_000;

const KINDS: [&str; 3] = ["--compare-dest", "--copy-dest", "--link-dest"];

/// A source, two older backups of which each has something that the other has not, and a destination
/// that has a little of it.
fn backups() -> Tree {
    let noise = |seed| Content::Noise {
        seed,
        length: 30_000,
    };
    let edited = Content::Edited {
        base: noise(3).into(),
        keep: 20_000,
        tail: b"older".to_vec(),
        damaged: true,
    };
    Tree::new()
        .dir("src")
        .file("src/changed", "changed content")
        .file("src/equal", "equal")
        .file("src/in dst", "equal")
        .file("src/in dst and other", "others")
        .file("src/mode", "mode")
        .mode(0o600)
        .file("src/new", "new")
        .node("src/noise", Kind::File(noise(3)))
        .file("src/second", "only in the second")
        .file("src/third", "the second is better")
        .file("src/touched", "touched")
        .file("src/was dir", "file now")
        .symlink("src/link", "equal")
        .symlink("src/turned", "equal")
        .node("src/fifo", Kind::Fifo)
        .dir("src/dir")
        .file("src/dir/a", "a")
        .dir("src/dir/deep")
        .file("src/dir/deep/b", "b")
        .dir("src/mode dir")
        .mode(0o700)
        .dir("one")
        .file("one/changed", "old")
        .mtime(LONG_AGO, 0)
        .file("one/equal", "equal")
        .file("one/in dst", "equal")
        .file("one/in dst and other", "others")
        .file("one/mode", "mode")
        .node("one/noise", Kind::File(edited))
        .mtime(LONG_AGO, 0)
        .file("one/third", "the second is better")
        .mode(0o600)
        .file("one/touched", "touched")
        .mtime(LONG_AGO, 0)
        .dir("one/was dir")
        .symlink("one/link", "equal")
        .symlink("one/turned", "elsewhere")
        .node("one/fifo", Kind::Fifo)
        .dir("one/dir")
        .file("one/dir/a", "a")
        .dir("one/mode dir")
        .dir("two")
        .file("two/second", "only in the second")
        .file("two/third", "the second is better")
        .dir("two/dir")
        .dir("two/dir/deep")
        .file("two/dir/deep/b", "b")
        .dir("dst")
        .file("dst/in dst", "equal")
        .file("dst/in dst and other", "old")
        .mtime(LONG_AGO, 0)
        .dir("dst/dir")
}

#[test]
fn each_kind_told_in_each_way() {
    for kind in KINDS {
        for how in [
            "-a",
            "-av",
            "-avv",
            "-ai",
            "-aii",
            "-aivv",
            "-aic",
            "-aiI",
            "-ain",
            "-aiin",
            "-ai --size-only",
            "-ai --no-p",
            "-rlti",
            "-ai --stats",
            "-ai --no-W",
            "-ai --inplace",
            "-ai --info=name2",
            "-ai --info=copy",
            "-ai --delete",
        ] {
            same(&backups(), &format!("{how} {kind}=../one src/ fresh/"), 0);
            same(
                &backups(),
                &format!("{how} {kind}=../one {kind}=../two src/ dst/"),
                0,
            );
        }
    }
}

#[test]
fn where_the_directories_are() {
    for kind in KINDS {
        for place in ["../one/", "../none", "../src/equal", "one", ".", "../dst"] {
            same(&backups(), &format!("-ai {kind}={place} src/ dst/"), 0);
            same(&backups(), &format!("-ain {kind}={place} src/ fresh/"), 0);
        }
        same(&backups(), &format!("-ai {kind}=../one src/equal dst/"), 0);
        same(&backups(), &format!("-ai {kind}=one src/equal equal"), 0);
        same(
            &backups(),
            &format!("-aiR {kind}=../one src/./dir/a fresh/"),
            0,
        );
        same(&backups(), &format!("{kind}=none src/"), 0);
    }
}

#[test]
fn beside_other_options() {
    for kind in KINDS {
        for how in [
            "-aib",
            "-aib --backup-dir=kept",
            "-aiu",
            "-ai --existing",
            "-ai --ignore-existing",
            "-ai --remove-source-files",
            "-ai --partial-dir=.part",
            "-ai --max-size=10",
            "-aiO",
            "-ai --chmod=go-rwx",
            "-aiE --no-p",
            "-ai --fsync",
            "-ai --preallocate",
        ] {
            same(
                &backups(),
                &format!("{how} {kind}=../one --include=/*** src/ dst/"),
                0,
            );
        }
    }
}

#[test]
fn with_hard_links() {
    let names = |tree: Tree, dir: &str| {
        let first = format!("{dir}/a");
        tree.dir(dir)
            .file(&first, "linked")
            .node(format!("{dir}/b"), Kind::HardLink(first.clone().into()))
            .dir(format!("{dir}/d"))
            .node(format!("{dir}/d/c"), Kind::HardLink(first.into()))
            .symlink(format!("{dir}/l"), "a")
            .node(
                format!("{dir}/m"),
                Kind::HardLink(format!("{dir}/l").into()),
            )
    };
    let whole = names(names(Tree::new(), "src"), "one").dir("dst");
    let apart = names(Tree::new(), "src")
        .dir("one")
        .file("one/a", "linked")
        .file("one/b", "linked")
        .dir("dst")
        .file("dst/b", "linked");
    let late = names(Tree::new(), "src")
        .dir("one")
        .dir("one/d")
        .file("one/d/c", "linked")
        .dir("dst");
    let older = names(Tree::new(), "src")
        .dir("one")
        .file("one/a", "other")
        .mtime(LONG_AGO, 0)
        .dir("dst");
    // Where a name is left to `--compare-dest` and a later one is not, rsync 3.5.0 breaks off.
    let made = &KINDS[1..];
    for (tree, kinds) in [
        (whole, &KINDS[..]),
        (apart, made),
        (late, made),
        (older, &KINDS),
    ] {
        for kind in kinds {
            for how in [
                "-aHi",
                "-aHii",
                "-aHvv",
                "-aHiivv",
                "-aHin",
                "-aHi --no-i-r",
                "-ai",
            ] {
                // Of these rsync 3.5.0 tells each link to a copy twice.
                if (how, *kind) == ("-aHvv", "--copy-dest") {
                    continue;
                }
                same(&tree, &format!("{how} {kind}=../one src/ dst/"), 0);
            }
        }
    }
}

#[test]
fn what_cannot_be_linked_is_copied() {
    let mut tree = Tree::new().dir("src").file("src/a", "equal").dir("one");
    tree = tree.file("one/a", "equal").dir("dst").file("dst/a", "old");
    for line in [
        "-ai --link-dest=../one src/ /dev/shm/tidesync-none/",
        "-aiv --copy-dest=../one src/ dst/",
    ] {
        let code = if line.contains("none") { 11 } else { 0 };
        let line = line.replace("/dev/shm/tidesync-none/", "none/none/");
        same(&tree, &line, code);
    }
}

#[test]
fn a_similar_file() {
    let noise = |seed, length| Content::Noise { seed, length };
    let base = |seed, length| Content::Edited {
        base: noise(seed, length).into(),
        keep: length,
        tail: b"and more".to_vec(),
        damaged: true,
    };
    let tree = Tree::new()
        .dir("src")
        .node("src/prog-1.3.tar", Kind::File(base(1, 40_000)))
        .node("src/renamed", Kind::File(noise(2, 40_000)))
        .node("src/kept", Kind::File(noise(4, 1000)))
        .file("src/empty", "")
        .dir("src/sub")
        .node("src/sub/x.c", Kind::File(base(5, 20_000)))
        .dir("one")
        .node("one/another", Kind::File(noise(2, 40_000)))
        .dir("one/sub")
        .node("one/sub/x.c.orig", Kind::File(noise(5, 20_000)))
        .mtime(LONG_AGO, 0)
        .dir("dst")
        .node("dst/kept", Kind::File(noise(3, 40_000)))
        .mtime(LONG_AGO, 0)
        .node("dst/prog-1.2.tar", Kind::File(noise(1, 40_000)))
        .mtime(LONG_AGO, 0)
        .node("dst/quite another name", Kind::File(noise(2, 40_000)))
        .file("dst/prog-1.3.tag", "")
        .dir("dst/sub")
        .node("dst/sub/y.c", Kind::File(noise(6, 20_000)));
    for how in [
        "-aiy",
        "-aiy --no-W --stats",
        "-aiyc --no-W --stats",
        "-aiy --no-W --delete-after --stats",
        "-ainy --no-W",
        "-aiyy --no-W --stats",
        "-aiyH --no-W",
        "-aiy --no-W --inplace --stats",
    ] {
        same(&tree, &format!("{how} src/ dst/"), 0);
        for kind in KINDS {
            same(&tree, &format!("{how} {kind}=../one src/ dst/"), 0);
            same(&tree, &format!("{how} -y {kind}=../one src/ dst/"), 0);
        }
    }
}
