//! The trees that sessions are tried on. All are small, for each is built some dozen times a row.

use crate::specimen::{Content, Kind, Tree};

/// Older than any other time in these trees.
const LONG_AGO: (i64, i64) = (900_000_000, 0);

/// A source with something of everything, and a destination that an older run left.
pub fn usual() -> Tree {
    Tree::new()
        .dir("src")
        .file("src/equal", "equal")
        .file("src/new file", "new")
        .file("src/changed", "changed content")
        .file("src/empty", "")
        .file("src/touched", "touched")
        .file("src/mode", "mode")
        .mode(0o600)
        .symlink("src/link", "equal")
        .symlink("src/turned", "new file")
        .node("src/large", Kind::File(large()))
        .dir("src/dir")
        .file("src/dir/a.txt", "a")
        .file("src/dir/b.o", "b")
        .dir("src/dir/empty")
        .dir("src/dir/deep")
        .file("src/dir/deep/file", "deep")
        .dir("dst")
        .file("dst/equal", "equal")
        .file("dst/changed", "old")
        .file("dst/touched", "touched")
        .mtime(LONG_AGO.0, LONG_AGO.1)
        .file("dst/mode", "mode")
        .symlink("dst/turned", "elsewhere")
        .node("dst/large", Kind::File(older(large(), 60_000, true)))
        .mtime(LONG_AGO.0, LONG_AGO.1)
        .dir("dst/dir")
        .file("dst/dir/a.txt", "a")
        .file("dst/foreign", "foreign")
        .file("dst/foreign.o", "foreign")
        .dir("dst/old")
        .file("dst/old/file", "old")
}

/// A file of some ten blocks without pattern.
fn large() -> Content {
    Content::Noise {
        seed: 1,
        length: 70_000,
    }
}

/// What an older run left of a file: `keep` bytes and then others, with one changed where `damaged`.
pub fn older(base: Content, keep: usize, damaged: bool) -> Content {
    Content::Edited {
        base: base.into(),
        keep,
        tail: b"what was there before".to_vec(),
        damaged,
    }
}

/// Files that differ from what is at the destination in every way that matters to a delta: by bytes
/// put in, left out and moved, by nothing, and wholly; some can be compressed well, some cannot.
pub fn deltas() -> Tree {
    let text = |words: usize| {
        let words = (0..words).map(|n| format!("line {} of {words}\n", n * n % 1009));
        words.collect::<String>().into_bytes()
    };
    let noise = |seed, length| Content::Noise { seed, length };
    let put_in = {
        let mut bytes = noise(2, 90_000).bytes();
        bytes.splice(40_000..40_000, *b"put in");
        bytes.drain(70_000..70_100);
        bytes
    };
    let moved = {
        let mut bytes = text(5000);
        bytes.rotate_left(33_333);
        bytes
    };
    let mut tree = Tree::new().dir("src").dir("dst");
    let pairs = [
        ("put in", Content::Bytes(put_in), Some(noise(2, 90_000))),
        (
            "moved.MP3",
            Content::Bytes(moved),
            Some(Content::Bytes(text(5000))),
        ),
        (
            "text.gz",
            Content::Bytes(text(6000)),
            Some(Content::Bytes(text(5999))),
        ),
        (
            "same block",
            Content::Bytes(vec![b'x'; 50_000]),
            Some(Content::Bytes(vec![b'x'; 3000])),
        ),
        ("wholly", noise(3, 40_000), Some(noise(4, 40_000))),
        ("longer", noise(5, 40_001), Some(noise(5, 20_000))),
        ("shorter", noise(5, 20_000), Some(noise(5, 40_001))),
        (
            "from nothing",
            noise(6, 1500),
            Some(Content::Bytes(Vec::new())),
        ),
        (
            "to nothing",
            Content::Bytes(Vec::new()),
            Some(noise(6, 1500)),
        ),
        ("fresh.mp4", Content::Bytes(text(3000)), None),
        ("noise", noise(7, 100_000), None),
    ];
    for (name, new, old) in pairs {
        tree = tree.node(format!("src/{name}"), Kind::File(new));
        if let Some(old) = old {
            tree = tree
                .node(format!("dst/{name}"), Kind::File(old))
                .mtime(LONG_AGO.0, LONG_AGO.1);
        }
    }
    // Only its content tells that it has changed.
    tree.file("src/alike", "content A")
        .file("dst/alike", "content B")
}

/// Files of which the destination has a beginning.
pub fn beginnings() -> Tree {
    let whole = || Content::Noise {
        seed: 9,
        length: 50_000,
    };
    let part = |keep, damaged| Content::Edited {
        base: whole().into(),
        keep,
        tail: Vec::new(),
        damaged,
    };
    Tree::new()
        .dir("src")
        .node("src/half", Kind::File(whole()))
        .node("src/damaged", Kind::File(whole()))
        .node("src/all", Kind::File(whole()))
        .file("src/shorter", "short")
        .file("src/fresh", "fresh")
        .dir("dst")
        .node("dst/half", Kind::File(part(25_000, false)))
        .node("dst/damaged", Kind::File(part(25_000, true)))
        .node("dst/all", Kind::File(whole()))
        .mtime(LONG_AGO.0, LONG_AGO.1)
        .file("dst/shorter", "longer than the new one")
        .dir("dst/.part")
        .node("dst/.part/half", Kind::File(part(40_000, false)))
        .node(
            "dst/.part/fresh",
            Kind::File(Content::Bytes(b"fre".to_vec())),
        )
}

/// Names that shells, lists and terminals stumble over.
pub fn odd_names() -> Tree {
    let names: [&[u8]; 14] = [
        b"with space",
        b" first and last ",
        b"qu'ote",
        b"dou\"ble",
        b"back\\slash",
        b"dol$HOME`lar",
        b"new\nline",
        b"tab\tname",
        b"st*ar?[x]",
        b"-dash",
        b"co:lon",
        b"se;mi&co|lon",
        b"\xff\xfe not UTF-8",
        "ümläut €".as_bytes(),
    ];
    let mut tree = Tree::new().dir("src").dir("dst");
    for name in names {
        tree = tree
            .file([b"src/", name].concat(), name)
            .dir([b"src/d ", name].concat())
            .file([b"src/d ", name, b"/x"].concat(), "x");
    }
    tree.file(b"dst/old\xff\n", "old")
        .file("dst/with space", "old one")
}

/// Further names of files, some of which the destination has as files of their own.
pub fn hard_links() -> Tree {
    let again = |first: &str| Kind::HardLink(first.as_bytes().to_vec());
    Tree::new()
        .dir("src")
        .file("src/a", "linked")
        .node("src/b", again("src/a"))
        .dir("src/d")
        .node("src/d/c", again("src/a"))
        .dir("src/e")
        .node("src/e/one", Kind::File(large()))
        .dir("src/f")
        .node("src/f/two", again("src/e/one"))
        .file("src/f/alone", "alone")
        .symlink("src/l", "a")
        .node("src/m", again("src/l"))
        .node("src/pipe", Kind::Fifo)
        .node("src/f/pipe", again("src/pipe"))
        .dir("dst")
        .file("dst/a", "linked")
        .file("dst/b", "linked")
        .dir("dst/f")
        .file("dst/f/two", "old")
}

/// Symbolic links to files, directories, the outside and nowhere.
pub fn symlinks() -> Tree {
    Tree::new()
        .file("outside", "outside")
        .dir("src")
        .dir("src/dir")
        .file("src/dir/file", "file")
        .symlink("src/dir/up", "../file")
        .file("src/file", "a file")
        .symlink("src/to dir", "dir")
        .symlink("src/to file", "dir/file")
        .symlink("src/out", "../outside")
        .symlink("src/absolute", "/nonexistent")
        .dir("src/real")
        .file("src/real/new", "new")
        .dir("dst")
        .dir("dst/elsewhere")
        .symlink("dst/real", "elsewhere")
}

/// Rules in files, and names for them.
pub fn ruled() -> Tree {
    usual()
        .file("src/.rules", "- *.o\n+ dir/\nP foreign\n")
        .file("src/dir/.rules", "- deep\n")
        .file("src/.cvsignore", "changed\n")
        .file("dst/.rules", "P old\n")
        .file("dst/dir/stale.o", "stale")
        .file("dst/dir/stale.txt", "stale")
        .file("rules", "+ *.txt\n- b.*\n# comment\n\nrisk stale.txt\n")
        .file("names", "*.o\nmode\n")
}

/// Lists of names in every way of writing.
pub fn listed() -> Tree {
    usual()
        .file("list", "dir/a.txt\n\nequal\n./dir/empty/\nnew file\n")
        .file("list0", "dir/a.txt\0new file\0equal\0./dir/deep/file\0")
        .file("crlf", "equal\r\ndir/b.o\r\n")
        .file("told", "equal\n# comment\n; other\nmode\n")
        .file("gone", "equal\nnone\n")
}
