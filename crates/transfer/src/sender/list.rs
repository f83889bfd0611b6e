//! Turns operands (or the lines of `--files-from`) into the top of the file list.
// rsync: flist.c send_file_list()

use super::entry::Surroundings;
use super::filter_stack::FilterStack;
use super::implied::Tail;
use super::operand::{
    NameType, Operand, first_component_end, relative_part, split_operand, split_relative,
};
use super::{Links, Sender, SourceDir};
use crate::context::{full_name, line};
use crate::error::{Fatal, Problem, SessionError};
use crate::event::{FileList, Role};
use crate::link::SegmentQueue;
use crate::segment::Parent;
use fast_io::dir::{Dir, Follow, Stat};
use options::MissingArgs;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tree::entry::{Entry, EntryFlags, split};
use tree::filter::{DirFilters, EntryKind};
use tree::names::Name;

/// Makes the file list.
pub(super) struct Lister<'a> {
    pub sender: &'a Arc<Sender>,
    pub queue: &'a SegmentQueue,
    /// How many entries have been handed over.
    pub listed: u64,
    incremental: bool,
    /// How many segments were handed over.
    segments: u64,
    /// Directories that were listed more than once, each as it was listed.
    repeated: HashMap<Vec<u8>, Vec<Entry>>,
    /// What `-R` names below directories, to be listed when a directory's turn comes. Entries
    /// hold their place here.
    pub(super) tails: Vec<Vec<Tail>>,
    /// The last path whose directories were implied.
    pub(super) last_implied: Vec<u8>,
    /// The filters that hold where the walk is.
    pub filters: FilterStack,
    /// The directory that was implied last, where recursion is incremental: its source, its
    /// name, and the place of its tails if there is such a directory.
    pub(super) last_dir: Option<(u32, Vec<u8>, Option<usize>)>,
    dot_implied: bool,
}

impl<'a> Lister<'a> {
    pub fn new(sender: &'a Arc<Sender>, queue: &'a SegmentQueue) -> Lister<'a> {
        Lister {
            sender,
            queue,
            listed: 0,
            incremental: sender.ctx.options.incremental_recursion(),
            segments: 0,
            repeated: HashMap::new(),
            tails: Vec::new(),
            last_implied: Vec::new(),
            filters: FilterStack::new(&sender.filters),
            last_dir: None,
            dot_implied: false,
        }
    }

    /// Makes the whole list and hands it over.
    pub fn run(
        mut self,
        operands: &[Vec<u8>],
        listed: Option<&[Vec<u8>]>,
    ) -> Result<(), SessionError> {
        let ctx = &self.sender.ctx;
        let started = Instant::now();
        ctx.narrator.file_list(FileList::Started {
            incremental: self.incremental,
            receiving: false,
        });
        let mut entries = Vec::new();
        let (base, names): (&[u8], _) = match listed {
            None => (b"", operands),
            Some(names) => (operands.first().map_or(b"", |b| b), names),
        };
        for name in names {
            self.add_operand(name, base, &mut entries)?;
        }
        if !self.incremental {
            ctx.narrator
                .file_list(FileList::Finished(entries.len() as u64));
        }
        // rsync never says that it took no time.
        ctx.tally().stats.list_seconds = started.elapsed().as_secs_f64().max(0.001);
        ctx.problems.sending_begins();
        let Some(top) = self.hand_over(entries, Parent::None) else {
            return Ok(());
        };
        if self.incremental {
            self.descend(top)?;
        }
        let mut tally = ctx.tally();
        tally.totals.list_complete = true;
        Ok(())
    }

    fn add_operand(
        &mut self,
        operand: &[u8],
        base: &[u8],
        entries: &mut Vec<Entry>,
    ) -> Result<(), SessionError> {
        let sender = self.sender;
        let ctx = &sender.ctx;
        let o = &ctx.options;
        ctx.check_stopped(Role::Sender)?;
        let Operand {
            dir,
            name,
            name_type,
        } = if o.relative {
            split_relative(operand).map_err(|name| {
                let text = line!("found \"..\" dir in relative path: ", name);
                ctx.fatal(Fatal::Syntax, Role::Sender, text)
            })?
        } else {
            split_operand(operand)
        };
        let leading_dot = o.relative && relative_part(operand).starts_with(b"./");

        let place = match (base, &dir[..]) {
            (b"", _) => dir.clone(),
            (_, b"") => base.to_vec(),
            _ => tree::entry::join(base, &dir),
        };
        let Some(source) = sender.enter_source(&place, &dir) else {
            return Ok(());
        };
        if leading_dot && name != b"." && !self.dot_implied {
            self.dot_implied = true;
            let flags = EntryFlags {
                implied_dir: true,
                ..EntryFlags::default()
            };
            let dot = Name::alone(source.number, b"", b".");
            let around = self.surroundings(&source, &source.dir, None);
            entries.extend(sender.make_entry(&around, dot, source.dir.stat_self(), flags));
        }

        let follow_dir = o.copy_dirlinks || name_type != NameType::Normal;
        let stat = match self.operand_stat(&source, &name, follow_dir) {
            Ok(stat) => stat,
            Err(e)
                if e.kind() == io::ErrorKind::NotFound && o.missing_args != MissingArgs::Report =>
            {
                if o.missing_args == MissingArgs::Delete {
                    self.add_missing(&source, &name, entries)?;
                }
                return Ok(());
            }
            Err(e) => {
                if e.kind() != io::ErrorKind::NotFound {
                    ctx.problems.add(Role::Sender, Problem::General);
                }
                let shown = full_name(&source.absolute, &name);
                ctx.transfer_error_os(Role::Sender, line!("link_stat ", shown, " failed"), e);
                return Ok(());
            }
        };
        if name_type != NameType::DotDir {
            let kind = if stat.is_dir() {
                EntryKind::Directory
            } else {
                EntryKind::File
            };
            let (dirname, last) = split(&name);
            let filters = self.filters.seen_from(&source);
            if sender.is_excluded(&filters, dirname, last, kind) {
                return Ok(());
            }
        }
        if stat.is_dir() && !o.xfer_dirs {
            ctx.info(Role::Sender, line!("skipping directory ", name));
            return Ok(());
        }

        if o.relative {
            let named = if name_type == NameType::Normal {
                split(&name).0
            } else {
                &name
            };
            source.name_dir(named);
        }
        if o.relative && self.incremental {
            // Only the first directory of the path is of this segment.
            if let Some(at) = first_component_end(&name) {
                let tail = Tail {
                    rest: name[at + 1..].to_vec(),
                    name_type,
                };
                self.imply_with_tail(&source, &name[..at], tail, entries);
                return Ok(());
            }
        } else if o.relative {
            self.imply_all(&source, &name, entries)?;
        }
        self.add_named(&source, &name, stat, name_type, entries)
    }

    /// Adds the entry of an operand that does not exist: the other side deletes what has its name.
    fn add_missing(
        &mut self,
        source: &SourceDir,
        name: &[u8],
        entries: &mut Vec<Entry>,
    ) -> Result<(), SessionError> {
        let relative = self.sender.ctx.options.relative;
        if relative && self.incremental {
            if let Some(at) = first_component_end(name) {
                let tail = Tail {
                    rest: name[at + 1..].to_vec(),
                    name_type: NameType::Missing,
                };
                self.imply_with_tail(source, &name[..at], tail, entries);
                return Ok(());
            }
        } else if relative {
            self.imply_all(source, name, entries)?;
        }
        let (dirname, last) = split(name);
        entries.push(Entry::missing(Name::alone(source.number, dirname, last)));
        Ok(())
    }

    /// Adds an entry that was named itself, and what follows from its being a directory.
    pub(super) fn add_named(
        &mut self,
        source: &SourceDir,
        name: &[u8],
        stat: Stat,
        name_type: NameType,
        entries: &mut Vec<Entry>,
    ) -> Result<(), SessionError> {
        let sender = self.sender;
        let o = &sender.ctx.options;
        let descend = o.recurse || (o.xfer_dirs && name_type != NameType::Normal);
        let flags = EntryFlags {
            top_dir: descend,
            content_dir: stat.is_dir() && descend,
            ..EntryFlags::default()
        };
        let (dirname, last) = split(name);
        let parent = if dirname.is_empty() {
            None
        } else {
            source.open_dir(dirname, Links::Followed).ok()
        };
        let dir = parent.as_ref().unwrap_or(&source.dir);
        let around = self.surroundings(source, dir, None);
        let last = Name::alone(source.number, dirname, last);
        let Some(entry) = sender.make_entry(&around, last, Ok(stat), flags) else {
            return Ok(());
        };
        entries.push(entry.clone());
        if !descend || !entry.is_dir() {
            return Ok(());
        }
        if !self.incremental {
            return self.add_tree(&entry, entries);
        }
        if name_type == NameType::DotDir {
            let handle = source.open_dir(name, Links::Followed);
            // Of several sources' tops, only the first one's rules are read.
            if self.filters.is_at_root() {
                self.filters
                    .change(sender, source, name, handle.as_ref().ok(), 0)?;
            }
            self.add_directory(source, name, handle, entries);
        }
        Ok(())
    }

    pub(super) fn operand_stat(
        &self,
        source: &SourceDir,
        name: &[u8],
        follow_dirs: bool,
    ) -> io::Result<Stat> {
        if self.sender.ctx.options.copy_links {
            return source.stat(name, Follow::Always);
        }
        let stat = source.stat(name, Follow::Never)?;
        if follow_dirs && stat.kind == fast_io::dir::FileKind::Symlink {
            match source.stat(name, Follow::Always) {
                Ok(behind) if behind.is_dir() => return Ok(behind),
                _ => {}
            }
        }
        Ok(stat)
    }

    pub(super) fn surroundings<'p>(
        &self,
        source: &'p SourceDir,
        dir: &'p Dir,
        filters: Option<&'p DirFilters>,
    ) -> Surroundings<'p> {
        Surroundings {
            source,
            dir,
            filters,
            device: 0,
        }
    }

    pub(super) fn take_repeated(&mut self, path: &[u8]) -> Vec<Entry> {
        self.repeated.remove(path).unwrap_or_default()
    }

    pub(super) fn remember_repeated(&mut self, entry: Entry) {
        self.repeated.entry(entry.path()).or_default().push(entry);
    }

    /// What the numbers of the next segment's entries are ahead by, where rsync shows them.
    pub(super) fn next_ordinal(&mut self) -> u64 {
        if self.incremental {
            self.segments += 1;
        }
        self.segments
    }

    /// Shows how a whole list grows.
    pub(super) fn count_progress(&self, entries: usize) {
        if !self.incremental && entries.is_multiple_of(100) {
            self.sender
                .ctx
                .narrator
                .file_list(FileList::Grown(entries as u64));
        }
    }

    pub(super) fn count(&self, entries: &[Entry]) {
        let mut tally = self.sender.ctx.tally();
        for entry in entries {
            tally.stats.files.add(entry.mode());
            if entry.is_regular() || entry.is_symlink() {
                tally.stats.total_size += entry.size;
            }
            // About what rsync's encoding takes for an entry.
            tally.stats.list_size += entry.basename().len() as u64 + 8;
        }
        tally.totals.files_known = tally.stats.files.total;
        tally.totals.files_to_check += entries.len() as u64;
        tally.totals.total_size = tally.stats.total_size;
    }
}
