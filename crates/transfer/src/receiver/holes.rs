//! Content that is written with holes in it (`-S`): runs of zeros are not written, and what was
//! there before is freed.
// rsync: fileio.c write_sparse(), sparse_end()

use fast_io::sparse::punch_hole;
use fast_io::{Buffer, BufferPool, WriteTicket};
use std::fs::File;
use std::io;
use std::ops::Range;

/// rsync looks for holes in pieces of this size.
// rsync: rsync.h SPARSE_WRITE_SIZE
const HOLE: u64 = 1024;
const ZEROS: [u8; HOLE as usize] = [0; HOLE as usize];

/// What becomes of bytes that are not zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// They are written.
    New,
    /// The file has them already.
    There,
}

/// Writes a file from its beginning to its end, leaving out what can be a hole.
pub(super) struct Holes<'a> {
    pub ticket: &'a WriteTicket,
    /// The file once more, beside the ticket's.
    pub file: &'a File,
    pub buffers: &'a BufferPool,
    /// Up to where the file holds blocks that are not its content: older data, or reserved ones.
    pub held: u64,
    /// The zeros that were left out last: more may follow.
    pub run: Range<u64>,
}

impl Holes<'_> {
    /// Takes the next bytes, which may come from a buffer that can be written as it is.
    pub fn piece(&mut self, offset: u64, piece: Buffer) -> io::Result<()> {
        if chunks(offset, &piece).any(|chunk| is_zero(&piece[chunk])) {
            return self.bytes(offset, &piece, Span::New);
        }
        self.end_run()?;
        self.ticket.write(offset, piece)
    }

    /// Takes the next bytes.
    pub fn bytes(&mut self, offset: u64, bytes: &[u8], span: Span) -> io::Result<()> {
        // Chunks lie as they do in the file, so that every block of zeros is made of such chunks.
        let mut start = 0;
        for chunk in chunks(offset, bytes) {
            if !is_zero(&bytes[chunk.clone()]) {
                continue;
            }
            self.data(offset, bytes, start..chunk.start, span)?;
            start = chunk.end;
            self.zeros(offset + chunk.start as u64..offset + chunk.end as u64)?;
        }
        self.data(offset, bytes, start..bytes.len(), span)
    }

    /// Takes zeros that nobody had to read.
    pub fn zeros(&mut self, range: Range<u64>) -> io::Result<()> {
        if self.run.end != range.start {
            self.end_run()?;
            self.run.start = range.start;
        }
        self.run.end = range.end;
        Ok(())
    }

    /// The file ends here. With `frees_end`, zeros at the end are freed like others.
    pub fn finish(&mut self, frees_end: bool) -> io::Result<()> {
        if frees_end { self.end_run() } else { Ok(()) }
    }

    fn data(
        &mut self,
        offset: u64,
        bytes: &[u8],
        range: Range<usize>,
        span: Span,
    ) -> io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        self.end_run()?;
        if span == Span::There {
            return Ok(());
        }
        self.write(offset + range.start as u64, &bytes[range])
    }

    /// Makes a hole of the zeros that were left out.
    fn end_run(&mut self) -> io::Result<()> {
        let run = std::mem::replace(&mut self.run, 0..0);
        if run.start >= self.held || run.is_empty() {
            return Ok(());
        }
        // What is written already ends before the run: nothing can make the file longer meanwhile.
        if self.file.metadata()?.len() < run.end {
            self.file.set_len(run.end)?;
        }
        punch_hole(self.file, run).map(drop)
    }

    fn write(&self, mut offset: u64, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            let mut buffer = self.buffers.take();
            let taken = buffer.append(rest);
            self.ticket.write(offset, buffer)?;
            offset += taken as u64;
            rest = &rest[taken..];
        }
        Ok(())
    }
}

/// The chunks that lie in `bytes`, which begin at `offset` of the file.
fn chunks(offset: u64, bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let len = bytes.len();
    let mut start = 0;
    std::iter::from_fn(move || {
        let room = HOLE - (offset + start as u64) % HOLE;
        let chunk = start..len.min(start + room as usize);
        start = chunk.end;
        (!chunk.is_empty()).then_some(chunk)
    })
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes == &ZEROS[..bytes.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_lie_as_they_do_in_the_file() {
        let found: Vec<_> = chunks(1000, &[0; 2100]).collect();
        assert_eq!(found, [0..24, 24..1048, 1048..2072, 2072..2100]);
        assert_eq!(chunks(5, &[]).count(), 0);
    }
}
