//! A file whose content comes over the wire: literal bytes, and blocks of what is there already.
//!
//! The thread that reads the wire puts it together; writes run behind it on the pump, and reads of
//! the basis ahead. What is small is put together in memory and written by the pump's workers,
//! several files at once.
// rsync: receiver.c receive_data()

use super::content::TOKEN;
use super::file::{Attempt, Target, Trouble};
use super::holes::{Holes, Span};
use super::meter::Meter;
use super::{Basis, Failure, Job, Receiver};
use crate::narrator::Moved;
use delta::{BlockLayout, FileSum, MatchStats};
use fast_io::dir::Follow;
use fast_io::offload::write_small;
use fast_io::{Buffer, Durability, ReadAhead, Reserve, WriteTicket, is_cancelled};
use options::Append;
use std::fs::File;
use std::io;

/// Content as it arrives.
pub(crate) trait Arrival {
    /// Why it broke off. It ends the session.
    type Error;

    /// The next piece.
    fn next(&mut self) -> Result<Piece<'_>, Self::Error>;

    /// The sum of the whole, behind [`Piece::End`].
    fn digest(&mut self) -> Result<Vec<u8>, Self::Error>;

    /// A block was copied: what comes may refer to its bytes.
    fn copied(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// A piece of a file.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// These bytes.
    Literal(&'a [u8]),
    /// A block of the basis.
    Block(u32),
    /// Nothing more.
    End,
}

/// How content that arrives is put together.
pub(crate) struct Plan {
    /// How the basis is cut into blocks.
    pub layout: BlockLayout,
    /// The sum of the whole, with what comes before the content in it.
    pub sum: FileSum,
}

/// A small file that is complete in memory.
pub(crate) struct Small {
    pub job: Job,
    pub bytes: Vec<u8>,
    pub sum: FileSum,
    pub expected: Vec<u8>,
}

impl Receiver {
    /// Writes small files, one after the other.
    pub fn write_small_files(&self, files: Vec<Small>) {
        for small in files {
            let _unfinished = self.ctx.control.work();
            if self.gives_up() {
                return;
            }
            let Small {
                job,
                bytes,
                mut sum,
                expected,
            } = small;
            self.begin(&job);
            let result = self.write_small(&job, &bytes, || {
                sum.update(&bytes);
                sum.finish().as_bytes() == expected
            });
            self.conclude(&job, result);
        }
    }

    fn write_small(
        &self,
        job: &Job,
        bytes: &[u8],
        is_right: impl FnOnce() -> bool,
    ) -> Result<Moved, Failure> {
        let target = self.open_target(job).inspect_err(|_| self.pass_over(job))?;
        if !is_right() {
            return Err(self.give_up(job, target, Trouble::Unverified, job.attempt, None));
        }
        let mut meter = Meter::new(self, job);
        let written = write_small(&target.file, bytes, 0)
            .and_then(|()| self.cut(job, &target.file, bytes.len() as u64));
        if let Err(e) = written {
            return Err(self.give_up(job, target, Trouble::Target(e), job.attempt, None));
        }
        meter.finish(bytes.len() as u64, 0);
        self.commit(job, target, self.moved(bytes.len() as u64, None))
    }

    fn begin(&self, job: &Job) {
        let totals = || self.ctx.totals();
        self.ctx
            .narrator
            .begin(job.place, job.entry.entry(), totals);
    }

    /// Whether a file is put together in memory if it comes whole.
    pub fn is_small(&self, job: &Job) -> bool {
        let o = &self.ctx.options;
        job.entry.entry().size <= SMALL as u64
            && !o.sparse
            && !o.preallocate
            && (o.append == Append::No || job.attempt == Attempt::Again)
    }

    /// Puts a file together. What had arrived of it already is `begun`.
    ///
    /// # Errors
    /// Only if the content breaks off.
    pub fn arrive<A: Arrival>(
        &self,
        job: &Job,
        plan: Plan,
        begun: &[u8],
        arrival: &mut A,
    ) -> Result<(), A::Error> {
        let _unfinished = self.ctx.control.work();
        self.begin(job);
        let result = match self.prepare(job, plan) {
            Ok(assembly) => match assembly.run(begun, arrival) {
                Ok(result) => result,
                Err((broken, failure)) => {
                    self.conclude(job, Err(failure));
                    return Err(broken);
                }
            },
            Err(failure) => {
                self.pass_over(job);
                discard(arrival)?;
                Err(failure)
            }
        };
        self.conclude(job, result);
        Ok(())
    }

    fn prepare<'a>(&'a self, job: &'a Job, plan: Plan) -> Result<Assembly<'a>, Failure> {
        let o = &self.ctx.options;
        let appends = o.append != Append::No && job.attempt == Attempt::First;
        let basis = self.open_basis(job);
        let target = self.open_target(job)?;
        let fail = |target, e| self.give_up(job, target, Trouble::Target(e), job.attempt, None);
        let Target { file, naming, born } = target;
        let spare = match file.try_clone() {
            Ok(spare) => spare,
            Err(e) => return Err(fail(Target { file, naming, born }, e)),
        };
        let size = job.entry.entry().size;
        let older = job.existing.filter(|_| o.inplace).map_or(0, |s| s.size);
        let reserve = if o.preallocate && size > older {
            Reserve::Bytes(size)
        } else {
            Reserve::Nothing
        };
        let held = match reserve {
            Reserve::Bytes(bytes) => bytes,
            Reserve::Nothing if appends => 0,
            Reserve::Nothing => older,
        };
        let target = |file| Target { file, naming, born };
        let ticket = match self.writes.begin(file, reserve) {
            Ok(ticket) => ticket,
            Err(e) => return Err(fail(target(spare), e)),
        };
        let start = if appends { plan.layout.file_len() } else { 0 };
        Ok(Assembly {
            receiver: self,
            job,
            sum: plan.sum,
            basis: basis.map(|file| BasisReader::new(self, file, plan.layout.file_len())),
            layout: plan.layout,
            ticket,
            target: target(spare),
            held,
            offset: start,
            start,
            filling: None,
            figures: MatchStats::default(),
            meter: Meter::new(self, job),
        })
    }

    /// Opens what the signature was made of.
    fn open_basis(&self, job: &Job) -> Option<File> {
        match job.basis {
            Basis::Partial(_) => self
                .open_partial_dir(&job.dir)
                .and_then(|dir| dir.open_file(job.leaf(), self.ctx.reading(), Follow::Never))
                .ok(),
            Basis::Existing => {
                job.existing?;
                let dir = &job.dir.dir;
                dir.open_file(job.leaf(), self.ctx.reading(), Follow::Never)
                    .ok()
            }
        }
    }
}

/// Up to this size a file is put together in memory.
const SMALL: usize = 128 * 1024;

/// Takes content that goes nowhere.
// rsync: receiver.c discard_receive_data()
fn discard<A: Arrival>(arrival: &mut A) -> Result<(), A::Error> {
    loop {
        match arrival.next()? {
            Piece::End => {
                arrival.digest()?;
                return Ok(());
            }
            Piece::Literal(_) => {}
            // Nothing can be told that refers to it.
            Piece::Block(_) => arrival.copied(&[])?,
        }
    }
}

/// One file that is being put together.
struct Assembly<'a> {
    receiver: &'a Receiver,
    job: &'a Job,
    layout: BlockLayout,
    sum: FileSum,
    basis: Option<BasisReader>,
    ticket: WriteTicket,
    target: Target,
    held: u64,
    /// Where the next bytes go.
    offset: u64,
    start: u64,
    /// Bytes that are not written yet, and where they go.
    filling: Option<(u64, Buffer)>,
    figures: MatchStats,
    meter: Meter<'a>,
}

impl Assembly<'_> {
    /// Puts it together. Where the content breaks off, what there is of it is given up like any other
    /// unfinished file.
    fn run<A: Arrival>(
        mut self,
        begun: &[u8],
        arrival: &mut A,
    ) -> Result<Result<Moved, Failure>, (A::Error, Failure)> {
        let receiver = self.receiver;
        let spare = self.target.file.try_clone();
        let sparse = receiver.ctx.options.sparse && !receiver.writes_device(self.job);
        let mut holes = match (&spare, sparse) {
            (Ok(file), true) => Some(HolesOf {
                file,
                held: self.held,
                run: 0..0,
            }),
            _ => None,
        };
        let mut trouble = self.sum_prefix().err();
        if !begun.is_empty() && trouble.is_none() {
            trouble = self.literal(begun, &mut holes).err();
        }
        let all = self.pieces(arrival, &mut trouble, &mut holes);
        match all {
            Ok(expected) => Ok(self.end(trouble, &expected, holes)),
            Err(broken) => {
                let stopped = Trouble::Stopped(self.offset);
                match self.end(Some(stopped), &[], holes) {
                    Ok(_) => Err((broken, Failure::Skipped)),
                    Err(failure) => Err((broken, failure)),
                }
            }
        }
    }

    /// Takes pieces until the last, and tells the sum that came behind it.
    fn pieces<A: Arrival>(
        &mut self,
        arrival: &mut A,
        trouble: &mut Option<Trouble>,
        holes: &mut Option<HolesOf<'_>>,
    ) -> Result<Vec<u8>, A::Error> {
        loop {
            match arrival.next()? {
                Piece::End => return arrival.digest(),
                Piece::Literal(bytes) if trouble.is_none() => {
                    *trouble = self.literal(bytes, holes).err();
                }
                Piece::Literal(_) => {}
                Piece::Block(block) => {
                    let mut bytes = Vec::new();
                    if trouble.is_none() {
                        *trouble = self.block(block, &mut bytes, holes).err();
                    }
                    arrival.copied(&bytes)?;
                }
            }
            if trouble.is_none() && self.receiver.gives_up() {
                *trouble = Some(Trouble::Stopped(self.offset));
            }
        }
    }

    /// Adds what is appended to, where that is verified.
    fn sum_prefix(&mut self) -> Result<(), Trouble> {
        if self.start == 0 || self.receiver.ctx.options.append != Append::AppendVerify {
            return Ok(());
        }
        let Some(basis) = &mut self.basis else {
            return Ok(());
        };
        let mut at = 0;
        while at < self.start {
            let bytes = basis.at(at, 1).map_err(Trouble::Target)?;
            let some = bytes.len().min((self.start - at) as usize);
            self.sum.update(&bytes[..some]);
            at += some as u64;
        }
        Ok(())
    }

    fn literal(&mut self, bytes: &[u8], holes: &mut Option<HolesOf<'_>>) -> Result<(), Trouble> {
        self.sum.update(bytes);
        self.figures.literal_bytes += bytes.len() as u64;
        self.put(bytes, Span::New, holes).map_err(Trouble::Target)
    }

    /// Copies a block of the basis. Its bytes are left in `copied`.
    fn block(
        &mut self,
        block: u32,
        copied: &mut Vec<u8>,
        holes: &mut Option<HolesOf<'_>>,
    ) -> Result<(), Trouble> {
        if block >= self.layout.count() {
            return Err(Trouble::Unverified);
        }
        let from = self.layout.start_of(block);
        let len = self.layout.len_of(block) as usize;
        let Some(basis) = &mut self.basis else {
            return Err(Trouble::Unverified);
        };
        copied.extend_from_slice(basis.exactly(from, len).map_err(|_| Trouble::Unverified)?);
        self.sum.update(copied);
        self.figures.matches += 1;
        self.figures.matched_bytes += len as u64;
        let inplace =
            self.receiver.ctx.options.inplace && matches!(self.job.basis, Basis::Existing);
        let span = if inplace && from == self.offset {
            Span::There
        } else {
            Span::New
        };
        self.put(copied, span, holes).map_err(Trouble::Target)
    }

    fn put(&mut self, bytes: &[u8], span: Span, holes: &mut Option<HolesOf<'_>>) -> io::Result<()> {
        let receiver = self.receiver;
        if let Some(sparse) = holes {
            sparse.with(&self.ticket, &receiver.buffers, |holes| {
                holes.bytes(self.offset, bytes, span)
            })?;
        } else if span == Span::There {
            self.send_off()?;
        } else {
            let mut rest = bytes;
            let mut at = self.offset;
            while !rest.is_empty() {
                let (_, buffer) = self
                    .filling
                    .get_or_insert_with(|| (at, receiver.buffers.take()));
                let taken = buffer.append(rest);
                rest = &rest[taken..];
                at += taken as u64;
                if buffer.len() == buffer.capacity() {
                    self.send_off()?;
                }
            }
        }
        self.offset += bytes.len() as u64;
        self.meter.at(self.offset);
        Ok(())
    }

    fn send_off(&mut self) -> io::Result<()> {
        match self.filling.take() {
            Some((at, buffer)) => self.ticket.write(at, buffer),
            None => Ok(()),
        }
    }

    fn end(
        mut self,
        trouble: Option<Trouble>,
        expected: &[u8],
        mut holes: Option<HolesOf<'_>>,
    ) -> Result<Moved, Failure> {
        let receiver = self.receiver;
        let o = &receiver.ctx.options;
        let mut result = match trouble {
            Some(trouble) => Err(trouble),
            None => self.send_off().map_err(Trouble::Target),
        };
        if let (Ok(()), Some(sparse)) = (&result, &mut holes) {
            result = sparse
                .with(&self.ticket, &receiver.buffers, |h| h.finish(o.inplace))
                .map_err(Trouble::Target);
        }
        let Assembly {
            job,
            sum,
            basis,
            ticket,
            target,
            offset,
            figures,
            mut meter,
            ..
        } = self;
        if let Some(basis) = basis {
            // The file may take its name.
            basis.pieces.close();
        }
        if result.is_ok() && sum.finish().as_bytes() != expected {
            result = Err(Trouble::Unverified);
        }
        let unverified = matches!(result, Err(Trouble::Unverified));
        let committed = match result {
            Err(trouble) if !(unverified && o.inplace) => {
                // Nothing may reach the file any more while it is kept, renamed or removed.
                let _torn = ticket.abort();
                Err(trouble)
            }
            // `--fsync` comes once, with the attributes.
            other => ticket
                .commit(Durability::Lazy)
                .and_then(|committed| {
                    let longer = o.inplace || o.preallocate || committed.length < offset;
                    if longer && !receiver.writes_device(job) {
                        committed.file.set_len(offset)?;
                    }
                    Ok(())
                })
                .map_err(Trouble::Target)
                .and(other),
        };
        if committed.is_ok() || unverified {
            meter.finish(figures.literal_bytes, figures.matched_bytes);
        }
        match committed {
            Ok(()) => {
                receiver.add_matches(figures);
                let mut moved = receiver.moved(figures.literal_bytes, None);
                moved.sent_bytes += TOKEN * figures.matches;
                receiver.commit(job, target, moved)
            }
            // Whoever ends the session early cancels what is under way.
            Err(Trouble::Target(e)) if is_cancelled(&e) => {
                let stopped = Trouble::Stopped(meter.reached());
                Err(receiver.give_up(job, target, stopped, job.attempt, None))
            }
            Err(trouble) => Err(receiver.give_up(job, target, trouble, job.attempt, None)),
        }
    }
}

/// Where zeros were left out; [`Holes`] borrows the rest.
struct HolesOf<'a> {
    file: &'a File,
    held: u64,
    run: std::ops::Range<u64>,
}

impl HolesOf<'_> {
    fn with(
        &mut self,
        ticket: &WriteTicket,
        buffers: &fast_io::BufferPool,
        act: impl FnOnce(&mut Holes<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut holes = Holes {
            ticket,
            file: self.file,
            buffers,
            held: self.held,
            run: self.run.clone(),
        };
        let result = act(&mut holes);
        self.run = holes.run;
        result
    }
}

/// Reads blocks of the basis, most of which follow each other.
struct BasisReader {
    pieces: ReadAhead,
    size: u64,
    /// The piece at hand, and where it begins.
    piece: Option<(u64, Buffer)>,
    joined: Vec<u8>,
}

impl BasisReader {
    fn new(receiver: &Receiver, file: File, size: u64) -> BasisReader {
        BasisReader {
            pieces: receiver.read_ahead(file, 0, size),
            size,
            piece: None,
            joined: Vec::new(),
        }
    }

    /// Bytes from an offset on, at least one and as many as are at hand. `least` are wanted.
    fn at(&mut self, offset: u64, least: u64) -> io::Result<&[u8]> {
        let end = self.piece.as_ref().map_or(0, |(at, b)| at + b.len() as u64);
        let within = self
            .piece
            .as_ref()
            .is_some_and(|(at, _)| (*at..end).contains(&offset));
        if !within {
            if self.piece.is_none() || offset != end {
                self.pieces.restart(offset..self.size.max(offset + least));
            }
            let piece = self
                .pieces
                .next()
                .unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.piece = Some((offset, piece));
        }
        match &self.piece {
            Some((at, piece)) => Ok(&piece[(offset - at) as usize..]),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Exactly these bytes.
    fn exactly(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        while joined.len() < len {
            let left = len - joined.len();
            let bytes = self.at(offset + joined.len() as u64, left as u64)?;
            joined.extend_from_slice(&bytes[..bytes.len().min(left)]);
        }
        self.joined = joined;
        Ok(&self.joined)
    }
}
