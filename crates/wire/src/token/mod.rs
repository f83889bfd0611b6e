//! A file's content as it crosses: literal bytes, and numbers of blocks that the other end has.
//!
//! An encoder or a decoder serves a whole session, file after file, as compression may remember
//! what went before.
// rsync: token.c send_token(), recv_token(), see_token()

mod plain;

use crate::Source;

pub use plain::{MAX_LITERAL, PlainDecoder};

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

/// Appends tokens to what will be sent.
#[derive(Debug)]
pub enum TokenEncoder {
    /// Without compression.
    Plain,
}

impl TokenEncoder {
    /// Appends bytes that the basis does not have.
    pub fn literal(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            TokenEncoder::Plain => plain::literal(bytes, out),
        }
    }

    /// Appends the numbers of `count` blocks of the basis, from `first` on.
    pub fn copy(&mut self, first: u32, count: u32, out: &mut Vec<u8>) {
        match self {
            TokenEncoder::Plain => plain::copy(first, count, out),
        }
    }

    /// Ends the file.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        match self {
            TokenEncoder::Plain => plain::end(out),
        }
    }
}

/// Takes tokens from what a peer sends.
#[derive(Debug)]
pub enum TokenDecoder {
    /// Without compression.
    Plain(PlainDecoder),
}

impl TokenDecoder {
    /// The next token. After [`Token::End`] comes the next file's first.
    ///
    /// # Errors
    ///
    /// Those of the source, and what cannot be a token.
    pub fn next<'a, S: Source>(&'a mut self, source: &'a mut S) -> Result<Token<'a>, S::Error> {
        match self {
            TokenDecoder::Plain(decoder) => decoder.next(source),
        }
    }
}
