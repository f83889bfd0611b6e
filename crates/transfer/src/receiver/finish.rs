//! How a file ends: what it replaces is kept, it gets its attributes, it is brought to the disk if
//! that was asked for, and it gets the name that it stays under.
//!
//! Complete files and unfinished ones that are kept take this one road, so that neither can lose
//! what stood there before.
// rsync: rsync.c finish_transfer(); util1.c robust_rename(), copy_file()

use super::file::{Naming, Target};
use super::{Basis, Failure, Job, ROLE, Receiver, Standing};
use crate::attrs::{Before, Handle, TimeRule, Wanted, keeps_time};
use crate::context::line;
use crate::error::{Fatal, SessionError};
use crate::narrator::Moved;
use crate::paths;
use crate::receiver::backup::{Backup, Keep, Keeper};
use fast_io::dir::{Access, Dir, Follow, Timestamp, XattrsOf};
use fast_io::offload::End;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use tree::entry::join;
use tree::temp::{self, Location};

/// As what a file stays.
#[derive(Clone, Copy)]
pub(super) enum Stay<'a> {
    /// Under its own name, complete.
    Complete,
    /// Under its own name, but not complete.
    Unfinished,
    /// In the directory for unfinished files, which is a thing apart from what it would replace.
    Aside { dir: &'a Dir, name: &'a [u8] },
    /// In the same directory, complete: it gets its own name in the end (`--delay-updates`).
    Waiting { dir: &'a Dir, name: &'a [u8] },
}

impl Receiver {
    /// Gives a complete file its attributes and its name.
    pub(super) fn commit(&self, job: &Job, target: Target, moved: Moved) -> Result<Moved, Failure> {
        if self.ctx.options.delay_updates {
            return self.put_off(job, target).map(|()| moved);
        }
        self.finish(job, target, Stay::Complete)?;
        if matches!(job.basis, Basis::Partial(_)) {
            self.drop_partial(Some((&job.dir, job.leaf())));
        }
        Ok(moved)
    }

    /// Lets a file stay. If it cannot, it is removed; what prevented it has been told.
    pub(super) fn finish(&self, job: &Job, target: Target, stay: Stay<'_>) -> Result<(), Failure> {
        let before = Before::Made(target.born.map(|born| born.stat()));
        let ready = self
            .keep_replaced(job, &target, stay)
            .and_then(|()| self.settle(job, &target.file, before, stay));
        if ready.is_err() {
            self.remove_temp(job, &target);
            return ready;
        }
        let to = stay.dir(job);
        let temp = match target.naming {
            Naming::Own => return Ok(()),
            Naming::Temporary(temp) => temp,
            Naming::Unnamed => match to.link_file(&target.file, job.leaf()) {
                Ok(()) => return Ok(()),
                // Something stands there, or it is another file system.
                Err(_) => self.name_temporarily(job, &target.file).map_err(|e| {
                    let name = self.shown(&stay.path(job));
                    let text = line!("link ", name, " failed");
                    self.ctx.transfer_error_os(ROLE, text, e);
                    Failure::Skipped
                })?,
            },
        };
        // What is still open cannot be renamed everywhere.
        drop(target.file);
        let (from, _) = self.temp_location(job);
        let renamed = match from.rename(&temp, to, job.leaf()) {
            Err(e) if e.kind() == io::ErrorKind::CrossesDevices => {
                return self.finish_across(job, from, &temp, stay);
            }
            renamed => renamed,
        };
        renamed.map_err(|e| {
            let _ = from.remove_file(&temp);
            self.no_name(job, "rename ", &temp, stay, e)
        })
    }

    /// The file is on another file system than its place: a copy stays instead, which appears
    /// there in one step too.
    fn finish_across(
        &self,
        job: &Job,
        from: &Dir,
        temp: &[u8],
        stay: Stay<'_>,
    ) -> Result<(), Failure> {
        let to = stay.dir(job);
        let copied = self.copy_across(job, from, temp, to);
        let _ = from.remove_file(temp);
        let (copy, name) = copied
            .map_err(|e| self.no_name(job, "copy ", temp, stay, e))?
            .ok_or(Failure::Skipped)?;
        let settled = self.settle(job, &copy, Before::Made(None), stay);
        drop(copy);
        let named = settled.and_then(|()| {
            to.rename(&name, to, job.leaf())
                .map_err(|e| self.no_name(job, "rename ", &name, stay, e))
        });
        if named.is_err() {
            let _ = to.remove_file(&name);
        }
        named
    }

    /// Copies a file to a temporary name in its place. `None` if somebody asked to stop.
    fn copy_across(
        &self,
        job: &Job,
        from: &Dir,
        temp: &[u8],
        to: &Dir,
    ) -> io::Result<Option<(File, Vec<u8>)>> {
        let source = from.open_file(temp, Access::Read, Follow::Never)?;
        let size = source.metadata()?.len();
        let (copy, name) = temp::create(to, job.leaf(), Location::Beside, 0o600)?;
        let mut progress = |_| {
            self.ctx.control.sign_of_life();
            if self.ctx.options.partial {
                // After a stop it is kept too, and would have to be copied all the same.
                ControlFlow::Continue(())
            } else {
                self.go_on()
            }
        };
        let copier = &self.ctx.copier;
        let copied = copier.copy_range(&source, &copy, 0, 0, size, &mut progress);
        let whole = match copied {
            Ok(copied) if copied.end == End::Complete => return Ok(Some((copy, name))),
            Ok(copied) if copied.end == End::Stopped => Ok(None),
            Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(e) => Err(e.error),
        };
        drop(copy);
        let _ = to.remove_file(&name);
        whole
    }

    /// Makes a backup of what the file is about to replace.
    fn keep_replaced(&self, job: &Job, target: &Target, stay: Stay<'_>) -> Result<(), Failure> {
        let replaces = !matches!(target.naming, Naming::Own)
            && !matches!(stay, Stay::Aside { .. } | Stay::Waiting { .. })
            && job.existing.is_some();
        if replaces && self.ctx.options.backup {
            let keeper = Keeper::Receiver(job.place);
            let backup = self.backup(&job.dir, job.leaf(), Keep::AndStay, keeper);
            if let Backup::Failed(_) = backup {
                return Err(self.end_by_file_error());
            }
        }
        Ok(())
    }

    /// Gives a file that stays its attributes, and has them and the content on the disk under
    /// `--fsync`.
    fn settle(
        &self,
        job: &Job,
        file: &File,
        before: Before,
        stay: Stay<'_>,
    ) -> Result<(), Failure> {
        let shown = || self.shown(&stay.path(job));
        let wanted = Wanted {
            entry: job.entry.entry(),
            mode: job.mode,
        };
        let time = match stay {
            Stay::Complete | Stay::Waiting { .. } => TimeRule::Exact,
            Stay::Unfinished | Stay::Aside { .. } => TimeRule::Skip,
        };
        self.setter()
            .apply(wanted, &Handle::File(file), before, time, shown);
        if matches!(stay, Stay::Complete) {
            let old = match &job.basis {
                Basis::Elsewhere(old) => Some(XattrsOf::Entry(&old.dir.dir, &old.name)),
                _ if job.existing.is_some() => Some(XattrsOf::Entry(&job.dir.dir, job.leaf())),
                _ => None,
            };
            // Of a copy of what is elsewhere, values may still have to be asked for.
            let is_copy = job.standing == Standing::Apart;
            if !is_copy || old.is_none_or(|old| self.has_xattr_values(wanted.entry, old)) {
                self.set_xattrs(wanted.entry, &Handle::File(file), old, shown);
            }
        }
        if matches!(stay, Stay::Unfinished)
            && keeps_time(&self.ctx.options, job.mode)
            // An old time, so that `--update` does not take it for a newer file.
            && let Err(e) = fast_io::dir::set_file_mtime(file, Timestamp::default())
        {
            let text = line!("failed to set times on ", shown());
            self.ctx.transfer_error_os(ROLE, text, e);
        }
        if self.ctx.options.fsync
            && let Err(e) = file.sync_all()
        {
            let text = line!("fsync failed on ", shown());
            self.ctx.error_os(ROLE, text, e);
            return Err(self.end_by_file_error());
        }
        Ok(())
    }

    fn end_by_file_error(&self) -> Failure {
        self.end_session(SessionError {
            kind: Fatal::FileIo,
            role: ROLE,
        });
        Failure::Skipped
    }

    /// Tells that a file did not get its name.
    fn no_name(
        &self,
        job: &Job,
        what: &str,
        temp: &[u8],
        stay: Stay<'_>,
        error: io::Error,
    ) -> Failure {
        let from = match (self.temp_location(job).1, &self.ctx.options.tmp_dir) {
            (Location::TempDir, Some(dir)) => paths::operand_bytes(dir.as_os_str()),
            _ => job.dir.path.clone(),
        };
        let from = self.shown(&join(&from, temp));
        let text = line!(what, from, " -> \"", stay.path(job), "\"");
        self.ctx.transfer_error_os(ROLE, text, error);
        Failure::Skipped
    }

    fn name_temporarily(&self, job: &Job, file: &File) -> io::Result<Vec<u8>> {
        let dir = &job.dir.dir;
        let link = |name: &[u8]| dir.link_file(file, name);
        temp::unique(job.leaf(), Location::Beside, link).map(|((), name)| name)
    }
}

impl<'a> Stay<'a> {
    fn dir(self, job: &'a Job) -> &'a Dir {
        match self {
            Stay::Complete | Stay::Unfinished => &job.dir.dir,
            Stay::Aside { dir, .. } | Stay::Waiting { dir, .. } => dir,
        }
    }

    /// The name that it gets, below the destination.
    fn path(self, job: &Job) -> Vec<u8> {
        match self {
            Stay::Complete | Stay::Unfinished => job.path(),
            Stay::Aside { name, .. } | Stay::Waiting { name, .. } => {
                if paths::is_absolute(name) {
                    name.to_vec()
                } else {
                    join(&job.dir.path, name)
                }
            }
        }
    }
}
