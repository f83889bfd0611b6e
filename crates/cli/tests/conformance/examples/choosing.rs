//! Which entries are copied, kept or deleted, and to where.

use super::{same, same_words, usual};
use crate::specimen::{Kind, Tree};

#[test]
fn deletion_of_each_kind() {
    for kind in [
        "--delete-before",
        "--del",
        "--delete-delay",
        "--delete-after",
    ] {
        same(&usual(), &format!("-ai {kind} src/ dst/"), 0);
        same(
            &usual(),
            &format!("-av {kind} --exclude=foreign src/ dst/"),
            0,
        );
    }
    same(&usual(), "-ai --delete-excluded --exclude=*.o src/ dst/", 0);
}

#[test]
fn deletion_stops_at_its_limit() {
    same(&usual(), "-ai --delete --max-delete=1 src/ dst/", 25);
    same(&usual(), "-ai --delete --max-delete=0 src/ dst/", 25);
}

#[test]
fn the_receiving_end_s_code_comes_before_the_sending_end_s() {
    let line = "-a --delete --max-delete=1 src/ no-such-thing dst/";
    same(&usual(), line, 25);
}

#[test]
fn deletion_is_held_back_after_a_missing_argument() {
    same(&usual(), "-ai --delete src/ none/ dst/", 23);
    same(&usual(), "-ai --delete --ignore-errors src/ none/ dst/", 23);
}

#[test]
fn a_directory_makes_way_only_if_it_may() {
    let tree = Tree::new()
        .dir("src")
        .file("src/x", "file")
        .dir("dst")
        .dir("dst/x");
    same(&tree, "-ai src/ dst/", 0);
    let full = tree.file("dst/x/y", "in the way");
    same(&full, "-ai src/ dst/", 23);
    same(&full, "-ai --force src/ dst/", 0);
    same(&full, "-ai --delete src/ dst/", 0);
}

#[test]
fn backups() {
    same(&usual(), "-aib src/ dst/", 0);
    same(&usual(), "-aivb --suffix=.old --delete src/ dst/", 0);
    same(&usual(), "-aib --backup-dir=kept --delete src/ dst/", 0);
    same(&usual(), "-aib --backup-dir=../kept --delete src/ dst/", 0);
}

#[test]
fn filters_of_every_kind() {
    let tree = usual()
        .file("src/.rsync-filter", "- *.o\n")
        .file("src/dir/.rules", "+ b.o\n- *\n")
        .file("src/.cvsignore", "changed\n");
    for rule in [
        "- *.o",
        "-! */",
        "- /dir/",
        "- dir/***",
        "H new*",
        "P foreign",
        "R old/",
        ": .rules",
        ":n- .rules",
        ":C",
        "merge,- src/.cvsignore",
        "-C",
        "!",
    ] {
        let rule = format!("--filter={rule}");
        same_words(&tree, &["-ai", "--delete", &rule, "src/", "dst/"], 0);
    }
    same(&tree, "-aiF --delete src/ dst/", 0);
    same(&tree, "-aiFF --delete src/ dst/", 0);
    same(&tree, "-aiC --delete src/ dst/", 0);
    same(
        &tree,
        "-aim --include=*/ --include=*.txt --exclude=* src/ fresh",
        0,
    );
}

#[test]
fn relative_names() {
    same(&usual(), "-aiR src/dir/a.txt fresh", 0);
    same(&usual(), "-aiR src/./dir/a.txt fresh", 0);
    same(&usual(), "-aiR --no-implied-dirs src/dir/a.txt fresh", 0);
    same(&usual(), "-aiR ./src/../src/dir fresh", 1);
}

#[test]
fn names_from_a_list() {
    let tree = usual()
        .file(
            "list",
            "dir/a.txt\n# comment\n; other\n\nequal\n./dir/empty/\n",
        )
        .file("src/#no comment", "but called like one")
        .file("list0", "dir/a.txt\0#no comment\0;\0equal\0./#no comment\0")
        .file("cut", "dir/a.txt\0cut off\nequal\n#\0\n")
        .file("nothing", "\0cut off\n");
    same(&tree, "-ai --files-from=list src/ fresh", 0);
    same(&tree, "-ai --from0 --files-from=list0 src/ fresh", 0);
    same(&tree, "-ai --files-from=cut src/ fresh", 0);
    same(&tree, "-ai --files-from=nothing src/ fresh", 0);
    same(&tree, "-air --no-R --files-from=list src/ fresh", 0);
    same(
        &tree.clone().file("bad", "equal\nnone\n"),
        "-ai --files-from=bad src/ fresh",
        23,
    );
}

#[test]
fn hard_links_stay_together() {
    let tree = Tree::new()
        .dir("src")
        .file("src/a", "linked")
        .node("src/b", Kind::HardLink(b"src/a".to_vec()))
        .dir("src/d")
        .node("src/d/c", Kind::HardLink(b"src/a".to_vec()))
        .symlink("src/l", "a")
        .node("src/m", Kind::HardLink(b"src/l".to_vec()))
        .dir("dst")
        .file("dst/a", "linked")
        .file("dst/b", "linked");
    same(&tree, "-aiH src/ dst/", 0);
    same(&tree, "-avvH src/ dst/", 0);
    same(&tree, "-aiHn src/ fresh", 0);
    same(&tree, "-ai src/ fresh", 0);
}

#[test]
fn links_are_copied_followed_or_left() {
    let tree = Tree::new()
        .file("outside", "outside")
        .dir("src")
        .dir("src/dir")
        .file("src/dir/file", "file")
        .symlink("src/to dir", "dir")
        .symlink("src/to file", "dir/file")
        .symlink("src/out", "../outside")
        .symlink("src/absolute", "/nonexistent")
        .symlink("src/dangling", "nothing");
    for options in [
        "-ai",
        "-rtiv",
        "-ai --safe-links",
        "-aik",
        "-ai --munge-links",
    ] {
        same(&tree, &format!("{options} src/ fresh"), 0);
    }
    for options in ["-aiL", "-ai --copy-unsafe-links"] {
        same(&tree, &format!("{options} src/ fresh"), 23);
    }
    let kept = tree.dir("dst").dir("dst/real").symlink("dst/dir", "real");
    same(&kept, "-ai src/ dst/", 0);
    same(&kept, "-aiK src/ dst/", 0);
}

/// Under `-K` a link is followed only where it stays in the destination.
#[test]
fn kept_links_to_directories_stay_within() {
    let tree = Tree::new()
        .dir("outside")
        .file("outside/file", "outside")
        .dir("src")
        .dir("src/dir")
        .file("src/dir/file", "file")
        .symlink("src/dir/link", "target")
        .node("src/dir/pipe", Kind::Fifo)
        .dir("src/dir/sub")
        .file("src/dir/sub/deep", "deep")
        .dir("src/other")
        .file("src/other/file", "other")
        .dir("dst")
        .dir("dst/other");
    let targets = [
        ("../outside", 23),
        ("../dst/other", 23),
        ("other", 0),
        ("./other/../other", 0),
    ];
    for (target, code) in targets {
        let tree = tree.clone().symlink("dst/dir", target);
        for options in ["-aiK", "-aiKn", "-rtiK"] {
            same(&tree, &format!("{options} src/ dst/"), code);
        }
        same(&tree, "-aiKR --no-implied-dirs src/./dir/file dst/", code);
    }
    let below = tree
        .dir("src/other/dir")
        .symlink("dst/other/dir", "../real");
    let below = below.dir("dst/real").file("src/other/dir/file", "file");
    same(&below, "-aiK src/ dst/", 0);
    same(&below, "-aiKH --delete-after src/ dst/", 0);
}

#[test]
fn one_file_to_a_new_name_an_old_name_and_a_directory() {
    for destination in ["new", "dst/", "dst", "dst/changed", "dst/new"] {
        same(&usual(), &format!("-ai src/changed {destination}"), 0);
    }
    same(&usual(), "-ai src/changed fresh/", 0);
    same(&usual(), "-ai --mkpath src/changed deep/er/", 0);
    same(&usual(), "-ai --mkpath src/changed deep/er", 0);
}

#[test]
fn temporary_files_may_be_made_elsewhere() {
    // Without -t: how late a temporary file in the destination touches it is left to chance.
    same(&usual(), "-ri -T . src/ dst/", 0);
    same(&usual(), "-ri -T dir src/ dst/", 0);
}

#[test]
fn rules_of_directories_hold_until_the_walk_comes_back_to_their_depth() {
    let tree = usual()
        .file(".rsync-filter", "- above\n")
        .file("src/.rsync-filter", "- *.o\n- /changed\n")
        .file("src/dir/.rsync-filter", "- deep\n")
        .dir("src2")
        .file("src2/x.o", "o")
        .file("src2/changed", "c")
        .file("src2/above", "a")
        .dir("src2/dir")
        .file("src2/dir/deep", "d")
        .file("src2/dir/.rsync-filter", "- .rsync-filter\n")
        .dir("src3")
        .file("src3/above", "a")
        .file("src3/.rsync-filter", "- equal\n");
    for operands in [
        "src/ src2/",
        "src2/ src/",
        "src src2 src3",
        "src3 src/ src2",
        "src3/ src/equal src2/x.o src/dir",
        "-R src src2",
        "-R src/dir/a.txt src2/x.o src3/above",
        "-R src/dir src2/dir src2/x.o",
        "-d src/ src2/",
        "-m src/ src3 src2/",
        "-m -R src/dir/a.txt src2/dir/deep src2/x.o",
    ] {
        same(&tree, &format!("-avvF {operands} fresh"), 0);
    }
}

#[test]
fn links_in_a_named_path_are_followed() {
    let tree = usual()
        .symlink("src/in", "dir")
        .symlink("src/out", "../side")
        .dir("side")
        .dir("side/deep")
        .file("side/deep/file", "x")
        .symlink("src/dir/below", "empty");
    for operand in [
        "src/in",
        "src/in/",
        "src/in/a.txt",
        "src/in/below/",
        "src/out/deep",
        "src/out/deep/file",
        "src/./out/",
    ] {
        same(&tree, &format!("-aiR {operand} fresh"), 0);
        same(&tree, &format!("-aimR {operand} fresh"), 0);
        same(&tree, &format!("-aR --no-implied-dirs {operand} fresh"), 0);
    }
}

#[test]
fn a_path_is_made_only_for_what_goes_there() {
    let tree = usual().symlink("src/dir/dangling", "nowhere");
    let options = "-aiR --no-implied-dirs --copy-unsafe-links --delete";
    same(
        &tree,
        &format!("{options} src/equal src/dir/dangling fresh"),
        0,
    );
    let outside = usual().symlink("src/dir/outside", "/no/such/thing");
    same(
        &outside,
        &format!("{options} src/equal src/dir/outside fresh"),
        23,
    );
}

#[test]
fn source_and_destination_the_same() {
    let tree = usual().symlink("src/dangling", "nowhere");
    same(&tree, "-a --remove-source-files src/ src/", 23);
    same(&tree, "-aI --remove-source-files src/ src/", 23);
}

#[test]
fn an_empty_directory_gets_the_destination_s_name() {
    let tree = Tree::new().dir("src").mode(0o750).mtime(1_100_000_000, 7);
    for options in ["-ai", "-aiH", "-am", "-dt"] {
        same(&tree, &format!("{options} src/ fresh"), 0);
        same(&tree, &format!("{options} src/ fresh/"), 0);
        same(&tree, &format!("{options} src fresh"), 0);
        same(&tree, &format!("{options} src/ ./src/fresh"), 0);
    }
}
