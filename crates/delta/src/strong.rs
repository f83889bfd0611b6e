//! Strong checksums: seeded sums of blocks, and unseeded sums of whole files.
//!
//! The two differ in rsync, and must here: a block sum mixes in the session's checksum seed
//! (at a place that depends on the kind), a whole-file sum does not. Digests are in the byte
//! order rsync sends: xxHash values little-endian with the low half first, the others as is.
// rsync: checksum.c get_checksum2(), file_checksum(), sum_init(), sum_update(), sum_end()

use md4::Md4;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use twox_hash::{XxHash3_64, XxHash3_128, XxHash64, xxhash3_64, xxhash3_128};

use crate::{ChecksumKind, Digest};

/// How blocks are summed in one session: the kind and the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrongSum {
    kind: ChecksumKind,
    seed: i32,
    place: SeedPlace,
}

/// Where MD5 and SHA-1 have the seed of a block sum. MD4 always has it after the block, and XXH has it
/// inside.
// rsync: checksum.c get_checksum2(), compat.c proper_seed_order
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeedPlace {
    /// Before the block: what peers do that say so.
    #[default]
    Before,
    /// After it: what rsync 3.0 did.
    After,
}

impl StrongSum {
    /// Block sums of `kind` under the session's checksum seed (0 for none).
    pub fn new(kind: ChecksumKind, seed: i32) -> Self {
        StrongSum {
            kind,
            seed,
            place: SeedPlace::default(),
        }
    }

    /// The same with the seed in this place.
    #[must_use]
    pub fn with_seed(self, place: SeedPlace) -> Self {
        StrongSum { place, ..self }
    }

    /// The algorithm.
    pub fn kind(&self) -> ChecksumKind {
        self.kind
    }

    /// The sum of one block.
    pub fn digest(&self, block: &[u8]) -> Digest {
        // C converts the signed seed to 64 bits with its sign.
        let xx_seed = i64::from(self.seed) as u64;
        match self.kind {
            ChecksumKind::Xxh128 => {
                self.filled(&XxHash3_128::oneshot_with_seed(xx_seed, block).to_le_bytes())
            }
            ChecksumKind::Xxh3 => {
                self.filled(&XxHash3_64::oneshot_with_seed(xx_seed, block).to_le_bytes())
            }
            ChecksumKind::Xxh64 => self.filled(&XxHash64::oneshot(xx_seed, block).to_le_bytes()),
            ChecksumKind::Md5 => self.framed::<Md5>(self.place, block),
            ChecksumKind::Md4 => self.framed::<Md4>(SeedPlace::After, block),
            ChecksumKind::Sha1 => self.framed::<Sha1>(SeedPlace::Before, block),
            ChecksumKind::None => self.filled(&[0]),
        }
    }

    /// A classical hash of the block with the seed, if there is one, on the given side.
    fn framed<H: md5::Digest>(&self, side: SeedPlace, block: &[u8]) -> Digest {
        let seed = self.seed.to_le_bytes();
        let seed = if self.seed == 0 { &[][..] } else { &seed[..] };
        let hash = match side {
            SeedPlace::Before => H::new().chain_update(seed).chain_update(block),
            SeedPlace::After => H::new().chain_update(block).chain_update(seed),
        };
        self.filled(&hash.finalize())
    }

    fn filled(&self, bytes: &[u8]) -> Digest {
        Digest::filled(self.kind, bytes)
    }
}

/// The sum of a whole file, fed in order in pieces of any size.
///
/// It serves both the sum that ends every file in a transfer and `--checksum`'s comparison.
/// Neither uses the seed since protocol 30. (Protocols 27 to 29 begin the MD4 of a transferred
/// file with the seed's four little-endian bytes: a caller that speaks them feeds those first.)
#[derive(Clone)]
pub struct FileSum(State);

#[derive(Clone)]
enum State {
    Xxh128(Box<xxhash3_128::Hasher>),
    Xxh3(Box<xxhash3_64::Hasher>),
    Xxh64(XxHash64),
    Md5(Md5),
    Md4(Md4),
    Sha1(Sha1),
    None,
}

impl FileSum {
    /// A sum of no bytes yet.
    pub fn new(kind: ChecksumKind) -> Self {
        FileSum(match kind {
            ChecksumKind::Xxh128 => State::Xxh128(Box::default()),
            ChecksumKind::Xxh3 => State::Xxh3(Box::default()),
            ChecksumKind::Xxh64 => State::Xxh64(XxHash64::with_seed(0)),
            ChecksumKind::Md5 => State::Md5(Md5::new()),
            ChecksumKind::Md4 => State::Md4(Md4::new()),
            ChecksumKind::Sha1 => State::Sha1(Sha1::new()),
            ChecksumKind::None => State::None,
        })
    }

    /// The sum of bytes that are all at hand.
    pub fn of(kind: ChecksumKind, bytes: &[u8]) -> Digest {
        // Unseeded, a block sum is the same function, and needs no state.
        StrongSum::new(kind, 0).digest(bytes)
    }

    /// Adds the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        use std::hash::Hasher as _;
        match &mut self.0 {
            State::Xxh128(hash) => hash.write(bytes),
            State::Xxh3(hash) => hash.write(bytes),
            State::Xxh64(hash) => hash.write(bytes),
            State::Md5(hash) => hash.update(bytes),
            State::Md4(hash) => hash.update(bytes),
            State::Sha1(hash) => hash.update(bytes),
            State::None => {}
        }
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> Digest {
        use std::hash::Hasher as _;
        match self.0 {
            State::Xxh128(hash) => {
                Digest::filled(ChecksumKind::Xxh128, &hash.finish_128().to_le_bytes())
            }
            State::Xxh3(hash) => Digest::filled(ChecksumKind::Xxh3, &hash.finish().to_le_bytes()),
            State::Xxh64(hash) => Digest::filled(ChecksumKind::Xxh64, &hash.finish().to_le_bytes()),
            State::Md5(hash) => Digest::filled(ChecksumKind::Md5, &hash.finalize()),
            State::Md4(hash) => Digest::filled(ChecksumKind::Md4, &hash.finalize()),
            State::Sha1(hash) => Digest::filled(ChecksumKind::Sha1, &hash.finalize()),
            State::None => Digest::filled(ChecksumKind::None, &[0]),
        }
    }
}

impl std::fmt::Debug for FileSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FileSum")
            .field(&self.clone().finish().kind())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOX: &[u8] = b"The quick brown fox jumps over the lazy dog";

    /// What rsync 3.5.0 prints for `%C` with `--checksum` and each `--checksum-choice`: for an
    /// empty file, for the fox, and for 100,000 bytes.
    #[rustfmt::skip]
    const FILE_SUMS: [(ChecksumKind, [&str; 3]); 6] = [
        (ChecksumKind::Xxh128, ["99aa06d3014798d86001c324468d497f", "ddd650205ca3e7fa24a1cc2e3a8a7651", "4e53faeda1b5812bb25cea78018497ff"]),
        (ChecksumKind::Xxh3, ["2d06800538d394c2", "ce7d19a5418fb365", "b25cea78018497ff"]),
        (ChecksumKind::Xxh64, ["ef46db3751d8e999", "0b242d361fda71bc", "d88605c21700af94"]),
        (ChecksumKind::Md5, ["d41d8cd98f00b204e9800998ecf8427e", "9e107d9d372bb6826bd81d3542a419d6", "2dc29e5babf440db9204914bcbe05fbf"]),
        (ChecksumKind::Md4, ["31d6cfe0d16ae931b73c59d7e0c089c0", "1bee69a46ba811185c194762abaeae90", "5b6cfd708e94569a605c101327b6edac"]),
        (ChecksumKind::Sha1, ["da39a3ee5e6b4b0d3255bfef95601890afd80709", "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "557878b8118e7a9bdc75bcfc419f9b082ce073e6"]),
    ];

    fn files() -> [Vec<u8>; 3] {
        let big = (0..100_000u32).map(|i| (i * 7 + i / 256) as u8).collect();
        [Vec::new(), FOX.to_vec(), big]
    }

    #[test]
    fn file_sums_print_as_rsync_prints_them() {
        for (kind, texts) in FILE_SUMS {
            for (bytes, text) in files().iter().zip(texts) {
                assert_eq!(FileSum::of(kind, bytes).to_string(), text);
                for piece in [1, 63, 700, 32768] {
                    let mut sum = FileSum::new(kind);
                    bytes.chunks(piece).for_each(|chunk| sum.update(chunk));
                    assert_eq!(sum.finish().to_string(), text, "{kind} by {piece}");
                }
            }
        }
    }

    #[test]
    fn the_seed_goes_where_rsync_puts_it() {
        let seed = -123_456_789i32;
        let seed_bytes = seed.to_le_bytes();
        let before = [&seed_bytes[..], FOX].concat();
        let after = [FOX, &seed_bytes[..]].concat();
        for (kind, framed) in [
            (ChecksumKind::Md5, &before),
            (ChecksumKind::Sha1, &before),
            (ChecksumKind::Md4, &after),
        ] {
            let sum = StrongSum::new(kind, seed);
            assert_eq!(sum.digest(FOX), FileSum::of(kind, framed), "{kind}");
        }
    }

    #[test]
    fn the_xxhash_seed_keeps_its_sign() {
        let of = |seed| StrongSum::new(ChecksumKind::Xxh64, seed).digest(FOX);
        let minus_one = XxHash64::oneshot(u64::MAX, FOX).to_le_bytes();
        assert_eq!(of(-1).as_bytes(), minus_one);
        assert_ne!(of(-1), of(0));
    }

    #[test]
    fn none_is_one_zero_byte() {
        let mut sum = FileSum::new(ChecksumKind::None);
        sum.update(FOX);
        assert_eq!(sum.finish().as_bytes(), [0]);
    }
}
