//! How a file is cut into blocks.
//!
//! Blocks have one length, except that the last may be shorter. Larger files have larger blocks
//! (about the square root of the length), and strong sums are cut to just enough bytes that a
//! wrong match is unlikely; the whole-file sum catches what slips through. The numbers must be
//! rsync's exactly: both ends derive block positions from them.
// rsync: generator.c sum_sizes_sqroot(), io.c read_sum_head(), rsync.h

use std::num::NonZeroU32;

use crate::{ChecksumKind, Error};

/// The smallest block length the rule chooses. A user may ask for less.
const MIN_BLOCK_LEN: u32 = 700;
/// The longest block since protocol 30.
const MAX_BLOCK_LEN: u32 = 1 << 17;
/// The longest block before.
const OLD_MAX_BLOCK_LEN: u32 = 1 << 29;
/// Strong block sums are never sent longer than this.
const MAX_STRONG_LEN: usize = 16;
/// Bits added to the birthday bound when strong sums are cut.
const SUM_BIAS: i32 = 10;
/// Blocks are numbered by a C `int`.
const MAX_BLOCKS: u64 = i32::MAX as u64;

/// What the block rule depends on, besides the file's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutRule {
    /// The protocol version the peers agreed on.
    pub protocol: u8,
    /// The block checksum.
    pub kind: ChecksumKind,
    /// First attempt, or second after a failed verification.
    pub strength: SumStrength,
    /// The user's `--block-size`, if any.
    pub block_size: Option<NonZeroU32>,
}

/// How much of each strong sum is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SumStrength {
    /// As much as the file's length makes prudent.
    #[default]
    Short,
    /// As much as the protocol allows: the file's first transfer failed its verification.
    Full,
}

impl LayoutRule {
    /// The rule of a first attempt between current programs, without `--block-size`.
    pub fn new(kind: ChecksumKind) -> Self {
        LayoutRule {
            protocol: 32,
            kind,
            strength: SumStrength::Short,
            block_size: None,
        }
    }

    fn block_len(&self, file_len: u64) -> Result<u32, Error> {
        let max = max_block_len(self.protocol);
        if let Some(wanted) = self.block_size {
            return if wanted.get() <= max {
                Ok(wanted.get())
            } else {
                Err(Error::BlockLength(wanted.get().into()))
            };
        }
        if file_len <= u64::from(MIN_BLOCK_LEN * MIN_BLOCK_LEN) {
            return Ok(MIN_BLOCK_LEN);
        }
        // The highest power of two whose square does not exceed the length.
        let top = 1u64 << (file_len.ilog2() / 2);
        if top >= u64::from(max) {
            return Ok(max);
        }
        // The integer square root, from the top bit down, leaving out the bits below 8.
        let mut root = 0u64;
        let mut bit = top;
        loop {
            if (root | bit) * (root | bit) <= file_len {
                root |= bit;
            }
            bit >>= 1;
            if bit < 8 {
                break;
            }
        }
        Ok((root as u32).max(MIN_BLOCK_LEN))
    }

    fn strong_len(&self, file_len: u64, block_len: u32) -> usize {
        let most = MAX_STRONG_LEN.min(self.kind.digest_len());
        let least = match self.strength {
            SumStrength::Short => 2,
            SumStrength::Full => MAX_STRONG_LEN,
        };
        if self.protocol < 27 {
            return least.min(self.kind.digest_len());
        }
        if self.strength == SumStrength::Full {
            return most;
        }
        let log2 = |n: u64| n.checked_ilog2().unwrap_or(0) as i32;
        let bits = SUM_BIAS + 2 * log2(file_len);
        // The block length's bits count against these, but never below none.
        let bits = (bits - log2(block_len.into())).max(0);
        // One bit more, less the weak sum's, in whole bytes.
        let bytes = (bits + 1 - 32 + 7) / 8;
        (bytes.max(0) as usize).max(least).min(most)
    }
}

fn max_block_len(protocol: u8) -> u32 {
    if protocol < 30 {
        OLD_MAX_BLOCK_LEN
    } else {
        MAX_BLOCK_LEN
    }
}

/// The four numbers that travel before a signature, unchecked, as a peer sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SumHead {
    /// Number of blocks.
    pub count: i32,
    /// Bytes in each block but perhaps the last.
    pub block_len: i32,
    /// Bytes of each strong sum.
    pub strong_len: i32,
    /// Bytes in the last block if it is shorter, else 0.
    pub remainder: i32,
}

/// A checked division of a file into blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockLayout {
    file_len: u64,
    count: u32,
    block_len: u32,
    remainder: u32,
    strong_len: u8,
}

impl BlockLayout {
    /// The layout of a basis of `file_len` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::BlockLength`] if the user's block size is above the protocol's maximum, and
    /// [`Error::TooManyBlocks`] if the blocks cannot be numbered (rsync then sends the file
    /// whole).
    pub fn for_file(file_len: u64, rule: &LayoutRule) -> Result<Self, Error> {
        let block_len = rule.block_len(file_len)?;
        let count = file_len.div_ceil(block_len.into());
        if count > MAX_BLOCKS {
            return Err(Error::TooManyBlocks(file_len));
        }
        Ok(BlockLayout {
            file_len,
            count: count as u32,
            block_len,
            remainder: (file_len % u64::from(block_len)) as u32,
            strong_len: rule.strong_len(file_len, block_len) as u8,
        })
    }

    /// The layout a peer announces.
    ///
    /// # Errors
    ///
    /// The error that names the first number that is out of bounds.
    pub fn from_head(head: SumHead, kind: ChecksumKind, protocol: u8) -> Result<Self, Error> {
        let count = u32::try_from(head.count).map_err(|_| Error::BlockCount(head.count.into()))?;
        let block_len = u32::try_from(head.block_len)
            .ok()
            .filter(|&len| len <= max_block_len(protocol) && (len > 0 || count == 0))
            .ok_or(Error::BlockLength(head.block_len.into()))?;
        let strong_len = usize::try_from(head.strong_len)
            .ok()
            .filter(|&len| len <= kind.digest_len())
            .ok_or(Error::StrongLength(head.strong_len.into()))?;
        let remainder = u32::try_from(head.remainder)
            .ok()
            .filter(|&len| len <= block_len && (len == 0 || count > 0))
            .ok_or(Error::Remainder(head.remainder.into()))?;
        // A remainder of a full block is odd but harmless: it says that there is none.
        let remainder = if remainder == block_len { 0 } else { remainder };
        let missing = if remainder == 0 {
            0
        } else {
            block_len - remainder
        };
        Ok(BlockLayout {
            file_len: u64::from(count) * u64::from(block_len) - u64::from(missing),
            count,
            block_len,
            remainder,
            strong_len: strong_len as u8,
        })
    }

    /// The numbers to send before the signature.
    pub fn head(&self) -> SumHead {
        // None of them exceeds a C int, by the constructors.
        SumHead {
            count: self.count as i32,
            block_len: self.block_len as i32,
            strong_len: self.strong_len.into(),
            remainder: self.remainder as i32,
        }
    }

    /// Bytes in the file described.
    pub fn file_len(&self) -> u64 {
        self.file_len
    }

    /// Number of blocks, the short one included.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Number of blocks of full length.
    pub fn full_count(&self) -> u32 {
        self.count - u32::from(self.remainder != 0)
    }

    /// Bytes in a full block; 0 only if there are none.
    pub fn block_len(&self) -> u32 {
        self.block_len
    }

    /// Bytes in the last block if it is short, else 0.
    pub fn remainder(&self) -> u32 {
        self.remainder
    }

    /// Bytes kept of each strong sum.
    pub fn strong_len(&self) -> usize {
        self.strong_len.into()
    }

    /// Where a block begins in the file.
    pub fn start_of(&self, block: u32) -> u64 {
        u64::from(block) * u64::from(self.block_len)
    }

    /// Bytes in one block.
    pub fn len_of(&self, block: u32) -> u32 {
        if self.remainder != 0 && block + 1 == self.count {
            self.remainder
        } else {
            self.block_len
        }
    }

    /// Bytes in the last block; 0 only if there are no blocks.
    pub fn last_len(&self) -> u32 {
        if self.remainder != 0 {
            self.remainder
        } else {
            self.block_len
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: u8, kind: ChecksumKind, strength: SumStrength, size: u32) -> LayoutRule {
        LayoutRule {
            protocol,
            kind,
            strength,
            block_size: NonZeroU32::new(size),
        }
    }

    /// Lengths, and what rsync 3.5.0's own rule gives for them: block length, strong length,
    /// remainder, count. The rule's C function was run to obtain them.
    #[test]
    fn the_rule_gives_rsyncs_numbers() {
        use ChecksumKind::{Xxh3, Xxh128};
        use SumStrength::{Full, Short};
        #[rustfmt::skip]
        let known = [
            (31, Xxh128, Short, 0, 0, [700, 2, 0, 0]),
            (31, Xxh128, Short, 0, 1, [700, 2, 1, 1]),
            (31, Xxh128, Short, 0, 699, [700, 2, 699, 1]),
            (31, Xxh128, Short, 0, 700, [700, 2, 0, 1]),
            (31, Xxh128, Short, 0, 701, [700, 2, 1, 2]),
            (31, Xxh128, Short, 0, 490000, [700, 2, 0, 700]),
            (31, Xxh128, Short, 0, 490001, [700, 2, 1, 701]),
            (31, Xxh128, Short, 0, 500000, [704, 2, 160, 711]),
            (31, Xxh128, Short, 0, 1000000, [1000, 2, 0, 1000]),
            (31, Xxh128, Short, 0, 4194304, [2048, 2, 0, 2048]),
            (31, Xxh128, Short, 0, 16777215, [4088, 2, 63, 4105]),
            (31, Xxh128, Short, 0, 16777216, [4096, 2, 0, 4096]),
            (31, Xxh128, Short, 0, 16777217, [4096, 2, 1, 4097]),
            (31, Xxh128, Short, 0, 100000000, [10000, 3, 0, 10000]),
            (31, Xxh128, Short, 0, 536870912, [23168, 3, 22016, 23173]),
            (31, Xxh128, Short, 0, 1073741824, [32768, 3, 0, 32768]),
            (31, Xxh128, Short, 0, 4294967295, [65528, 4, 63, 65545]),
            (31, Xxh128, Short, 0, 4294967296, [65536, 4, 0, 65536]),
            (31, Xxh128, Short, 0, 17179869184, [131072, 4, 0, 131072]),
            (31, Xxh128, Short, 0, 17179869183, [131064, 4, 63, 131081]),
            (31, Xxh128, Short, 0, 1099511627776, [131072, 6, 0, 8388608]),
            (31, Xxh128, Full, 0, 0, [700, 16, 0, 0]),
            (31, Xxh128, Full, 0, 1000000, [1000, 16, 0, 1000]),
            (31, Xxh128, Full, 0, 1099511627776, [131072, 16, 0, 8388608]),
            (31, Xxh3, Short, 0, 1000000, [1000, 2, 0, 1000]),
            (31, Xxh3, Short, 0, 17179869184, [131072, 4, 0, 131072]),
            (31, Xxh3, Short, 0, 1099511627776, [131072, 6, 0, 8388608]),
            (29, Xxh128, Short, 0, 1000000, [1000, 2, 0, 1000]),
            (29, Xxh128, Short, 0, 17179869184, [131072, 4, 0, 131072]),
            (29, Xxh128, Short, 0, 1099511627776, [1048576, 5, 0, 1048576]),
            (29, Xxh128, Short, 0, 1000000000000000, [31622776, 7, 6431048, 31622778]),
            (26, Xxh128, Short, 0, 1000000, [1000, 2, 0, 1000]),
            (26, Xxh128, Short, 0, 1099511627776, [1048576, 2, 0, 1048576]),
            (31, Xxh128, Short, 1000, 0, [1000, 2, 0, 0]),
            (31, Xxh128, Short, 1000, 701, [1000, 2, 701, 1]),
            (31, Xxh128, Short, 1000, 1000000, [1000, 2, 0, 1000]),
            (31, Xxh128, Short, 1000, 536870912, [1000, 4, 912, 536871]),
            (31, Xxh128, Short, 131072, 1, [131072, 2, 1, 1]),
            (31, Xxh128, Short, 131072, 536870912, [131072, 3, 0, 4096]),
            (31, Xxh128, Short, 131072, 1099511627776, [131072, 6, 0, 8388608]),
        ];
        for (protocol, kind, strength, size, len, numbers) in known {
            let rule = rule(protocol, kind, strength, size);
            let layout = BlockLayout::for_file(len, &rule).unwrap();
            let got = [
                layout.block_len(),
                layout.strong_len() as u32,
                layout.remainder(),
                layout.count(),
            ];
            assert_eq!(got, numbers, "{len} bytes under {rule:?}");
        }
    }

    #[test]
    fn the_rule_fits_every_length() {
        for kind in [ChecksumKind::Xxh128, ChecksumKind::Xxh64] {
            let rule = LayoutRule::new(kind);
            for shift in 0..48 {
                for len in [(1u64 << shift) - 1, 1 << shift, (1 << shift) + 1] {
                    let layout = BlockLayout::for_file(len, &rule).unwrap();
                    let whole =
                        layout.start_of(layout.full_count()) + u64::from(layout.remainder());
                    assert_eq!(whole, len);
                    assert!(
                        layout.block_len().is_multiple_of(8) || layout.block_len() == MIN_BLOCK_LEN
                    );
                    assert!((2..=kind.digest_len()).contains(&layout.strong_len()));
                    let again = BlockLayout::from_head(layout.head(), kind, 32).unwrap();
                    assert_eq!(again, layout);
                }
            }
        }
    }

    #[test]
    fn a_file_with_too_many_blocks_is_refused() {
        let rule = LayoutRule::new(ChecksumKind::Md5);
        for len in [1 << 48, u64::MAX] {
            assert_eq!(
                BlockLayout::for_file(len, &rule),
                Err(Error::TooManyBlocks(len))
            );
        }
    }

    #[test]
    fn a_block_size_above_the_protocols_maximum_is_refused() {
        let over = (1 << 17) + 1;
        let new = rule(30, ChecksumKind::Md5, SumStrength::Short, over);
        assert_eq!(
            BlockLayout::for_file(10, &new),
            Err(Error::BlockLength(over.into()))
        );
        let old = LayoutRule {
            protocol: 29,
            ..new
        };
        assert_eq!(BlockLayout::for_file(10, &old).unwrap().block_len(), over);
    }

    #[test]
    fn a_peers_impossible_numbers_are_refused() {
        let good = SumHead {
            count: 3,
            block_len: 700,
            strong_len: 2,
            remainder: 10,
        };
        let check = |head| BlockLayout::from_head(head, ChecksumKind::Xxh64, 31);
        assert_eq!(check(good).unwrap().file_len(), 1410);
        assert_eq!(
            check(SumHead { count: -1, ..good }),
            Err(Error::BlockCount(-1))
        );
        for block_len in [-1, 0, (1 << 17) + 1, i32::MIN, i32::MAX] {
            let head = SumHead { block_len, ..good };
            assert_eq!(check(head), Err(Error::BlockLength(block_len.into())));
        }
        for strong_len in [-1, 9, i32::MAX] {
            let head = SumHead { strong_len, ..good };
            assert_eq!(check(head), Err(Error::StrongLength(strong_len.into())));
        }
        for remainder in [-1, 701, i32::MAX] {
            let head = SumHead { remainder, ..good };
            assert_eq!(check(head), Err(Error::Remainder(remainder.into())));
        }
        let nothing = SumHead { count: 0, ..good };
        assert_eq!(check(nothing), Err(Error::Remainder(10)));
        // A peer that has no basis sends nothing but zeros.
        assert_eq!(check(SumHead::default()).unwrap().file_len(), 0);
    }

    #[test]
    fn a_remainder_of_a_full_block_is_none() {
        let head = SumHead {
            count: 2,
            block_len: 700,
            strong_len: 2,
            remainder: 700,
        };
        let layout = BlockLayout::from_head(head, ChecksumKind::Md5, 31).unwrap();
        assert_eq!((layout.file_len(), layout.full_count()), (1400, 2));
        assert_eq!(layout.last_len(), 700);
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        let head = SumHead {
            count: i32::MAX,
            block_len: 1 << 29,
            strong_len: 16,
            remainder: 1,
        };
        let layout = BlockLayout::from_head(head, ChecksumKind::Md5, 29).unwrap();
        assert_eq!(layout.file_len(), layout.start_of(layout.count() - 1) + 1);
        assert_eq!(layout.last_len(), 1);
    }
}
