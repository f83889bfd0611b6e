//! Descends into the source: one segment of the list for each directory, depth first, or one
//! segment for everything.
// rsync: flist.c send_extra_file_list(), send1extra(), send_directory()

use super::entry::Surroundings;
use super::list::Lister;
use crate::context::{full_name, line};
use crate::error::{Problem, SessionError};
use crate::event::Role;
use crate::remote::SENDING_ORDER;
use crate::segment::{EntryRef, Numbering, Parent, Segment, sort_and_clean};
use fast_io::dir::{Dir, Follow};
use std::io;
use std::sync::Arc;
use tree::entry::{Entry, EntryFlags};

/// Names are shorter than this: a loop of links, followed, ends somewhere, and other programs can
/// use what is made.
// rsync: MAXPATHLEN
const LONGEST_PATH: usize = if cfg!(target_os = "macos") {
    1024
} else if cfg!(windows) {
    32 * 1024
} else {
    4096
};

/// A directory whose subdirectories are still to be listed.
struct Frame {
    segment: Arc<Segment>,
    next: usize,
}

impl Lister<'_> {
    /// Lists everything below the top segment's directories, a segment at a time.
    pub(super) fn descend(&mut self, top: Arc<Segment>) -> Result<(), SessionError> {
        let mut stack = vec![Frame {
            segment: top,
            next: 0,
        }];
        loop {
            let depth = stack.len();
            let Some(frame) = stack.last_mut() else { break };
            let Some(entry) = frame.segment.entries.get(frame.next) else {
                stack.pop();
                continue;
            };
            frame.next += 1;
            if !entry.is_dir() || entry.basename() == b"." {
                continue;
            }
            let parent = EntryRef {
                segment: frame.segment.clone(),
                index: frame.next - 1,
                content: None,
            };
            let entries = self.directory_segment(parent.entry(), depth)?;
            let Some(segment) = self.hand_over(entries, Parent::Entry(parent)) else {
                return Ok(());
            };
            if segment.entries.iter().any(|e| e.is_dir()) {
                stack.push(Frame { segment, next: 0 });
            }
        }
        Ok(())
    }

    /// The entries of one directory: of all sources that have it, and of what `-R` names in it.
    fn directory_segment(&mut self, dir: &Entry, depth: usize) -> Result<Vec<Entry>, SessionError> {
        self.sender.ctx.check_stopped(Role::Sender)?;
        let path = dir.path();
        let mut entries = Vec::new();
        let mut same = self.take_repeated(&path);
        if same.is_empty() {
            same.push(dir.clone());
        }
        // The source that was listed last: at once listing it again would only find duplicates.
        let mut just_listed = None;
        for dir in same {
            let source = self.sender.source(dir.source());
            let handle = self.open_listed(&source, &path);
            self.filters
                .change(self.sender, &source, &path, handle.as_ref().ok(), depth)?;
            if dir.flags().content_dir && just_listed != Some(dir.source()) {
                just_listed = Some(dir.source());
                self.add_directory(&source, &path, handle, &mut entries);
            } else {
                just_listed = None;
            }
            for tail in self.take_tails(&dir) {
                self.add_tail(&source, &path, tail, &mut entries)?;
            }
        }
        Ok(entries)
    }

    /// Adds a directory's content, and under it everything, to one list for all.
    pub(super) fn add_tree(
        &mut self,
        dir: &Entry,
        entries: &mut Vec<Entry>,
    ) -> Result<(), SessionError> {
        if !dir.is_dir() || dir.flags().mount_dir {
            return Ok(());
        }
        self.sender.ctx.check_stopped(Role::Sender)?;
        let source = self.sender.source(dir.source());
        let path = dir.path();
        let handle = self.open_listed(&source, &path);
        self.filters
            .enter_nested(self.sender, &source, &path, handle.as_ref().ok())?;
        let start = entries.len();
        self.add_directory(&source, &path, handle, entries);
        if self.sender.ctx.options.recurse {
            for index in start..entries.len() {
                if entries[index].is_dir() {
                    let below = entries[index].clone();
                    self.add_tree(&below, entries)?;
                }
            }
        }
        self.filters.leave();
        Ok(())
    }

    fn open_listed(&self, source: &super::SourceDir, path: &[u8]) -> io::Result<Dir> {
        source.open_dir(path, self.sender.links)
    }

    /// Adds what a directory holds, without descending.
    pub(super) fn add_directory(
        &mut self,
        source: &super::SourceDir,
        path: &[u8],
        handle: io::Result<Dir>,
        entries: &mut Vec<Entry>,
    ) {
        let ctx = &self.sender.ctx;
        let shown = || full_name(&source.absolute, path);
        let dir = match handle {
            Ok(dir) => dir,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                ctx.problems.add(Role::Sender, Problem::Vanished);
                ctx.warn(Role::Sender, line!("directory has vanished: ", shown()));
                return;
            }
            Err(e) => {
                ctx.problems.add(Role::Sender, Problem::General);
                ctx.transfer_error_os(Role::Sender, line!("opendir ", shown(), " failed"), e);
                return;
            }
        };
        let device = if ctx.options.one_file_system > 0 {
            dir.stat_self().map_or(0, |s| s.device)
        } else {
            0
        };
        let follow = if ctx.options.copy_links {
            Follow::Always
        } else {
            Follow::Never
        };
        let dirname = if path == b"." { b"" } else { path };
        let filters = self.filters.seen_from(source);
        let around = Surroundings {
            source,
            dir: &dir,
            filters: Some(&filters),
            device,
        };
        let flags = EntryFlags {
            content_dir: ctx.options.recurse,
            ..EntryFlags::default()
        };
        let scanned = tree::scan::scan(&dir, source.number, dirname, follow, |name, stat| {
            let length = path.len() + 1 + name.basename().len();
            if length >= LONGEST_PATH {
                let by = format!("by {}: ", length + 1 - LONGEST_PATH);
                let name = name.basename();
                let text = line!("filename overflows max-path len ", by, path, "/", name);
                ctx.problems.add(Role::Sender, Problem::General);
                ctx.transfer_error(Role::Sender, text);
                return;
            }
            if let Some(entry) = self.sender.make_entry(&around, name, stat, flags) {
                entries.push(entry);
                self.count_progress(entries.len());
            }
        });
        if let Err(e) = scanned {
            ctx.problems.add(Role::Sender, Problem::General);
            // A directory that may not be listed can be opened to go through it.
            let text = if e.kind() == io::ErrorKind::PermissionDenied {
                line!("opendir ", shown(), " failed")
            } else {
                line!("readdir(", shown(), ")")
            };
            ctx.transfer_error_os(Role::Sender, text, e);
            return;
        }
        ctx.control.sign_of_life();
    }

    /// Sorts a segment's entries, counts them and hands them over. `None` if nobody wants them.
    pub(super) fn hand_over(
        &mut self,
        entries: Vec<Entry>,
        parent: Parent,
    ) -> Option<Arc<Segment>> {
        self.count(&entries);
        let order = match &self.sender.for_wire {
            // Names that are converted have their numbers by the order in which they are sent.
            Some(wanted) if wanted.charset.is_some() => SENDING_ORDER,
            _ => self.sender.ctx.era.order,
        };
        let mut cleaned = sort_and_clean(entries, order, Numbering::Sorted);
        if let Some(wanted) = &self.sender.for_wire {
            // What is not sent has no number.
            cleaned.forget_dropped();
            if let Some(kind) = wanted.checksum {
                self.sender.sum_all(&mut cleaned.entries, kind);
            }
        }
        for dir in std::mem::take(&mut cleaned.repeated_dirs) {
            self.remember_repeated(dir);
        }
        let parent = match parent {
            Parent::None
                if cleaned
                    .entries
                    .first()
                    .is_some_and(|e| e.is_dir() && e.basename() == b".") =>
            {
                Parent::Dot
            }
            other => other,
        };
        let ordinal = self.next_ordinal();
        let after_errors = self.sender.ctx.problems.source_is_incomplete();
        let segment = Arc::new(Segment::new(
            cleaned,
            self.listed,
            ordinal,
            parent,
            after_errors,
        ));
        self.listed += segment.listed;
        self.queue.send(segment.clone()).then_some(segment)
    }
}
