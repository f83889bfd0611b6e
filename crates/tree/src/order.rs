//! rsync's order of a file list: in each directory first what is no directory, then the
//! directories, each followed by its content; `.` before everything.
// rsync: flist.c f_name_cmp(), the rules since protocol 29

use crate::entry::Entry;
use std::cmp::Ordering;

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

/// Compares two entries by rsync's order.
pub fn compare(a: &Entry, b: &Entry) -> Ordering {
    a.key().cmp(&b.key())
}

/// Compares two entries by rsync's order before protocol 29: that of their names' bytes.
pub fn compare_bytes(a: &Entry, b: &Entry) -> Ordering {
    let (a, b) = (a.key(), b.key());
    a.name().cmp(b.name())
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

    fn name(&self) -> impl Iterator<Item = u8> + '_ {
        let slash = (!self.dirname.is_empty()).then_some(b'/');
        let dirname = self.dirname.iter().copied();
        dirname.chain(slash).chain(self.basename.iter().copied())
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
        entries.sort_by(|x, y| compare(&x.1, &y.1));
        let got: Vec<_> = entries.iter().map(|(p, _)| **p).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn old_versions_knew_names_only() {
        let mut entries: Vec<_> = ["b/", "b/x", "b-c/", "b.c", "a/z/y", "./", "a"]
            .into_iter()
            .map(|p| (p, entry(p)))
            .collect();
        entries.sort_by(|x, y| compare_bytes(&x.1, &y.1));
        let got: Vec<_> = entries.iter().map(|(p, _)| *p).collect();
        assert_eq!(got, ["./", "a", "a/z/y", "b/", "b-c/", "b.c", "b/x"]);
    }

    #[test]
    fn a_file_and_a_directory_of_one_name_differ() {
        assert_eq!(compare(&entry("a"), &entry("a/")), Ordering::Less);
        assert_eq!(compare(&entry("a/b"), &entry("a/b")), Ordering::Equal);
    }
}
