//! The file list as it crosses from the sender to the generator: in segments, each the content
//! of one directory when recursion is incremental, or one segment for everything.
// rsync: rsync.h struct file_list

use crate::context::{Context, line};
use crate::event::Role;
use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering as Memory};
use tree::entry::Entry;
use tree::order::{Key, ListOrder};

/// A part of the file list: sorted, without duplicates, immutable once it crosses.
#[derive(Debug)]
pub struct Segment {
    /// The entries, in [`Self::order`].
    pub entries: Vec<Entry>,
    /// What the entries are sorted by.
    pub order: ListOrder,
    /// How many entries all earlier segments have, duplicates included.
    pub first_index: u64,
    /// How many entries this one has, duplicates included.
    pub listed: u64,
    /// How many segments came before, where recursion is incremental, and one: rsync leaves out
    /// a number for each.
    ordinal: u64,
    /// The entries' places among the duplicates, if there are any.
    places: Option<Box<[u32]>>,
    /// What numbers follow, if not the places.
    numbers: Option<Numbers>,
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

/// What the numbers of a segment's entries follow. Duplicates have numbers, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// The order in which the entries are.
    Sorted,
    /// The order in which they came: where names are converted, each side sorts them by its own.
    // rsync: options.c need_unsorted_flist
    Arrival,
}

/// The numbers of entries that are in another order, from 0.
#[derive(Debug)]
struct Numbers {
    of_entry: Box<[u32]>,
    /// The entry of each; [`NOBODY`] for a duplicate.
    entry_of: Box<[u32]>,
}

const NOBODY: u32 = u32::MAX;

impl Numbers {
    fn new(cleaned: &Cleaned) -> Option<Numbers> {
        let by_place = cleaned.numbers.as_ref()?;
        let place = |index: usize| match &cleaned.places {
            Some(places) => places[index] as usize,
            None => index,
        };
        let of_entry: Box<[u32]> = (0..cleaned.entries.len())
            .map(|index| by_place[place(index)])
            .collect();
        let mut entry_of: Box<[u32]> = vec![NOBODY; by_place.len() + cleaned.gaps].into();
        for (index, &number) in of_entry.iter().enumerate() {
            entry_of[number as usize] = index as u32;
        }
        Some(Numbers { of_entry, entry_of })
    }
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
    /// For a directory whose content's turn it is: the segment of that, whose number it then has on
    /// the wire.
    pub content: Option<Arc<Segment>>,
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
        let numbers = Numbers::new(&cleaned);
        let Cleaned {
            mut entries,
            order,
            places,
            dropped,
            gaps,
            ..
        } = cleaned;
        entries.shrink_to_fit();
        let notes = entries.iter().map(|_| AtomicU8::new(0)).collect();
        Segment {
            listed: (entries.len() + dropped.len() + gaps) as u64,
            entries,
            order,
            first_index,
            ordinal,
            places,
            numbers,
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

    /// The number of the first entry on the wire.
    pub fn wire_start(&self) -> u64 {
        self.first_index + self.ordinal
    }

    /// How many segments came before, where recursion is incremental, and one.
    pub fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// The entry of a number on the wire, or the directory whose content this is.
    // rsync: rsync.c flist_for_ndx()
    pub fn by_wire_number(self: &Arc<Segment>, number: u64) -> Option<EntryRef> {
        let Some(place) = number.checked_sub(self.wire_start()) else {
            return match &self.parent {
                _ if number + 1 != self.wire_start() => None,
                Parent::None => None,
                Parent::Dot => Some(EntryRef {
                    segment: self.clone(),
                    index: 0,
                    content: Some(self.clone()),
                }),
                Parent::Entry(parent) => Some(EntryRef {
                    content: Some(self.clone()),
                    ..parent.clone()
                }),
            };
        };
        let index = match (&self.numbers, &self.places) {
            (Some(numbers), _) => *numbers.entry_of.get(usize::try_from(place).ok()?)? as usize,
            (None, Some(places)) => places
                .binary_search_by(|&p| u64::from(p).cmp(&place))
                .ok()?,
            (None, None) => usize::try_from(place).ok()?,
        };
        (index < self.entries.len()).then(|| EntryRef {
            segment: self.clone(),
            index,
            content: None,
        })
    }

    /// An entry's place among the duplicates.
    pub fn place(&self, index: usize) -> usize {
        match &self.places {
            Some(places) => places[index] as usize,
            None => index,
        }
    }

    /// An entry's number within the segment.
    fn number_within(&self, index: usize) -> u64 {
        match &self.numbers {
            Some(numbers) => numbers.of_entry[index].into(),
            None => self.place(index) as u64,
        }
    }

    /// Whether `-m` leaves this entry out.
    pub fn is_pruned(&self, index: usize) -> bool {
        self.notes[index].load(Memory::Relaxed) & Note::Pruned as u8 != 0
    }

    /// To look for many names.
    pub fn finder(&self) -> Finder<'_> {
        Finder {
            segment: self,
            last: [0; 2],
        }
    }
}

/// Looks for names in a segment. One that is near the last, as when names are looked for in their
/// order, is found in few steps.
pub struct Finder<'a> {
    segment: &'a Segment,
    /// Where the last was found, or would be: of what is no directory, and of directories.
    last: [usize; 2],
}

impl Finder<'_> {
    /// Whether there is an entry of this name, whatever its type.
    // rsync: flist.c flist_find_ignore_dirness()
    pub fn contains_name(&mut self, key: Key<'_>) -> bool {
        match self.segment.order {
            ListOrder::FilesFirst => [key.is_dir, !key.is_dir]
                .into_iter()
                .any(|is_dir| self.contains(Key { is_dir, ..key })),
            // Types make no difference there.
            ListOrder::WholeNames => self.contains(Key {
                is_dir: false,
                ..key
            }),
        }
    }

    fn contains(&mut self, key: Key<'_>) -> bool {
        let entries = &self.segment.entries;
        let order = self.segment.order;
        let compare = |e: &Entry| order.compare(e.key(), key);
        let is_before = |e: &Entry| compare(e) == Ordering::Less;
        let last = self.last[usize::from(key.is_dir)];
        // Everything below `from` is smaller, and nothing from `to` on.
        let (mut to, mut step) = (entries.len(), 1);
        let mut from;
        if entries.get(last).is_some_and(is_before) {
            from = last + 1;
            while from + step < to && is_before(&entries[from + step]) {
                from += step + 1;
                step *= 2;
            }
            to = to.min(from + step + 1);
        } else {
            to = to.min(last + 1);
            while step < to && !is_before(&entries[to - step]) {
                to -= step;
                step *= 2;
            }
            from = to.saturating_sub(step);
        }
        let at = from + entries[from..to].partition_point(is_before);
        self.last[usize::from(key.is_dir)] = at;
        entries
            .get(at)
            .is_some_and(|e| compare(e) == Ordering::Equal)
            && !self.segment.is_pruned(at)
    }
}

impl EntryRef {
    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.segment.entries[self.index]
    }

    /// The entry's number in the whole list.
    pub fn number(&self) -> u64 {
        self.segment.first_index + self.segment.number_within(self.index)
    }

    /// The number by which both sides of a wire know it.
    // rsync: generator.c generate_files(), `cur_flist->ndx_start - 1`
    pub fn wire_number(&self) -> u32 {
        let number = match &self.content {
            Some(content) => content.wire_start() - 1,
            None => self.index_shown(),
        };
        // A list that is longer has been refused.
        number as u32
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
    /// What they are sorted by.
    pub order: ListOrder,
    /// The places of the entries in the list with the duplicates; `None` if nothing was dropped.
    pub places: Option<Box<[u32]>>,
    /// Names that were dropped, and their places.
    pub dropped: Vec<(Vec<u8>, u32)>,
    /// The places of those of them that were directories.
    pub dropped_dirs: Vec<u32>,
    /// The number for each place in the list with the duplicates, if that is not the place itself.
    pub numbers: Option<Box<[u32]>>,
    /// How many numbers nothing in this list has, its duplicates included.
    pub gaps: usize,
    /// All directories that were listed more than once, the kept ones too, each as it was listed.
    pub repeated_dirs: Vec<Entry>,
}

/// Sorts entries and drops duplicate names: of two directories the flags are
/// merged, of a directory and something else the directory stays, else the first one named.
// rsync: flist.c flist_sort_and_clean()
pub fn sort_and_clean(mut entries: Vec<Entry>, order: ListOrder, numbering: Numbering) -> Cleaned {
    let arrival = sort(&mut entries, order, numbering != Numbering::Sorted);
    let numbers = match numbering {
        Numbering::Sorted => None,
        Numbering::Arrival => Some(arrival),
    };
    let mut dropped = Vec::new();
    let mut dropped_dirs = Vec::new();
    let mut repeated_dirs: Vec<Entry> = Vec::new();
    let mut places: Vec<u32> = Vec::new();
    let mut all_kept = true;
    let mut place = 0;
    entries.dedup_by(|entry, last| {
        place += 1;
        if order.compare_entries(last, entry) != Ordering::Equal {
            if !all_kept {
                places.push(place);
            }
            return false;
        }
        if std::mem::take(&mut all_kept) {
            places.extend(0..place);
        }
        if entry.is_dir() && !last.is_dir() {
            // They only meet where the order knows no types.
            std::mem::swap(entry, last);
            let kept = places.last_mut().map(|kept| std::mem::replace(kept, place));
            dropped.push((entry.path(), kept.unwrap_or_default()));
            return true;
        }
        dropped.push((entry.path(), place));
        if entry.is_dir() {
            dropped_dirs.push(place);
            if repeated_dirs
                .last()
                .is_none_or(|d| d.path() != entry.path())
            {
                repeated_dirs.push(last.clone());
            }
            let mut flags = last.flags();
            flags.top_dir |= entry.flags().top_dir;
            flags.content_dir |= entry.flags().content_dir;
            flags.implied_dir &= entry.flags().implied_dir;
            last.set_flags(flags);
            repeated_dirs.push(entry.clone());
        }
        true
    });
    let mut cleaned = Cleaned {
        entries,
        order,
        places: (!all_kept).then(|| places.into()),
        numbers: numbers.map(Into::into),
        gaps: 0,
        dropped,
        dropped_dirs,
        repeated_dirs,
    };
    if order == ListOrder::FilesFirst {
        cleaned.drop_shadowed_files();
    }
    cleaned
}

/// Sorts entries, those of one name in the order in which they were listed. A list may be as large
/// as memory allows, so what moves are numbers, and then each entry once, in place. Where each was,
/// if that is wanted.
fn sort(entries: &mut [Entry], by: ListOrder, tells_order: bool) -> Vec<u32> {
    let mut order: Vec<u32> = (0..entries.len() as u32).collect();
    // The stable sort also finds what is in order already, backwards or in parts: some file systems
    // list a directory so, and `.` comes before it.
    order.sort_by(|&a, &b| by.compare_entries(&entries[a as usize], &entries[b as usize]));
    let told = if tells_order {
        order.clone()
    } else {
        Vec::new()
    };
    for start in 0..order.len() {
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut order[at], at as u32) as usize;
            if from == start {
                break;
            }
            entries.swap(at, from);
            at = from;
        }
    }
    told
}

impl Cleaned {
    /// Moves the numbers on, from which these are missing: in their order, none twice.
    pub fn leave_out(&mut self, missing: &[u32]) {
        self.gaps = missing.len();
        let total = self.entries.len() + self.dropped.len() + self.gaps;
        let mut missing = missing.iter().copied().peekable();
        let moved: Vec<u32> = (0..total as u32)
            .filter(|number| missing.next_if_eq(number).is_none())
            .collect();
        for number in self.numbers.iter_mut().flatten() {
            *number = moved[*number as usize];
        }
    }

    /// The number at a place in the list with the duplicates.
    pub fn number_at(&self, place: u32) -> u32 {
        self.numbers
            .as_ref()
            .map_or(place, |numbers| numbers[place as usize])
    }

    /// Forgets what was dropped: what stays is numbered without it.
    pub fn forget_dropped(&mut self) {
        self.places = None;
        self.dropped.clear();
        self.dropped_dirs.clear();
    }

    /// A directory wins over a file of the same name, which sorts elsewhere.
    fn drop_shadowed_files(&mut self) {
        let entries = &self.entries;
        let mut shadowed = Vec::new();
        for entry in entries
            .iter()
            .filter(|e| e.is_dir() && e.basename() != b".")
        {
            let as_file = Key {
                is_dir: false,
                ..entry.key()
            };
            if let Ok(at) = entries.binary_search_by(|e| e.key().cmp(&as_file)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use fast_io::dir::{DeviceNumber, FileKind, Stat, Timestamp};
    use tree::entry::split;
    use tree::names::Name;

    /// An entry of this name, a directory if it ends in a slash, of `source`.
    fn entry(path: &str, source: u32) -> Entry {
        let (path, kind) = match path.strip_suffix('/') {
            Some(dir) => (dir, FileKind::Directory),
            None => (path, FileKind::Regular),
        };
        let stat = Stat {
            kind,
            permissions: 0o755,
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
        let (dirname, basename) = split(path.as_bytes());
        Entry::new(Name::alone(source, dirname, basename), &stat)
    }

    fn shown(entry: &Entry) -> (String, u32) {
        let slash = if entry.is_dir() { "/" } else { "" };
        let path = String::from_utf8(entry.path()).unwrap() + slash;
        (path, entry.source())
    }

    #[test]
    fn of_each_name_the_first_one_listed_stays_and_directories_win() {
        let listed = [
            ("c", 0),
            ("b/", 0),
            ("a", 0),
            ("c", 1),
            ("a", 2),
            ("b", 1),
            ("b/", 2),
            ("a", 1),
            ("b/x", 2),
        ];
        let cleaned = sort_and_clean(
            listed.map(|(path, source)| entry(path, source)).into(),
            ListOrder::FilesFirst,
            Numbering::Sorted,
        );
        let kept: Vec<_> = cleaned.entries.iter().map(shown).collect();
        let expected = [("a", 0), ("c", 0), ("b/", 0), ("b/x", 2)];
        assert_eq!(kept, expected.map(|(path, source)| (path.into(), source)));
        let repeated: Vec<_> = cleaned.repeated_dirs.iter().map(shown).collect();
        assert_eq!(repeated, [("b/".into(), 0), ("b/".into(), 2)]);
        // Sorted, with the duplicates: a a a b c c b/ b/ b/x.
        assert_eq!(cleaned.places.as_deref(), Some([0, 4, 6, 8].as_slice()));
        let dropped: Vec<_> = cleaned.dropped.iter().map(|(_, place)| *place).collect();
        assert_eq!(dropped, [1, 2, 5, 7, 3]);
    }

    #[test]
    fn of_whole_names_the_directory_stays_where_a_file_stood() {
        let listed = [
            ("a", 0),
            ("b", 0),
            ("b", 1),
            ("b/", 2),
            ("b", 3),
            ("b/", 4),
            ("b-c", 0),
            ("b/x", 2),
        ];
        let listed = listed.map(|(path, source)| entry(path, source));
        let cleaned = sort_and_clean(listed.into(), ListOrder::WholeNames, Numbering::Sorted);
        let kept: Vec<_> = cleaned.entries.iter().map(shown).collect();
        let expected = [("a", 0), ("b/", 2), ("b-c", 0), ("b/x", 2)];
        assert_eq!(kept, expected.map(|(path, source)| (path.into(), source)));
        // Sorted, with the duplicates: a b b b/ b b/ b-c b/x.
        assert_eq!(cleaned.places.as_deref(), Some([0, 3, 6, 7].as_slice()));
        let dropped: Vec<_> = cleaned.dropped.iter().map(|(_, place)| *place).collect();
        assert_eq!(dropped, [2, 1, 4, 5]);
        assert_eq!(cleaned.dropped_dirs, [5]);
    }

    #[test]
    fn names_are_found_in_whatever_order_they_are_looked_for() {
        let entries: Vec<_> = (0..200)
            .map(|i| {
                let slash = if i % 3 == 0 { "/" } else { "" };
                entry(&format!("{:03}{slash}", i * 2), 0)
            })
            .collect();
        let orders: [Vec<usize>; 4] = [
            (0..401).collect(),
            (0..401).rev().collect(),
            (0..401).map(|i| i * 7 % 401).collect(),
            (0..401).map(|i| i * 211 % 401).collect(),
        ];
        for list_order in [ListOrder::FilesFirst, ListOrder::WholeNames] {
            let cleaned = sort_and_clean(entries.clone(), list_order, Numbering::Sorted);
            let segment = Segment::new(cleaned, 0, 0, Parent::None, false);
            for order in &orders {
                let mut finder = segment.finder();
                for &number in order {
                    let wanted = entry(&format!("{number:03}"), 0);
                    let is_there = number % 2 == 0 && number < 400;
                    assert_eq!(finder.contains_name(wanted.key()), is_there, "{number}");
                }
            }
            let cleaned = sort_and_clean(Vec::new(), list_order, Numbering::Sorted);
            let empty = Segment::new(cleaned, 0, 0, Parent::None, false);
            assert!(!empty.finder().contains_name(entry("a", 0).key()));
        }
    }

    #[test]
    fn numbers_follow_what_both_sides_agree_on() {
        let listed = ["b/", "a.b", "b/x", "a", "b.c", "a"];
        let numbers = |numbering| {
            let entries = listed.map(|path| entry(path, 0)).into();
            let cleaned = sort_and_clean(entries, ListOrder::FilesFirst, numbering);
            let segment = Arc::new(Segment::new(cleaned, 10, 0, Parent::None, false));
            let numbers: Vec<_> = (0..segment.entries.len())
                .map(|index| {
                    let entry = EntryRef {
                        segment: segment.clone(),
                        index,
                        content: None,
                    };
                    let number = entry.wire_number();
                    let found = segment.by_wire_number(number.into()).unwrap();
                    assert_eq!(found.index, index);
                    (shown(entry.entry()).0, number)
                })
                .collect();
            assert!(segment.by_wire_number(16).is_none());
            let numbered: Vec<_> = numbers.iter().map(|(_, number)| *number).collect();
            let dropped = (10..16).find(|n| !numbered.contains(n)).unwrap();
            assert!(segment.by_wire_number(dropped.into()).is_none());
            numbers
        };
        let expected = |numbers: [u32; 5]| -> Vec<_> {
            let names = ["a", "a.b", "b.c", "b/", "b/x"].map(String::from);
            names.into_iter().zip(numbers).collect()
        };
        // a a a.b b.c b/ b/x
        assert_eq!(numbers(Numbering::Sorted), expected([10, 12, 13, 14, 15]));
        assert_eq!(numbers(Numbering::Arrival), expected([13, 11, 14, 10, 12]));
    }

    #[test]
    fn numbers_of_what_is_missing_stay_free() {
        let entries = ["b", "a", "c", "a"].map(|path| entry(path, 0));
        let mut cleaned = sort_and_clean(entries.into(), ListOrder::FilesFirst, Numbering::Arrival);
        cleaned.leave_out(&[0, 2, 3, 6]);
        let segment = Arc::new(Segment::new(cleaned, 0, 0, Parent::None, false));
        assert_eq!(segment.listed, 8);
        let found: Vec<_> = (0..9)
            .map(|number| segment.by_wire_number(number).map(|e| e.entry().path()))
            .collect();
        let expected = [
            None,
            Some("b"),
            None,
            None,
            Some("a"),
            Some("c"),
            None,
            None,
            None,
        ];
        assert_eq!(
            found,
            expected.map(|name| name.map(|n| n.as_bytes().to_vec()))
        );
    }
}
