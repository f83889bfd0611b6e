//! Looks at what stands under an entry's name at the destination, through open directories.
//!
//! The directories from the root down to the entry at hand stay open, so that each name is looked
//! up in its own directory and no path is walked twice.
// rsync: generator.c recv_generator(), the calls of link_stat()

use super::{Found, Generator};
use crate::destination::DestDir;
use crate::paths::without_leading_slashes;
use fast_io::dir::{FileKind, Follow};
use options::DeleteWhen;
use std::io;
use std::sync::Arc;
use tree::entry::{Entry, join, split};

impl Generator {
    /// What stands under the entry's name, and with `follow_dir` behind a link to a directory.
    pub(super) fn look(&mut self, file: &Entry, follow_dir: bool) -> Found {
        if self.destination.root.is_none() {
            return Found::Missing;
        }
        if let Some(depth) = self.dry_missing {
            if file.depth() > depth {
                return Found::Missing;
            }
            self.dry_missing = None;
        }
        let o = &self.ctx.options;
        // `--no-implied-dirs` leaves it to the first entry in a directory to make it.
        let makes_path = o.relative && !o.implied_dirs && !o.dry_run;
        let entered = match self.enter(file) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && makes_path => {
                self.make_path(without_leading_slashes(file.dirname()))
            }
            other => other,
        };
        let dir = match entered {
            Ok(dir) => dir,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Found::Missing,
            Err(e) => return Found::Failed(e),
        };
        if file.basename() == b"." && self.destination.solo_name.is_none() {
            return dir.dir.stat_self().map_or_else(Found::Failed, Found::There);
        }
        // What this session made holds nothing yet.
        if dir.fresh && !file.is_dir() {
            return Found::Missing;
        }
        let leaf = self.leaf(file);
        let mut stat = dir.dir.stat(leaf, Follow::Never);
        if follow_dir
            && let Ok(link) = &stat
            && link.kind == FileKind::Symlink
            && let Ok(behind) = dir.dir.stat(leaf, Follow::Always)
            && behind.is_dir()
        {
            stat = Ok(behind);
        }
        match stat {
            Ok(stat) => Found::There(stat),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Found::Missing,
            Err(e) => Found::Failed(e),
        }
    }

    /// Opens the directory that an entry belongs into. Those on the way stay open.
    pub(super) fn enter(&mut self, file: &Entry) -> io::Result<Arc<DestDir>> {
        let path: &[u8] = if self.destination.solo_name.is_some() {
            b""
        } else {
            without_leading_slashes(file.dirname())
        };
        let entered = self.enter_path(path);
        if !self.dirs_aside.is_empty() {
            self.forget_dirs_behind(&self.name(file));
        }
        entered
    }

    /// Lets go of directories that the list does not return to.
    fn forget_dirs_behind(&mut self, name: &[u8]) {
        let order = self.ctx.era.order;
        self.dirs_aside
            .retain(|dir| order.returns_to(&dir.path, name));
    }

    pub(super) fn enter_path(&mut self, path: &[u8]) -> io::Result<Arc<DestDir>> {
        let is_above = |dir: &[u8]| {
            dir.is_empty()
                || (path.starts_with(dir) && matches!(path.get(dir.len()), None | Some(b'/')))
        };
        while let Some(left) = self.open_dirs.pop_if(|d| !is_above(&d.path)) {
            if self.ctx.era.order.returns_to(&left.path, path) {
                self.dirs_aside.push(left);
            }
        }
        let Some(mut dir) = self.open_dirs.last().cloned() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let rest = path[dir.path.len()..].to_vec();
        for name in rest.split(|&b| b == b'/').filter(|n| !n.is_empty()) {
            dir = self.open_below(&dir, name)?;
            self.open_dirs.push(dir.clone());
        }
        Ok(dir)
    }

    /// Opens a directory, making it and those above it where they are missing.
    // rsync: util1.c make_path()
    pub(super) fn make_path(&mut self, path: &[u8]) -> io::Result<Arc<DestDir>> {
        let ends = path.iter().enumerate().filter(|&(_, &b)| b == b'/');
        let ends = ends.map(|(at, _)| at).chain([path.len()]);
        let mut entered = self.enter_path(b"")?;
        for end in ends {
            entered = match self.enter_path(&path[..end]) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    let (_, name) = split(&path[..end]);
                    let permissions = entered.new_permissions(&self.ctx);
                    entered.dir.create_dir(name, permissions)?;
                    self.enter_path(&path[..end])?
                }
                other => other?,
            };
        }
        Ok(entered)
    }

    pub(super) fn open_below(
        &mut self,
        dir: &Arc<DestDir>,
        name: &[u8],
    ) -> io::Result<Arc<DestDir>> {
        if !self.dirs_aside.is_empty() {
            let path = join(&dir.path, name);
            if let Some(at) = self.dirs_aside.iter().position(|d| d.path == path) {
                return Ok(self.dirs_aside.swap_remove(at));
            }
            self.forget_dirs_behind(&path);
        }
        let opened = dir.open(name, self.follows_within(), false)?;
        self.dirs_opened += 1;
        if let Some(&mtime) = self.late_times.get(&opened.path) {
            opened.restore_time(mtime);
        }
        Ok(opened)
    }

    /// Whether a link on the way to an entry is followed as long as it stays in the destination:
    /// with `-K`, and where `--no-implied-dirs` uses the directories of a path as they are.
    pub(super) fn follows_within(&self) -> bool {
        let o = &self.ctx.options;
        o.keep_dirlinks || (o.relative && !o.implied_dirs)
    }

    /// Whether directories may be entered again after their turn.
    pub(super) fn returns_to_dirs(&self) -> bool {
        let o = &self.ctx.options;
        o.preserve_hard_links
            || o.delay_updates
            || matches!(o.delete, Some(DeleteWhen::After | DeleteWhen::Delay))
    }

    /// The name below the destination.
    pub(super) fn name(&self, file: &Entry) -> Vec<u8> {
        match &self.destination.solo_name {
            Some(name) => name.clone(),
            None => without_leading_slashes(&file.path()).to_vec(),
        }
    }

    /// A name as errors show it.
    pub(super) fn shown(&self, name: &[u8]) -> Vec<u8> {
        crate::context::full_name(&self.destination.absolute, name)
    }

    pub(super) fn leaf<'a>(&'a self, file: &'a Entry) -> &'a [u8] {
        self.destination
            .solo_name
            .as_deref()
            .unwrap_or(file.basename())
    }

    /// The open directory that an entry belongs into, if it was opened already.
    pub(super) fn there<'a>(&'a self, file: &'a Entry) -> Option<(&'a Arc<DestDir>, &'a [u8])> {
        Some((self.open_dirs.last()?, self.leaf(file)))
    }
}
