//! How far a file's content is, in the session's counters and its progress.
// rsync: progress.c show_progress()

use super::{Job, Receiver, Standing};

/// Keeps the session's counters up with one file's progress.
pub(super) struct Meter<'a> {
    receiver: &'a Receiver,
    job: &'a Job,
    /// How far the file is.
    reached: u64,
    /// How far the session's counters have followed.
    counted: u64,
}

impl<'a> Meter<'a> {
    pub fn new(receiver: &'a Receiver, job: &'a Job) -> Meter<'a> {
        let counted = match job.standing {
            Standing::Open => 0,
            Standing::BytesDone | Standing::Done | Standing::Apart => job.entry.entry().size,
        };
        Meter {
            receiver,
            job,
            reached: 0,
            counted,
        }
    }

    pub fn at(&mut self, done: u64) {
        let ctx = &self.receiver.ctx;
        ctx.control.sign_of_life();
        if self.job.standing == Standing::Apart {
            return;
        }
        let entry = self.job.entry.entry();
        if done < entry.size {
            self.reached = done;
            self.count(done);
            let totals = || ctx.totals();
            ctx.narrator.moving(self.job.place, entry, done, totals);
        }
    }

    fn count(&mut self, done: u64) {
        let step = done.saturating_sub(self.counted);
        if step > 0 {
            self.counted = done;
            let totals = &mut self.receiver.ctx.tally().totals;
            totals.bytes_done += step;
            totals.bytes_moved += step;
        }
    }

    /// How far the file was when it last told.
    pub fn reached(&self) -> u64 {
        self.reached
    }

    pub fn finish(&mut self, literal: u64, matched: u64) {
        if self.job.standing == Standing::Apart {
            return;
        }
        self.count(self.job.entry.entry().size);
        let mut tally = self.receiver.ctx.tally();
        tally.stats.literal_data += literal;
        tally.stats.matched_data += matched;
    }
}

/// Whatever came of it: what is left of the file needs no more work.
impl Drop for Meter<'_> {
    fn drop(&mut self) {
        let left = self.job.entry.entry().size.saturating_sub(self.counted);
        self.receiver.ctx.tally().totals.bytes_done += left;
    }
}
