//! What the path of a `-R` operand brings with it: the directories that it leads through.
//!
//! Where recursion is incremental, only the path's first directory belongs to the first segment;
//! the rest waits as a [`Tail`] until that directory's turn comes.
// rsync: flist.c send_implied_dirs(), send1extra()

use super::list::Lister;
use super::operand::NameType;
use super::{Links, SourceDir};
use crate::context::{full_name, line};
use crate::error::{Problem, SessionError};
use crate::event::Role;
use fast_io::dir::Follow;
use tree::entry::{Entry, EntryFlags, split};
use tree::filter::EntryKind;
use tree::names::Name;

/// The rest of a `-R` path, below a directory that it implies.
pub(super) struct Tail {
    pub rest: Vec<u8>,
    pub name_type: NameType,
}

impl Lister<'_> {
    /// Adds what the rest of a `-R` path names in the directory at hand.
    pub(super) fn add_tail(
        &mut self,
        source: &SourceDir,
        dir: &[u8],
        tail: Tail,
        entries: &mut Vec<Entry>,
    ) -> Result<(), SessionError> {
        let ctx = &self.sender.ctx;
        if let Some(at) = tail.rest.iter().position(|&b| b == b'/') {
            let name = tree::entry::join(dir, &tail.rest[..at]);
            let rest = tail.rest[at + 1..].to_vec();
            self.imply_with_tail(source, &name, Tail { rest, ..tail }, entries);
            return Ok(());
        }
        let name = tree::entry::join(dir, &tail.rest);
        if tail.name_type == NameType::Missing {
            let filters = self.filters.seen_from(source);
            if !self
                .sender
                .is_excluded(&filters, dir, &tail.rest, EntryKind::File)
            {
                entries.push(Entry::missing(Name::alone(source.number, dir, &tail.rest)));
            }
            return Ok(());
        }
        let follow = tail.name_type != NameType::Normal || ctx.options.copy_dirlinks;
        match self.operand_stat(source, &name, follow) {
            Ok(stat) => {
                let kind = if stat.is_dir() {
                    EntryKind::Directory
                } else {
                    EntryKind::File
                };
                let filters = self.filters.seen_from(source);
                if self.sender.is_excluded(&filters, dir, &tail.rest, kind) {
                    return Ok(());
                }
                self.add_named(source, &name, stat, NameType::Normal, entries)
            }
            Err(e) => {
                ctx.problems.add(Role::Sender, Problem::General);
                let shown = full_name(&source.absolute, &name);
                ctx.transfer_error_os(Role::Sender, line!("link_stat ", shown, " failed"), e);
                Ok(())
            }
        }
    }

    /// Adds the directory that the beginning of a path implies, unless the path before had the
    /// same beginning, and remembers what the path names below it.
    // rsync: flist.c send_implied_dirs() with inc_recurse
    pub(super) fn imply_with_tail(
        &mut self,
        source: &SourceDir,
        name: &[u8],
        tail: Tail,
        entries: &mut Vec<Entry>,
    ) {
        let known = matches!(&self.last_dir, Some((number, last, _))
            if *number == source.number && last == name);
        if !known {
            let implied = self.imply(source, name);
            let at = implied.as_ref().is_some_and(Entry::is_dir).then(|| {
                self.tails.push(Vec::new());
                self.tails.len() - 1
            });
            entries.extend(implied.map(|mut dir| {
                if let Some(at) = at {
                    dir.extra_mut().tails = Some(at as u32);
                }
                dir
            }));
            self.last_dir = Some((source.number, name.to_vec(), at));
        }
        if let Some((_, _, Some(at))) = &self.last_dir {
            self.tails[*at].push(tail);
        }
    }

    /// Adds all directories that a path implies and that the path before it did not.
    // rsync: flist.c send_implied_dirs() without inc_recurse
    pub(super) fn imply_all(
        &mut self,
        source: &SourceDir,
        name: &[u8],
        entries: &mut Vec<Entry>,
    ) -> Result<(), SessionError> {
        let ends = name
            .iter()
            .enumerate()
            .filter(|&(i, &b)| b == b'/' && i > 0);
        let dirs: Vec<&[u8]> = ends.map(|(i, _)| &name[..i]).collect();
        let Some(&whole) = dirs.last() else {
            return Ok(());
        };
        let last = std::mem::take(&mut self.last_implied);
        let common = whole.iter().zip(&last).take_while(|(a, b)| a == b).count();
        if common == whole.len() && matches!(last.get(common), None | Some(b'/')) {
            self.last_implied = last;
            return Ok(());
        }
        let slash = whole[..common].iter().rposition(|&b| b == b'/');
        let mut depth = whole[..common].iter().filter(|&&b| b == b'/').count();
        for dir in dirs {
            // What the path before had is left out, but for its last directory.
            if slash.is_some_and(|slash| dir.len() <= slash) {
                continue;
            }
            let implied = self.imply(source, dir);
            depth += 1;
            if implied.as_ref().is_some_and(Entry::is_dir) {
                let handle = source.open_dir(dir, Links::Followed).ok();
                self.filters
                    .change(self.sender, source, dir, handle.as_ref(), depth)?;
            }
            entries.extend(implied);
        }
        self.last_implied = whole.to_vec();
        Ok(())
    }

    /// Adds a directory that a path implies, unless the path before did.
    pub(super) fn imply(&mut self, source: &SourceDir, name: &[u8]) -> Option<Entry> {
        let (dirname, last) = split(name);
        let parent = source.open_dir(dirname, Links::Followed).ok()?;
        let dir = if dirname.is_empty() {
            &source.dir
        } else {
            &parent
        };
        let stat = dir.stat(last, Follow::Always);
        let around = self.surroundings(source, dir, None);
        let flags = EntryFlags {
            implied_dir: true,
            ..EntryFlags::default()
        };
        let last = Name::alone(source.number, dirname, last);
        self.sender.make_entry(&around, last, stat, flags)
    }

    pub(super) fn take_tails(&mut self, dir: &Entry) -> Vec<Tail> {
        let at = dir.extra.as_ref().and_then(|extra| extra.tails);
        at.map(|at| std::mem::take(&mut self.tails[at as usize]))
            .unwrap_or_default()
    }
}
