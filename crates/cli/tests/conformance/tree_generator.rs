//! Draws source trees of every kind of file.

use std::collections::HashSet;

use crate::noise::noise;
use crate::power::Power;
use crate::prng::Prng;
use crate::specimen::{Content, Kind, Node, Tree};

/// Whether symbolic links may lead back to where they came from. With `-L` and its like, loops
/// would be followed until the system refuses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Loops {
    Allowed,
    Avoided,
}

/// A source tree under `root`, up to 60 names (and see [`enlarge`]).
pub fn source(prng: &mut Prng, power: Power, loops: Loops, root: &str) -> Tree {
    let mut generator = Generator {
        prng,
        power,
        loops,
        tree: Tree::new(),
        directories: vec![root.as_bytes().to_vec()],
        taken: HashSet::new(),
    };
    generator.push(root.as_bytes().to_vec(), Kind::Dir);
    let count = match generator.prng.below(10) {
        0 => 0,
        1..=6 => generator.prng.between(3, 16),
        7 | 8 => generator.prng.between(16, 35),
        _ => generator.prng.between(35, 60),
    };
    if count > 3 && generator.prng.chance(30) {
        // Never grown, so that a link to it closes no loop.
        generator.push(format!("{root}/{SINK}").into_bytes(), Kind::Dir);
        generator.push(format!("{root}/{SINK}/x").into_bytes(), Kind::Fifo);
        generator.push(
            format!("{root}/{SINK}/y").into_bytes(),
            Kind::File(Content::Bytes(b"y".to_vec())),
        );
    }
    while generator.tree.nodes.len() < count {
        generator.grow();
    }
    generator.tree
}

const SINK: &str = "sink";

/// Adds to a case's source what crosses the bounds of queues and names: a directory of some thousand
/// files, more entries than may be under way at once, or a path of hundreds of levels. Some of it
/// stands at the destination.
pub fn enlarge(prng: &mut Prng, tree: &mut Tree) {
    let mut paths: Vec<(Vec<u8>, Kind)> = Vec::new();
    let file = |prng: &mut Prng| Kind::File(Content::Bytes(noise(prng.below(9) as u64, 3)));
    match prng.below(3) {
        0 => {
            paths.push((b"huge".to_vec(), Kind::Dir));
            for number in 0..prng.between(2_000, 5_000) {
                paths.push((format!("huge/{number}").into_bytes(), file(prng)));
            }
        }
        1 => {
            paths.push((b"many".to_vec(), Kind::Dir));
            for directory in 0..prng.between(20, 40) {
                paths.push((format!("many/{directory}").into_bytes(), Kind::Dir));
                for number in 0..540 {
                    let path = format!("many/{directory}/{number}");
                    paths.push((path.into_bytes(), file(prng)));
                }
            }
        }
        _ => {
            let mut path = b"deep".to_vec();
            while path.len() < 3_600 {
                paths.push((path.clone(), Kind::Dir));
                let name = vec![b'd'; prng.between(1, 16)];
                path = [&path[..], b"/", &name].concat();
            }
            paths.push((path, file(prng)));
        }
    }
    let at_destination = prng.chance(50) && tree.nodes.iter().any(|node| node.path == b"dst");
    for root in [&b"src"[..], b"dst"] {
        if root == b"dst" && !at_destination {
            break;
        }
        for (path, kind) in &paths {
            // Something more, something less, something else.
            let odd = root == b"dst" && prng.chance(2) && matches!(kind, Kind::File(_));
            let more: &[u8] = if odd { b"+" } else { b"" };
            let path = [root, b"/", path, more].concat();
            *tree = std::mem::take(tree).node(path, kind.clone());
        }
    }
}

struct Generator<'a> {
    prng: &'a mut Prng,
    power: Power,
    loops: Loops,
    tree: Tree,
    directories: Vec<Vec<u8>>,
    taken: HashSet<Vec<u8>>,
}

impl Generator<'_> {
    fn push(&mut self, path: Vec<u8>, kind: Kind) {
        let mode = match kind {
            Kind::Dir => dir_mode(self.prng, self.power),
            _ => file_mode(self.prng, self.power),
        };
        let owner = owner(self.prng, self.power);
        let mtime = time(self.prng);
        self.tree.nodes.push(Node {
            path,
            kind,
            mode,
            owner,
            mtime,
            xattrs: Vec::new(),
        });
    }

    /// Adds a name, or a small group of names, somewhere.
    fn grow(&mut self) {
        // The newest directories grow soonest, so that trees get deep.
        let directory = if self.prng.chance(40) {
            self.directories.last().expect("the root is there").clone()
        } else {
            self.prng.pick(&self.directories).clone()
        };
        let name = loop {
            let name = name(self.prng);
            if self.taken.insert([&directory[..], b"/", &name].concat()) {
                break name;
            }
        };
        let path = [&directory[..], b"/", &name].concat();
        let kind = match self.prng.below(100) {
            0..55 => Kind::File(content(self.prng)),
            55..75 => {
                self.directories.push(path.clone());
                Kind::Dir
            }
            75..87 => Kind::Symlink(self.link_target(&directory)),
            87..91 => Kind::Fifo,
            91..93 => Kind::Socket,
            93..96 if self.power == Power::Root => match self.prng.below(2) {
                0 => Kind::CharDevice(1, self.prng.between(3, 9) as u64),
                _ => Kind::BlockDevice(7, self.prng.between(0, 300) as u64),
            },
            _ => match self.existing_file() {
                Some(first) => Kind::HardLink(first),
                None => Kind::File(content(self.prng)),
            },
        };
        self.push(path, kind);
    }

    fn existing_file(&mut self) -> Option<Vec<u8>> {
        let linkable = |node: &&Node| !matches!(node.kind, Kind::Dir | Kind::HardLink(_));
        let files: Vec<&Node> = self.tree.nodes.iter().filter(linkable).collect();
        (!files.is_empty()).then(|| self.prng.pick(&files).path.clone())
    }

    fn link_target(&mut self, directory: &[u8]) -> Vec<u8> {
        match self.prng.below(10) {
            0 => b"no/such/thing".to_vec(),
            1 => b"/nonexistent/absolute".to_vec(),
            2 => b"../../outside".to_vec(),
            3 => b"../side/outside".to_vec(),
            4 if self.loops == Loops::Allowed => {
                [&b"../"[..], self.tree.nodes[0].path.as_slice()].concat()
            }
            4 => b"./no such".to_vec(),
            _ => {
                // From `root/a/b`, two steps up lead to the root.
                let depth = directory.iter().filter(|&&byte| byte == b'/').count();
                let root = self.tree.nodes[0].path.len() + 1;
                let node = self.prng.pick(&self.tree.nodes);
                let sink = [&self.tree.nodes[0].path[..], b"/", SINK.as_bytes()].concat();
                let inner = match (&node.kind, self.loops) {
                    (Kind::Dir, Loops::Avoided) => &sink,
                    _ => &node.path,
                };
                let mut target = b"../".repeat(depth);
                target.extend_from_slice(inner.get(root..).unwrap_or(b""));
                if target.is_empty() {
                    target.push(b'.');
                }
                target
            }
        }
    }
}

pub fn name(prng: &mut Prng) -> Vec<u8> {
    let name = any_name(prng);
    if name == b"." || name == b".." {
        b"dots".to_vec()
    } else {
        name
    }
}

fn any_name(prng: &mut Prng) -> Vec<u8> {
    const ODD: [&[u8]; 30] = [
        b"with space",
        b" leading",
        b"trailing ",
        b"new\nline",
        b"-dash",
        b"--delete",
        b".hidden",
        b"..two",
        "ünï".as_bytes(),
        "日本".as_bytes(),
        b"bad\xff\xfeutf8",
        b"back\\slash",
        b"st*r",
        b"wh?t",
        b"[set]",
        b"{a,b}",
        b"\\#123",
        b"tab\there",
        b"c:drive",
        b"host:path",
        b"quote'\"",
        b"#hash",
        b"~",
        b"file~",
        b"x.o",
        b"core",
        b"semi;colon",
        b"\x01\x7f",
        b"%percent%n",
        b"A",
    ];
    match prng.below(100) {
        0..25 => prng.pick(&ODD).to_vec(),
        25..27 => {
            let letter = b'a' + prng.below(26) as u8;
            vec![letter; prng.between(230, 255)]
        }
        27..35 => b"same".to_vec(),
        35..50 => {
            let stem = [b'a' + prng.below(6) as u8];
            let ending = *prng.pick(&[".txt", ".o", ".c", ".bak", ".tmp"]);
            [&stem[..], ending.as_bytes()].concat()
        }
        _ => {
            let length = prng.between(1, 6);
            (0..length).map(|_| *prng.pick(b"abcdeXY019_.-")).collect()
        }
    }
}

pub fn content(prng: &mut Prng) -> Content {
    match prng.below(100) {
        0..15 => Content::Bytes(Vec::new()),
        15..60 => {
            let letters = noise(prng.next(), prng.between(1, 60));
            Content::Bytes(letters.iter().map(|byte| b'a' + byte % 26).collect())
        }
        60..85 => Content::Noise {
            seed: prng.next(),
            length: prng.between(100, 9000),
        },
        85..95 => Content::Noise {
            seed: prng.next(),
            length: prng.between(9000, 300_000),
        },
        _ => {
            let length = prng.between(20_000, 400_000);
            Content::Sparse {
                seed: prng.next(),
                length,
                island: prng.below(length),
            }
        }
    }
}

pub fn file_mode(prng: &mut Prng, power: Power) -> u32 {
    const MODES: [u32; 8] = [0o600, 0o755, 0o444, 0o640, 0o666, 0o777, 0o4755, 0o2711];
    match prng.below(10) {
        0..6 => 0o644,
        6 if power == Power::Root => 0,
        _ => *prng.pick(&MODES),
    }
}

pub fn dir_mode(prng: &mut Prng, power: Power) -> u32 {
    match prng.below(20) {
        0..14 => 0o755,
        14 => 0o700,
        15 => 0o1777,
        16 => 0o2775,
        17 if power == Power::Root => 0o555,
        18 if power == Power::Root => 0,
        _ => 0o750,
    }
}

pub fn owner(prng: &mut Prng, power: Power) -> Option<(u32, u32)> {
    if power == Power::User || prng.chance(70) {
        return None;
    }
    Some((
        *prng.pick(&[0, 1, 65534, 54321]),
        *prng.pick(&[0, 2, 65534, 12345]),
    ))
}

pub fn time(prng: &mut Prng) -> (i64, i64) {
    let seconds = match prng.below(20) {
        0 => -1,
        1 => -(prng.below(600_000_000) as i64),
        2 => (1 << 31) + prng.below(1_000_000_000) as i64,
        3 => 0,
        4 => 4_000_000_000,
        _ => 950_000_000 + prng.below(700_000_000) as i64,
    };
    let nanoseconds = match prng.below(4) {
        0 => 0,
        1 => 999_999_999,
        _ => prng.below(1_000_000_000) as i64,
    };
    (seconds, nanoseconds)
}
