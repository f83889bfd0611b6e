//! Access control lists, of entries and default ones.

use crate::compared::attributed::{attributed, guarded};
use crate::matrix::same;
use crate::specimen::Kind;

#[test]
fn all_of_them_cross() {
    same(
        &guarded(),
        &[
            "-aiA src/ dst/",
            "-aiA src/ fresh",
            "-aiA --delete src/ dst/",
            "-rltiA src dst/",
            "-rlti src/ dst/fresh",
            "-ai src/ dst/",
        ],
    );
}

#[test]
fn in_every_way_of_writing() {
    same(
        &guarded(),
        &[
            "-aiA --no-inc-recursive src/ dst/",
            "-aiA --numeric-ids src/ dst/",
            "-aiA --inplace src/ dst/",
            "-aiA --chmod=g-w src/ dst/",
            "-aiA --protocol=30 src/ dst/",
            "-rltiA --no-p src/ dst/",
            "-avvA src/ dst/",
            "-aniA src/ dst/",
        ],
    );
}

#[test]
fn with_extended_attributes_and_links() {
    let mut tree = guarded();
    tree.nodes
        .extend(attributed().nodes.into_iter().map(|mut node| {
            // Below directories of their own.
            let (top, rest) = node.path.split_at(3);
            node.path = [top, b"/x", rest].concat();
            node
        }));
    let tree = tree
        .node("src/again", Kind::HardLink(b"src/new".to_vec()))
        .node("src/and again", Kind::HardLink(b"src/other".to_vec()));
    same(
        &tree,
        &[
            "-aiAXH src/ dst/",
            "-aiAX --delete src/ dst/",
            "-aAXH src/ fresh",
        ],
    );
}
