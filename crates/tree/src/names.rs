//! The names of a directory's entries, many in one piece of memory: a list may hold millions, and
//! an allocation for each would cost more than most names are long.
// rsync: flist.c make_file(), which puts names into the list's pool; rsync.h struct file_struct

use fast_io::dir::{Dir, FileKind};
use std::io;
use std::sync::Arc;

/// Some names of one directory. Each is preceded by what the directory says of its type, and by its
/// length.
#[derive(Debug)]
pub(crate) struct Names {
    /// The directory's own name; empty at the top.
    dirname: Box<[u8]>,
    source: u32,
    bytes: Box<[u8]>,
}

/// A name found in a directory. Keeps the names that it was read with in memory.
#[derive(Debug, Clone)]
pub struct Name {
    pub(crate) names: Arc<Names>,
    pub(crate) at: u32,
}

/// How many bytes of names are kept together: little enough that they can be looked at in turns.
const TOGETHER: usize = 512 * 1024;
/// A length of one byte that says that the length follows in four.
const LONG: u8 = u8::MAX;

impl Name {
    /// A name for itself: `basename` in the directory `dirname`, which starts from the source of
    /// this number.
    pub fn alone(source: u32, dirname: &[u8], basename: &[u8]) -> Name {
        let mut bytes = Vec::with_capacity(basename.len() + 2);
        append(&mut bytes, basename, None);
        let names = Arc::new(Names {
            dirname: dirname.into(),
            source,
            bytes: bytes.into(),
        });
        Name { names, at: 0 }
    }

    /// The directories before the last component, without a trailing slash; empty at the top.
    pub fn dirname(&self) -> &[u8] {
        self.names.dirname()
    }

    /// The last component.
    pub fn basename(&self) -> &[u8] {
        self.names.basename(self.at)
    }

    /// Which of the session's source directories the name starts from.
    pub fn source(&self) -> u32 {
        self.names.source()
    }

    /// What the directory says it is, if it does.
    pub fn kind(&self) -> Option<FileKind> {
        FileKind::from_mode(u32::from(self.names.bytes[self.at as usize]) << KIND_SHIFT)
    }
}

/// Reads all names in a directory but `.` and `..`, in the system's order. They are to start with
/// `dirname`, from the source of this number.
pub fn read(dir: &Dir, source: u32, dirname: &[u8]) -> io::Result<Vec<Batch>> {
    let mut gatherer = Gatherer::new(source, dirname);
    dir.entries(&mut |name, kind| gatherer.add(name, kind))?;
    Ok(gatherer.finish())
}

/// Moves names of one directory together, so that they do not keep others in memory.
pub fn gather<'a>(
    source: u32,
    dirname: &[u8],
    names: impl Iterator<Item = &'a [u8]>,
) -> Vec<Batch> {
    let mut gatherer = Gatherer::new(source, dirname);
    names.for_each(|name| gatherer.add(name, None));
    gatherer.finish()
}

/// Names that are together in memory.
#[derive(Debug)]
pub struct Batch(Arc<Names>);

impl Batch {
    /// The names, in the order in which they were read.
    pub fn names(&self) -> impl Iterator<Item = Name> + use<> {
        let names = self.0.clone();
        let mut next = 0;
        std::iter::from_fn(move || {
            let at = next;
            if at == names.bytes.len() {
                return None;
            }
            let (start, length) = names.extent(at);
            next = start + length;
            Some(Name {
                names: names.clone(),
                at: at as u32,
            })
        })
    }
}

/// Puts names of one directory together in memory, one after the other.
#[derive(Debug)]
pub struct Gatherer {
    source: u32,
    dirname: Box<[u8]>,
    bytes: Vec<u8>,
    batches: Vec<Batch>,
}

impl Gatherer {
    /// No names yet, of this directory, starting from the source of this number.
    pub fn new(source: u32, dirname: &[u8]) -> Gatherer {
        Gatherer {
            source,
            dirname: dirname.into(),
            bytes: Vec::new(),
            batches: Vec::new(),
        }
    }

    /// The directory.
    pub fn dirname(&self) -> &[u8] {
        &self.dirname
    }

    /// Adds a name, and what is known of its type.
    pub fn add(&mut self, name: &[u8], kind: Option<FileKind>) {
        append(&mut self.bytes, name, kind);
        if self.bytes.len() >= TOGETHER {
            self.end_batch();
        }
    }

    fn end_batch(&mut self) {
        self.batches.push(Batch(Arc::new(Names {
            dirname: self.dirname.clone(),
            source: self.source,
            bytes: std::mem::take(&mut self.bytes).into(),
        })));
    }

    /// The names, in the order in which they were added.
    pub fn finish(mut self) -> Vec<Batch> {
        if !self.bytes.is_empty() {
            self.end_batch();
        }
        self.batches
    }
}

impl Names {
    pub(crate) fn dirname(&self) -> &[u8] {
        &self.dirname
    }

    pub(crate) fn source(&self) -> u32 {
        self.source
    }

    pub(crate) fn basename(&self, at: u32) -> &[u8] {
        let (start, length) = self.extent(at as usize);
        &self.bytes[start..start + length]
    }

    /// Where the name begins whose record is at `at`, and how long it is.
    fn extent(&self, at: usize) -> (usize, usize) {
        match self.bytes[at + 1] {
            LONG => {
                let mut length = [0; 4];
                length.copy_from_slice(&self.bytes[at + 2..at + 6]);
                (at + 6, u32::from_le_bytes(length) as usize)
            }
            length => (at + 2, usize::from(length)),
        }
    }
}

/// A mode's type bits are its upper four.
const KIND_SHIFT: u32 = 12;

fn append(bytes: &mut Vec<u8>, name: &[u8], kind: Option<FileKind>) {
    bytes.push(kind.map_or(0, |kind| (kind.mode_bits() >> KIND_SHIFT) as u8));
    match u8::try_from(name.len()) {
        Ok(length) if length != LONG => bytes.push(length),
        _ => {
            bytes.push(LONG);
            bytes.extend((name.len() as u32).to_le_bytes());
        }
    }
    bytes.extend(name);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_length_come_back_in_order() {
        let lengths = [0, 1, 33, 253, 254, 255, 256, 5000, 70_000];
        let names: Vec<_> = (0..9000).map(|i| vec![b'a'; lengths[i % 9]]).collect();
        let kinds = [FileKind::Regular, FileKind::Directory, FileKind::Socket];
        let given = || {
            names
                .iter()
                .map(Vec::as_slice)
                .zip(kinds.into_iter().cycle())
        };
        let mut gatherer = Gatherer::new(7, b"dir");
        given().for_each(|(name, kind)| gatherer.add(name, Some(kind)));
        let batches = gatherer.finish();
        assert!(batches.len() > 1);
        let found: Vec<Name> = batches.iter().flat_map(Batch::names).collect();
        assert_eq!(found.len(), names.len());
        for (found, (name, kind)) in found.iter().zip(given()) {
            assert_eq!(found.basename(), name);
            assert_eq!(found.kind(), Some(kind));
            assert_eq!((found.source(), found.dirname()), (7, b"dir".as_slice()));
        }
    }

    #[test]
    fn a_name_alone_has_no_known_kind() {
        let name = Name::alone(1, b"", b".");
        assert_eq!(
            (name.basename(), name.dirname()),
            (b".".as_slice(), b"".as_slice())
        );
        assert_eq!(name.kind(), None);
    }
}
