//! Tokens whose literals are deflated: one stream a file, brought to a byte's end before each run
//! of blocks. The four bytes that mark such an end always are the same, and are left out.
// rsync: token.c send_deflated_token(), recv_deflated_token()

use std::fmt;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::Token;
use super::frame::{Chunk, Frame, FrameDecoder, MAX_CHUNK, RunEncoder, put_data};
use super::window::Matched;
use crate::{Error, Source};

/// The end of a flushed stream: the lengths of an empty stored block.
const FLUSH_MARK: [u8; 4] = [0, 0, 0xff, 0xff];
/// Room for compressed bytes that is made at a time.
const ROOM: usize = 2 * MAX_CHUNK;
/// Bytes that are decompressed at a time.
const PIECE: usize = 64 * 1024;

/// Deflates literals.
#[derive(Debug)]
pub struct DeflateEncoder {
    deflate: Compress,
    level: i32,
    runs: RunEncoder,
    matched: Option<Matched>,
    /// Compressed bytes that do not fill a chunk yet.
    compressed: Vec<u8>,
    stream: Stream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    /// Of a file before this one.
    Old,
    /// At a byte's end.
    Flushed,
    /// In the middle of literals.
    Open,
}

impl DeflateEncoder {
    pub(super) fn new(level: i32, matched: Option<Matched>) -> Self {
        DeflateEncoder {
            deflate: Compress::new(compression(level), false),
            level,
            runs: RunEncoder::default(),
            matched,
            compressed: Vec::with_capacity(2 * ROOM),
            stream: Stream::Flushed,
        }
    }

    /// Sets the level of the files from the next on.
    pub(super) fn set_level(&mut self, level: i32) {
        if level != self.level {
            self.level = level;
            self.renew();
            self.deflate
                .set_level(compression(level))
                .expect("a stream that has not begun takes any level");
        }
    }

    fn renew(&mut self) {
        self.deflate.reset();
        self.stream = Stream::Flushed;
    }

    pub(super) fn literal(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.runs.flush(out);
        if self.stream == Stream::Old {
            self.renew();
        }
        if let Some(matched) = &mut self.matched {
            matched.insert_into(|bytes| {
                self.deflate
                    .set_dictionary(bytes)
                    .expect("a flushed stream takes a dictionary");
            });
        }
        self.stream = Stream::Open;
        let mut left = bytes;
        while !left.is_empty() {
            let done = self.compress(left, FlushCompress::None);
            left = &left[done..];
            let full = self.compressed.len() / MAX_CHUNK * MAX_CHUNK;
            put_data(out, &self.compressed[..full]);
            self.compressed.drain(..full);
        }
    }

    /// Compresses into the room that there is; says how many bytes were taken.
    fn compress(&mut self, bytes: &[u8], flush: FlushCompress) -> usize {
        self.compressed.reserve(ROOM);
        let before = self.deflate.total_in();
        self.deflate
            .compress_vec(bytes, &mut self.compressed, flush)
            .expect("a raw stream has no errors");
        (self.deflate.total_in() - before) as usize
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.stream != Stream::Open {
            return;
        }
        loop {
            self.compress(&[], FlushCompress::Sync);
            if self.compressed.len() < self.compressed.capacity() {
                break;
            }
        }
        let end = self.compressed.len() - FLUSH_MARK.len();
        debug_assert_eq!(self.compressed[end..], FLUSH_MARK);
        put_data(out, &self.compressed[..end]);
        self.compressed.clear();
        self.stream = Stream::Flushed;
    }

    pub(super) fn copy(&mut self, first: u32, count: u32, out: &mut Vec<u8>) {
        self.flush(out);
        self.runs.copy(first, count, out);
    }

    pub(super) fn matched(&mut self, block: &[u8]) {
        if let Some(matched) = &mut self.matched {
            matched.push(block);
        }
    }

    pub(super) fn wants_matched(&self) -> bool {
        self.matched.is_some()
    }

    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
        self.runs.end(out);
        if let Some(matched) = &mut self.matched {
            matched.clear();
        }
        if self.deflate.total_in() > 0 {
            self.stream = Stream::Old;
        }
    }
}

fn compression(level: i32) -> Compression {
    Compression::new(level.clamp(0, 9) as u32)
}

/// Inflates literals.
pub struct DeflateDecoder {
    inflate: Decompress,
    frames: FrameDecoder,
    matched: Option<Matched>,
    chunk: Chunk,
    piece: Box<[u8]>,
    /// The last piece was full: there may be more although the chunk is done.
    is_full: bool,
    /// Chunks came since the stream was last brought to a byte's end.
    is_open: bool,
}

impl fmt::Debug for DeflateDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeflateDecoder").finish_non_exhaustive()
    }
}

impl DeflateDecoder {
    pub(super) fn new(matched: Option<Matched>) -> Self {
        DeflateDecoder {
            inflate: Decompress::new(false),
            frames: FrameDecoder::default(),
            matched,
            chunk: Chunk::default(),
            piece: vec![0; PIECE].into(),
            is_full: false,
            is_open: false,
        }
    }

    pub(super) fn next<'a, S: Source>(
        &'a mut self,
        source: &'a mut S,
    ) -> Result<Token<'a>, S::Error> {
        loop {
            while self.is_full || !self.chunk.rest().is_empty() {
                let (taken, made) = inflate(&mut self.inflate, self.chunk.rest(), &mut self.piece)?;
                if taken == 0 && made == 0 && !self.chunk.rest().is_empty() {
                    return Err(Error::misbehaving("compressed data make no progress").into());
                }
                self.chunk.advance(taken);
                self.is_full = made == self.piece.len();
                if made > 0 {
                    return Ok(Token::Literal(&self.piece[..made]));
                }
            }
            match self.frames.next(source)? {
                Frame::Data(0) => {
                    return Err(Error::misbehaving("a chunk of no compressed data").into());
                }
                Frame::Data(len) => {
                    self.chunk.fill(source, len)?;
                    self.insert_matched()?;
                    self.is_open = true;
                }
                Frame::Token(token) => {
                    self.close()?;
                    if token == Token::End {
                        self.renew();
                    }
                    return Ok(token);
                }
            }
        }
    }

    /// Puts back the bytes that were left out.
    fn close(&mut self) -> Result<(), Error> {
        if self.is_open {
            let end = inflate(&mut self.inflate, &FLUSH_MARK, &mut self.piece)?;
            if end != (FLUSH_MARK.len(), 0) {
                return Err(Error::misbehaving("decompressor lost sync!"));
            }
            self.is_open = false;
        }
        Ok(())
    }

    fn insert_matched(&mut self) -> Result<(), Error> {
        let mut inserted = Ok(0);
        if let Some(matched) = &mut self.matched {
            matched.insert_into(|bytes| inserted = self.inflate.set_dictionary(bytes));
        }
        match inserted {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }

    fn renew(&mut self) {
        if self.inflate.total_in() > 0 {
            self.inflate.reset(false);
        }
        if let Some(matched) = &mut self.matched {
            matched.clear();
        }
    }

    pub(super) fn matched(&mut self, block: &[u8]) {
        if let Some(matched) = &mut self.matched {
            matched.push(block);
        }
    }

    pub(super) fn wants_matched(&self) -> bool {
        self.matched.is_some()
    }
}

/// Says how many bytes were taken and how many were made of them.
fn inflate(stream: &mut Decompress, from: &[u8], to: &mut [u8]) -> Result<(usize, usize), Error> {
    let before = (stream.total_in(), stream.total_out());
    match stream.decompress(from, to, FlushDecompress::None) {
        Ok(Status::Ok | Status::BufError) => Ok((
            (stream.total_in() - before.0) as usize,
            (stream.total_out() - before.1) as usize,
        )),
        Ok(Status::StreamEnd) => Err(Error::misbehaving("compressed data end too early")),
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &flate2::DecompressError) -> Error {
    Error::misbehaving(format!("compressed data: {error}"))
}
