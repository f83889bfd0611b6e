//! rsync's order of a file list: in each directory first what is no directory, then the
//! directories, each followed by its content; `.` before everything.
// rsync: flist.c f_name_cmp(), the rules since protocol 29

use crate::entry::Entry;
use std::cmp::Ordering;

/// Compares two entries by rsync's order. Entries of one name and different type are unequal.
pub fn compare(a: &Entry, b: &Entry) -> Ordering {
    if a.dirname == b.dirname {
        return last_component(a).cmp(last_component(b));
    }
    key(a).cmp(key(b))
}

/// The bytes whose order is the entries' order: each component is preceded by its type
/// (directories after everything else), and a directory's name is followed by a slash.
fn key(entry: &Entry) -> impl Iterator<Item = u8> + '_ {
    let dirs = (!entry.dirname.is_empty()).then(|| entry.dirname.split(|&b| b == b'/'));
    let dirs = dirs.into_iter().flatten().flat_map(|component| {
        std::iter::once(DIRECTORY)
            .chain(component.iter().copied())
            .chain(std::iter::once(b'/'))
    });
    dirs.chain(last_component(entry))
}

fn last_component(entry: &Entry) -> impl Iterator<Item = u8> + '_ {
    let dot = entry.is_dir() && &*entry.basename == b".";
    let dir = entry.is_dir() && !dot;
    let name: &[u8] = if dot { b"" } else { &entry.basename };
    std::iter::once(if dir { DIRECTORY } else { OTHER })
        .chain(name.iter().copied())
        .chain(dir.then_some(b'/'))
}

const OTHER: u8 = 0;
const DIRECTORY: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::split;
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
        Entry::new(dir.into(), name, &stat)
    }

    #[test]
    fn files_come_before_directories_and_directories_before_their_content() {
        let sorted = [
            "./", "a", "a.b", "zz", "a/", "a/f", "a/z/", "a/z/f", "a!/", "a!/x", "a-b/", "b/",
        ];
        // `a/` sorts as "a/": after "a!/" and "a-b/", because '!' and '-' are below '/'.
        let expected = [
            "./", "a", "a.b", "zz", "a!/", "a!/x", "a-b/", "a/", "a/f", "a/z/", "a/z/f", "b/",
        ];
        let mut entries: Vec<_> = sorted.iter().map(|p| (p, entry(p))).collect();
        entries.sort_by(|x, y| compare(&x.1, &y.1));
        let got: Vec<_> = entries.iter().map(|(p, _)| **p).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn a_file_and_a_directory_of_one_name_differ() {
        assert_eq!(compare(&entry("a"), &entry("a/")), Ordering::Less);
        assert_eq!(compare(&entry("a/b"), &entry("a/b")), Ordering::Equal);
    }
}
