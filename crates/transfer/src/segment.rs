//! The file list as it crosses from the sender to the generator: in segments, each the content
//! of one directory when recursion is incremental, or one segment for everything.
// rsync: rsync.h struct file_list

use crate::context::{Context, line};
use crate::event::Role;
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
    /// How many entries all earlier segments have, duplicates included.
    pub first_index: u64,
    /// How many entries this one has, duplicates included.
    pub listed: u64,
    /// How many segments came before, where recursion is incremental, and one: rsync leaves out
    /// a number for each.
    ordinal: u64,
    /// The entries' places among the duplicates, if there are any.
    places: Option<Box<[u32]>>,
    /// The duplicates: name and place.
    dropped: Vec<(Vec<u8>, u32)>,
    /// The directory whose content this is. The top segment has itself a `.` entry here if it
    /// has one at all.
    pub parent: Parent,
    /// Something of the source could not be read by the time this was listed.
    pub after_errors: bool,
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
    /// A segment of these entries.
    pub fn new(
        cleaned: Cleaned,
        first_index: u64,
        ordinal: u64,
        parent: Parent,
        after_errors: bool,
    ) -> Segment {
        let Cleaned {
            mut entries,
            places,
            dropped,
            ..
        } = cleaned;
        entries.shrink_to_fit();
        let notes = entries.iter().map(|_| AtomicU8::new(0)).collect();
        Segment {
            listed: (entries.len() + dropped.len()) as u64,
            entries,
            first_index,
            ordinal,
            places,
            dropped,
            parent,
            after_errors,
            notes,
        }
    }

    /// Tells which names were listed more than once.
    // rsync: flist.c flist_sort_and_clean()
    pub(crate) fn tell_duplicates(&self, ctx: &Context) {
        if ctx.options.debug.dup < 1 {
            return;
        }
        for (name, place) in &self.dropped {
            let number = self.first_index + u64::from(*place) + self.ordinal;
            let end = format!(" from file list ({number})");
            ctx.info(
                Role::Generator,
                line!("removing duplicate name ", name, end),
            );
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
        let place = match &self.segment.places {
            Some(places) => u64::from(places[self.index]),
            None => self.index as u64,
        };
        self.segment.first_index + place
    }

    /// The number that rsync calls it by.
    pub fn index_shown(&self) -> u64 {
        self.number() + self.segment.ordinal
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

/// What [`sort_and_clean`] left.
pub struct Cleaned {
    /// The entries: sorted, and each name once.
    pub entries: Vec<Entry>,
    /// The places of the entries in the list with the duplicates; `None` if nothing was dropped.
    pub places: Option<Box<[u32]>>,
    /// Names that were dropped, and their places.
    pub dropped: Vec<(Vec<u8>, u32)>,
    /// All directories that were listed more than once, the kept ones too, each as it was listed.
    pub repeated_dirs: Vec<Entry>,
}

/// Sorts entries by rsync's order and drops duplicate names: of two directories the flags are
/// merged, of a directory and something else the directory stays, else the first one named.
// rsync: flist.c flist_sort_and_clean()
pub fn sort_and_clean(mut entries: Vec<Entry>) -> Cleaned {
    entries.sort_by(order::compare);
    let mut dropped = Vec::new();
    let mut repeated_dirs: Vec<Entry> = Vec::new();
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut places: Vec<u32> = Vec::new();
    let mut all_kept = true;
    for (place, entry) in entries.into_iter().enumerate() {
        let place = place as u32;
        let Some(last) = kept.last_mut() else {
            kept.push(entry);
            continue;
        };
        if order::compare(last, &entry) == Ordering::Equal {
            if std::mem::take(&mut all_kept) {
                places.extend(0..place);
            }
            dropped.push((entry.path(), place));
            if entry.is_dir() {
                if repeated_dirs
                    .last()
                    .is_none_or(|d| d.path() != entry.path())
                {
                    repeated_dirs.push(last.clone());
                }
                last.flags.top_dir |= entry.flags.top_dir;
                last.flags.content_dir |= entry.flags.content_dir;
                last.flags.implied_dir &= entry.flags.implied_dir;
                repeated_dirs.push(entry);
            }
            continue;
        }
        if !all_kept {
            places.push(place);
        }
        kept.push(entry);
    }
    let mut cleaned = Cleaned {
        entries: kept,
        places: (!all_kept).then(|| places.into()),
        dropped,
        repeated_dirs,
    };
    cleaned.drop_shadowed_files();
    cleaned
}

impl Cleaned {
    /// A directory wins over a file of the same name, which sorts elsewhere.
    fn drop_shadowed_files(&mut self) {
        let entries = &self.entries;
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
        let count = entries.len() as u32;
        let mut places = self
            .places
            .take()
            .map_or_else(|| (0..count).collect(), Vec::from);
        let is_shadowed = |index: usize| shadowed.binary_search(&index).is_ok();
        for &at in &shadowed {
            self.dropped.push((self.entries[at].path(), places[at]));
        }
        let mut index = 0;
        places.retain(|_| {
            index += 1;
            !is_shadowed(index - 1)
        });
        index = 0;
        self.entries.retain(|_| {
            index += 1;
            !is_shadowed(index - 1)
        });
        self.places = Some(places.into());
    }
}
