//! Content that has to be looked at on its way: differences only, holes, appending, checksums.
//!
//! Reads run ahead and writes run behind on the pump, while a rebuilder thread looks.
// rsync: receiver.c receive_data(), match.c match_sums()

use super::content::{Outcome, TOKEN, WEAK_SUM};
use super::file::{Attempt, Target, Trouble};
use super::holes::{Holes, Span};
use super::meter::Meter;
use super::{Basis, Job, Receiver};
use crate::origin::Origin;
use crate::sender::content::{Content, Purpose};
use delta::{BasisUse, CopyRun, Digest, Feed, FileSum, MatchStats, Matcher, Seam, TokenSink};
use fast_io::dir::Follow;
use fast_io::sparse::data_extents;
use fast_io::{Buffer, Durability, Reserve, WriteTicket, is_cancelled};
use options::Append;
use std::fs::File;
use std::io;
use std::ops::Range;
use tree::entry::Entry;

impl Receiver {
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
        // What is compared with may be another file than the one written into.
        let inplace = o.inplace && matches!(job.basis, Basis::Existing);
        let matcher = match self.signature(job, attempt) {
            Some(signature) => {
                let layout = signature.layout();
                sums = u64::from(layout.count()) * (WEAK_SUM + layout.strong_len() as u64);
                let basis = if inplace {
                    BasisUse::InPlace
                } else {
                    BasisUse::Separate
                };
                Matcher::new(signature, basis)
            }
            None => Matcher::literal_only(),
        };
        let Target { file, naming, born } = target;
        let reserve = if self.reserves(job, content) {
            Reserve::Bytes(content.size)
        } else {
            Reserve::Nothing
        };
        let spare = match file.try_clone() {
            Ok(spare) => spare,
            Err(e) => return Err((Target { file, naming, born }, Trouble::Target(e))),
        };
        let held = match self.held_before(job, content, &spare, attempt) {
            Ok(held) => held,
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
        let sparse = o.sparse && !self.writes_device(job);
        let holes = sparse.then_some(Holes {
            ticket: &ticket,
            file: &spare,
            buffers: &self.buffers,
            held,
            run: 0..0,
        });
        let (result, mut meter) = {
            let mut stream = Stream {
                receiver: self,
                ticket: &ticket,
                holes,
                skips_matches: inplace,
                meter: Meter::new(self, job),
            };
            let result = stream.run(content, start, matcher);
            (result, stream.meter)
        };
        let result = match result {
            // `--fsync` comes once, with the attributes.
            Ok(figures) => ticket
                .commit(Durability::Lazy)
                .and_then(|committed| {
                    let longer = o.inplace || o.preallocate || committed.length < figures.size;
                    if longer && !self.writes_device(job) {
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

    /// Up to where a target holds blocks that are not its content. One that is written over as a
    /// whole, with holes, is emptied: then it holds none.
    fn held_before(
        &self,
        job: &Job,
        content: &Content<'_>,
        file: &File,
        attempt: Attempt,
    ) -> io::Result<u64> {
        let o = &self.ctx.options;
        let appends = o.append != Append::No && attempt == Attempt::First;
        let older = job.existing.filter(|_| o.inplace).map_or(0, |s| s.size);
        if self.reserves(job, content) {
            return Ok(content.size);
        }
        if appends {
            return Ok(0);
        }
        let empties = o.sparse && older > 0 && o.whole_file != Some(false);
        if empties && !self.writes_device(job) {
            file.set_len(0)?;
            return Ok(0);
        }
        Ok(older)
    }

    fn prefix_is_equal(&self, job: &Job, content: &Content<'_>, size: u64) -> bool {
        let opened = job
            .dir
            .dir
            .open_file(job.leaf(), self.ctx.reading(), Follow::Never);
        opened.is_ok_and(|file| self.same_files(&content.file, file, size))
    }

    /// The checksum that rsync's list holds of a file under `-c`, where `%C` shows it.
    // rsync: flist.c make_file(), log.c log_formatted()
    pub fn listed_sum(&self, entry: &Entry) -> Option<Digest> {
        if !(self.ctx.options.checksum && self.shows_checksums && entry.is_regular()) {
            return None;
        }
        let sender = match &self.origin {
            Origin::Here(sender) => sender,
            Origin::Away(requests) => {
                return Digest::from_bytes(requests.listed_kind(), entry.checksum());
            }
        };
        let parent = sender.open_parent(entry);
        let content = sender.open_content(&parent, entry, Purpose::Stream)?;
        self.source_sum(&content)
    }

    /// The checksum of a whole source file, where `%C` shows it: rsync's sender sums what it sends
    /// even if the other end finds that it does not fit.
    // rsync: match.c match_sums()
    pub(super) fn source_sum(&self, content: &Content) -> Option<Digest> {
        let sum = self
            .shows_checksums
            .then(|| FileSum::new(self.checksum_kind))?;
        self.sum_of(sum, content.file.try_clone().ok()?, content.size)
    }

    /// The checksum of the first `size` bytes of a file, if it can be read.
    pub(super) fn sum_of(&self, mut sum: FileSum, file: File, size: u64) -> Option<Digest> {
        for piece in self.read_ahead(file, 0, size) {
            sum.update(&piece.ok()?);
            self.ctx.control.sign_of_life();
        }
        Some(sum.finish())
    }
}

/// One file's content on its way.
struct Stream<'a, 'm> {
    receiver: &'m Receiver,
    ticket: &'a WriteTicket,
    /// Where zeros are left out.
    holes: Option<Holes<'a>>,
    /// What is in its place already need not be written.
    skips_matches: bool,
    meter: Meter<'m>,
}

struct Figures {
    size: u64,
    stats: MatchStats,
    sum: Option<Digest>,
}

impl Stream<'_, '_> {
    fn run(
        &mut self,
        content: &Content<'_>,
        start: u64,
        mut matcher: Matcher,
    ) -> Result<Figures, Trouble> {
        let source = content.file.try_clone().map_err(Trouble::Source)?;
        let mut seam = Seam::new(matcher.least_window());
        let searches = matcher.least_window() > 1;
        if self.holes.is_some() && !searches && !self.receiver.shows_checksums {
            return self.run_extents(content, start);
        }
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
        self.end_holes()?;
        let outcome = matcher.finish();
        Ok(Figures {
            size: content.size,
            stats: outcome.stats,
            sum: outcome.file_sum,
        })
    }

    /// Moves what is not a hole in the source; holes need not be read to be left out.
    fn run_extents(&mut self, content: &Content<'_>, start: u64) -> Result<Figures, Trouble> {
        let source = content.file.try_clone().map_err(Trouble::Source)?;
        let mut pieces = self.receiver.read_ahead(source, 0, 0);
        let mut offset = start;
        for extent in data_extents(&content.file, start..content.size) {
            self.zeros(offset..extent.start)?;
            offset = extent.start;
            pieces.restart(extent.clone());
            for piece in &mut pieces {
                let piece = piece.map_err(Trouble::Source)?;
                let at = offset;
                offset += piece.len() as u64;
                self.write(at, piece).map_err(Trouble::Target)?;
                self.meter.at(offset);
                if self.receiver.gives_up() {
                    return Err(Trouble::Stopped(offset));
                }
            }
            if offset < extent.end {
                return Err(Trouble::SourceEnded);
            }
        }
        if fast_io::dir::file_stat(&content.file).is_ok_and(|now| now.size < content.size) {
            return Err(Trouble::SourceEnded);
        }
        self.zeros(offset..content.size)?;
        self.end_holes()?;
        let stats = MatchStats {
            literal_bytes: content.size.saturating_sub(start),
            ..MatchStats::default()
        };
        Ok(Figures {
            size: content.size,
            stats,
            sum: None,
        })
    }

    fn zeros(&mut self, range: Range<u64>) -> Result<(), Trouble> {
        match &mut self.holes {
            Some(holes) if !range.is_empty() => holes.zeros(range).map_err(Trouble::Target),
            _ => Ok(()),
        }
    }

    fn end_holes(&mut self) -> Result<(), Trouble> {
        let updates = self.skips_matches;
        match &mut self.holes {
            Some(holes) => holes.finish(updates).map_err(Trouble::Target),
            None => Ok(()),
        }
    }

    fn write(&mut self, offset: u64, piece: Buffer) -> io::Result<()> {
        match &mut self.holes {
            Some(holes) => holes.piece(offset, piece),
            None => self.ticket.write(offset, piece),
        }
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

/// Writes, in place, what differs. The bytes of moved blocks are taken from the source, which
/// is at hand: reading them back from a file that is being overwritten would need an order.
struct Sink<'a, 'b, 'm> {
    stream: &'a mut Stream<'b, 'm>,
    window: &'a [u8],
    taken: usize,
    offset: &'a mut u64,
}

impl Sink<'_, '_, '_> {
    fn pass(&mut self, len: usize, span: Span) -> io::Result<()> {
        let bytes = &self.window[self.taken..self.taken + len];
        if self.stream.skips_matches {
            match &mut self.stream.holes {
                Some(holes) => holes.bytes(*self.offset, bytes, span)?,
                None if span == Span::New => self.stream.write_copy(*self.offset, bytes)?,
                None => {}
            }
        }
        self.taken += len;
        *self.offset += len as u64;
        Ok(())
    }
}

impl TokenSink for Sink<'_, '_, '_> {
    type Error = io::Error;

    fn literal(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pass(bytes.len(), Span::New)
    }

    fn copy(&mut self, run: CopyRun) -> io::Result<()> {
        let span = if run.offset == *self.offset {
            Span::There
        } else {
            Span::New
        };
        self.pass(run.len as usize, span)
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
