//! Entries that are no plain files, and files with more than one name or with holes.

use crate::matrix::same;
use crate::power::Power;
use crate::specimen::{Content, Kind, Tree};
use crate::trees::{hard_links, symlinks, usual};

#[test]
fn hard_links_stay_together() {
    same(
        &hard_links(),
        &[
            "-aiH src/ dst/",
            "-aiH src/ fresh",
            "-aiHn src/ dst/",
            "-avvH src/ dst/",
            "-aiH --no-inc-recursive src/ dst/",
            "-aiHc --delete src/ dst/",
            "-ai src/ fresh",
        ],
    );
}

#[test]
fn hard_links_across_many_directories() {
    let mut tree = Tree::new().dir("src").dir("dst");
    for directory in 0..30 {
        tree = tree.dir(format!("src/{directory}"));
        for file in 0..4 {
            let path = format!("src/{directory}/{file}");
            tree = if directory < 2 {
                tree.file(path, format!("{directory} {file}"))
            } else {
                let first = format!("src/{}/{file}", directory % 2).into_bytes();
                tree.node(path, Kind::HardLink(first))
            };
        }
    }
    same(&tree, &["-aiH src/ dst/", "-aiHR src/7 src/./8 src/9 dst/"]);
}

#[test]
fn devices_pipes_and_sockets() {
    let mut tree = Tree::new()
        .dir("src")
        .node("src/pipe", Kind::Fifo)
        .node("src/socket", Kind::Socket)
        .node("src/was a file", Kind::Fifo)
        .dir("dst")
        .file("dst/was a file", "file");
    if Power::of_this_process() == Power::Root {
        tree = tree
            .node("src/null", Kind::CharDevice(1, 3))
            .node("src/null2", Kind::CharDevice(1, 5))
            .node("src/large", Kind::CharDevice(300, 70_000))
            .node("src/loop", Kind::BlockDevice(7, 1))
            .node("dst/null", Kind::CharDevice(1, 5))
            .node("dst/loop", Kind::BlockDevice(7, 1));
    }
    same(
        &tree,
        &[
            "-ai src/ dst/",
            "-rti --devices src/ dst/",
            "-rti --specials src/ dst/",
            "-rtiD --protocol=29 src/ dst/",
            "-rtvi src/ dst/",
            "-aiH src/ fresh",
        ],
    );
}

#[test]
fn symbolic_links() {
    same(
        &symlinks(),
        &[
            "-ai src/ dst/",
            "-rtvi src/ dst/",
            "-aik src/ fresh",
            "-aiK src/ dst/",
            "-aiKk --delete src/ dst/",
            "-ai --safe-links src/ dst/",
            "-ai --copy-unsafe-links --exclude=absolute src/ fresh",
            "-aiL --exclude=absolute --exclude=up src/ fresh",
            "-ai --munge-links src/ fresh",
            "-aiO src/ dst/",
        ],
    );
}

#[test]
fn holes() {
    let hole = |island| {
        Kind::File(Content::Sparse {
            seed: 7,
            length: 200_000,
            island,
        })
    };
    let tree = usual()
        .node("src/hole first", hole(150_000))
        .node("src/hole last", hole(0))
        .node("src/between", hole(90_000))
        .node("dst/between", hole(20_000))
        .mtime(900_000_000, 0);
    same(
        &tree,
        &[
            "-aiS src/ dst/",
            "-aiS --inplace src/ dst/",
            "-aiS src/ fresh",
        ],
    );
}

#[test]
fn one_file_system() {
    same(&usual(), &["-aix src/ dst/", "-aixx --delete src/ dst/"]);
}

#[test]
fn devices_as_files() {
    if Power::of_this_process() != Power::Root {
        eprintln!("not tested: this user makes no devices");
        return;
    }
    let tree = usual()
        .node("src/null", Kind::CharDevice(1, 3))
        .file("src/into", "content for a device")
        .node("dst/into", Kind::CharDevice(1, 3));
    same(
        &tree,
        &[
            "-ai --copy-devices src/ dst/",
            "-ai --write-devices src/ dst/",
            "-ai --write-devices --copy-devices --no-W src/ dst/",
        ],
    );
}
