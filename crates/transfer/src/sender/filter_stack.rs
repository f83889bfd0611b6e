//! The filters that hold where the sender's walk is.
//!
//! rsync keeps one state for its whole walk: what a directory brings is pushed at the directory's
//! depth and popped when the walk comes to that depth again. Until then it holds for whatever is
//! looked at, be it below another source. We keep the same stack, so that the same names are left
//! out; what it holds does not change, so that no state has to be restored.
// rsync: exclude.c change_local_filter_dir(), push_local_filters(), pop_local_filters()

use super::{Sender, SourceDir};
use crate::error::SessionError;
use crate::event::Role;
use crate::filtering::{self, DirectoryFiles};
use fast_io::dir::Dir;
use tree::filter::{DirFilters, FilterSet, Side};

/// The filters of the directories that were entered and not left, by depth.
pub(super) struct FilterStack {
    /// Before any directory is entered.
    root: DirFilters,
    entered: Vec<(usize, DirFilters)>,
}

/// Deeper than anything that is entered by its depth.
const NESTED: usize = usize::MAX;

impl FilterStack {
    pub fn new(filters: &FilterSet) -> FilterStack {
        FilterStack {
            root: filters.root(Side::Sender, b"/"),
            entered: Vec::new(),
        }
    }

    /// Whether a directory was entered at all.
    pub fn is_at_root(&self) -> bool {
        self.entered.is_empty()
    }

    /// What holds now, for names of this source.
    pub fn seen_from(&self, source: &SourceDir) -> DirFilters {
        let mut base = source.absolute.clone();
        if base.first() != Some(&b'/') {
            base.insert(0, b'/');
        }
        self.top().seen_from(&base)
    }

    /// Leaves the directories of this depth and deeper, and enters this one.
    pub fn change(
        &mut self,
        sender: &Sender,
        source: &SourceDir,
        path: &[u8],
        dir: Option<&Dir>,
        depth: usize,
    ) -> Result<(), SessionError> {
        while self.entered.last().is_some_and(|(at, _)| *at >= depth) {
            self.entered.pop();
        }
        self.enter(sender, source, path, dir, depth)
    }

    /// Enters a directory, to be left with [`Self::leave`].
    pub fn enter_nested(
        &mut self,
        sender: &Sender,
        source: &SourceDir,
        path: &[u8],
        dir: Option<&Dir>,
    ) -> Result<(), SessionError> {
        self.enter(sender, source, path, dir, NESTED)
    }

    /// Leaves the directory that was entered last.
    pub fn leave(&mut self) {
        self.entered.pop();
    }

    fn enter(
        &mut self,
        sender: &Sender,
        source: &SourceDir,
        path: &[u8],
        dir: Option<&Dir>,
        depth: usize,
    ) -> Result<(), SessionError> {
        let above = self.seen_from(source);
        if !above.reads_directories() {
            self.entered.push((depth, above));
            return Ok(());
        }
        let path = if path == b"." { b"" } else { path };
        let mut files = DirectoryFiles::new(&sender.ctx.options, Some(&source.dir), path, dir);
        let own = above.enter(path, &mut files);
        for notice in files.outside.notices {
            filtering::tell(&sender.ctx, Role::Sender, &notice);
        }
        let own = own.map_err(|e| sender.filter_error(e))?;
        let left = self.top().once_entered();
        match self.entered.last_mut() {
            Some((_, top)) => *top = left,
            None => self.root = left,
        }
        self.entered.push((depth, own));
        Ok(())
    }

    fn top(&self) -> &DirFilters {
        self.entered.last().map_or(&self.root, |(_, top)| top)
    }
}
