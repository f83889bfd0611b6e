//! `--fuzzy`: a file that is probably like one which the destination lacks, to compare it with.
//!
//! It is looked for in the directory that the file belongs into, and given twice, in those that stand
//! for it below `--link-dest` and the like: first one of the same size and time, then the one whose name
//! is least different.
// rsync: generator.c find_fuzzy(); util1.c fuzzy_distance(), find_filename_suffix()

use super::{Generator, ROLE};
use crate::attrs::same_time;
use crate::context::line;
use crate::destination::DestDir;
use crate::receiver::Elsewhere;
use fast_io::dir::{FileKind, Follow, Stat};
use options::Append;
use std::sync::Arc;
use tree::entry::{Entry, join};

/// The files of the directory at hand, and of those that stand for it.
#[derive(Default)]
pub(super) struct Similar {
    path: Vec<u8>,
    /// Unless nobody has asked yet.
    dirs: Option<Vec<Listing>>,
}

/// The files in one directory, by name.
struct Listing {
    /// 0 for the destination's, counted from 1 for the others.
    number: u8,
    dir: Arc<DestDir>,
    files: Vec<Known>,
}

/// A file that may serve.
struct Known {
    name: Box<[u8]>,
    stat: Stat,
    /// It is being replaced.
    is_taken: bool,
}

/// Names that are further apart have nothing in common.
const FARTHEST: u32 = 25 * UNIT;
/// What one different byte counts.
const UNIT: u32 = 1 << 16;
/// Names that differ so much in length are not compared. No matching suffix makes up for it.
const NOT_COMPARED: u32 = 0xFFFF * UNIT;
/// How much more a suffix counts than the rest.
const SUFFIX_WEIGHT: u32 = 10;

impl Generator {
    /// A file like this one, if there is any.
    pub(super) fn similar_to(&mut self, file: &Entry) -> Option<Elsewhere> {
        let o = &self.ctx.options;
        // Nothing can be appended to another file.
        if o.fuzzy == 0 || o.append != Append::No || self.destination.root.is_none() {
            return None;
        }
        self.list_similar(file);
        let name = self.leaf(file);
        let dirs = self.similar.dirs.as_deref()?;
        let (listing, known) = self
            .same_size_and_time(dirs, file)
            .or_else(|| self.nearest_name(dirs, name))?;
        if self.ctx.options.debug.fuzzy >= 1 {
            let basis = join(&listing.dir.path, &known.name);
            let text = line!("fuzzy basis selected for ", self.name(file), ": ", basis);
            self.ctx.info(ROLE, text);
        }
        Some(Elsewhere {
            kind: wire::item::Basis::Fuzzy(listing.number),
            dir: listing.dir.clone(),
            name: known.name.clone(),
            stat: known.stat,
        })
    }

    /// Says that a file is being replaced: it serves no other.
    pub(super) fn take_similar(&mut self, file: &Entry) {
        if self.ctx.options.fuzzy == 0 {
            return;
        }
        let Some((dir, leaf)) = self.there(file) else {
            return;
        };
        let (is_here, leaf) = (dir.path == self.similar.path, leaf.to_vec());
        if is_here
            && let Some(listings) = &mut self.similar.dirs
            && let Some(own) = listings.iter_mut().find(|listing| listing.number == 0)
            && let Ok(at) = own
                .files
                .binary_search_by(|known| known.name[..].cmp(&leaf))
        {
            own.files[at].is_taken = true;
        }
    }

    /// Reads the directories, where they are not those of the file before.
    fn list_similar(&mut self, file: &Entry) {
        let Ok(dir) = self.enter(file) else {
            self.similar = Similar::default();
            return;
        };
        if self.similar.dirs.is_some() && self.similar.path == dir.path {
            return;
        }
        let path = dir.path.clone();
        let mut dirs = vec![Listing::read(0, dir)];
        if self.ctx.options.fuzzy > 1 {
            let others = self.dirs_elsewhere(file).into_iter();
            dirs.extend(others.map(|(at, dir)| Listing::read(at as u8 + 1, dir)));
        }
        self.similar = Similar {
            path,
            dirs: Some(dirs),
        };
    }

    fn same_size_and_time<'a>(
        &self,
        dirs: &'a [Listing],
        file: &Entry,
    ) -> Option<(&'a Listing, &'a Known)> {
        let is_same = |known: &Known| {
            known.stat.size == file.size
                && same_time(
                    self.ctx.options.modify_window,
                    known.stat.mtime,
                    file.mtime(),
                )
        };
        let found = usable(dirs).find(|(_, known)| is_same(known))?;
        if self.ctx.options.debug.fuzzy >= 2 {
            let name = join(&found.0.dir.path, &found.1.name);
            self.ctx
                .info(ROLE, line!("fuzzy size/modtime match for ", name));
        }
        Some(found)
    }

    fn nearest_name<'a>(
        &self,
        dirs: &'a [Listing],
        name: &[u8],
    ) -> Option<(&'a Listing, &'a Known)> {
        let mut least = FARTHEST;
        let mut nearest = None;
        for (listing, known) in usable(dirs) {
            let distance = name_distance(&known.name, name, least);
            if self.ctx.options.debug.fuzzy >= 2 {
                let (whole, part) = (distance >> 16, distance & 0xFFFF);
                let of = join(&listing.dir.path, &known.name);
                let text = line!("fuzzy distance for ", of, format!(" = {whole}.{part:05}"));
                self.ctx.info(ROLE, text);
            }
            if distance <= least {
                least = distance;
                nearest = Some((listing, known));
            }
        }
        nearest
    }
}

fn usable(dirs: &[Listing]) -> impl Iterator<Item = (&Listing, &Known)> {
    dirs.iter()
        .flat_map(|listing| listing.files.iter().map(move |known| (listing, known)))
        .filter(|(_, known)| !known.is_taken)
}

impl Listing {
    fn read(number: u8, dir: Arc<DestDir>) -> Listing {
        let mut files = Vec::new();
        let found = |name: tree::names::Name, stat: std::io::Result<Stat>| {
            if let Ok(stat) = stat
                && stat.kind == FileKind::Regular
                && stat.size > 0
            {
                files.push(Known {
                    name: name.basename().into(),
                    stat,
                    is_taken: false,
                });
            }
        };
        // Of a directory that cannot be read, what was read will do.
        let _ = tree::scan::scan(&dir.dir, 0, b"", Follow::Never, found);
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Listing { number, dir, files }
    }
}

/// How far apart two names are, if that may be no more than `limit`.
fn name_distance(a: &[u8], b: &[u8], limit: u32) -> u32 {
    let distance = distance(a, b, limit);
    if distance >= NOT_COMPARED {
        return distance;
    }
    let suffixes = self::distance(suffix(a), suffix(b), NOT_COMPARED);
    distance.wrapping_add(suffixes.wrapping_mul(SUFFIX_WEIGHT))
}

/// The Levenshtein distance in [`UNIT`]s, plus a little for how far apart the different bytes are.
/// Anything from [`NOT_COMPARED`] on if the lengths alone make it more than `limit`.
fn distance(a: &[u8], b: &[u8], limit: u32) -> u32 {
    let apart = a.len().abs_diff(b.len()) as u64 * u64::from(UNIT);
    if apart > u64::from(limit) {
        return NOT_COMPARED + 1;
    }
    if a.is_empty() || b.is_empty() {
        // rsync's bytes have a sign here.
        let bytes = a.iter().chain(b).map(|&byte| i32::from(byte as i8));
        let count = (a.len() + b.len()) as i32;
        return (count * UNIT as i32).wrapping_add(bytes.sum()) as u32;
    }
    let step = |byte: u8| UNIT + u32::from(byte);
    // One row of the matrix: how far the bytes of `a` so far are from each beginning of `b`.
    let mut row: Vec<u32> = (1..=b.len() as u32).map(|i| i * UNIT).collect();
    for (i, &from) in a.iter().enumerate() {
        let mut diagonal = i as u32 * UNIT;
        let mut above = (i as u32 + 1) * UNIT;
        for (left, &to) in row.iter_mut().zip(b) {
            let replaced = match from.abs_diff(to) {
                0 => diagonal,
                apart => diagonal + UNIT + u32::from(apart),
            };
            let removed = *left + step(from);
            let added = above + step(to);
            diagonal = *left;
            // Which of the two is looked at follows from where one comes from, not from its price.
            let moved = if *left < above { removed } else { added };
            above = moved.min(replaced);
            *left = above;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The ending that says what is in a file: `.c`, also in `x.c~`, `x.c.orig` and `x.c.~1~`.
fn suffix(name: &[u8]) -> &[u8] {
    let dots = name.iter().take_while(|&&b| b == b'.').count();
    let mut name = &name[dots..];
    let mut is_backup = false;
    if let [start @ .., b'~'] = name
        && !start.is_empty()
    {
        (name, is_backup) = (start, true);
    }
    let mut found: &[u8] = b"";
    let mut is_last = !is_backup;
    while name.len() > 1
        && let Some(dot) = name.iter().rposition(|&b| b == b'.')
        && dot > 0
    {
        let ending = &name[dot..];
        name = &name[..dot];
        let was_last = std::mem::replace(&mut is_last, false);
        match ending {
            b".bak" | b".old" | b".orig" if was_last => continue,
            [b'.', b'~', digit, ..] if is_backup && digit.is_ascii_digit() => continue,
            _ => found = ending,
        }
        // Digits alone say little: what is before them may say more.
        if ending.len() == 1 || !ending[1..].iter().all(u8::is_ascii_digit) {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings() {
        for (name, ending) in [
            ("a", ""),
            ("a.c", ".c"),
            ("a.c~", ".c"),
            ("a.c.orig", ".c"),
            ("a.c.bak.old", ".bak"),
            ("a.orig~", ".orig"),
            ("a.c.~12~", ".c"),
            ("a.c.~x~", ".~x"),
            (".c", ""),
            ("..a.b", ".b"),
            ("a.tar.gz", ".gz"),
            ("a.log.7", ".log"),
            ("a.7", ".7"),
            ("a.", "."),
            ("~", ""),
            ("", ""),
        ] {
            assert_eq!(suffix(name.as_bytes()), ending.as_bytes(), "{name}");
        }
    }

    // Distances that rsync 3.5.0 tells with --debug=fuzzy2.
    #[test]
    fn distances() {
        for (a, b, whole, part) in DISTANCES {
            let found = name_distance(a.as_bytes(), b.as_bytes(), FARTHEST);
            assert_eq!((found >> 16, found & 0xFFFF), (*whole, *part), "{a} {b}");
        }
    }

    #[test]
    fn names_too_different_in_length_are_not_compared() {
        let long = "x".repeat(40);
        let found = name_distance(b"x", long.as_bytes(), FARTHEST);
        assert!(found >= NOT_COMPARED);
        assert!(name_distance(b"x", long.as_bytes(), NOT_COMPARED) > FARTHEST);
    }

    #[test]
    fn the_longest_names_have_a_distance() {
        let (a, b) = (vec![1; 255], vec![255; 255]);
        assert_eq!(distance(&a, &b, NOT_COMPARED), 255 * (UNIT + 254));
    }

    const DISTANCES: &[(&str, &str, u32, u32)] = &[
        ("Makefile", "a.log.13", 48, 3906),
        ("a.log.12", "a.log.13", 1, 1),
        ("a.log.7", "a.log.13", 2, 53),
        (".hid", "b", 4, 2),
        ("x", "b", 1, 22),
        ("foo.c~", "foo.c", 1, 126),
        (".hid", "foo.c", 25, 1566),
        ("rsync-3.5.c", "rsync-3.6.c", 1, 1),
        ("Makefile", "makefile.", 12, 538),
        ("zzz.tar.gz", "zzz.tar", 33, 1451),
    ];
}
