//! A file whose content comes over the wire: literal bytes, and blocks of what is there already.
//!
//! The thread that reads the wire puts it together; writes run behind it on the pump, and reads of
//! the basis ahead. What is small is put together in memory and written by the pump's workers,
//! several files at once.
// rsync: receiver.c receive_data()

use super::content::{READ_DEPTH, TOKEN};
use super::file::{Attempt, Target, Trouble};
use super::holes::{Holes, Span};
use super::meter::Meter;
use super::{Basis, Failure, Job, Receiver};
use crate::narrator::Moved;
use crate::remote::agreement::Agreement;
use delta::{BlockLayout, Digest, FileSum, MatchStats};
use fast_io::dir::Follow;
use fast_io::offload::write_small;
use fast_io::{Buffer, Durability, ReadAhead, Reserve, WriteTicket, is_cancelled};
use options::Append;
use std::fs::File;
use std::io;
use std::ops::Range;

/// Content as it arrives.
pub(crate) trait Arrival {
    /// Why it broke off. It ends the session.
    type Error;

    /// The next piece.
    fn next(&mut self) -> Result<Piece<'_>, Self::Error>;

    /// The sum of the whole, behind [`Piece::End`].
    fn digest(&mut self) -> Result<Vec<u8>, Self::Error>;

    /// Whether [`Self::copied`] needs to be called.
    fn wants_copied(&self) -> bool;

    /// A block was copied: what comes may refer to its bytes.
    fn copied(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// A block was to be copied, and nobody has it: what comes is decompressed by bytes that are as
    /// many, and goes nowhere.
    fn missed(&mut self, len: u32) -> Result<(), Self::Error> {
        let mut left = if self.wants_copied() { len as usize } else { 0 };
        while left > 0 {
            let part = left.min(NOTHING.len());
            self.copied(&NOTHING[..part])?;
            left -= part;
        }
        Ok(())
    }
}

/// Stands for content that nobody has.
static NOTHING: [u8; 32 * 1024] = [0; 32 * 1024];

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
    /// Where its bytes are among those of its batch.
    pub bytes: Range<usize>,
    /// The sum that came with it.
    pub expected: Option<Digest>,
}

impl Receiver {
    /// Writes small files, whose bytes are together, one after the other.
    pub fn write_small_files(&self, files: Vec<Small>, bytes: &[u8], agreement: &Agreement) {
        for small in files {
            let _unfinished = self.ctx.control.work();
            if self.gives_up() {
                return;
            }
            let Small {
                job,
                bytes: range,
                expected,
            } = small;
            let bytes = &bytes[range];
            self.begin(&job);
            let result =
                self.write_small(&job, bytes, || Some(agreement.sum_of(bytes)) == expected);
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
        let layout = plan.layout;
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
                discard(arrival, layout)?;
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
            run: 0..0,
            filling: None,
            figures: MatchStats::default(),
            meter: Meter::new(self, job),
        })
    }

    /// Opens what the signature was made of.
    fn open_basis(&self, job: &Job) -> Option<File> {
        match &job.basis {
            Basis::Partial(_) => self
                .open_partial_dir(&job.dir)
                .and_then(|dir| dir.open_file(job.leaf(), self.ctx.reading(), Follow::Never))
                .ok(),
            Basis::Elsewhere(elsewhere) => {
                let dir = &elsewhere.dir.dir;
                let opened = dir.open_file(&elsewhere.name, self.ctx.reading(), Follow::Never);
                opened.ok()
            }
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
pub(crate) fn discard<A: Arrival>(arrival: &mut A, layout: BlockLayout) -> Result<(), A::Error> {
    loop {
        match arrival.next()? {
            Piece::End => {
                arrival.digest()?;
                return Ok(());
            }
            Piece::Literal(_) => {}
            Piece::Block(block) => arrival.missed(len_of(layout, block))?,
        }
    }
}

/// How long a block is that a peer names, which may not exist.
fn len_of(layout: BlockLayout, block: u32) -> u32 {
    if block < layout.count() {
        layout.len_of(block)
    } else {
        0
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
    /// Where the next bytes go: those of the run, then others.
    offset: u64,
    start: u64,
    /// Blocks of the basis, one behind the other, that are to be copied: as much of it as possible
    /// is taken at a time.
    run: Range<u64>,
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
        if trouble.is_none() {
            trouble = self.end_run(&mut holes).err();
        }
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
                    if trouble.is_none() {
                        *trouble = self.block(block, holes).err();
                    }
                    if arrival.wants_copied() {
                        let mut bytes = Vec::new();
                        if trouble.is_none() {
                            *trouble = self.show_run(&mut bytes, holes).err();
                        }
                        if trouble.is_none() {
                            arrival.copied(&bytes)?;
                        } else {
                            arrival.missed(len_of(self.layout, block))?;
                        }
                    }
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
            let piece = basis.take(at, 1).map_err(Trouble::Target)?;
            let bytes = &piece.buffer[piece.wanted(&(at..self.start))];
            self.sum.update(bytes);
            at += bytes.len() as u64;
        }
        Ok(())
    }

    fn literal(&mut self, bytes: &[u8], holes: &mut Option<HolesOf<'_>>) -> Result<(), Trouble> {
        self.end_run(holes)?;
        self.sum.update(bytes);
        self.figures.literal_bytes += bytes.len() as u64;
        self.put(bytes, Span::New, holes).map_err(Trouble::Target)
    }

    /// Adds a block of the basis to the run.
    fn block(&mut self, block: u32, holes: &mut Option<HolesOf<'_>>) -> Result<(), Trouble> {
        if block >= self.layout.count() {
            return Err(Trouble::Unverified);
        }
        let from = self.layout.start_of(block);
        let len = u64::from(self.layout.len_of(block));
        if from != self.run.end {
            self.end_run(holes)?;
            self.run = from..from;
        }
        self.run.end = from + len;
        self.figures.matches += 1;
        self.figures.matched_bytes += len;
        while let Some(basis) = &self.basis
            && self.run.end >= basis.end_of_piece(self.run.start)
        {
            self.copy_some(holes)?;
        }
        Ok(())
    }

    /// Copies all of the run.
    fn end_run(&mut self, holes: &mut Option<HolesOf<'_>>) -> Result<(), Trouble> {
        while !self.run.is_empty() {
            self.copy_some(holes)?;
        }
        Ok(())
    }

    /// Copies as much of the run as is in one piece. One that is wanted as a whole goes on as it is.
    fn copy_some(&mut self, holes: &mut Option<HolesOf<'_>>) -> Result<(), Trouble> {
        let from = self.run.start;
        let span = self.run_span();
        let Some(basis) = &mut self.basis else {
            return Err(Trouble::Unverified);
        };
        let mut piece = basis
            .take(from, self.run.end - from)
            .map_err(|_| Trouble::Unverified)?;
        let range = piece.wanted(&self.run);
        let bytes = &piece.buffer[range.clone()];
        let len = bytes.len();
        self.sum.update(bytes);
        let put = if span == Span::New && len == piece.buffer.len() {
            let buffer = std::mem::take(&mut piece.buffer);
            self.put_buffer(buffer, holes)
        } else {
            self.put(bytes, span, holes)
        };
        if let Some(basis) = &mut self.basis {
            basis.put_back(piece);
        }
        self.run.start += len as u64;
        put.map_err(Trouble::Target)
    }

    /// Copies all of the run, and leaves its bytes in `shown`.
    fn show_run(
        &mut self,
        shown: &mut Vec<u8>,
        holes: &mut Option<HolesOf<'_>>,
    ) -> Result<(), Trouble> {
        let span = self.run_span();
        while !self.run.is_empty() {
            let Some(basis) = &mut self.basis else {
                return Err(Trouble::Unverified);
            };
            let piece = basis
                .take(self.run.start, self.run.end - self.run.start)
                .map_err(|_| Trouble::Unverified)?;
            let bytes = &piece.buffer[piece.wanted(&self.run)];
            shown.extend_from_slice(bytes);
            self.run.start += bytes.len() as u64;
            basis.put_back(piece);
        }
        self.sum.update(shown);
        self.put(shown, span, holes).map_err(Trouble::Target)
    }

    /// Whether the run is in its place already.
    fn run_span(&self) -> Span {
        let inplace =
            self.receiver.ctx.options.inplace && matches!(self.job.basis, Basis::Existing);
        if inplace && self.run.start == self.offset {
            Span::There
        } else {
            Span::New
        }
    }

    /// Adds a buffer that is written as it is.
    fn put_buffer(&mut self, buffer: Buffer, holes: &mut Option<HolesOf<'_>>) -> io::Result<()> {
        let len = buffer.len() as u64;
        if let Some(sparse) = holes {
            sparse.with(&self.ticket, &self.receiver.buffers, |holes| {
                holes.piece(self.offset, buffer)
            })?;
        } else {
            self.send_off()?;
            self.ticket.write(self.offset, buffer)?;
        }
        self.offset += len;
        self.meter.at(self.offset);
        Ok(())
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

/// Reads what is copied of the basis, most of which follows what was copied before.
struct BasisReader {
    pieces: ReadAhead,
    size: u64,
    /// What a piece holds, unless it is the last.
    piece_len: u64,
    /// Where the next piece begins, if it is not restarted.
    next: u64,
    /// The piece at hand.
    piece: Option<BasisPiece>,
}

struct BasisPiece {
    /// Where it begins in the basis.
    at: u64,
    buffer: Buffer,
}

impl BasisPiece {
    fn range(&self) -> Range<u64> {
        self.at..self.at + self.buffer.len() as u64
    }

    /// What of it belongs to a run that begins in it.
    fn wanted(&self, run: &Range<u64>) -> Range<usize> {
        let end = run.end.min(self.range().end);
        (run.start - self.at) as usize..(end - self.at) as usize
    }
}

impl BasisReader {
    fn new(receiver: &Receiver, file: File, size: u64) -> BasisReader {
        BasisReader {
            pieces: receiver.read_ahead(file, 0, size),
            size,
            piece_len: receiver.buffers.buffer_size() as u64,
            next: 0,
            piece: None,
        }
    }

    /// The end of the piece in which this offset lies, or of that which will be read for it.
    fn end_of_piece(&self, offset: u64) -> u64 {
        match &self.piece {
            Some(piece) if piece.range().contains(&offset) => piece.range().end,
            _ => offset + self.piece_len,
        }
    }

    /// The piece in which this offset lies. `least` bytes are wanted from there on.
    fn take(&mut self, offset: u64, least: u64) -> io::Result<BasisPiece> {
        if let Some(piece) = self.piece.take_if(|p| p.range().contains(&offset)) {
            return Ok(piece);
        }
        self.piece = None;
        let ahead = self.next..self.next + self.piece_len * READ_DEPTH as u64;
        if !ahead.contains(&offset) {
            self.pieces.restart(offset..self.size.max(offset + least));
            self.next = offset;
        }
        loop {
            let buffer = self
                .pieces
                .next()
                .unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
            let piece = BasisPiece {
                at: self.next,
                buffer,
            };
            self.next = piece.range().end;
            if piece.range().contains(&offset) {
                return Ok(piece);
            }
            if piece.buffer.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Keeps a piece that was taken, if anything is left of it.
    fn put_back(&mut self, piece: BasisPiece) {
        self.piece = (!piece.buffer.is_empty()).then_some(piece);
    }
}
