//! rsync's hash buckets, kept for the sake of one number.
//!
//! `-vv` ends with "total: matches=… hash_hits=… false_alarms=…", and `hash_hits` counts the
//! offsets whose sum fell into a bucket of rsync's hash table that was not empty. Our own table
//! ([`crate::block_index`]) is another one, so this module remembers which of rsync's buckets
//! would be occupied: a bit each, or in place, where rsync empties buckets as it goes, a word.
//! Nothing here influences what matches.
// rsync: match.c build_hash_table(), hash_search()

use crate::block_index::{BATCH, BlockIndex};
use crate::{RollingSum, Signature};

/// Buckets in rsync's table for all but very large files.
const TRADITIONAL_BUCKETS: u32 = 1 << 16;

/// A bucket that holds nothing (any more).
const EMPTY: u32 = 0;
/// A bucket that holds a block which stays usable for good.
const FOREVER: u32 = u32::MAX;

/// Which buckets are occupied.
#[derive(Debug, Clone)]
pub(crate) struct HashHits {
    buckets: Buckets,
    occupied: Occupied,
}

#[derive(Debug, Clone, Copy)]
enum Buckets {
    /// The sum's halves added, modulo 2^16.
    Traditional,
    /// The sum modulo the number of buckets. `reciprocal` is 2^64 / buckets, rounded up: the
    /// remainder then costs two multiplications.
    Modulo { buckets: u32, reciprocal: u64 },
}

#[derive(Debug, Clone)]
enum Occupied {
    Bits(Vec<u64>),
    /// The highest block in each bucket plus one, [`EMPTY`] or [`FOREVER`].
    HighestBlock {
        highest: Vec<u32>,
        block_len: u32,
    },
}

impl HashHits {
    /// The table for blocks that stay usable wherever the search is.
    pub(crate) fn separate(signature: &Signature) -> Self {
        let (buckets, size) = Buckets::for_count(signature.layout().count());
        let mut bits = vec![0u64; size.div_ceil(64)];
        for (weak, _) in signature.blocks() {
            let bucket = buckets.of(weak);
            bits[bucket / 64] |= 1 << (bucket % 64);
        }
        HashHits {
            buckets,
            occupied: Occupied::Bits(bits),
        }
    }

    /// The table for an update in place, where a block is of no use once the search is past it.
    pub(crate) fn in_place(signature: &Signature) -> Self {
        let layout = signature.layout();
        let (buckets, size) = Buckets::for_count(layout.count());
        let mut highest = vec![EMPTY; size];
        for (block, (weak, _)) in signature.blocks().enumerate() {
            highest[buckets.of(weak)] = block as u32 + 1;
        }
        HashHits {
            buckets,
            occupied: Occupied::HighestBlock {
                highest,
                block_len: layout.block_len(),
            },
        }
    }

    /// 1 if a look-up of this sum at this offset of the source hits, else 0.
    pub(crate) fn count(&mut self, sum: RollingSum, offset: u64) -> u64 {
        let bucket = self.buckets.of(sum.value());
        match &mut self.occupied {
            Occupied::Bits(bits) => bits[bucket / 64] >> (bucket % 64) & 1,
            Occupied::HighestBlock { highest, block_len } => {
                count_in_place(highest, *block_len, bucket, offset)
            }
        }
    }

    /// Notes that a block with this sum was found in its own place and so stays usable.
    pub(crate) fn keep(&mut self, weak: u32) {
        let bucket = self.buckets.of(weak);
        if let Occupied::HighestBlock { highest, .. } = &mut self.occupied {
            highest[bucket] = FOREVER;
        }
    }

    /// Rolls to the first sum that some block of the index has, and counts hits on the way. Returns the number of steps taken if it was stopped.
    ///
    /// This is the inner loop of the search over new data, so each kind of table gets its own
    /// copy of it.
    pub(crate) fn roll_until(
        &mut self,
        roll: Roll<'_>,
        hits: &mut u64,
        index: &BlockIndex,
        signature: &Signature,
    ) -> Option<usize> {
        match (&mut self.occupied, self.buckets) {
            (Occupied::Bits(bits), Buckets::Traditional) => {
                // The exact size lets the compiler drop the bounds check.
                let Some(bits) = bits.first_chunk::<{ TRADITIONAL_BUCKETS as usize / 64 }>() else {
                    unreachable!("a traditional table has its size by construction")
                };
                roll.until(hits, index, signature, |value, _| {
                    let bucket = Buckets::Traditional.of(value);
                    bits[bucket / 64] >> (bucket % 64) & 1
                })
            }
            (Occupied::Bits(bits), buckets) => roll.until(hits, index, signature, |value, _| {
                let bucket = buckets.of(value);
                bits[bucket / 64] >> (bucket % 64) & 1
            }),
            (Occupied::HighestBlock { highest, block_len }, buckets) => {
                roll.until(hits, index, signature, |value, offset| {
                    count_in_place(highest, *block_len, buckets.of(value), offset)
                })
            }
        }
    }
}

/// rsync walks the bucket at each hit, and drops the blocks that were bypassed. Written without
/// branches, as nothing predicts which buckets are hit.
#[inline]
fn count_in_place(highest: &mut [u32], block_len: u32, bucket: usize, offset: u64) -> u64 {
    let block = highest[bucket];
    // An empty bucket's number wraps, and so is never bypassed.
    let start = u64::from(block.wrapping_sub(1)) * u64::from(block_len);
    let bypassed = (start < offset) & (block != FOREVER);
    highest[bucket] = if bypassed { EMPTY } else { block };
    u64::from(block != EMPTY)
}

/// A stretch of the source to slide over.
pub(crate) struct Roll<'a> {
    /// The sum at the position before the first step; left at the position after the last.
    pub(crate) sum: &'a mut RollingSum,
    /// The bytes that leave the window.
    pub(crate) old: &'a [u8],
    /// The bytes that enter it, as many.
    pub(crate) new: &'a [u8],
    /// Bytes in the window.
    pub(crate) len: usize,
    /// The offset in the source before the first step.
    pub(crate) offset: u64,
}

impl Roll<'_> {
    /// Works in batches: the sums of a batch depend on one another and are computed in one
    /// tight chain; then all look-ups of the batch are independent and overlap.
    #[inline]
    fn until(
        self,
        hits: &mut u64,
        index: &BlockIndex,
        signature: &Signature,
        mut count: impl FnMut(u32, u64) -> u64,
    ) -> Option<usize> {
        let mut sum = *self.sum;
        let mut counted = 0;
        let mut offset = self.offset;
        let mut values = [0; BATCH];
        for (old, new) in self.old.chunks(BATCH).zip(self.new.chunks(BATCH)) {
            for ((value, &old), &new) in values.iter_mut().zip(old).zip(new) {
                sum.roll(old, new, self.len);
                *value = sum.value();
            }
            let stop = index.first_weak(signature, &values, old.len());
            let taken = stop.map_or(old.len(), |at| at + 1);
            for &value in &values[..taken] {
                offset += 1;
                counted += count(value, offset);
            }
            if let Some(at) = stop {
                *self.sum = RollingSum::from_value(values[at]);
                *hits += counted;
                return Some((offset - self.offset) as usize);
            }
        }
        *self.sum = sum;
        *hits += counted;
        None
    }
}

impl Buckets {
    /// The kind of table rsync makes for this many blocks, and the number of its buckets.
    fn for_count(count: u32) -> (Self, usize) {
        let buckets = count / 8 * 10 + 11;
        if buckets <= TRADITIONAL_BUCKETS {
            return (Buckets::Traditional, TRADITIONAL_BUCKETS as usize);
        }
        let reciprocal = u64::MAX / u64::from(buckets) + 1;
        let kind = Buckets::Modulo {
            buckets,
            reciprocal,
        };
        (kind, buckets as usize)
    }

    #[inline]
    fn of(self, weak: u32) -> usize {
        match self {
            Buckets::Traditional => ((weak & 0xffff) + (weak >> 16)) as usize & 0xffff,
            Buckets::Modulo {
                buckets,
                reciprocal,
            } => {
                let fraction = reciprocal.wrapping_mul(weak.into());
                ((u128::from(fraction) * u128::from(buckets)) >> 64) as usize
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_grows_where_rsyncs_does() {
        // (count / 8) * 10 + 11 first exceeds 65536 at 52424 blocks.
        assert_eq!(Buckets::for_count(52_423).1, 1 << 16);
        assert_eq!(Buckets::for_count(52_424).1, 65_541);
        assert_eq!(Buckets::for_count(i32::MAX as u32).1, 2_684_354_561);
    }

    proptest! {
        #[test]
        fn the_quick_remainder_is_the_remainder(weak: u32, count in 52_424u32..=i32::MAX as u32) {
            let (buckets, size) = Buckets::for_count(count);
            prop_assert_eq!(buckets.of(weak), weak as usize % size);
        }
    }
}
