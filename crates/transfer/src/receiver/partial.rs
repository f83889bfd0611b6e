//! Unfinished files (`--partial`, `--partial-dir`): kept so that the next session can go on.
// rsync: util1.c partial_dir_fname(), handle_partial_dir(); cleanup.c

use super::file::Target;
use super::finish::Stay;
use super::{Job, Receiver};
use crate::destination::DestDir;
use crate::paths;
use fast_io::dir::{Dir, FileKind, Follow, Stat};
use std::io;
use std::sync::Arc;
use tree::entry::join;

impl Receiver {
    /// The unfinished file that an earlier session left for this name.
    pub fn find_partial(&self, place: Option<(&Arc<DestDir>, &[u8])>) -> Option<Stat> {
        self.ctx.options.partial_dir.as_ref()?;
        let (dir, name) = place?;
        let stat = self
            .open_partial_dir(dir)
            .ok()?
            .stat(name, Follow::Never)
            .ok()?;
        (stat.kind == FileKind::Regular).then_some(stat)
    }

    /// Removes the unfinished file of this name, and the directory if that leaves it empty.
    pub fn drop_partial(&self, place: Option<(&Arc<DestDir>, &[u8])>) {
        let Some((dir, name)) = place else { return };
        if self.ctx.options.dry_run {
            return;
        }
        let Ok(partial) = self.open_partial_dir(dir) else {
            return;
        };
        let _ = partial.remove_file(name);
        drop(partial);
        self.drop_partial_dir(dir);
    }

    pub(super) fn drop_partial_dir(&self, dir: &DestDir) {
        if let Some(name) = self.partial_dir_name()
            && !paths::is_absolute(&name)
        {
            let (parent, last) = tree::entry::split(&name);
            if let Ok(parent) = dir.dir.open_beneath(parent) {
                let _ = parent.remove_dir(last);
            }
        }
    }

    /// Opens the directory that unfinished files of `dir` are in.
    pub(super) fn open_partial_dir(&self, dir: &DestDir) -> io::Result<Dir> {
        let name = self.partial_dir_name().ok_or(io::ErrorKind::NotFound)?;
        if paths::is_absolute(&name) {
            Dir::open(&paths::path_of(&name), paths::confined(&self.ctx.options))
        } else {
            dir.dir.open_beneath(&name)
        }
    }

    pub(super) fn make_partial_dir(&self, dir: &DestDir) -> io::Result<Dir> {
        let opened = self.open_partial_dir(dir);
        if opened.is_ok() {
            return opened;
        }
        let name = self.partial_dir_name().ok_or(io::ErrorKind::NotFound)?;
        let (parent, last) = tree::entry::split(&name);
        let parent = if paths::is_absolute(&name) {
            let end = parent.len().max(paths::root_length(&name));
            let trust = paths::confined(&self.ctx.options);
            Dir::open(&paths::path_of(&name[..end]), trust)?
        } else {
            dir.dir.open_beneath(parent)?
        };
        // Something that is no directory is in the way.
        let _ = parent.remove_file(last);
        match parent.create_dir(last, 0o700) {
            // Another file of this directory came first.
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
            _ => parent.open_beneath(last),
        }
    }

    pub(super) fn partial_dir_name(&self) -> Option<Vec<u8>> {
        self.ctx
            .options
            .partial_dir
            .as_ref()
            .map(|d| paths::operand_bytes(d.as_os_str()))
    }

    /// Whether a file that did not get finished, with this much in it, is to be kept.
    pub(super) fn wants_unfinished(&self, bytes: u64) -> bool {
        self.ctx.options.partial && bytes > 0
    }

    /// Keeps a file that did not get finished. Where the directory for those cannot be made it is
    /// lost.
    pub(super) fn keep_unfinished(&self, job: &Job, target: Target) {
        let aside = self.partial_dir_name().map(|name| {
            let dir = self.make_partial_dir(&job.dir);
            dir.map(|dir| (dir, join(&name, job.leaf())))
        });
        let stay = match &aside {
            None => Stay::Unfinished,
            Some(Ok((dir, name))) => Stay::Aside { dir, name },
            Some(Err(_)) => return self.remove_temp(job, &target),
        };
        // What prevented it has been told, and this file is given up already.
        let _ = self.finish(job, target, stay);
    }
}
