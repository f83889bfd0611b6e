//! One file: its target is opened and its content put in; [`super::finish`] gives it its name.
// rsync: receiver.c recv_files(), open_tmpfile()

use super::{Failure, Job, ROLE, Receiver};
use crate::attrs::needs_owner;
use crate::context::line;
use crate::error::{Fatal, SessionError};
use crate::paths;
use delta::Digest;
use fast_io::dir::{Access, DeviceNumber, Dir, FileKind, Follow, Stat, Timestamp};
use std::fs::File;
use std::io;
use tree::entry::join;
use tree::temp::{self, Location};

/// Which try it is: a second one takes nothing for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    Again,
}

/// Where a file's content goes.
pub(super) struct Target {
    pub file: File,
    pub naming: Naming,
    /// What it was made as, where that is known without looking.
    pub born: Option<Born>,
}

/// Under which name a file is written.
pub(super) enum Naming {
    /// Its own: in place.
    Own,
    /// A temporary one, which it keeps until it is complete.
    Temporary(Vec<u8>),
    /// None: it gets its own when it is complete.
    Unnamed,
}

/// What a file was made as.
#[derive(Clone, Copy)]
pub(super) struct Born {
    permissions: u32,
    uid: u32,
    gid: u32,
}

/// Why content did not arrive.
pub(super) enum Trouble {
    /// The source could not be read.
    Source(io::Error),
    /// The source was shorter than it had said.
    SourceEnded,
    /// What `--append` took for the beginning of the source is not.
    PrefixDiffers,
    /// What arrived is not what the other side sums up.
    Unverified,
    /// The target could not be written.
    Target(io::Error),
    /// Somebody asked the session to stop, with this much done.
    Stopped(u64),
}

impl Receiver {
    /// Opens what a file's content goes into.
    pub(super) fn open_target(&self, job: &Job) -> Result<Target, Failure> {
        if self.ctx.options.inplace {
            return match self.open_in_place(job) {
                Ok(file) => Ok(Target {
                    file,
                    naming: Naming::Own,
                    born: None,
                }),
                Err(e) => {
                    let name = self.shown(&job.path());
                    self.ctx
                        .transfer_error_os(ROLE, line!("open ", name, " failed"), e);
                    Err(Failure::Skipped)
                }
            };
        }
        let (dir, location) = self.temp_location(job);
        // Nobody else may look at it before its owner is right: then it may have its permissions
        // at once, and never has to be given them.
        let birth = job.dir.birth().filter(|birth| {
            location == Location::Beside
                && job.mode & 0o7000 == 0
                && !needs_owner(&self.ctx, &self.ids, job.entry.entry(), *birth)
        });
        let permissions = if birth.is_some() {
            job.mode & 0o777
        } else {
            (job.mode | 0o200) & 0o700
        };
        match self.make(job, dir, location, permissions) {
            Ok((file, naming)) => {
                if location == Location::Beside && job.dir.birth().is_none() {
                    job.dir.remember_birth(&file);
                }
                let born = birth.map(|(uid, gid)| Born {
                    permissions,
                    uid,
                    gid,
                });
                Ok(Target { file, naming, born })
            }
            Err(e) => {
                let name = match (location, &self.ctx.options.tmp_dir) {
                    (Location::TempDir, Some(dir)) => {
                        let dir = paths::operand_bytes(dir.as_os_str());
                        self.shown(&join(&dir, &line!(job.leaf(), ".XXXXXX")))
                    }
                    _ => {
                        let pattern = line!(".", job.leaf(), ".XXXXXX");
                        self.shown(&join(&job.dir.path, &pattern))
                    }
                };
                self.ctx
                    .transfer_error_os(ROLE, line!("mkstemp ", name, " failed"), e);
                Err(Failure::Skipped)
            }
        }
    }

    /// Makes a file that nobody takes for a complete one. One that replaces nothing can do without
    /// a name at first, which saves making, renaming and, if it comes to that, removing one.
    fn make(
        &self,
        job: &Job,
        dir: &Dir,
        location: Location,
        permissions: u32,
    ) -> io::Result<(File, Naming)> {
        if job.existing.is_none()
            && location == Location::Beside
            && self.can_link_files(dir)
            && let Ok(file) = dir.create_unnamed(permissions)
        {
            return Ok((file, Naming::Unnamed));
        }
        let (file, temp) = temp::create(dir, job.leaf(), location, permissions)?;
        Ok((file, Naming::Temporary(temp)))
    }

    /// Whether unnamed files can be given names here: tried once, with a file of no content.
    fn can_link_files(&self, dir: &Dir) -> bool {
        *self.links_files.get_or_init(|| {
            let tried = dir.create_unnamed(0o600).and_then(|file| {
                let link = |name: &[u8]| dir.link_file(&file, name);
                let ((), name) = temp::unique(b"tidesync", Location::Beside, link)?;
                dir.remove_file(&name)
            });
            tried.is_ok()
        })
    }

    pub(super) fn temp_location<'a>(&'a self, job: &'a Job) -> (&'a Dir, Location) {
        match &self.temp_dir {
            Some(dir) => (dir, Location::TempDir),
            None => (&job.dir.dir, Location::Beside),
        }
    }

    fn open_in_place(&self, job: &Job) -> io::Result<File> {
        let dir = &job.dir.dir;
        let Some(existing) = &job.existing else {
            return dir.create_file(job.leaf(), 0o600);
        };
        match dir.open_file(job.leaf(), Access::Write, Follow::Never) {
            Err(e)
                if e.kind() == io::ErrorKind::PermissionDenied
                    && existing.permissions & 0o200 == 0 =>
            {
                dir.set_permissions(job.leaf(), existing.permissions | 0o200)?;
                let opened = dir.open_file(job.leaf(), Access::Write, Follow::Never);
                dir.set_permissions(job.leaf(), existing.permissions)?;
                opened
            }
            other => other,
        }
    }

    /// Cleans up after content that did not arrive, and says why.
    pub(super) fn give_up(
        &self,
        job: &Job,
        target: Target,
        trouble: Trouble,
        attempt: Attempt,
        sum: Option<Digest>,
    ) -> Failure {
        let path = job.path();
        let in_place = matches!(target.naming, Naming::Own);
        match trouble {
            Trouble::Stopped(bytes) => {
                self.keep_or_remove(job, target, bytes);
                Failure::Skipped
            }
            Trouble::Target(e) => {
                let text = line!("write failed on ", self.shown(&path));
                self.ctx.transfer_error_os(ROLE, text, e);
                let written = target.file.metadata().map_or(0, |m| m.len());
                self.keep_or_remove(job, target, written);
                self.end_session(SessionError {
                    kind: Fatal::FileIo,
                    role: ROLE,
                });
                Failure::Skipped
            }
            Trouble::Source(_)
            | Trouble::SourceEnded
            | Trouble::PrefixDiffers
            | Trouble::Unverified => {
                match trouble {
                    Trouble::Source(e) => self.origin.read_failed(job.entry.entry(), e),
                    Trouble::SourceEnded => {
                        let ended = io::Error::from_raw_os_error(NO_DATA);
                        self.origin.read_failed(job.entry.entry(), ended);
                    }
                    _ => {}
                }
                self.remove_temp(job, &target);
                self.report_unverified(&path, in_place, attempt);
                match attempt {
                    Attempt::First => Failure::Changed(self.moved(0, sum)),
                    Attempt::Again => Failure::Skipped,
                }
            }
        }
    }

    fn report_unverified(&self, path: &[u8], in_place: bool, attempt: Attempt) {
        let o = &self.ctx.options;
        let kept = if in_place { "retained" } else { "discarded" };
        match attempt {
            Attempt::First if o.info.name >= 1 || o.itemize() > 0 => {
                let end = format!(" failed verification -- update {kept} (will try again).");
                self.ctx.warn(ROLE, line!("WARNING: ", path, end));
            }
            Attempt::First => {}
            Attempt::Again => {
                let end = format!(" failed verification -- update {kept}.");
                self.ctx.transfer_error(ROLE, line!("ERROR: ", path, end));
            }
        }
    }

    fn keep_or_remove(&self, job: &Job, target: Target, bytes: u64) {
        if !self.wants_unfinished(bytes) {
            self.remove_temp(job, &target);
        } else if !matches!(target.naming, Naming::Own) {
            self.keep_unfinished(job, target);
        }
    }

    pub(super) fn remove_temp(&self, job: &Job, target: &Target) {
        if let Naming::Temporary(temp) = &target.naming {
            let _ = self.temp_location(job).0.remove_file(temp);
        }
    }
}

impl Born {
    /// What the file system would say of it. Its time is one that no file has, so that the right
    /// one is set in any case.
    pub(super) fn stat(self) -> Stat {
        Stat {
            kind: FileKind::Regular,
            permissions: self.permissions,
            uid: self.uid,
            gid: self.gid,
            size: 0,
            mtime: Timestamp {
                secs: i64::MIN,
                nanos: 0,
            },
            atime: Timestamp::default(),
            device: 0,
            inode: 0,
            links: 1,
            allocated: 0,
            special: DeviceNumber::default(),
        }
    }
}

/// `ENODATA`, which rsync reports for a source that ends early.
#[cfg(target_os = "macos")]
const NO_DATA: i32 = 96;
#[cfg(all(unix, not(target_os = "macos")))]
const NO_DATA: i32 = 61;
/// `ERROR_HANDLE_EOF`.
#[cfg(windows)]
const NO_DATA: i32 = 38;
