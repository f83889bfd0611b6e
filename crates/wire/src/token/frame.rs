//! What all compressed forms share: compressed data in chunks, and runs of blocks, each behind a
//! byte that says which.
// rsync: token.c END_FLAG to MAX_DATA_COUNT, recv_compressed_token_num(), recv_compressed_token_run()

use super::Token;
use crate::int::{byte, put_int, put_shortint, shortint};
use crate::{Error, Source};

/// The most compressed bytes in a chunk: a length of 14 bits.
pub(super) const MAX_CHUNK: usize = 16383;

const END: u8 = 0;
/// A block's number follows in 4 bytes.
const LONG: u8 = 0x20;
/// As before, and in 2 bytes how many blocks follow that one.
const LONG_RUN: u8 = 0x21;
/// The other bits are the upper 6 of a chunk's length.
const DATA: u8 = 0x40;
/// The other bits say how far a block is behind the last one.
const NEAR: u8 = 0x80;
/// As before, and in 2 bytes how many blocks follow that one.
const NEAR_RUN: u8 = 0xc0;

const MAX_NEAR: u32 = 0x3f;
/// As many blocks can follow the first of a run.
const MAX_FOLLOWERS: u32 = 0xffff;
/// The highest number of a block.
const MAX_BLOCK: u32 = 0x7fff_fffe;

/// Appends compressed bytes in full chunks, the last of which may be shorter.
pub(super) fn put_data(out: &mut Vec<u8>, compressed: &[u8]) {
    out.reserve(compressed.len() + 2 * compressed.len().div_ceil(MAX_CHUNK));
    for chunk in compressed.chunks(MAX_CHUNK) {
        let len = chunk.len() as u16;
        out.extend_from_slice(&(u16::from(DATA) << 8 | len).to_be_bytes());
        out.extend_from_slice(chunk);
    }
}

/// Appends the end of a file.
pub(super) fn put_end(out: &mut Vec<u8>) {
    out.push(END);
}

/// Joins blocks to runs. A run is held back until it is known that it does not go on.
#[derive(Debug, Default)]
pub(super) struct RunEncoder {
    /// The first and the last block of a run that was not sent.
    held: Option<(u32, u32)>,
    /// The last block that was.
    last: u32,
}

impl RunEncoder {
    /// Takes blocks that come next.
    pub(super) fn copy(&mut self, mut first: u32, mut count: u32, out: &mut Vec<u8>) {
        while count > 0 {
            let start = match self.held {
                Some((start, last)) if last + 1 == first && last - start < MAX_FOLLOWERS => start,
                _ => {
                    self.flush(out);
                    first
                }
            };
            let fit = count.min(MAX_FOLLOWERS + 1 - (first - start));
            self.held = Some((start, first + fit - 1));
            first += fit;
            count -= fit;
        }
    }

    /// Sends what is held back, as something else comes.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        let Some((first, last)) = self.held.take() else {
            return;
        };
        let followers = last - first;
        let (near, long) = if followers == 0 {
            (NEAR, LONG)
        } else {
            (NEAR_RUN, LONG_RUN)
        };
        match first.checked_sub(self.last) {
            Some(distance) if distance <= MAX_NEAR => out.push(near | distance as u8),
            _ => {
                out.push(long);
                put_int(out, first as i32);
            }
        }
        if followers > 0 {
            put_shortint(out, followers as u16);
        }
        self.last = last;
    }

    /// Ends a file.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
        self.last = 0;
        put_end(out);
    }
}

/// What a byte announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// As many compressed bytes.
    Data(usize),
    /// Blocks, or the end.
    Token(Token<'static>),
}

/// Takes what stands between the chunks.
#[derive(Debug, Default)]
pub(super) struct FrameDecoder {
    /// The last block.
    last: u32,
}

impl FrameDecoder {
    pub(super) fn next<S: Source>(&mut self, source: &mut S) -> Result<Frame, S::Error> {
        let flag = byte(source)?;
        let (first, has_followers) = match flag {
            END => {
                self.last = 0;
                return Ok(Frame::Token(Token::End));
            }
            DATA..NEAR => {
                let low = byte(source)?;
                let len = usize::from(flag - DATA) << 8 | usize::from(low);
                return Ok(Frame::Data(len));
            }
            NEAR.. => (
                self.last + u32::from(flag & MAX_NEAR as u8),
                flag >= NEAR_RUN,
            ),
            LONG | LONG_RUN => (u32::from_le_bytes(source.array()?), flag == LONG_RUN),
            _ => return Err(Error::misbehaving("invalid flag in compressed stream").into()),
        };
        let followers = if has_followers {
            shortint(source)?.into()
        } else {
            0
        };
        // Neither sum overflows: the last block is within bounds, and so are the distances.
        let fits = first <= MAX_BLOCK && first + followers <= MAX_BLOCK;
        if !fits || (has_followers && followers == 0) {
            return Err(Error::misbehaving("invalid token number in compressed stream").into());
        }
        self.last = first + followers;
        Ok(Frame::Token(Token::Copy {
            first,
            count: followers + 1,
        }))
    }
}

/// A chunk of compressed bytes that is being decompressed, in steps of the output's size.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    done: usize,
}

impl Chunk {
    /// Takes a chunk.
    pub(super) fn fill<S: Source>(&mut self, source: &mut S, len: usize) -> Result<(), S::Error> {
        self.bytes.clear();
        self.done = 0;
        source.append_to(&mut self.bytes, len)
    }

    /// What is still to be decompressed.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.done..]
    }

    /// Goes on by as many bytes.
    pub(super) fn advance(&mut self, len: usize) {
        self.done += len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(runs: &[(u32, u32)]) -> Vec<u8> {
        let (mut encoder, mut out) = (RunEncoder::default(), Vec::new());
        for &(first, count) in runs {
            encoder.copy(first, count, &mut out);
        }
        encoder.end(&mut out);
        out
    }

    fn decoded(mut bytes: &[u8]) -> Result<Vec<(u32, u32)>, Error> {
        let (mut decoder, mut runs) = (FrameDecoder::default(), Vec::new());
        loop {
            match decoder.next(&mut bytes)? {
                Frame::Token(Token::Copy { first, count }) => runs.push((first, count)),
                Frame::Token(Token::End) => return Ok(runs),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn runs_are_rsyncs() {
        for (runs, bytes) in [
            (&[(0, 1)][..], &[0x80, 0][..]),
            (&[(0, 1), (1, 2)], &[0xc0, 2, 0, 0]),
            (&[(63, 1), (65, 1)], &[0xbf, 0x82, 0]),
            (
                &[(64, 1), (63, 1)],
                &[0x20, 64, 0, 0, 0, 0x20, 63, 0, 0, 0, 0],
            ),
            (&[(100, 3)], &[0x21, 100, 0, 0, 0, 2, 0, 0]),
            (&[(0, 65537)], &[0xc0, 0xff, 0xff, 0x81, 0]),
        ] {
            assert_eq!(encoded(runs), bytes, "{runs:?}");
        }
    }

    #[test]
    fn numbers_that_overflow_are_refused() {
        let top = 0x7fff_fffe_u32;
        assert_eq!(decoded(&encoded(&[(top, 1)])), Ok(vec![(top, 1)]));
        let number = |flag, number: u32, rest: &[u8]| {
            [&[flag][..], &number.to_le_bytes(), rest, &[END]].concat()
        };
        for bad in [
            number(LONG, top + 1, &[]),
            number(LONG, u32::MAX, &[]),
            number(LONG, top, &[NEAR | 1]),
            number(LONG_RUN, top, &[1, 0]),
            number(LONG_RUN, u32::MAX, &[0xff, 0xff]),
            number(LONG_RUN, 0, &[0, 0]),
            vec![NEAR_RUN, 0, 0],
            vec![1],
            vec![LONG | 2],
        ] {
            assert!(
                matches!(decoded(&bad), Err(Error::Misbehaving(_))),
                "{bad:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn runs_come_back(
            runs in proptest::collection::vec((0u32..1 << 20, 1u32..200_000), 0..20),
        ) {
            let blocks = |runs: &[(u32, u32)]| {
                let mut joined: Vec<(u32, u32)> = Vec::new();
                for &(first, count) in runs {
                    match joined.last_mut() {
                        Some(last) if last.0 + last.1 == first => last.1 += count,
                        _ => joined.push((first, count)),
                    }
                }
                joined
            };
            let decoded = decoded(&encoded(&runs)).unwrap();
            prop_assert!(decoded.iter().all(|&(_, count)| count <= MAX_FOLLOWERS + 1));
            prop_assert_eq!(blocks(&decoded), blocks(&runs));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let (mut decoder, mut source) = (FrameDecoder::default(), &bytes[..]);
            while decoder.next(&mut source).is_ok() {}
        }
    }
}
