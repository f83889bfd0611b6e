//! What `-S` leaves out of files, and what it frees of older ones.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::case::{Case, judge};
use crate::playground::Playground;
use crate::program::Program;
use crate::specimen::{Content, Kind, Tree};

const LENGTH: usize = 400_000;

/// Files with zeros in various places, some of them read from holes, and older ones without any.
fn shapes(older: bool) -> (Tree, Vec<&'static str>) {
    let with_zeros = |seed: u64, zeros: std::ops::Range<usize>| {
        let mut bytes = Content::Noise {
            seed,
            length: LENGTH,
        }
        .bytes();
        bytes[zeros].fill(0);
        Content::Bytes(bytes)
    };
    let hole = |island| Content::Sparse {
        seed: 7,
        length: LENGTH,
        island,
    };
    let shapes = [
        ("hole first", hole(300_000)),
        ("hole last", hole(0)),
        ("holes around", hole(123_456)),
        ("zeros first", with_zeros(1, 0..200_000)),
        ("zeros last", with_zeros(2, 100_001..LENGTH)),
        ("zeros between", with_zeros(3, 99_999..300_003)),
        ("few zeros", with_zeros(4, 5000..5900)),
        ("only zeros", with_zeros(5, 0..LENGTH)),
        ("no zeros", with_zeros(6, 0..0)),
    ];
    let mut tree = Tree::new().dir("src").dir("dst");
    let mut names = Vec::new();
    for (seed, (name, content)) in (20..).zip(shapes) {
        tree = tree.node(format!("src/{name}"), Kind::File(content));
        if older {
            let length = LENGTH + 50_000 - 5000 * names.len() * 4;
            let content = Content::Noise { seed, length };
            tree = tree
                .node(format!("dst/{name}"), Kind::File(content))
                .mtime(1_100_000_000, 0);
        }
        names.push(name);
    }
    (tree, names)
}

/// Asserts that both programs make the same of it, and use as much of the disk.
fn same_space(older: bool, options: &str) {
    let (tree, names) = shapes(older);
    let words = options.split(' ').chain(["src/", "dst/"]).map(Into::into);
    let case = Case::new(tree, Vec::new(), words.collect());
    let playground = Playground::new();
    let run = |program: Program| {
        let outcome = program.run(&playground, &case);
        let space = |name| (name, allocated(&playground.tree().join("dst").join(name)));
        (outcome, names.iter().map(space).collect::<Vec<_>>())
    };
    let (theirs, their_space) = run(Program::Rsync);
    let (ours, our_space) = run(Program::Tidesync);
    let found = judge(&theirs, &ours).differences;
    assert!(found.is_empty(), "{options}: {}", found[0].text);
    assert_eq!(our_space, their_space, "space on the disk, {options}");
}

/// How much of the disk a file has, in units of 512 bytes.
fn allocated(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.blocks())
}

#[test]
fn new_files_get_holes() {
    for options in ["-aS", "-aS --no-W", "-aS --inplace", "-aS --preallocate"] {
        same_space(false, options);
    }
}

#[test]
fn older_files_are_freed_where_zeros_come() {
    for options in [
        "-aS",
        "-aS --inplace",
        "-aS --inplace --no-W",
        "-aS --inplace --preallocate",
        "-aS --preallocate",
    ] {
        same_space(true, options);
    }
}
