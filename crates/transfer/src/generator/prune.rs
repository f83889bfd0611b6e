//! `-m`: leaves out directories that hold nothing but directories.
// rsync: flist.c flist_sort_and_clean(), the end

use crate::segment::{EntryRef, Note, Segment};
use std::sync::Arc;
use tree::filter::{DirFilters, EntryKind};

/// Marks the directories of a whole list that are to be left out. A directory that a filter
/// protects at the destination stays, and so do those above it.
pub(crate) fn prune(list: &Arc<Segment>, filters: &DirFilters) {
    let mut maybe_empty: Vec<(usize, usize)> = Vec::new();
    let leave_out = |index| {
        EntryRef {
            segment: list.clone(),
            index,
            content: None,
        }
        .note(Note::Pruned)
    };
    let mut next = 0;
    for (index, entry) in list.entries.iter().enumerate() {
        let place = list.place(index);
        if place != std::mem::replace(&mut next, place + 1) {
            // rsync takes what is left of a duplicate for a file.
            maybe_empty.clear();
        }
        let depth = entry.depth();
        if !entry.is_dir() || depth == 0 {
            maybe_empty.clear();
            continue;
        }
        while let Some(&(empty, _)) = maybe_empty.last().filter(|(_, d)| *d >= depth) {
            leave_out(empty);
            maybe_empty.pop();
        }
        let kind = EntryKind::Directory;
        // Of this decision rsync tells nothing at `-vv`.
        if filters
            .check(entry.dirname(), entry.basename(), kind)
            .is_excluded()
        {
            maybe_empty.clear();
        } else {
            maybe_empty.push((index, depth));
        }
    }
    for (empty, _) in maybe_empty {
        leave_out(empty);
    }
}
