//! Complete files that wait until all have arrived (`--delay-updates`): each in the directory for
//! unfinished files, from where it is renamed into place in the end.
// rsync: receiver.c recv_files(), handle_delayed_updates()

use super::backup::{Backup, Keep, Keeper};
use super::file::Target;
use super::finish::Stay;
use super::{Failure, Job, ROLE, Receiver};
use crate::context::line;
use crate::destination::DestDir;
use crate::narrator::PlaceId;
use crate::paths;
use crate::segment::EntryRef;
use std::sync::Arc;
use tree::entry::join;

/// A complete file that waits. Its directory is opened again in the end: so many cannot stay open.
pub(crate) struct Delayed {
    pub entry: EntryRef,
    place: PlaceId,
    /// It has several names.
    pub linked: bool,
}

impl Receiver {
    /// Lets a complete file wait for the others.
    pub(super) fn put_off(&self, job: &Job, target: Target) -> Result<(), Failure> {
        let name = self.partial_dir_name().unwrap_or_default();
        let Ok(dir) = self.make_partial_dir(&job.dir) else {
            let path = job.path();
            let end = " -- discarding completed file.";
            let text = line!("Unable to create partial-dir for ", path, end);
            self.ctx.error(ROLE, text);
            self.remove_temp(job, &target);
            return Err(Failure::Skipped);
        };
        let name = join(&name, job.leaf());
        let stay = Stay::Waiting {
            dir: &dir,
            name: &name,
        };
        self.finish(job, target, stay)?;
        self.outcomes().delayed.push(Delayed {
            entry: job.entry.clone(),
            place: job.place,
            linked: job.linked,
        });
        Ok(())
    }

    /// The files that wait, in the order of the list.
    pub fn take_delayed(&self) -> Vec<Delayed> {
        let mut delayed = std::mem::take(&mut self.outcomes().delayed);
        delayed.sort_by_key(|delayed| delayed.entry.number());
        delayed
    }

    /// Gives a file that has waited its own name. False if that cannot be done, which is told.
    pub fn put_in_place(&self, delayed: &Delayed, dir: &Arc<DestDir>, leaf: &[u8]) -> bool {
        dir.touch();
        if self.ctx.options.backup {
            let keeper = Keeper::Receiver(delayed.place);
            if let Backup::Failed(_) = self.backup(dir, leaf, Keep::AndStay, keeper) {
                return false;
            }
        }
        let renamed = self
            .open_partial_dir(dir)
            .and_then(|waiting| waiting.rename(leaf, &dir.dir, leaf));
        if let Err(e) = renamed {
            let name = self.partial_dir_name().unwrap_or_default();
            let mut waiting = join(&name, leaf);
            if !paths::is_absolute(&name) {
                waiting = join(&dir.path, &waiting);
            }
            let to = self.shown(&join(&dir.path, leaf));
            let text = line!("rename failed for ", to, " (from ", waiting, ")");
            self.ctx.transfer_error_os(ROLE, text, e);
            return false;
        }
        self.drop_partial_dir(dir);
        self.remove_source_of(&delayed.entry, dir, leaf);
        true
    }
}
