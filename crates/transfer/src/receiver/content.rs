//! How a file's bytes get into their target.
//!
//! - *Copying*, the default of a local session: the blocks are shared, or copied inside the
//!   kernel, on the work lane.
//! - *Streaming*, where the bytes have to be looked at (differences only, holes, appending):
//!   reads run ahead and writes run behind on the pump, while a rebuilder thread looks.
// rsync: receiver.c receive_data(), match.c match_sums()

use super::file::{Attempt, Naming, Target, Trouble};
use super::{Basis, Job, ROLE, Receiver, Standing};
use crate::context::line;
use crate::narrator::Moved;
use crate::sender::content::{Content, Purpose};
use delta::{
    BasisUse, BlockLayout, BlockSums, ChecksumKind, CopyRun, Digest, Feed, FileSum, LayoutRule,
    Matcher, Seam, Signature, SignatureBuilder, StrongSum, TokenSink,
};
use fast_io::dir::{Access, Dir, Follow};
use fast_io::offload::{End, SMALL, Side, write_small};
use fast_io::sparse::{preallocate, punch_hole};
use fast_io::{Buffer, Durability, ReadAhead, Reserve, SharedFile, WriteTicket, is_cancelled};
use options::{Append, Checksum};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use tree::entry::Entry;
use tree::temp;

/// Reads in flight for one file.
const READ_DEPTH: usize = 3;
/// rsync looks for holes in pieces of this size.
// rsync: rsync.h SPARSE_WRITE_SIZE
const HOLE: usize = 1024;
/// What rsync's messages for a file weigh: its number and flags, and the head of the sums.
// rsync: io.c write_ndx(), write_shortint(), write_sum_head()
const FILE_MESSAGE: u64 = 1 + 2;
const SUM_HEAD: u64 = 16;
const WEAK_SUM: u64 = 4;
/// What comes before each piece of content, and for each block that was found, and at the end.
// rsync: token.c simple_send_token()
const TOKEN: u64 = 4;
const PIECE: u64 = 32 * 1024;
type Outcome = Result<(Target, Moved), (Target, Trouble)>;

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
        let o = &self.ctx.options;
        if o.preallocate
            && content.size > 0
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

    /// Cuts off what an older, longer file had more.
    fn cut(&self, job: &Job, file: &File, size: u64) -> io::Result<()> {
        let longer = self.ctx.options.inplace && job.existing.is_some_and(|s| s.size > size);
        if longer || self.ctx.options.preallocate {
            file.set_len(size)
        } else {
            Ok(())
        }
    }

    /// Moves the content piece by piece, looking at each.
    pub(super) fn stream(
        &self,
        job: &Job,
        content: &Content<'_>,
        target: Target,
        attempt: Attempt,
    ) -> Outcome {
        let o = &self.ctx.options;
        let mut start = 0;
        if let (Some(existing), true) = (&job.existing, o.append != Append::No)
            && attempt == Attempt::First
        {
            start = existing.size;
            if o.append == Append::AppendVerify && !self.prefix_is_equal(job, content, start) {
                if self.gives_up() {
                    return Err((target, Trouble::Stopped(0)));
                }
                // rsync finds out only when it has sent the rest.
                let rest = content.size.saturating_sub(start);
                self.ctx.tally().stats.literal_data += rest;
                return Err((target, Trouble::PrefixDiffers));
            }
        }
        let mut sums = 0;
        let matcher = match self.signature(job, attempt) {
            Some(signature) => {
                let layout = signature.layout();
                sums = u64::from(layout.count()) * (WEAK_SUM + layout.strong_len() as u64);
                let basis = if o.inplace {
                    BasisUse::InPlace
                } else {
                    BasisUse::Separate
                };
                Matcher::new(signature, basis)
            }
            None => Matcher::literal_only(),
        };
        let Target { file, naming, born } = target;
        let reserve = if o.preallocate {
            Reserve::Bytes(content.size)
        } else {
            Reserve::Nothing
        };
        let spare = match file.try_clone() {
            Ok(spare) => spare,
            Err(e) => return Err((Target { file, naming, born }, Trouble::Target(e))),
        };
        let ticket = match self.writes.begin(file, reserve) {
            Ok(ticket) => ticket,
            Err(e) => {
                return Err((
                    Target {
                        file: spare,
                        naming,
                        born,
                    },
                    Trouble::Target(e),
                ));
            }
        };
        let mut stream = Stream {
            receiver: self,
            ticket,
            holes: o.sparse,
            punch: o.sparse && o.inplace && job.existing.is_some(),
            spare,
            skips_matches: o.inplace,
            meter: Meter::new(self, job),
        };
        let result = stream.run(content, start, matcher);
        let Stream {
            ticket,
            mut meter,
            spare,
            ..
        } = stream;
        let durability = if o.fsync {
            Durability::Durable
        } else {
            Durability::Lazy
        };
        let result = match result {
            Ok(figures) => ticket
                .commit(durability)
                .and_then(|committed| {
                    let longer = o.inplace || o.preallocate;
                    if longer || committed.length < figures.size {
                        committed.file.set_len(figures.size)?;
                    }
                    Ok(figures)
                })
                .map_err(Trouble::Target),
            Err(trouble) => {
                // Nothing may reach the file any more while it is kept, renamed or removed.
                let _torn = ticket.abort();
                Err(trouble)
            }
        };
        let target = Target {
            file: spare,
            naming,
            born,
        };
        match result {
            Ok(figures) => {
                self.add_matches(figures.stats);
                meter.finish(figures.stats.literal_bytes, figures.stats.matched_bytes);
                let mut moved = self.moved(figures.stats.literal_bytes, figures.sum);
                moved.sent_bytes += TOKEN * figures.stats.matches;
                moved.checksum_bytes += sums;
                Ok((target, moved))
            }
            // Whoever ends the session early cancels what is under way.
            Err(Trouble::Source(e) | Trouble::Target(e)) if is_cancelled(&e) => {
                Err((target, Trouble::Stopped(meter.reached())))
            }
            Err(trouble) => Err((target, trouble)),
        }
    }

    fn prefix_is_equal(&self, job: &Job, content: &Content<'_>, size: u64) -> bool {
        let opened = job
            .dir
            .dir
            .open_file(job.leaf(), Access::Read, Follow::Never);
        opened.is_ok_and(|file| self.same_files(&content.file, file, size))
    }

    /// The checksum that rsync's list holds of a file under `-c`, where `%C` shows it.
    // rsync: flist.c make_file(), log.c log_formatted()
    pub fn listed_sum(&self, entry: &Entry) -> Option<Digest> {
        if !(self.ctx.options.checksum && self.shows_checksums && entry.is_regular()) {
            return None;
        }
        let parent = self.sender.open_parent(entry);
        let content = self.sender.open_content(&parent, entry, Purpose::Stream)?;
        self.source_sum(&content)
    }

    /// The checksum of a whole source file, where `%C` shows it: rsync's sender sums what it sends
    /// even if the other end finds that it does not fit.
    // rsync: match.c match_sums()
    pub(super) fn source_sum(&self, content: &Content) -> Option<Digest> {
        let mut sum = self
            .shows_checksums
            .then(|| FileSum::new(self.checksum_kind))?;
        let file = content.file.try_clone().ok()?;
        for piece in self.read_ahead(file, 0, content.size) {
            sum.update(&piece.ok()?);
            self.ctx.control.sign_of_life();
        }
        Some(sum.finish())
    }

    /// The signature of what the new content is compared with, if anything is.
    // rsync: generator.c generate_and_send_sums()
    fn signature(&self, job: &Job, attempt: Attempt) -> Option<Signature> {
        let o = &self.ctx.options;
        if o.append != Append::No || o.whole_file != Some(false) || attempt == Attempt::Again {
            return None;
        }
        let (stat, opened) = match (&job.basis, &job.existing) {
            (Basis::Partial(stat), _) => {
                let dir = self.open_partial_dir(&job.dir).ok()?;
                (stat, dir.open_file(job.leaf(), Access::Read, Follow::Never))
            }
            (Basis::Existing, Some(stat)) => (
                stat,
                job.dir
                    .dir
                    .open_file(job.leaf(), Access::Read, Follow::Never),
            ),
            (Basis::Existing, None) => return None,
        };
        if stat.size == 0 {
            return None;
        }
        let file = match opened {
            Ok(file) => file,
            Err(e) => {
                let name = self.shown(&job.path());
                self.ctx
                    .error_os(ROLE, line!("failed to open ", name, ", continuing"), e);
                return None;
            }
        };
        let mut rule = LayoutRule::new(self.checksum_kind);
        rule.block_size = o.block_size.and_then(std::num::NonZero::new);
        let layout = BlockLayout::for_file(stat.size, &rule).ok()?;
        let sum = StrongSum::new(self.checksum_kind, 0);
        let mut builder = SignatureBuilder::new(layout, sum).ok()?;
        let block_len = u64::from(layout.block_len());
        let sums = self
            .read_ahead(file, 0, stat.size)
            .in_units_of(block_len)
            .on_arrival(move |offset, piece| {
                BlockSums::of(&layout, sum, (offset / block_len) as u32, &piece)
            });
        for stretch in sums {
            // A basis that cannot be read, or that changes meanwhile, is no basis.
            builder.push(&stretch.ok()?.ok()?).ok()?;
            self.ctx.control.sign_of_life();
        }
        builder.finish().ok()
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

    fn go_on(&self) -> ControlFlow<()> {
        if self.gives_up() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// The checksum of the delta search: what was asked for, else what rsync would choose.
pub(super) fn transfer_checksum(o: &options::Options) -> ChecksumKind {
    match o.checksum_choice.map(|c| c.transfer) {
        Some(Checksum::Xxh3) => ChecksumKind::Xxh3,
        Some(Checksum::Xxh64) => ChecksumKind::Xxh64,
        Some(Checksum::Md5) => ChecksumKind::Md5,
        Some(Checksum::Md4) => ChecksumKind::Md4,
        Some(Checksum::Sha1) => ChecksumKind::Sha1,
        Some(Checksum::None) => ChecksumKind::None,
        Some(Checksum::Xxh128 | Checksum::Auto) | None => ChecksumKind::Xxh128,
    }
}

/// One file's content on its way.
struct Stream<'a> {
    receiver: &'a Receiver,
    ticket: WriteTicket,
    holes: bool,
    punch: bool,
    /// The file once more, beside the batch's.
    spare: File,
    /// What is in its place already need not be written.
    skips_matches: bool,
    meter: Meter<'a>,
}

struct Figures {
    size: u64,
    stats: delta::MatchStats,
    sum: Option<delta::Digest>,
}

impl Stream<'_> {
    fn run(
        &mut self,
        content: &Content<'_>,
        start: u64,
        mut matcher: Matcher,
    ) -> Result<Figures, Trouble> {
        let source = content.file.try_clone().map_err(Trouble::Source)?;
        let mut seam = Seam::new(matcher.least_window());
        let searches = matcher.least_window() > 1;
        let mut offset = start;
        let mut written = start;
        let mut pieces = self.receiver.read_ahead(source, 0, start);
        if self.receiver.shows_checksums {
            let mut sum = FileSum::new(self.receiver.checksum_kind);
            // Under `--append` rsync sums only what it appends.
            // rsync: match.c match_sums()
            if self.receiver.ctx.options.append == Append::AppendVerify {
                for piece in &mut pieces {
                    sum.update(&piece.map_err(Trouble::Source)?);
                }
            }
            matcher = matcher.with_file_sum(sum);
        }
        pieces.restart(start..content.size);
        for piece in pieces {
            let piece = piece.map_err(Trouble::Source)?;
            let at = offset;
            offset += piece.len() as u64;
            let feed = if offset == content.size {
                Feed::Last
            } else {
                Feed::More
            };
            if searches {
                seam.pass(&piece, feed, |window, feed| {
                    let mut sink = Sink {
                        stream: self,
                        window,
                        taken: 0,
                        offset: &mut written,
                    };
                    matcher.scan(window, feed, &mut sink)
                })
                .map_err(Trouble::Target)?;
            } else {
                matcher
                    .scan(&piece, feed, &mut Count)
                    .unwrap_or_else(|never| match never {});
            }
            if !(searches && self.skips_matches) {
                self.write(at, piece).map_err(Trouble::Target)?;
            }
            self.meter.at(offset);
            if self.receiver.gives_up() {
                return Err(Trouble::Stopped(offset));
            }
        }
        if offset < content.size {
            return Err(Trouble::SourceEnded);
        }
        let outcome = matcher.finish();
        Ok(Figures {
            size: content.size,
            stats: outcome.stats,
            sum: outcome.file_sum,
        })
    }

    /// Writes a piece, leaving out what can be a hole.
    fn write(&self, offset: u64, piece: Buffer) -> io::Result<()> {
        if !self.holes || !piece.chunks(HOLE).any(is_zero) {
            return self.ticket.write(offset, piece);
        }
        let mut at = 0;
        while at < piece.len() {
            let zero = is_zero(&piece[at..piece.len().min(at + HOLE)]);
            let run = piece[at..].chunks(HOLE).take_while(|c| is_zero(c) == zero);
            let len: usize = run.map(<[u8]>::len).sum();
            let from = offset + at as u64;
            if !zero {
                self.write_copy(from, &piece[at..at + len])?;
            } else if self.punch {
                self.ticket.flush()?;
                punch_hole(&self.spare, from..from + len as u64)?;
            }
            at += len;
        }
        Ok(())
    }

    fn write_copy(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut offset = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut buffer = self.receiver.buffers.take();
            let taken = buffer.append(rest);
            self.ticket.write(offset, buffer)?;
            offset += taken as u64;
            rest = &rest[taken..];
        }
        Ok(())
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&b| b == 0)
}

/// Writes, in place, what differs. The bytes of moved blocks are taken from the source, which
/// is at hand: reading them back from a file that is being overwritten would need an order.
struct Sink<'a, 'b> {
    stream: &'a Stream<'b>,
    window: &'a [u8],
    taken: usize,
    offset: &'a mut u64,
}

impl Sink<'_, '_> {
    fn pass(&mut self, len: usize, write: bool) -> io::Result<()> {
        let bytes = &self.window[self.taken..self.taken + len];
        if write && self.stream.skips_matches {
            let mut piece = self.stream.receiver.buffers.take();
            if self.stream.holes && bytes.len() <= piece.capacity() {
                piece.append(bytes);
                self.stream.write(*self.offset, piece)?;
            } else {
                self.stream.write_copy(*self.offset, bytes)?;
            }
        }
        self.taken += len;
        *self.offset += len as u64;
        Ok(())
    }
}

impl TokenSink for Sink<'_, '_> {
    type Error = io::Error;

    fn literal(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pass(bytes.len(), true)
    }

    fn copy(&mut self, run: CopyRun) -> io::Result<()> {
        let in_place = run.offset == *self.offset;
        self.pass(run.len as usize, !in_place)
    }
}

/// Takes tokens only to be counted.
struct Count;

impl TokenSink for Count {
    type Error = std::convert::Infallible;

    fn literal(&mut self, _: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    fn copy(&mut self, _: CopyRun) -> Result<(), Self::Error> {
        Ok(())
    }
}

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
    fn new(receiver: &'a Receiver, job: &'a Job) -> Meter<'a> {
        let counted = match job.standing {
            Standing::Open => 0,
            Standing::BytesDone | Standing::Done => job.entry.entry().size,
        };
        Meter {
            receiver,
            job,
            reached: 0,
            counted,
        }
    }

    fn at(&mut self, done: u64) {
        let ctx = &self.receiver.ctx;
        ctx.control.sign_of_life();
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
    fn reached(&self) -> u64 {
        self.reached
    }

    fn finish(&mut self, literal: u64, matched: u64) {
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

/// A file's bytes, to compare with another's.
impl Receiver {
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
}

/// What all streams share.
pub(super) fn buffers() -> fast_io::BufferPool {
    fast_io::BufferPool::new(512 * 1024, 32)
}

/// The batch that all files' streamed writes go through.
pub(super) fn writes(pump: &Arc<fast_io::CompletionPump>) -> fast_io::WriteBatch {
    fast_io::WriteBatch::new(pump.clone(), &fast_io::WriteBatchConfig::default())
}
