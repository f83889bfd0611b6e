//! What no correct peer sends is an error: no panic, no endless loop, and no more memory than a
//! decoder has from the beginning.

use proptest::prelude::*;
use wire::token::{Codec, Token, TokenDecoder};
use wire::{Error, Protocol};

const COMPRESSED: [Codec; 4] = [Codec::Zlib, Codec::Zlibx, Codec::Lz4, Codec::Zstd];

fn decoder(codec: Codec) -> TokenDecoder {
    TokenDecoder::new(codec, Protocol::new(32).unwrap())
}

/// Compressed bytes in chunks.
fn data(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in bytes.chunks(16383) {
        out.extend_from_slice(&(0x4000 | chunk.len() as u16).to_be_bytes());
        out.extend_from_slice(chunk);
    }
    out
}

/// The bytes of all literals, or the error that ends them; each literal is of bounded length.
fn literals(codec: Codec, sent: &[u8]) -> Result<usize, Error> {
    let (mut decoder, mut source, mut made) = (decoder(codec), sent, 0);
    loop {
        match decoder.next(&mut source)? {
            Token::Literal(bytes) => {
                assert!(!bytes.is_empty() && bytes.len() <= 128 * 1024);
                made += bytes.len();
            }
            Token::Copy { .. } => decoder.matched(b"a block"),
            Token::End => return Ok(made),
        }
    }
}

fn assert_refused(codec: Codec, sent: &[u8]) {
    let result = literals(codec, sent);
    assert!(
        matches!(result, Err(Error::Misbehaving(_))),
        "{codec:?}: {result:?}"
    );
}

#[test]
fn a_stream_that_is_cut_off_says_so() {
    for codec in COMPRESSED {
        for sent in [&[][..], &[0x40], &[0x40, 9, 1], &[0x20, 1], &[0xc0, 1]] {
            assert_eq!(literals(codec, sent), Err(Error::Truncated), "{codec:?}");
        }
    }
}

#[test]
fn token_numbers_that_overflow_are_refused() {
    for codec in COMPRESSED {
        for sent in [
            &[0x20, 0xff, 0xff, 0xff, 0xff][..],
            &[0x20, 0xfe, 0xff, 0xff, 0x7f, 0x81],
            &[0x21, 0xfe, 0xff, 0xff, 0x7f, 1, 0],
            &[0xc0, 0, 0],
            &[0x01],
        ] {
            assert_refused(codec, sent);
        }
    }
}

#[test]
fn a_deflated_stream_may_not_end_nor_stop_between_bytes() {
    for codec in [Codec::Zlib, Codec::Zlibx] {
        assert_eq!(literals(codec, &[0]), Ok(0));
        // A stored block of one byte, then the start of one that is empty.
        let whole = data(&[0, 1, 0, 0xfe, 0xff, b'x', 0]);
        assert_eq!(literals(codec, &[&whole[..], &[0]].concat()), Ok(1));
        // The last block of a stream.
        assert_refused(codec, &data(&[1, 1, 0, 0xfe, 0xff, b'x']));
        // A kind of block that there is not.
        assert_refused(codec, &data(&[7]));
        // No compressed data.
        assert_refused(codec, &[0x40, 0, 0]);
        // In the middle of a stored block, of which the mark becomes a part.
        assert_refused(
            codec,
            &[&data(&[0, 9, 0, 0xf6, 0xff, b'x'])[..], &[0]].concat(),
        );
    }
}

#[test]
fn an_lz4_chunk_makes_neither_nothing_nor_too_much() {
    assert_eq!(
        literals(Codec::Lz4, &[&data(&[0x10, b'x'])[..], &[0]].concat()),
        Ok(1)
    );
    // An empty block, and no block.
    assert_refused(Codec::Lz4, &data(&[0]));
    assert_refused(Codec::Lz4, &[0x40, 0]);
    // A byte, again and again, for longer than 32 KiB.
    let mut long = vec![0x1f, b'x', 1, 0];
    long.extend_from_slice(&[0xff; 140]);
    long.extend_from_slice(&[0, 0x50, b'a', b'b', b'c', b'd', b'e']);
    assert_refused(Codec::Lz4, &data(&long));
    // A copy from before the beginning.
    assert_refused(Codec::Lz4, &data(&[0x14, b'x', 9, 0, 0x10, b'y']));
}

#[test]
fn a_zstd_window_has_a_bound() {
    // A frame's head with a window of 2 to the given power.
    let head = |log: u8| data(&[0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3]);
    // With the bytes of an empty block: up to 128 MiB, as in rsync.
    let frame = |log| [head(log), data(&[1, 0, 0]), vec![0]].concat();
    assert_eq!(literals(Codec::Zstd, &frame(20)), Ok(0));
    assert_refused(Codec::Zstd, &frame(28));
    assert_refused(Codec::Zstd, &frame(31));
    // What is no frame.
    assert_refused(Codec::Zstd, &data(b"nothing of the kind"));
}

proptest! {
    #[test]
    fn no_bytes_panic(codec in 0..COMPRESSED.len(), sent: Vec<u8>) {
        let _ = literals(COMPRESSED[codec], &sent);
    }

    #[test]
    fn no_compressed_bytes_panic(codec in 0..COMPRESSED.len(), parts: Vec<Vec<u8>>) {
        let mut sent = Vec::new();
        for part in parts {
            sent.extend(data(&part));
            sent.extend_from_slice(&[0x80, 0xc1, 3, 0]);
        }
        let _ = literals(COMPRESSED[codec], &sent);
    }
}
