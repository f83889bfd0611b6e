//! What every encoder makes, the decoder of its codec takes back, file after file, in whatever
//! pieces it arrives. That rsync takes it too is shown by whole sessions elsewhere.

use proptest::prelude::*;
use wire::token::{Codec, Compression, Token, TokenDecoder, TokenEncoder};
use wire::{Error, Protocol, Source};

const BLOCKS: u32 = 300;

#[derive(Debug, Clone)]
enum Op {
    /// Bytes, made of a seed: at first of few kinds and in words, later of all kinds.
    Literal(usize, u64),
    Copy(u32, u32),
}

#[derive(Debug, Clone)]
struct File {
    block_len: usize,
    ops: Vec<Op>,
    /// To be compressed as little as can be.
    is_skipped: bool,
}

fn file() -> impl Strategy<Value = File> {
    let literal = prop_oneof![1..300_usize, 1..60_000_usize];
    let op = prop_oneof![
        (literal, any::<u64>()).prop_map(|(len, seed)| Op::Literal(len, seed)),
        (0..BLOCKS, 1..9_u32).prop_map(|(first, count)| Op::Copy(first, count)),
    ];
    let block_len = prop_oneof![Just(700_usize), Just(66_000)];
    let ops = proptest::collection::vec(op, 0..7);
    (block_len, ops, any::<bool>()).prop_map(|(block_len, ops, is_skipped)| File {
        block_len,
        ops,
        is_skipped,
    })
}

fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = state.to_le_bytes();
        if seed.is_multiple_of(3) {
            bytes.extend_from_slice(&word);
        } else {
            let from = (state >> 8) as usize % (bytes.len() + 1);
            let again = bytes[from..bytes.len().min(from + 20)].to_vec();
            bytes.extend_from_slice(&again);
            bytes.push(b'a' + word[0] % 16);
        }
    }
    bytes.truncate(len);
    bytes
}

fn block(file: &File, number: u32) -> Vec<u8> {
    bytes(file.block_len, u64::from(number) + 7)
}

/// What literals are made of: bytes of the basis, so that zlib's window is of use, or others.
fn literal(file: &File, len: usize, seed: u64) -> Vec<u8> {
    if seed.is_multiple_of(2) {
        let block = block(file, seed as u32 % BLOCKS);
        block.into_iter().cycle().take(len).collect()
    } else {
        bytes(len, seed)
    }
}

/// Gives no more than some bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Source for Trickle<'_> {
    type Error = Error;

    fn take(&mut self, len: usize) -> Result<&[u8], Error> {
        self.0.take(len)
    }

    fn take_some(&mut self, most: usize) -> Result<&[u8], Error> {
        self.0.take_some(most.min(self.1))
    }
}

fn encode(files: &[File], compression: Compression, protocol: Protocol) -> Vec<u8> {
    let mut encoder = TokenEncoder::new(compression, protocol);
    let mut out = Vec::new();
    for file in files {
        encoder.set_level(if file.is_skipped {
            compression.codec.least_level()
        } else {
            compression.level
        });
        for op in &file.ops {
            match *op {
                Op::Literal(len, seed) => encoder.literal(&literal(file, len, seed), &mut out),
                Op::Copy(first, count) => {
                    encoder.copy(first, count, &mut out);
                    if encoder.wants_matched() {
                        for number in first..first + count {
                            encoder.matched(&block(file, number));
                        }
                    }
                }
            }
        }
        encoder.end(&mut out);
    }
    out
}

fn expected(file: &File) -> Vec<u8> {
    let mut all = Vec::new();
    for op in &file.ops {
        match *op {
            Op::Literal(len, seed) => all.extend(literal(file, len, seed)),
            Op::Copy(first, count) => {
                all.extend((first..first + count).flat_map(|number| block(file, number)));
            }
        }
    }
    all
}

fn decode<S: Source>(
    decoder: &mut TokenDecoder,
    source: &mut S,
    file: &File,
) -> Result<Vec<u8>, S::Error> {
    let mut all = Vec::new();
    loop {
        match decoder.next(source)? {
            Token::Literal(bytes) => all.extend_from_slice(bytes),
            Token::Copy { first, count } => {
                for number in first..first + count {
                    let block = block(file, number);
                    all.extend_from_slice(&block);
                    decoder.matched(&block);
                }
            }
            Token::End => return Ok(all),
        }
    }
}

fn compression() -> impl Strategy<Value = Compression> {
    let codecs = [
        Codec::Plain,
        Codec::Zlib,
        Codec::Zlibx,
        Codec::Lz4,
        Codec::Zstd,
    ];
    (
        proptest::sample::select(codecs.to_vec()),
        1..10_i32,
        0..2_u32,
    )
        .prop_map(|(codec, level, threads)| Compression {
            codec,
            level: codec.at_level(Some(level)).1,
            threads,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn files_come_back(
        files in proptest::collection::vec(file(), 1..4),
        compression in compression(),
        version in 29u8..33,
        piece in 1usize..40_000,
    ) {
        let protocol = Protocol::new(version).unwrap();
        let sent = encode(&files, compression, protocol);
        let mut source = Trickle(&sent, piece);
        let mut decoder = TokenDecoder::new(compression.codec, protocol);
        for file in &files {
            let all = decode(&mut decoder, &mut source, file).unwrap();
            prop_assert!(all == expected(file));
        }
        prop_assert!(source.0.is_empty());
    }

    #[test]
    fn damage_is_an_error_or_other_bytes(
        file in file(),
        compression in compression(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let protocol = Protocol::new(32).unwrap();
        let mut sent = encode(std::slice::from_ref(&file), compression, protocol);
        for (at, with) in damage {
            let at = at.index(sent.len());
            sent[at] = with;
        }
        let mut source = &sent[..];
        let mut decoder = TokenDecoder::new(compression.codec, protocol);
        let mut made = 0;
        while let Ok(token) = decoder.next(&mut source) {
            if let Token::Literal(bytes) = token {
                prop_assert!(!bytes.is_empty());
                made += bytes.len();
            }
        }
        // No codec makes more than some thousand bytes of one.
        prop_assert!(made <= sent.len() * 40_000);
    }
}
