//! Tokens without compression: a number says what comes.
// rsync: token.c simple_send_token(), simple_recv_token()

use super::Token;
use crate::Source;
use crate::int::{int, put_int};

/// The longest literal of one number. Most receivers take any length, in pieces of this many
/// bytes, and so do we; but rsync 3.4.3, and what distributions made of its fixes, refuses more.
// rsync: rsync.h CHUNK_SIZE
pub const MAX_LITERAL: usize = 32 * 1024;

/// How many numbers of literals are guessed at a time.
const MOST_NUMBERS: usize = 16;

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

    /// Of what comes behind the literal at hand nothing is known. But in a file that is sent whole it
    /// is a number, and then a literal that is as long as it may be: so much is guessed, and what
    /// turns out to be something else is given back.
    pub(super) fn literal_into<S: Source>(
        &mut self,
        source: &mut S,
        room: &mut [u8],
    ) -> Result<usize, S::Error> {
        if self.left == 0 || room.is_empty() {
            return Ok(0);
        }
        let (first, mut rest) = room.split_at_mut(self.left.min(room.len()));
        let ends = first.len() == self.left;
        let mut numbers = [[0; 4]; MOST_NUMBERS];
        let mut parts = Vec::with_capacity(1 + 2 * MOST_NUMBERS);
        parts.push(first);
        if ends {
            for number in &mut numbers {
                parts.push(number);
                if rest.is_empty() {
                    break;
                }
                let (literal, others) = rest.split_at_mut(rest.len().min(MAX_LITERAL));
                parts.push(literal);
                rest = others;
            }
        }
        let mut left = self.left;
        let mut taken = 0;
        source.take_into(&mut parts, |parts, came| {
            let mut accepted = 0;
            for (place, part) in parts.iter().enumerate() {
                let some = part.len().min(came - accepted);
                if place % 2 == 0 {
                    let literal = some.min(left);
                    left -= literal;
                    taken += literal;
                    accepted += literal;
                    if literal < part.len() {
                        break;
                    }
                } else {
                    let number = <[u8; 4]>::try_from(&part[..some]).map(i32::from_le_bytes);
                    // A literal that is longer than was guessed goes on where a number would be.
                    match number.map(usize::try_from) {
                        Ok(Ok(len)) if len > 0 && left == 0 => left = len,
                        _ => break,
                    }
                    accepted += some;
                }
            }
            accepted
        })?;
        self.left = left;
        Ok(taken)
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

    /// Has all parts filled at once, as far as there is something.
    struct AtOnce<'a>(&'a [u8]);

    impl Source for AtOnce<'_> {
        type Error = crate::Error;

        fn take(&mut self, len: usize) -> Result<&[u8], crate::Error> {
            self.0.take(len)
        }

        fn take_some(&mut self, most: usize) -> Result<&[u8], crate::Error> {
            self.0.take_some(most)
        }

        fn take_into(
            &mut self,
            parts: &mut [&mut [u8]],
            accept: impl FnOnce(&[&mut [u8]], usize) -> usize,
        ) -> Result<usize, crate::Error> {
            let mut rest = self.0;
            for part in &mut *parts {
                let some = part.len().min(rest.len());
                part[..some].copy_from_slice(rest.take(some)?);
            }
            let accepted = accept(parts, self.0.len() - rest.len());
            self.0.take(accepted)?;
            Ok(accepted)
        }
    }

    #[test]
    fn what_is_guessed_wrong_is_right_all_the_same() {
        let content: Vec<u8> = (0..5 * MAX_LITERAL).map(|n| (n / 7) as u8).collect();
        // In as long pieces as may be, shorter ones, and longer ones.
        for piece in [MAX_LITERAL, MAX_LITERAL - 1, 1000, 2 * MAX_LITERAL] {
            let mut sent = Vec::new();
            for bytes in content.chunks(piece) {
                put_int(&mut sent, bytes.len() as i32);
                sent.extend_from_slice(bytes);
            }
            copy(7, 1, &mut sent);
            end(&mut sent);
            for room in [10, MAX_LITERAL, 3 * MAX_LITERAL, 9 * MAX_LITERAL] {
                let (mut source, mut decoder) = (AtOnce(&sent), PlainDecoder::default());
                let (mut all, mut room) = (Vec::new(), vec![0; room]);
                loop {
                    // A byte, after which more of the literal is at hand.
                    let before = source.0.len().min(5);
                    let mut first = AtOnce(&source.0[..before]);
                    match decoder.next(&mut first).unwrap() {
                        Token::Literal(bytes) => all.extend_from_slice(bytes),
                        other => {
                            let (first, count) = (7, 1);
                            assert_eq!(other, Token::Copy { first, count });
                            break;
                        }
                    }
                    let taken = before - first.0.len();
                    source.0 = &source.0[taken..];
                    loop {
                        match decoder.literal_into(&mut source, &mut room).unwrap() {
                            0 => break,
                            taken => all.extend_from_slice(&room[..taken]),
                        }
                    }
                }
                assert!(all == content, "{piece}");
            }
        }
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
