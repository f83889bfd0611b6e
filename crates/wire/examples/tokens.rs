//! How fast literals become tokens and tokens literals again, by codec:
//! `cargo run --release -p wire --example tokens [MEBIBYTES]`. The content goes as one file, and
//! then once more as files of 16 KiB.

use std::time::{Duration, Instant};

use wire::Protocol;
use wire::token::{Codec, Compression, Token, TokenDecoder, TokenEncoder};

/// Bytes that are handed over at a time.
const PIECE: usize = 256 * 1024;
const SMALL_FILE: usize = 16 * 1024;
const ROUNDS: u32 = 3;

fn main() {
    let mib = std::env::args().nth(1).map_or(32, |arg| {
        arg.parse::<usize>().expect("a number of mebibytes")
    });
    println!("content  codec  level threads   encode, small files, decode MB/s   size");
    for (name, content) in [("text", text(mib << 20)), ("random", random(mib << 20))] {
        for (codec, asked, threads) in [
            (Codec::Plain, None, 0),
            (Codec::Lz4, None, 0),
            (Codec::Zstd, Some(1), 0),
            (Codec::Zstd, None, 0),
            (Codec::Zstd, None, 1),
            (Codec::Zstd, None, 2),
            (Codec::Zstd, Some(9), 0),
            (Codec::Zlibx, Some(1), 0),
            (Codec::Zlibx, Some(2), 0),
            (Codec::Zlibx, None, 0),
            (Codec::Zlib, None, 0),
            (Codec::Zlib, Some(9), 0),
        ] {
            let (codec, level) = codec.at_level(asked);
            let compression = Compression {
                codec,
                level,
                threads,
            };
            measure(name, &content, compression);
        }
    }
}

fn measure(name: &str, content: &[u8], compression: Compression) {
    let protocol = Protocol::new(Protocol::NEWEST).expect("the newest is known");
    let Compression {
        codec,
        level,
        threads,
    } = compression;
    let (mut sent, mut out) = (Vec::new(), Vec::new());
    let mut encode = |file_len: usize| {
        let mut encoder = TokenEncoder::new(compression, protocol);
        best(|| {
            for file in content.chunks(file_len) {
                for piece in file.chunks(PIECE) {
                    encoder.literal(piece, &mut out);
                    if out.len() >= PIECE {
                        out.clear();
                    }
                }
                encoder.end(&mut out);
            }
        })
    };
    let encoding = encode(usize::MAX);
    let small = encode(SMALL_FILE);
    let mut encoder = TokenEncoder::new(compression, protocol);
    encoder.literal(content, &mut sent);
    encoder.end(&mut sent);
    let decoding = best(|| {
        let mut decoder = TokenDecoder::new(codec, protocol);
        let (mut source, mut made) = (&sent[..], 0);
        loop {
            match decoder.next(&mut source).expect("our own tokens") {
                Token::Literal(bytes) => made += bytes.len(),
                Token::Copy { .. } => unreachable!("nothing was matched"),
                Token::End => break,
            }
        }
        assert_eq!(made, content.len());
    });
    let rate = |time: Duration| content.len() as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{name:8} {:6} {level:5} {threads:6} {:9.0} {:12.0} {:11.0} {:7.1}%",
        format!("{codec:?}"),
        rate(encoding),
        rate(small),
        rate(decoding),
        sent.len() as f64 * 100.0 / content.len() as f64
    );
}

fn best(mut run: impl FnMut()) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            run();
            begin.elapsed()
        })
        .min()
        .expect("there are rounds")
}

/// Lines like those of a log.
fn text(len: usize) -> Vec<u8> {
    let mut numbers = Numbers(1);
    let mut bytes = Vec::with_capacity(len + 100);
    while bytes.len() < len {
        let number = numbers.next();
        let line = format!(
            "2026-11-{:02} host{} daemon[{}]: request {} took {} ms, status {}\n",
            number % 28 + 1,
            number % 13,
            number >> 8 & 0xfff,
            number >> 20 & 0xf_ffff,
            number >> 40 & 0x3ff,
            [200, 200, 200, 404, 500][(number >> 50) as usize % 5],
        );
        bytes.extend_from_slice(line.as_bytes());
    }
    bytes.truncate(len);
    bytes
}

fn random(len: usize) -> Vec<u8> {
    let mut numbers = Numbers(2);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&numbers.next().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
