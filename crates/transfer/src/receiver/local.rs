//! Transfers of files whose source is at hand: opened through the sender of this process, and
//! copied or rebuilt.
// rsync: sender.c send_files() and receiver.c recv_files(), as one

use super::file::Trouble;
use super::{Failure, Job, Receiver};
use crate::narrator::Moved;
use crate::origin::Origin;
use crate::sender::Sender;
use crate::sender::content::Purpose;
use fast_io::Buffer;
use fast_io::dir::Dir;
use std::io;
use tree::entry::Entry;

impl Receiver {
    /// Runs transfers one after the other.
    pub(super) fn run(&self, jobs: Vec<Job>) {
        let Origin::Here(sender) = &self.origin else {
            return;
        };
        let mut parent: Option<(&Entry, io::Result<Dir>)> = None;
        let mut small = sender.small_buffer();
        for job in &jobs {
            let _unfinished = self.ctx.control.work();
            if self.gives_up() {
                return;
            }
            let entry = job.entry.entry();
            if !matches!(&parent, Some((last, _)) if last.is_beside(entry)) {
                parent = Some((entry, sender.open_parent(entry)));
            }
            if let Some((_, dir)) = &parent {
                let result = self.transfer(sender, job, dir, &mut small);
                self.conclude(job, result);
            }
        }
    }

    fn transfer(
        &self,
        sender: &Sender,
        job: &Job,
        parent: &io::Result<Dir>,
        small: &mut Buffer,
    ) -> Result<Moved, Failure> {
        let entry = job.entry.entry();
        let purpose = if self.streams() {
            Purpose::Stream
        } else {
            Purpose::Copy(small)
        };
        let Some(content) = sender.open_content(parent, entry, purpose) else {
            self.pass_over(job);
            return Err(Failure::Skipped);
        };
        let totals = || self.ctx.totals();
        self.ctx.narrator.begin(job.place, entry, totals);
        let (dir, location) = self.temp_location(job);
        if let Some((target, moved)) = self.clone_to_name(job, &content, dir, location) {
            return self.commit(job, target, moved);
        }
        let target = self.open_target(job).inspect_err(|_| self.pass_over(job))?;
        let result = if self.streams() {
            self.stream(job, &content, target, job.attempt)
        } else {
            self.copy(job, &content, target)
        };
        match result {
            Ok((target, moved)) => self.commit(job, target, moved),
            Err((target, trouble)) => {
                let sum = match trouble {
                    Trouble::PrefixDiffers => self.source_sum(&content),
                    _ => None,
                };
                Err(self.give_up(job, target, trouble, job.attempt, sum))
            }
        }
    }
}
