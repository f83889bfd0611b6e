//! Tokens and sums that the real rsync sent; `golden/tokens/README.md` says how.

use wire::sums::{SumHead, block_sums, sum_head};
use wire::token::{Codec, Token, TokenDecoder};
use wire::{Protocol, Source};

/// Text-like bytes.
fn words(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::new();
    while bytes.len() < len {
        state = step(state);
        let word = (state >> 16) % 64;
        let end = if word.is_multiple_of(7) { '\n' } else { ' ' };
        bytes.extend_from_slice(format!("word{}{end}", word * word).as_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Bytes that do not compress.
fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = step(state);
            (state >> 16) as u8
        })
        .collect()
}

fn step(state: u32) -> u32 {
    state.wrapping_mul(1_103_515_245).wrapping_add(12345) & 0x7fff_ffff
}

/// A basis, and the files that were sent against it.
fn small() -> (Vec<u8>, [Vec<u8>; 2]) {
    let basis = [words(24000, 1), noise(1500, 2), words(8000, 3)].concat();
    let first = [
        &basis[..5000],
        &words(900, 4),
        &basis[5000..9100],
        &basis[14000..25000],
        &noise(2000, 5),
        &basis[25000..33000],
        &basis[3000..4500],
        &basis[33000..],
        b"end",
    ]
    .concat();
    let second = [
        &words(3000, 6),
        &basis[700..7000],
        &words(500, 1),
        &basis[20000..33500],
    ]
    .concat();
    (basis, [first, second])
}

fn large() -> (Vec<u8>, [Vec<u8>; 1]) {
    let basis = [
        words(100_000, 1),
        noise(50_000, 2),
        words(50_000, 3),
        words(70_000, 9),
    ]
    .concat();
    let file = [
        &basis[..100_000],
        &basis[60_000..68_000],
        &basis[100_000..200_000],
        &basis[190_000..196_000],
        b"end",
    ]
    .concat();
    (basis, [file])
}

const CODECS: [(Codec, &str); 5] = [
    (Codec::Plain, "none"),
    (Codec::Zlib, "zlib"),
    (Codec::Zlibx, "zlibx"),
    (Codec::Lz4, "lz4"),
    (Codec::Zstd, "zstd"),
];

fn golden(name: &str) -> Vec<u8> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tokens/");
    std::fs::read(format!("{dir}{name}")).unwrap()
}

fn rebuild<S: Source>(
    decoder: &mut TokenDecoder,
    source: &mut S,
    head: SumHead,
    basis: &[u8],
) -> Result<Vec<u8>, S::Error> {
    let block_len = head.block_len as usize;
    let mut file = Vec::new();
    loop {
        match decoder.next(source)? {
            Token::Literal(bytes) => file.extend_from_slice(bytes),
            Token::Copy { first, count } => {
                for block in first..first + count {
                    let rest = &basis[block as usize * block_len..];
                    let block = &rest[..rest.len().min(block_len)];
                    decoder.matched(block);
                    file.extend_from_slice(block);
                }
            }
            Token::End => return Ok(file),
        }
    }
}

fn check(name: &str, codec: Codec, version: u8, basis: &[u8], files: &[Vec<u8>]) {
    let protocol = Protocol::new(version).unwrap();
    let sent = golden(name);
    let mut source = &sent[..];
    let mut decoder = TokenDecoder::new(codec, protocol);
    for file in files {
        let head = sum_head(&mut source, protocol, 16).unwrap();
        let rebuilt = rebuild(&mut decoder, &mut source, head, basis).unwrap();
        assert!(rebuilt == *file, "{name} under protocol {version}");
    }
    assert!(source.is_empty(), "{name} under protocol {version}");
}

#[test]
fn whole_files_of_rsync_arrive() {
    let (_, [first, _]) = small();
    for (codec, name) in CODECS {
        for version in 27..=32 {
            let files = std::slice::from_ref(&first);
            check(&format!("whole-{name}"), codec, version, &[], files);
        }
    }
}

#[test]
fn deltas_of_rsync_rebuild_one_file_after_the_other() {
    let (basis, files) = small();
    for (codec, name) in CODECS {
        for version in 27..=32 {
            check(&format!("delta-{name}"), codec, version, &basis, &files);
        }
    }
}

#[test]
fn long_blocks_go_into_the_window_as_the_protocol_has_it() {
    let (basis, files) = large();
    for version in 27..=30 {
        check("blocks-zlib-27", Codec::Zlib, version, &basis, &files);
    }
    for version in 31..=32 {
        check("blocks-zlib-31", Codec::Zlib, version, &basis, &files);
    }
}

/// rsync's rolling sum of a block.
fn weak_sum(block: &[u8]) -> u32 {
    let (mut low, mut high) = (0u32, 0u32);
    for &byte in block {
        low = low.wrapping_add(i32::from(byte as i8) as u32);
        high = high.wrapping_add(low);
    }
    low & 0xffff | high << 16
}

#[test]
fn the_sums_of_rsync_are_read() {
    let (basis, _) = small();
    let known = SumHead {
        count: 48,
        block_len: 700,
        strong_len: 2,
        remainder: 600,
    };
    for (name, version) in [("sums-27", 27), ("sums-30", 32)] {
        let sent = golden(name);
        let mut source = &sent[..];
        let head = sum_head(&mut source, Protocol::new(version).unwrap(), 16).unwrap();
        assert_eq!(head, known);
        let mut blocks = basis.chunks(700);
        block_sums(&mut source, &head, |weak, strong| {
            assert_eq!(Some(weak), blocks.next().map(weak_sum));
            assert_eq!(strong.len(), 2);
            Ok(())
        })
        .unwrap();
        assert!(blocks.next().is_none() && source.is_empty());
    }
}
