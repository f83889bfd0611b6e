//! Draws destinations that a transfer of a source tree may find.

use std::collections::HashSet;

use crate::noise::noise;
use crate::power::Power;
use crate::prng::Prng;
use crate::specimen::{Content, Kind, Node, Tree};
use crate::tree_generator::{content, dir_mode, file_mode, name, owner, time};

/// A destination at `root` for a source tree: partly what an earlier run left, partly changed,
/// partly foreign. Empty for a destination that does not exist.
pub fn destination(prng: &mut Prng, power: Power, source: &Tree, root: &str) -> Tree {
    let mut tree = Tree::new();
    let style = prng.below(10);
    if style < 2 {
        return tree;
    }
    let source_root = source.nodes[0].path.clone();
    let translate = |path: &[u8]| [root.as_bytes(), &path[source_root.len()..]].concat();
    let mut directories: HashSet<Vec<u8>> = HashSet::new();
    let mut taken: HashSet<Vec<u8>> = HashSet::new();
    for ancestor in ancestors(root) {
        tree = tree.dir(&ancestor);
        directories.insert(ancestor.clone());
        taken.insert(ancestor);
    }
    if style == 2 {
        return tree;
    }
    for node in &source.nodes[1..] {
        let path = translate(&node.path);
        if !directories.contains(parent(&path)) {
            continue;
        }
        let mut copy = Node {
            path: path.clone(),
            ..node.clone()
        };
        if let Kind::HardLink(first) = &node.kind {
            // The group may be broken, or what it hangs on may be gone.
            let first = translate(first);
            let whole = tree.nodes.iter().any(|other| {
                other.path == first && !matches!(other.kind, Kind::Dir | Kind::HardLink(_))
            });
            copy.kind = if whole && prng.chance(70) {
                Kind::HardLink(first)
            } else {
                Kind::File(content(prng))
            };
        }
        match change(prng, power, &mut copy) {
            Fate::Gone => continue,
            Fate::There => {}
        }
        taken.insert(path.clone());
        if matches!(copy.kind, Kind::Dir) {
            directories.insert(path.clone());
        }
        let filled = matches!(copy.kind, Kind::Dir) && !matches!(node.kind, Kind::Dir);
        tree.nodes.push(copy);
        if filled && prng.chance(50) {
            tree = tree.file([&path[..], b"/in the way"].concat(), "x");
        }
    }
    let places: Vec<Vec<u8>> = {
        let mut sorted: Vec<_> = directories.into_iter().collect();
        sorted.sort();
        sorted
    };
    for _ in 0..prng.below(7) {
        let path = [&prng.pick(&places)[..], b"/", &name(prng)].concat();
        if path.starts_with(root.as_bytes()) && taken.insert(path.clone()) {
            tree = extra(prng, tree, path);
        }
    }
    tree
}

enum Fate {
    There,
    Gone,
}

fn change(prng: &mut Prng, power: Power, copy: &mut Node) -> Fate {
    match prng.below(100) {
        0..40 => {}
        40..55 => return Fate::Gone,
        55..63 => copy.mtime = time(prng),
        63..68 => copy.mtime.1 = (copy.mtime.1 + 1) % 1_000_000_000,
        68..73 => copy.mtime.0 += prng.between(1, 3) as i64,
        73..78 => {
            copy.mode = match copy.kind {
                Kind::Dir => dir_mode(prng, power),
                _ => file_mode(prng, power),
            };
        }
        78..81 => copy.owner = owner(prng, power),
        81..92 => match &copy.kind {
            Kind::File(content) => {
                copy.kind = Kind::File(edited(prng, content));
                if prng.chance(70) {
                    copy.mtime = time(prng);
                }
            }
            Kind::Symlink(_) => copy.kind = Kind::Symlink(b"changed".to_vec()),
            _ => copy.mtime = time(prng),
        },
        _ => {
            copy.kind = match prng.below(5) {
                0 => Kind::File(content(prng)),
                1 => Kind::Dir,
                2 => Kind::Fifo,
                3 => Kind::Symlink(b"elsewhere".to_vec()),
                _ => Kind::File(Content::Bytes(b"another type".to_vec())),
            };
            if matches!(copy.kind, Kind::Dir) {
                copy.mode = 0o755;
            }
        }
    }
    Fate::There
}

fn edited(prng: &mut Prng, base: &Content) -> Content {
    let length = base.bytes().len();
    let keep = if prng.chance(50) {
        length
    } else {
        prng.between(0, length)
    };
    let tail = if prng.chance(50) {
        Vec::new()
    } else {
        noise(prng.next(), prng.between(1, 500))
    };
    Content::Edited {
        base: Box::new(base.clone()),
        keep,
        tail,
        damaged: prng.chance(60),
    }
}

fn extra(prng: &mut Prng, tree: Tree, path: Vec<u8>) -> Tree {
    let inner = |name: &[u8]| [&path[..], b"/", name].concat();
    match prng.below(6) {
        0 => tree.dir(&path),
        1 => {
            let (sub, deep, file) = (inner(b"sub"), inner(b"sub/deep"), inner(b"one"));
            tree.dir(&path).file(file, "1").dir(sub).file(deep, "2")
        }
        2 => tree.symlink(&path, "nowhere"),
        3 => tree.node(&path, Kind::Fifo),
        _ => tree.file(&path, "extra"),
    }
}

fn parent(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    slash.map_or(b"", |slash| &path[..slash])
}

fn ancestors(path: &str) -> Vec<Vec<u8>> {
    let ends = path
        .bytes()
        .enumerate()
        .filter(|&(_, byte)| byte == b'/')
        .map(|(at, _)| at);
    ends.chain([path.len()])
        .map(|end| path.as_bytes()[..end].to_vec())
        .collect()
}
