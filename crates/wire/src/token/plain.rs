//! Tokens without compression: a number says what comes.
// rsync: token.c simple_send_token(), simple_recv_token()

use super::Token;
use crate::Source;
use crate::int::{int, put_int};

/// The longest literal of one number. Most receivers take any length, in pieces of this many
/// bytes, and so do we; but rsync 3.4.3, and what distributions made of its fixes, refuses more.
// rsync: rsync.h CHUNK_SIZE
pub const MAX_LITERAL: usize = 32 * 1024;

pub(super) fn literal(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 4 * bytes.len().div_ceil(MAX_LITERAL));
    for (number, piece) in literals(bytes) {
        out.extend_from_slice(&number);
        out.extend_from_slice(piece);
    }
}

/// The literals that bytes cross as, each behind its number, for those who need not have all in one
/// piece of memory.
pub fn literals(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let numbered = |piece: &'_ [u8]| (piece.len() as i32).to_le_bytes();
    bytes
        .chunks(MAX_LITERAL)
        .map(move |piece| (numbered(piece), piece))
}

pub(super) fn copy(first: u32, count: u32, out: &mut Vec<u8>) {
    out.reserve(4 * count as usize);
    for block in first..first + count {
        put_int(out, !(block as i32));
    }
}

pub(super) fn end(out: &mut Vec<u8>) {
    put_int(out, 0);
}

/// Yields literals in the pieces that the source has at hand, without a copy of them.
#[derive(Debug, Default)]
pub struct PlainDecoder {
    /// Bytes of the literal that are still to come.
    left: usize,
}

impl PlainDecoder {
    pub(super) fn next<'a, S: Source>(
        &'a mut self,
        source: &'a mut S,
    ) -> Result<Token<'a>, S::Error> {
        if self.left == 0 {
            let number = int(source)?;
            match usize::try_from(number) {
                Ok(0) => return Ok(Token::End),
                Ok(len) => self.left = len,
                Err(_) => {
                    return Ok(Token::Copy {
                        first: !number as u32,
                        count: 1,
                    });
                }
            }
        }
        let piece = source.take_some(self.left)?;
        self.left -= piece.len();
        Ok(Token::Literal(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_are_rsyncs() {
        let mut out = Vec::new();
        literal(b"ab", &mut out);
        copy(0, 2, &mut out);
        copy(0x7fff_ffff, 1, &mut out);
        end(&mut out);
        let bytes = [
            &[2, 0, 0, 0, b'a', b'b'][..],
            &[0xff, 0xff, 0xff, 0xff],
            &[0xfe, 0xff, 0xff, 0xff],
            &[0, 0, 0, 0x80],
            &[0, 0, 0, 0],
        ];
        assert_eq!(out, bytes.concat());
    }

    #[test]
    fn a_literal_goes_in_pieces_that_every_receiver_takes() {
        let mut out = Vec::new();
        literal(&[7; MAX_LITERAL + 1], &mut out);
        assert_eq!(out.len(), 4 + MAX_LITERAL + 4 + 1);
        assert_eq!(out[..4], (MAX_LITERAL as i32).to_le_bytes());
        assert_eq!(out[4 + MAX_LITERAL..][..4], [1, 0, 0, 0]);
    }

    #[test]
    fn a_peers_literal_may_be_longer() {
        let mut sent = vec![0, 0, 1, 0];
        sent.extend_from_slice(&[7; 0x1_0000]);
        let mut decoder = PlainDecoder::default();
        let mut source = &sent[..];
        assert_eq!(
            decoder.next(&mut source),
            Ok(Token::Literal(&[7; 0x1_0000]))
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let mut source = &bytes[..];
            let mut decoder = PlainDecoder::default();
            while decoder.next(&mut source).is_ok() {}
        }
    }
}
