//! A file that is copied from another directory of this side, where `--copy-dest` and the like find
//! its content. The copy is made by the same means as one of a source at hand, and committed like it.
// rsync: generator.c copy_altdest_file()

use super::file::Trouble;
use super::{Job, ROLE, Receiver};
use crate::context::line;
use crate::destination::DestDir;
use crate::sender::content::Content;
use fast_io::dir::{Follow, file_stat};
use std::io;

impl Receiver {
    /// Copies the file of the same name in another directory. False if that was not possible; what
    /// could be told of it has been.
    pub fn copy_from(&self, job: &Job, from: &DestDir) -> bool {
        let _unfinished = self.ctx.control.work();
        let opened = from
            .dir
            .open_file(job.leaf(), self.ctx.reading(), Follow::Never)
            .and_then(|file| Ok((file_stat(&file)?.size, file)));
        let (size, file) = match opened {
            Ok(opened) => opened,
            Err(e) => return self.not_copied(job, from, e),
        };
        let content = Content {
            file,
            size,
            bytes: None,
        };
        let (dir, location) = self.temp_location(job);
        let copied = match self.clone_to_name(job, &content, dir, location) {
            Some(copied) => Ok(copied),
            None => match self.open_target(job) {
                Ok(target) => self.copy(job, &content, target),
                Err(_) => return false,
            },
        };
        match copied {
            Ok((target, moved)) => self.commit(job, target, moved).is_ok(),
            Err((target, trouble)) => {
                self.remove_temp(job, &target);
                match trouble {
                    Trouble::Source(e) | Trouble::Target(e) => self.not_copied(job, from, e),
                    _ => false,
                }
            }
        }
    }

    fn not_copied(&self, job: &Job, from: &DestDir, error: io::Error) -> bool {
        if self.ctx.options.info.copy >= 1 {
            let from = self.shown(&tree::entry::join(&from.path, job.leaf()));
            let text = line!("copy_file ", from, " => ", job.path());
            self.ctx.info_os(ROLE, text, error);
        }
        false
    }
}
