//! A file's content as it crosses: literal bytes, and numbers of blocks that the other end has.
//!
//! An encoder or a decoder serves a whole session, file after file, as compression may remember
//! what went before. Under the old zlib scheme both must also be shown the blocks that were
//! matched, in order ([`TokenEncoder::matched`], [`TokenDecoder::matched`]); everything else is
//! the same for all codecs.
// rsync: token.c send_token(), recv_token(), see_token()

mod codec;
mod deflate;
mod frame;
mod lz4;
mod plain;
mod window;
mod zstd;

use crate::{Protocol, Source};
use window::Matched;

pub use codec::Codec;
pub use deflate::{DeflateDecoder, DeflateEncoder};
pub use lz4::{Lz4Decoder, Lz4Encoder};
pub use plain::{MAX_LITERAL, PlainDecoder, literals};
pub use zstd::{ZstdDecoder, ZstdEncoder};

/// What comes next in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// Bytes; never none, and perhaps only a part of what the peer sent in one piece.
    Literal(&'a [u8]),
    /// Blocks of the basis. That the basis has them is not checked here: there may be fewer.
    Copy {
        /// The first block's number.
        first: u32,
        /// How many blocks, from 1 to 65536.
        count: u32,
    },
    /// The file is complete.
    End,
}

/// How literal bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// The way.
    pub codec: Codec,
    /// How hard, as [`Codec::at_level`] has it.
    pub level: i32,
    /// How many threads Zstandard has for it besides the caller's, or 0.
    pub threads: u32,
}

/// Appends tokens to what will be sent.
#[derive(Debug)]
pub enum TokenEncoder {
    /// Without compression.
    Plain,
    /// Zlib and zlibx.
    Deflate(Box<DeflateEncoder>),
    /// LZ4.
    Lz4(Box<Lz4Encoder>),
    /// Zstandard.
    Zstd(Box<ZstdEncoder>),
}

impl TokenEncoder {
    /// An encoder for a session.
    ///
    /// # Panics
    ///
    /// If Zstandard finds no memory, here or later.
    pub fn new(compression: Compression, protocol: Protocol) -> TokenEncoder {
        let Compression {
            codec,
            level,
            threads,
        } = compression;
        match codec {
            Codec::Plain => TokenEncoder::Plain,
            Codec::Zlib | Codec::Zlibx => {
                let matched = matched(codec, protocol);
                TokenEncoder::Deflate(Box::new(DeflateEncoder::new(level, matched)))
            }
            Codec::Lz4 => TokenEncoder::Lz4(Box::new(Lz4Encoder::new())),
            Codec::Zstd => TokenEncoder::Zstd(Box::new(ZstdEncoder::new(level, threads))),
        }
    }

    /// Sets the level of the files from the next on; to be called between files. rsync 3.5.0
    /// cannot do this, but every receiver can follow.
    pub fn set_level(&mut self, level: i32) {
        match self {
            TokenEncoder::Plain | TokenEncoder::Lz4(_) => {}
            TokenEncoder::Deflate(encoder) => encoder.set_level(level),
            TokenEncoder::Zstd(encoder) => encoder.set_level(level),
        }
    }

    /// Sets on how many threads, besides the caller's, the files from the next on are compressed,
    /// where that can be done; to be called between files.
    pub fn set_workers(&mut self, workers: u32) {
        if let TokenEncoder::Zstd(encoder) = self {
            encoder.set_workers(workers);
        }
    }

    /// Appends bytes that the basis does not have; the more at a time, the better. They may be
    /// held back until something else comes.
    pub fn literal(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            TokenEncoder::Plain => plain::literal(bytes, out),
            TokenEncoder::Deflate(encoder) => encoder.literal(bytes, out),
            TokenEncoder::Lz4(encoder) => encoder.literal(bytes, out),
            TokenEncoder::Zstd(encoder) => encoder.literal(bytes, out),
        }
    }

    /// Appends the numbers of `count` blocks of the basis, from `first` on. They may be held back
    /// until something else comes.
    pub fn copy(&mut self, first: u32, count: u32, out: &mut Vec<u8>) {
        match self {
            TokenEncoder::Plain => plain::copy(first, count, out),
            TokenEncoder::Deflate(encoder) => encoder.copy(first, count, out),
            TokenEncoder::Lz4(encoder) => encoder.copy(first, count, out),
            TokenEncoder::Zstd(encoder) => encoder.copy(first, count, out),
        }
    }

    /// Whether [`Self::matched`] needs to be called.
    pub fn wants_matched(&self) -> bool {
        matches!(self, TokenEncoder::Deflate(encoder) if encoder.wants_matched())
    }

    /// Shows the bytes of the blocks of the last [`Self::copy`], each block in a call of its own.
    pub fn matched(&mut self, block: &[u8]) {
        if let TokenEncoder::Deflate(encoder) = self {
            encoder.matched(block);
        }
    }

    /// Ends the file: everything that belongs to it has been appended.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        match self {
            TokenEncoder::Plain => plain::end(out),
            TokenEncoder::Deflate(encoder) => encoder.end(out),
            TokenEncoder::Lz4(encoder) => encoder.end(out),
            TokenEncoder::Zstd(encoder) => encoder.end(out),
        }
    }
}

/// Takes tokens from what a peer sends.
#[derive(Debug)]
pub enum TokenDecoder {
    /// Without compression.
    Plain(PlainDecoder),
    /// Zlib and zlibx.
    Deflate(Box<DeflateDecoder>),
    /// LZ4.
    Lz4(Box<Lz4Decoder>),
    /// Zstandard.
    Zstd(Box<ZstdDecoder>),
}

impl TokenDecoder {
    /// A decoder for a session.
    pub fn new(codec: Codec, protocol: Protocol) -> TokenDecoder {
        match codec {
            Codec::Plain => TokenDecoder::Plain(PlainDecoder::default()),
            Codec::Zlib | Codec::Zlibx => {
                TokenDecoder::Deflate(Box::new(DeflateDecoder::new(matched(codec, protocol))))
            }
            Codec::Lz4 => TokenDecoder::Lz4(Box::new(Lz4Decoder::new())),
            Codec::Zstd => TokenDecoder::Zstd(Box::new(ZstdDecoder::new())),
        }
    }

    /// The next token. After [`Token::End`] comes the next file's first. A literal is at most
    /// 128 KiB, or as long as the source has it at hand.
    ///
    /// # Errors
    ///
    /// Those of the source, and what cannot be a token. The decoder is of no use then.
    pub fn next<'a, S: Source>(&'a mut self, source: &'a mut S) -> Result<Token<'a>, S::Error> {
        match self {
            TokenDecoder::Plain(decoder) => decoder.next(source),
            TokenDecoder::Deflate(decoder) => decoder.next(source),
            TokenDecoder::Lz4(decoder) => decoder.next(source),
            TokenDecoder::Zstd(decoder) => decoder.next(source),
        }
    }

    /// Whether [`Self::matched`] needs to be called.
    pub fn wants_matched(&self) -> bool {
        matches!(self, TokenDecoder::Deflate(decoder) if decoder.wants_matched())
    }

    /// Shows the bytes of the blocks of a [`Token::Copy`], each block in a call of its own, before
    /// the next token is taken.
    pub fn matched(&mut self, block: &[u8]) {
        if let TokenDecoder::Deflate(decoder) = self {
            decoder.matched(block);
        }
    }
}

/// Only the old scheme has an eye on what is matched.
fn matched(codec: Codec, protocol: Protocol) -> Option<Matched> {
    (codec == Codec::Zlib).then(|| Matched::new(!protocol.inserts_whole_blocks()))
}
