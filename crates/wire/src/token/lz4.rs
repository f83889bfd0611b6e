//! Tokens whose literals are LZ4: each chunk is a block of its own.
// rsync: token.c send_compressed_token(), recv_compressed_token()

use std::fmt;

use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size,
};

use super::Token;
use super::frame::{Frame, FrameDecoder, MAX_CHUNK, RunEncoder, put_data};
use crate::{Error, Source};

/// The most bytes that a receiver decompresses from one chunk: what LZ4 makes at worst of 32 KiB.
// rsync: LZ4_compressBound(CHUNK_SIZE)
const MAX_DECOMPRESSED: usize = LARGEST + LARGEST / 255 + 16;
/// The most bytes that we compress into one: more give LZ4 more to find. rsync begins with 16383.
const LARGEST: usize = 32 * 1024;
/// As many bytes fit into a chunk whatever they are, as what cannot be compressed grows by a byte
/// in 255 and a few.
const SMALLEST: usize = MAX_CHUNK - MAX_CHUNK / 255 - 16;

/// Compresses literals.
pub struct Lz4Encoder {
    runs: RunEncoder,
    table: CompressTable,
    compressed: Box<[u8]>,
    /// Bytes to try with: as many as lately fitted into a chunk.
    step: usize,
}

impl fmt::Debug for Lz4Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lz4Encoder")
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

impl Lz4Encoder {
    pub(super) fn new() -> Self {
        Lz4Encoder {
            runs: RunEncoder::default(),
            table: CompressTable::default(),
            compressed: vec![0; get_maximum_output_size(LARGEST)].into(),
            step: LARGEST,
        }
    }

    pub(super) fn literal(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if !bytes.is_empty() {
            self.runs.flush(out);
        }
        let mut left = bytes;
        while !left.is_empty() {
            let (some, rest) = left.split_at(left.len().min(self.step));
            let len = compress_into_with_table(some, &mut self.compressed, &mut self.table)
                .expect("there is room for the worst");
            if len > MAX_CHUNK {
                self.step = SMALLEST;
                continue;
            }
            put_data(out, &self.compressed[..len]);
            left = rest;
            if len < some.len() / 2 {
                self.step = LARGEST;
            }
        }
    }

    pub(super) fn copy(&mut self, first: u32, count: u32, out: &mut Vec<u8>) {
        self.runs.copy(first, count, out);
    }

    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.runs.end(out);
    }
}

/// Decompresses literals.
#[derive(Debug)]
pub struct Lz4Decoder {
    frames: FrameDecoder,
    piece: Box<[u8]>,
}

impl Lz4Decoder {
    pub(super) fn new() -> Self {
        Lz4Decoder {
            frames: FrameDecoder::default(),
            piece: vec![0; MAX_DECOMPRESSED].into(),
        }
    }

    pub(super) fn next<'a, S: Source>(
        &'a mut self,
        source: &'a mut S,
    ) -> Result<Token<'a>, S::Error> {
        match self.frames.next(source)? {
            Frame::Token(token) => Ok(token),
            Frame::Data(len) => match decompress_into(source.take(len)?, &mut self.piece) {
                Ok(0) => Err(Error::misbehaving("a chunk of no data").into()),
                Ok(made) => Ok(Token::Literal(&self.piece[..made])),
                Err(error) => Err(Error::misbehaving(format!("compressed data: {error}")).into()),
            },
        }
    }
}
