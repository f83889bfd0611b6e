//! Which block has these sums?
//!
//! rsync chains blocks by a hash of the weak sum, and a basis full of equal blocks (or a hostile
//! signature full of equal weak sums) makes the chains long. Here no chain exists. Three flat
//! tables answer three questions, each costlier than the one before and asked more rarely:
//!
//! 1. `filter`: can any block have this weak sum? One bit, for every byte of new data, in batches.
//! 2. `by_weak`: does one? Exact; only then is a strong sum computed.
//! 3. `by_sums`: which block has this weak *and* strong sum? One slot for each distinct content,
//!    holding the highest-numbered block that has it, which is the one rsync finds first.
//!
//! All hashes are keyed at random, because a peer chooses the sums. The last block, if it is
//! short, is not in the tables: it can match in one place only.
// rsync: match.c build_hash_table(), hash_search()

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use crate::{Digest, Signature};

/// Filter bits for each block; fewer than one weak sum in a hundred then passes by chance.
const FILTER_BITS_PER_BLOCK: usize = 32;
/// Positions whose sums are looked up together: a filter's answer has a bit for each.
pub(crate) const BATCH: usize = 64;
/// The least filter, 1 KiB.
const MIN_FILTER_BITS: usize = 1 << 13;

/// A slot holds a block number plus one.
const VACANT: u32 = 0;

/// The full-length blocks of a signature, by sum.
#[derive(Debug, Clone)]
pub(crate) struct BlockIndex {
    filter: Filter,
    /// Keyed by weak sum; the highest block that has it.
    by_weak: Vec<u32>,
    /// Keyed by both sums; the highest block that has them.
    by_sums: Vec<u32>,
    weak_key: u64,
    sums_key: RandomState,
    kept: Kept,
}

/// Blocks that were found in their own place, in an update in place: they are already right
/// where they are, so they may be copied even after the search has passed them.
#[derive(Debug, Clone, Default)]
struct Kept {
    /// The last such block for each distinct content, named by its highest block.
    last: HashMap<u32, u32>,
    blocks: HashSet<u32>,
    weak: HashSet<u32>,
}

impl BlockIndex {
    /// Indexes a signature.
    pub(crate) fn new(signature: &Signature) -> Self {
        let count = signature.layout().full_count();
        let slots = (2 * count as usize).next_power_of_two();
        let sums_key = RandomState::new();
        let weak_key = sums_key.hash_one(0u32) | 1;
        let mut index = BlockIndex {
            filter: Filter::new(count as usize, sums_key.hash_one(1u32) | 1),
            by_weak: vec![VACANT; slots],
            by_sums: vec![VACANT; slots],
            weak_key,
            sums_key,
            kept: Kept::default(),
        };
        for block in 0..count {
            let weak = signature.weak(block);
            index.filter.insert(weak);
            let slot = index.weak_slot(signature, weak);
            index.by_weak[slot] = block + 1;
            let slot = index.sums_slot(signature, weak, signature.strong(block));
            index.by_sums[slot] = block + 1;
        }
        index
    }

    /// Whether some block has this weak sum.
    pub(crate) fn has_weak(&self, signature: &Signature, weak: u32) -> bool {
        self.by_weak[self.weak_slot(signature, weak)] != VACANT
    }

    /// The place of the first of `count` weak sums that some block has.
    #[inline]
    pub(crate) fn first_weak(
        &self,
        signature: &Signature,
        sums: &[u32; BATCH],
        count: usize,
    ) -> Option<usize> {
        let mut maybe = self.filter.may_contain(sums) & (u64::MAX >> (BATCH - count));
        while maybe != 0 {
            let at = maybe.trailing_zeros() as usize;
            if self.has_weak(signature, sums[at]) {
                return Some(at);
            }
            maybe &= maybe - 1;
        }
        None
    }

    /// Whether some block that may still be copied at `offset` in place has this weak sum.
    pub(crate) fn has_weak_in_place(&self, signature: &Signature, weak: u32, offset: u64) -> bool {
        match self.by_weak[self.weak_slot(signature, weak)] {
            VACANT => false,
            highest => {
                signature.layout().start_of(highest - 1) >= offset || self.kept.weak.contains(&weak)
            }
        }
    }

    /// The highest block with these sums.
    pub(crate) fn find(&self, signature: &Signature, weak: u32, strong: &Digest) -> Option<u32> {
        let slot = self.sums_slot(signature, weak, signature.cut(strong));
        self.by_sums[slot].checked_sub(1)
    }

    /// The highest block with these sums that may still be copied at `offset` in place.
    pub(crate) fn find_in_place(
        &self,
        signature: &Signature,
        weak: u32,
        strong: &Digest,
        offset: u64,
    ) -> Option<u32> {
        let highest = self.find(signature, weak, strong)?;
        if signature.layout().start_of(highest) >= offset {
            Some(highest)
        } else {
            self.kept.last.get(&highest).copied()
        }
    }

    /// Notes that a block was found in its own place. Blocks are kept in ascending order, as
    /// the search goes.
    pub(crate) fn keep(&mut self, signature: &Signature, block: u32) {
        let weak = signature.weak(block);
        let slot = self.sums_slot(signature, weak, signature.strong(block));
        if let Some(highest) = self.by_sums[slot].checked_sub(1) {
            self.kept.last.insert(highest, block);
        }
        self.kept.blocks.insert(block);
        self.kept.weak.insert(weak);
    }

    /// Whether a block was found in its own place.
    pub(crate) fn is_kept(&self, block: u32) -> bool {
        self.kept.blocks.contains(&block)
    }

    /// The slot that holds this weak sum, or the vacant one where it belongs.
    fn weak_slot(&self, signature: &Signature, weak: u32) -> usize {
        // The upper half of the product is the well-mixed one.
        let hash = u64::from(weak).wrapping_mul(self.weak_key) >> 32;
        probe(&self.by_weak, hash as usize, |block| {
            signature.weak(block) == weak
        })
    }

    /// The slot that holds these sums, or the vacant one where they belong.
    fn sums_slot(&self, signature: &Signature, weak: u32, strong: &[u8]) -> usize {
        let hash = self.sums_key.hash_one((weak, strong));
        probe(&self.by_sums, hash as usize, |block| {
            signature.weak(block) == weak && signature.strong(block) == strong
        })
    }
}

/// Linear probing in a table whose size is a power of two and which is at most half full.
fn probe(table: &[u32], hash: usize, is_it: impl Fn(u32) -> bool) -> usize {
    let mask = table.len() - 1;
    let mut slot = hash & mask;
    while table[slot] != VACANT && !is_it(table[slot] - 1) {
        slot = (slot + 1) & mask;
    }
    slot
}

/// A Bloom filter with two bits for each member, both in one word, so that a look-up is one
/// access to memory. Its size is a power of two.
#[derive(Debug, Clone)]
struct Filter {
    words: Vec<u64>,
    key: u64,
}

impl Filter {
    fn new(count: usize, key: u64) -> Self {
        let size = (count * FILTER_BITS_PER_BLOCK)
            .next_power_of_two()
            .clamp(MIN_FILTER_BITS, 1 << 31);
        Filter {
            words: vec![0; size / 64],
            key,
        }
    }

    fn insert(&mut self, weak: u32) {
        let (word, one, other) = place(weak, self.key, self.words.len());
        self.words[word] |= 1 << one | 1 << other;
    }

    /// A bit for each sum: whether it may be in the set. No branches: the answers come as they
    /// may, and the caller branches once for all.
    #[inline]
    fn may_contain(&self, sums: &[u32; BATCH]) -> u64 {
        let (words, key) = (&self.words[..], self.key);
        let mut maybe = 0;
        for &weak in sums {
            let (word, one, other) = place(weak, key, words.len());
            let both = words[word] >> one & words[word] >> other;
            maybe = maybe >> 1 | both << 63;
        }
        maybe
    }
}

/// The word and the two bits that stand for a sum in a filter of `words` words.
#[inline]
fn place(weak: u32, key: u64, words: usize) -> (usize, u32, u32) {
    let hash = u64::from(weak).wrapping_mul(key);
    let word = (hash >> 24) as usize & (words - 1);
    (word, (hash >> 52 & 63) as u32, (hash >> 58) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BlockLayout, ChecksumKind, SignatureReceiver, StrongSum, SumHead};

    /// A signature with the given sums, one byte of strong sum each.
    fn signature(sums: &[(u32, u8)]) -> Signature {
        let head = SumHead {
            count: sums.len() as i32,
            block_len: 10,
            strong_len: 1,
            remainder: 0,
        };
        let sum = StrongSum::new(ChecksumKind::Xxh64, 0);
        let layout = BlockLayout::from_head(head, sum.kind(), 32).unwrap();
        let mut receiver = SignatureReceiver::new(layout, sum).unwrap();
        for &(weak, strong) in sums {
            receiver.push(weak, &[strong]).unwrap();
        }
        receiver.finish().unwrap()
    }

    fn digest(strong: u8) -> Digest {
        Digest::filled(ChecksumKind::Xxh64, &[strong, 0, 0, 0, 0, 0, 0, 0])
    }

    #[test]
    fn the_highest_block_with_both_sums_is_found() {
        let signature = signature(&[(5, 1), (5, 2), (6, 1), (5, 1)]);
        let index = BlockIndex::new(&signature);
        let find = |weak, strong| index.find(&signature, weak, &digest(strong));
        assert_eq!(find(5, 1), Some(3));
        assert_eq!(find(5, 2), Some(1));
        assert_eq!(find(6, 1), Some(2));
        assert_eq!(find(6, 2), None);
        assert!(index.has_weak(&signature, 6) && !index.has_weak(&signature, 7));
    }

    #[test]
    fn in_place_a_passed_block_is_usable_only_if_it_was_kept() {
        let signature = signature(&[(5, 1), (5, 1), (6, 1)]);
        let mut index = BlockIndex::new(&signature);
        let find = |index: &BlockIndex, offset| {
            let found = index.find_in_place(&signature, 5, &digest(1), offset);
            assert_eq!(
                index.has_weak_in_place(&signature, 5, offset),
                found.is_some()
            );
            found
        };
        assert_eq!(find(&index, 0), Some(1));
        assert_eq!(find(&index, 10), Some(1));
        assert_eq!(find(&index, 11), None);
        index.keep(&signature, 0);
        assert_eq!(find(&index, 11), Some(0));
        index.keep(&signature, 1);
        assert_eq!(find(&index, 11), Some(1));
        assert!(index.is_kept(0) && !index.is_kept(2));
    }

    #[test]
    fn a_hundred_thousand_equal_weak_sums_are_no_slower_to_search() {
        let sums: Vec<_> = (0..100_000u32).map(|n| (7, (n % 250) as u8)).collect();
        let signature = signature(&sums);
        let index = BlockIndex::new(&signature);
        assert_eq!(index.find(&signature, 7, &digest(0)), Some(99_750));
        assert_eq!(index.find(&signature, 7, &digest(251)), None);
        let occupied = |table: &[u32]| table.iter().filter(|&&slot| slot != VACANT).count();
        assert_eq!(occupied(&index.by_weak), 1);
        assert_eq!(occupied(&index.by_sums), 250);
    }
}
