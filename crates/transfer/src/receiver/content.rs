//! How a file's bytes get into their target.
//!
//! - *Copying*, the default of a local session: the blocks are shared, or copied inside the
//!   kernel, on the work lane. It is done here.
//! - *Streaming*, where the bytes have to be looked at: see [`super::stream`].
// rsync: receiver.c receive_data()

use super::file::{Naming, Target, Trouble};
use super::meter::Meter;
use super::{Job, ROLE, Receiver};
use crate::context::line;
use crate::narrator::Moved;
use crate::sender::content::Content;
use fast_io::dir::Dir;
use fast_io::offload::{End, SMALL, Side, write_small};
use fast_io::sparse::preallocate;
use fast_io::{ReadAhead, SharedFile};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use tree::temp;

/// Reads in flight for one file.
pub(super) const READ_DEPTH: usize = 3;
/// What rsync's messages for a file weigh: its number and flags, and the head of the sums.
// rsync: io.c write_ndx(), write_shortint(), write_sum_head()
const FILE_MESSAGE: u64 = 1 + 2;
const SUM_HEAD: u64 = 16;
pub(super) const WEAK_SUM: u64 = 4;
/// What comes before each piece of content, and for each block that was found, and at the end.
// rsync: token.c simple_send_token()
pub(super) const TOKEN: u64 = 4;
const PIECE: u64 = 32 * 1024;
/// The target and what came of it, or why nothing did.
pub(super) type Outcome = Result<(Target, Moved), (Target, Trouble)>;

impl Receiver {
    /// Whether the bytes have to be looked at on their way.
    pub(super) fn streams(&self) -> bool {
        self.uses_delta() || self.ctx.options.sparse || self.shows_checksums
    }

    /// Makes the target a clone of the content, with a temporary name, where clones are not made
    /// of open files but of names.
    pub(super) fn clone_to_name(
        &self,
        job: &Job,
        content: &Content,
        dir: &Dir,
        location: temp::Location,
    ) -> Option<(Target, Moved)> {
        if self.streams() || !self.may_clone(content) {
            return None;
        }
        let permissions = (job.mode | 0o200) & 0o700;
        let clone = |name: &[u8]| {
            let copier = &self.ctx.copier;
            copier.create_clone(&content.file, dir, name, permissions)
        };
        let (file, name) = temp::unique(job.leaf(), location, clone).ok()?;
        let file = file?;
        Meter::new(self, job).finish(content.size, 0);
        let target = Target {
            file,
            naming: Naming::Temporary(name),
            born: None,
        };
        Some((target, self.moved(content.size, None)))
    }

    /// Whether sharing blocks with the source is what was asked for, and pays.
    fn may_clone(&self, content: &Content) -> bool {
        let o = &self.ctx.options;
        content.bytes.is_none() && content.size > SMALL && !o.preallocate && !o.inplace
    }

    /// Moves the content without looking at it.
    pub(super) fn copy(&self, job: &Job, content: &Content<'_>, target: Target) -> Outcome {
        if self.reserves(job, content)
            && let Err(e) = preallocate(&target.file, content.size)
        {
            let text = line!("do_fallocate ", self.shown(&job.path()));
            self.ctx.warn_os(ROLE, text, e);
        }
        let mut meter = Meter::new(self, job);
        if let Some(bytes) = &content.bytes {
            if let Err(e) = write_small(&target.file, bytes, 0)
                .and_then(|()| self.cut(job, &target.file, content.size))
            {
                return Err((target, Trouble::Target(e)));
            }
            meter.finish(content.size, 0);
            return Ok((target, self.moved(content.size, None)));
        }
        let copier = &self.ctx.copier;
        if self.may_clone(content) && copier.clone_file(&content.file, &target.file) {
            meter.finish(content.size, 0);
            return Ok((target, self.moved(content.size, None)));
        }
        let mut progress = |done| {
            meter.at(done);
            self.go_on()
        };
        let copied = copier.copy_range(
            &content.file,
            &target.file,
            0,
            0,
            content.size,
            &mut progress,
        );
        match copied {
            Ok(copied) if copied.end == End::Stopped => {
                Err((target, Trouble::Stopped(copied.bytes)))
            }
            Ok(copied) if copied.end == End::SourceEnded => Err((target, Trouble::SourceEnded)),
            Ok(copied) => {
                if let Err(e) = self.cut(job, &target.file, copied.bytes) {
                    return Err((target, Trouble::Target(e)));
                }
                meter.finish(copied.bytes, 0);
                Ok((target, self.moved(copied.bytes, None)))
            }
            Err(e) => match e.side {
                Side::Source => Err((target, Trouble::Source(e.error))),
                Side::Destination => Err((target, Trouble::Target(e.error))),
            },
        }
    }

    /// What a transfer of a file's content came to.
    pub(super) fn moved(&self, literal: u64, checksum: Option<delta::Digest>) -> Moved {
        let pieces = literal.div_ceil(PIECE);
        let end = TOKEN + self.checksum_kind.digest_len() as u64;
        Moved {
            bytes: literal,
            sent_bytes: FILE_MESSAGE + SUM_HEAD + pieces * TOKEN + literal + end,
            checksum_bytes: SUM_HEAD,
            checksum,
        }
    }

    /// Whether space is reserved first: not where an older file has it already.
    pub(super) fn reserves(&self, job: &Job, content: &Content<'_>) -> bool {
        let o = &self.ctx.options;
        let older = job.existing.filter(|_| o.inplace).map_or(0, |s| s.size);
        o.preallocate && content.size > older
    }

    /// Whether the content goes into a device (`--write-devices`), which keeps its size.
    pub(super) fn writes_device(&self, job: &Job) -> bool {
        self.ctx.options.write_devices && job.existing.is_some_and(|stat| stat.kind.is_device())
    }

    /// Cuts off what an older, longer file had more. Where nothing is written, that is also what
    /// makes the file a new one: its time becomes now.
    pub(super) fn cut(&self, job: &Job, file: &File, size: u64) -> io::Result<()> {
        let cuts = |older: u64| older > size || size == 0;
        if self.writes_device(job) {
            return Ok(());
        }
        let longer = self.ctx.options.inplace && job.existing.is_some_and(|s| cuts(s.size));
        if longer || self.ctx.options.preallocate {
            file.set_len(size)
        } else {
            Ok(())
        }
    }

    /// Whether the first `size` bytes of two files are equal.
    pub(super) fn same_files(&self, a: &File, b: File, size: u64) -> bool {
        let Ok(a) = a.try_clone() else { return false };
        let mut left = self.read_ahead(a, 0, size);
        let mut right = self.read_ahead(b, 0, size);
        let mut done = 0;
        while done < size && !self.gives_up() {
            let (Some(Ok(x)), Some(Ok(y))) = (left.next(), right.next()) else {
                return false;
            };
            if x[..] != y[..] {
                return false;
            }
            done += x.len() as u64;
            self.ctx.control.sign_of_life();
        }
        done == size
    }

    pub(super) fn read_ahead(&self, file: File, from: u64, to: u64) -> ReadAhead {
        let file = SharedFile::new(file);
        ReadAhead::new(
            self.ctx.pump.clone(),
            file,
            from..to,
            self.buffers.clone(),
            READ_DEPTH,
        )
    }

    pub(super) fn go_on(&self) -> ControlFlow<()> {
        if self.gives_up() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// What all streams share.
pub(super) fn buffers() -> fast_io::BufferPool {
    fast_io::BufferPool::new(512 * 1024, 32)
}

/// The batch that all files' streamed writes go through.
pub(super) fn writes(pump: &Arc<fast_io::CompletionPump>) -> fast_io::WriteBatch {
    fast_io::WriteBatch::new(pump.clone(), &fast_io::WriteBatchConfig::default())
}
