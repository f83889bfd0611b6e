//! Prints how many megabytes a second each part of this crate handles on this machine.
//!
//! Run with `cargo run --release -p delta --example throughput`. Give a name of a row (or its
//! beginning) to run only that, say under a profiler.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use delta::{
    BasisUse, BlockLayout, ChecksumKind, CopyRun, Feed, FileSum, LayoutRule, Matcher, RollingSum,
    Seam, Signature, StrongSum, TokenSink,
};

/// The file: larger than any cache.
const LEN: usize = 256 << 20;
/// The block length that rsync chooses for 512 MiB.
const BLOCK: usize = 23_168;
/// What the receiver and sender read at a time.
const CHUNK: usize = 256 << 10;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    let mut random = Random(1);
    let basis = random.bytes(LEN);

    measure(&only, "weak", LEN, || {
        for block in basis.chunks(BLOCK) {
            black_box(RollingSum::of(block));
        }
    });
    for kind in ChecksumKind::PREFERENCE {
        let sum = StrongSum::new(kind, 12345);
        measure(&only, &format!("block {kind}"), LEN, || {
            for block in basis.chunks(BLOCK) {
                black_box(sum.digest(block));
            }
        });
        measure(&only, &format!("file {kind}"), LEN, || {
            let mut sum = FileSum::new(kind);
            for chunk in basis.chunks(CHUNK) {
                sum.update(chunk);
            }
            black_box(sum.finish());
        });
    }

    let sum = StrongSum::new(ChecksumKind::Xxh128, 12345);
    let layout = BlockLayout::for_file(LEN as u64, &LayoutRule::new(sum.kind())).unwrap();
    measure(&only, "signature", LEN, || {
        black_box(Signature::of(layout, sum, &basis).unwrap());
    });

    let signature = std::sync::Arc::new(Signature::of(layout, sum, &basis).unwrap());
    measure(&only, "index", LEN, || {
        black_box(Matcher::new(signature.clone(), BasisUse::Separate));
    });
    let changed = with_changes(&basis, 250, &mut random);
    let other = random.bytes(64 << 20);
    let cases = [
        ("match same", &basis),
        ("match 250 changes", &changed),
        ("match nothing", &other),
    ];
    for (name, source) in cases {
        for (use_name, basis_use) in [("", BasisUse::Separate), (" in place", BasisUse::InPlace)] {
            measure(&only, &format!("{name}{use_name}"), source.len(), || {
                let mut matcher = Matcher::new(signature.clone(), basis_use);
                stream(&mut matcher, source);
                black_box(matcher.finish());
            });
        }
        measure(
            &only,
            &format!("{name} with file sum"),
            source.len(),
            || {
                let mut matcher = Matcher::new(signature.clone(), BasisUse::Separate)
                    .with_file_sum(FileSum::new(sum.kind()));
                stream(&mut matcher, source);
                black_box(matcher.finish());
            },
        );
    }
}

/// Best of three.
fn measure(only: &str, name: &str, bytes: usize, mut work: impl FnMut()) {
    if !name.starts_with(only) {
        return;
    }
    let best = (0..3)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    println!("{name:36} {:9.0} MB/s", bytes as f64 / best / 1e6);
}

/// Feeds a source in pieces, as a sender that reads a file does.
fn stream(matcher: &mut Matcher, source: &[u8]) {
    let mut seam = Seam::new(matcher.least_window());
    let mut pieces = source.chunks(CHUNK).peekable();
    while let Some(piece) = pieces.next() {
        let feed = match pieces.peek() {
            Some(_) => Feed::More,
            None => Feed::Last,
        };
        let scan = |window: &[u8], feed| matcher.scan(window, feed, &mut Discard);
        let Ok(()) = seam.pass(piece, feed, scan);
    }
}

struct Discard;

impl TokenSink for Discard {
    type Error = Infallible;

    fn literal(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        black_box(bytes);
        Ok(())
    }

    fn copy(&mut self, run: CopyRun) -> Result<(), Infallible> {
        black_box(run);
        Ok(())
    }
}

/// Half of the changes overwrite ten bytes, half insert them.
fn with_changes(basis: &[u8], changes: usize, random: &mut Random) -> Vec<u8> {
    let mut source = Vec::with_capacity(basis.len() + changes * 10);
    for (number, piece) in basis.chunks(basis.len().div_ceil(changes)).enumerate() {
        source.extend_from_slice(&random.bytes(10));
        source.extend_from_slice(&piece[if number % 2 == 0 { 0 } else { 10 }..]);
    }
    source
}

struct Random(u64);

impl Random {
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        for piece in bytes.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let word = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes();
            piece.copy_from_slice(&word[..piece.len()]);
        }
        bytes
    }
}
