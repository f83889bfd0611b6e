//! The file list as it crosses from the sender to the generator: in segments, each the content
//! of one directory when recursion is incremental, or one segment for everything.
// rsync: rsync.h struct file_list

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering as Memory};
use tree::entry::Entry;
use tree::order;

/// A part of the file list: sorted, without duplicates, immutable once it crosses.
#[derive(Debug)]
pub struct Segment {
    /// The entries, in rsync's order.
    pub entries: Vec<Entry>,
    /// How many entries all earlier segments have.
    pub first_index: u64,
    /// The directory whose content this is. The top segment has itself a `.` entry here if it
    /// has one at all.
    pub parent: Parent,
    /// The generator's own notes, one for each entry.
    notes: Box<[AtomicU8]>,
}

/// What a segment is the content of.
#[derive(Debug)]
pub enum Parent {
    /// Of nothing: the list starts here, and no `.` stands for the destination itself.
    None,
    /// Of the destination itself: this segment's own first entry, `.`.
    Dot,
    /// Of an entry of an earlier segment.
    Entry(EntryRef),
}

/// One entry of one segment.
#[derive(Debug, Clone)]
pub struct EntryRef {
    /// The segment.
    pub segment: Arc<Segment>,
    /// The entry's place in it.
    pub index: usize,
}

/// What the generator remembers of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Note {
    /// A directory that this session made.
    DirCreated = 1,
    /// A directory that is not there: its content is skipped, or only pretended.
    MissingDir = 2,
    /// An empty directory that `-m` leaves out.
    Pruned = 4,
}

impl Segment {
    /// A segment of these entries, which are sorted already.
    pub fn new(entries: Vec<Entry>, first_index: u64, parent: Parent) -> Segment {
        let notes = entries.iter().map(|_| AtomicU8::new(0)).collect();
        Segment {
            entries,
            first_index,
            parent,
            notes,
        }
    }

    /// Whether `-m` leaves this entry out.
    pub fn is_pruned(&self, index: usize) -> bool {
        self.notes[index].load(Memory::Relaxed) & Note::Pruned as u8 != 0
    }

    /// Finds an entry of this name, whatever its type.
    // rsync: flist.c flist_find_ignore_dirness()
    pub fn contains_name(&self, entry: &Entry) -> bool {
        if self.find(entry).is_some() {
            return true;
        }
        let mut other = entry.clone();
        other.mode = if entry.is_dir() { 0o100000 } else { 0o040000 };
        self.find(&other).is_some()
    }

    fn find(&self, entry: &Entry) -> Option<usize> {
        let index = self.search(entry)?;
        (!self.is_pruned(index)).then_some(index)
    }

    fn search(&self, entry: &Entry) -> Option<usize> {
        self.entries
            .binary_search_by(|e| order::compare(e, entry))
            .ok()
    }
}

impl EntryRef {
    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.segment.entries[self.index]
    }

    /// The entry's number in the whole list.
    pub fn number(&self) -> u64 {
        self.segment.first_index + self.index as u64
    }

    /// Remembers something of the entry.
    pub fn note(&self, note: Note) {
        self.segment.notes[self.index].fetch_or(note as u8, Memory::Relaxed);
    }

    /// Whether that was remembered.
    pub fn has(&self, note: Note) -> bool {
        self.segment.notes[self.index].load(Memory::Relaxed) & note as u8 != 0
    }
}

/// Sorts entries by rsync's order and drops duplicate names: of two directories the flags are
/// merged, of a directory and something else the directory stays, else the first one named.
/// Returns the directories that were dropped, since their content belongs to the kept one too.
// rsync: flist.c flist_sort_and_clean()
pub fn sort_and_clean(entries: &mut Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(order::compare);
    let mut dropped_dirs = Vec::new();
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries.drain(..) {
        if let Some(last) = kept.last_mut()
            && order::compare(last, &entry) == Ordering::Equal
        {
            if entry.is_dir() {
                last.flags.top_dir |= entry.flags.top_dir;
                last.flags.content_dir |= entry.flags.content_dir;
                last.flags.implied_dir &= entry.flags.implied_dir;
                dropped_dirs.push(entry);
            }
            continue;
        }
        kept.push(entry);
    }
    drop_shadowed_files(&mut kept);
    *entries = kept;
    dropped_dirs
}

/// A directory wins over a file of the same name, which sorts elsewhere.
fn drop_shadowed_files(entries: &mut Vec<Entry>) {
    let mut shadowed = Vec::new();
    for entry in entries
        .iter()
        .filter(|e| e.is_dir() && &*e.basename != b".")
    {
        let mut as_file = entry.clone();
        as_file.mode = 0o100000;
        if let Ok(at) = entries.binary_search_by(|e| order::compare(e, &as_file)) {
            shadowed.push(at);
        }
    }
    if shadowed.is_empty() {
        return;
    }
    shadowed.sort_unstable();
    let mut index = 0;
    entries.retain(|_| {
        index += 1;
        shadowed.binary_search(&(index - 1)).is_err()
    });
}
