//! Files that the receiving side has in other directories, or under similar names.

use crate::matrix::same;
use crate::specimen::{Content, Kind, Tree};
use crate::trees::{hard_links, older, usual};

/// The usual tree, with two older backups, and little at the destination itself.
fn backups() -> Tree {
    let mut tree = usual();
    let mut below = |from: &str, to: &str, keeps: &dyn Fn(usize) -> bool| {
        let nodes = tree.nodes.clone().into_iter();
        let found = nodes.filter(|node| node.path.starts_with(from.as_bytes()));
        for (at, mut node) in found.enumerate() {
            if matches!(node.kind, Kind::Dir) || keeps(at) {
                node.path.splice(..from.len(), to.bytes());
                tree.nodes.push(node);
            }
        }
    };
    below("src", "one", &|at| at % 2 == 0);
    below("src", "two", &|at| at % 3 != 0);
    let noise = Content::Noise {
        seed: 1,
        length: 70_000,
    };
    tree.node("src/more", Kind::File(noise.clone()))
        .node("one/more", Kind::File(older(noise, 50_000, true)))
        .mtime(900_000_000, 0)
        .file("src/retouched", "touched")
        .file("two/retouched", "touched")
        .mtime(900_000_000, 0)
}

#[test]
fn compared() {
    lines("--compare-dest");
}

#[test]
fn copied() {
    lines("--copy-dest");
}

#[test]
fn linked() {
    lines("--link-dest");
}

fn lines(kind: &str) {
    let lines = [
        format!("-ai {kind}=../one src/ fresh/"),
        format!("-aiic {kind}=../one/ {kind}=../two src/ fresh/"),
        format!("-aivv {kind}=../two --delete src/ dst/"),
        format!("-ain {kind}=../one --stats src/ dst/"),
        format!("-ai {kind}=../one --inplace --no-W -B700 --stats src/ dst/"),
        // rsync 3.2.7 counts less of this as made.
        format!("-aiyy {kind}=../one --no-W src/ fresh/"),
        format!("-ais {kind}=../one --partial-dir=.part src/ dst/"),
        format!("-ai {kind}=../one --protocol=29 src/ fresh/"),
        format!("-ai {kind}=../one --protocol=28 src/ fresh/"),
    ];
    same(&backups(), &lines.each_ref().map(String::as_str));
}

#[test]
fn linked_with_all_their_names() {
    let mut tree = hard_links();
    let nodes = tree.nodes.clone().into_iter();
    for mut node in nodes.filter(|node| node.path.starts_with(b"src")) {
        let moved = |path: &mut Vec<u8>| drop(path.splice(..3, *b"one"));
        moved(&mut node.path);
        if let Kind::HardLink(first) = &mut node.kind {
            moved(first);
        }
        tree.nodes.push(node);
    }
    same(
        &tree,
        &[
            "-aHi --link-dest=../one src/ fresh/",
            "-aHii --link-dest=../one src/ dst/",
            "-aHi --copy-dest=../one src/ fresh/",
            "-aHin --link-dest=../one --no-inc-recursive src/ fresh/",
        ],
    );
}

#[test]
fn similar() {
    let noise = |seed| Content::Noise {
        seed,
        length: 50_000,
    };
    let tree = Tree::new()
        .dir("src")
        .node("src/prog-1.3.tar", Kind::File(noise(1)))
        .node("src/renamed", Kind::File(noise(2)))
        .dir("src/sub")
        .node("src/sub/x.c", Kind::File(noise(3)))
        .dir("dst")
        .node(
            "dst/prog-1.2.tar",
            Kind::File(older(noise(1), 30_000, true)),
        )
        .mtime(900_000_000, 0)
        .node("dst/quite another name", Kind::File(noise(2)))
        .dir("dst/sub")
        .node(
            "dst/sub/x.c.orig",
            Kind::File(older(noise(3), 40_000, false)),
        )
        .mtime(900_000_000, 0);
    same(
        &tree,
        &[
            "-aiy --stats src/ dst/",
            "-aiy --delete-after --stats src/ dst/",
            "-aiyz --stats --protocol=29 src/ dst/",
            "-rliy --stats src/ dst/",
            "-ainy --stats src/ dst/",
        ],
    );
}
