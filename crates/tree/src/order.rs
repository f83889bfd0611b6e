//! rsync's order of a file list: in each directory first what is no directory, then the
//! directories, each followed by its content; `.` before everything. Old protocols have another.
// rsync: flist.c f_name_cmp()

use crate::entry::Entry;
use std::cmp::Ordering;

/// By what a list is sorted. Both ends of a wire number its entries in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListOrder {
    /// In each directory first what is no directory: since protocol 29.
    #[default]
    FilesFirst,
    /// By the bytes of the whole name, whatever has it. `a-b` and `a.c` stand between `a` and
    /// `a/x` then, and `!` stands before `.`.
    WholeNames,
}

/// What an entry is sorted by: its name and whether it is a directory. Keys of one name and
/// different type are unequal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The directories before the last component.
    pub dirname: &'a [u8],
    /// The last component.
    pub basename: &'a [u8],
    /// Whether a directory is meant.
    pub is_dir: bool,
}

impl ListOrder {
    /// Compares two keys. Keys of one name are equal if they cannot both be in a list of this order.
    #[inline]
    pub fn compare(self, a: Key<'_>, b: Key<'_>) -> Ordering {
        match self {
            ListOrder::FilesFirst => a.cmp(&b),
            ListOrder::WholeNames if a.dirname == b.dirname => a.basename.cmp(b.basename),
            ListOrder::WholeNames => a.whole_name().cmp(b.whole_name()),
        }
    }

    /// Compares two entries.
    #[inline]
    pub fn compare_entries(self, a: &Entry, b: &Entry) -> Ordering {
        self.compare(a.key(), b.key())
    }

    /// Whether a list in which `name` has its turn may yet have something in a directory that it is
    /// not in.
    pub fn returns_to(self, dir: &[u8], name: &[u8]) -> bool {
        match self {
            ListOrder::FilesFirst => false,
            ListOrder::WholeNames => name.iter().lt(dir.iter().chain(b"/")),
        }
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.dirname == other.dirname {
            return self.cmp_beside(other);
        }
        let shared = shared_dirs(self.dirname, other.dirname);
        self.bytes(shared).cmp(other.bytes(shared))
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Key<'_> {
    /// Compares two keys of one directory: as [`Key::bytes`] do, but faster.
    fn cmp_beside(&self, other: &Self) -> Ordering {
        let (a, b) = (self.last_component(), other.last_component());
        if a.0 != DIRECTORY || b.0 != DIRECTORY {
            return a.cmp(&b);
        }
        let (a, b) = (a.1, b.1);
        let shorter = a.len().min(b.len());
        a[..shorter].cmp(&b[..shorter]).then_with(|| {
            let next = |name: &[u8]| name.get(shorter).copied().unwrap_or(b'/');
            next(a).cmp(&next(b))
        })
    }

    fn whole_name(&self) -> impl Iterator<Item = u8> + '_ {
        let slash = (!self.dirname.is_empty()).then_some(b'/');
        let dirname = self.dirname.iter().copied().chain(slash);
        dirname.chain(self.basename.iter().copied())
    }

    /// The bytes whose order is the entries' order: each component is preceded by its type
    /// (directories after everything else), and a directory's name is followed by a slash. The
    /// first `skip` bytes of the name are left out.
    fn bytes(&self, skip: usize) -> impl Iterator<Item = u8> + '_ {
        let dirname = &self.dirname[skip..];
        let dirs = (!dirname.is_empty()).then(|| dirname.split(|&b| b == b'/'));
        let dirs = dirs.into_iter().flatten().flat_map(|component| {
            std::iter::once(DIRECTORY)
                .chain(component.iter().copied())
                .chain(std::iter::once(b'/'))
        });
        let (kind, name) = self.last_component();
        dirs.chain(std::iter::once(kind))
            .chain(name.iter().copied())
            .chain((kind == DIRECTORY).then_some(b'/'))
    }

    fn last_component(&self) -> (u8, &[u8]) {
        match (self.is_dir, self.basename) {
            (true, b".") => (OTHER, b""),
            (true, name) => (DIRECTORY, name),
            (false, name) => (OTHER, name),
        }
    }
}

/// How many bytes of whole components two names of directories begin with alike.
fn shared_dirs(a: &[u8], b: &[u8]) -> usize {
    // An absolute name's first component is empty, and so is all of `/`.
    if a.first() == Some(&b'/') || b.first() == Some(&b'/') {
        return 0;
    }
    let alike = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let slash = a[..alike].iter().rposition(|&b| b == b'/');
    slash.map_or(0, |slash| slash + 1)
}

const OTHER: u8 = 0;
const DIRECTORY: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::split;
    use crate::names::Name;
    use fast_io::dir::{DeviceNumber, FileKind, Stat, Timestamp};

    fn entry(path: &str) -> Entry {
        let (path, kind) = match path.strip_suffix('/') {
            Some(dir) => (dir, FileKind::Directory),
            None => (path, FileKind::Regular),
        };
        let stat = Stat {
            kind,
            permissions: 0o644,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: Timestamp::default(),
            atime: Timestamp::default(),
            device: 0,
            inode: 0,
            links: 1,
            allocated: 0,
            special: DeviceNumber::default(),
        };
        let (dir, name) = split(path.as_bytes());
        Entry::new(Name::alone(0, dir, name), &stat)
    }

    #[test]
    fn files_come_before_directories_and_directories_before_their_content() {
        let sorted = [
            "./", "a", "a.b", "zz", "a/", "a/f", "a/z/", "a/z/f", "a/z/y/g", "a/zz/f", "a!/",
            "a!/x", "a-b/", "b/",
        ];
        // `a/` sorts as "a/": after "a!/" and "a-b/", because '!' and '-' are below '/'.
        let expected = [
            "./", "a", "a.b", "zz", "a!/", "a!/x", "a-b/", "a/", "a/f", "a/z/", "a/z/f", "a/z/y/g",
            "a/zz/f", "b/",
        ];
        let mut entries: Vec<_> = sorted.iter().map(|p| (p, entry(p))).collect();
        let order = ListOrder::FilesFirst;
        entries.sort_by(|x, y| order.compare_entries(&x.1, &y.1));
        let got: Vec<_> = entries.iter().map(|(p, _)| **p).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn old_versions_knew_names_only() {
        let mut entries: Vec<_> = ["b/", "b/x", "b-c/", "b.c", "a/z/y", "./", "a"]
            .into_iter()
            .map(|p| (p, entry(p)))
            .collect();
        let order = ListOrder::WholeNames;
        entries.sort_by(|x, y| order.compare_entries(&x.1, &y.1));
        let got: Vec<_> = entries.iter().map(|(p, _)| *p).collect();
        assert_eq!(got, ["./", "a", "a/z/y", "b/", "b-c/", "b.c", "b/x"]);
    }

    #[test]
    fn a_file_and_a_directory_of_one_name_differ() {
        let compare = |a, b| ListOrder::FilesFirst.compare_entries(&entry(a), &entry(b));
        assert_eq!(compare("a", "a/"), Ordering::Less);
        assert_eq!(compare("a/b", "a/b"), Ordering::Equal);
    }

    #[test]
    fn whole_names_are_sorted_by_their_bytes() {
        let sorted = [
            "!x", "-/", "-/y", "./", "a/", "a!/", "a!/x", "a-b", "a.b/", "a.b/c", "a/f", "a/z/",
            "a/z.y", "a/z/f", "aa", "zz",
        ];
        let order = ListOrder::WholeNames;
        for (at, a) in sorted.iter().enumerate() {
            for (other, b) in sorted.iter().enumerate() {
                let got = order.compare_entries(&entry(a), &entry(b));
                assert_eq!(got, at.cmp(&other), "{a} {b}");
            }
        }
        let same = order.compare_entries(&entry("a/b"), &entry("a/b/"));
        assert_eq!(same, Ordering::Equal);
    }

    #[test]
    fn a_list_of_whole_names_returns_to_a_directory_until_its_content_is_behind() {
        let order = ListOrder::WholeNames;
        for name in ["a", "a!", "a-b/c", "a."] {
            assert!(order.returns_to(b"a", name.as_bytes()), "{name}");
            assert!(!ListOrder::FilesFirst.returns_to(b"a", name.as_bytes()));
        }
        for name in ["a/", "a/x", "a0", "b"] {
            assert!(!order.returns_to(b"a", name.as_bytes()), "{name}");
        }
    }
}
