//! The decision at one position of the source: does a block of the basis begin here, and which?
//!
//! Several blocks may have the same content; which of them is copied is rsync's choice:
//! the block after the one matched last, so that runs stay long; in place, before all else, the
//! block that is already there. Where rsync looks blocks up first and then prefers, this code
//! tests the preferred block first: in a file that hardly changed it is nearly always right, and
//! no table is touched.
// rsync: match.c hash_search()

use std::sync::Arc;

use crate::block_index::BlockIndex;
use crate::hash_hits::{HashHits, Roll};
use crate::{BasisUse, Digest, MatchStats, RollingSum, Signature};

/// Strong sums that lead to nothing may cost this many bytes of hashing for each byte of the
/// source, and [`FREE_FALSE_WORK`] besides. Then candidates are passed over until the source has
/// caught up. By chance this never happens (false alarms are one in 2^32 for each block), but a
/// peer, or a disk image with an unlucky pattern, could otherwise ask for a strong sum of a
/// whole block at every byte. What is passed over travels as literal data and is still right.
const FALSE_WORK_RATIO: u64 = 256;
/// See [`FALSE_WORK_RATIO`].
const FREE_FALSE_WORK: u64 = 64 << 20;

/// A position in the source.
#[derive(Clone, Copy)]
pub(crate) struct At<'w> {
    /// The bytes from here to the end of what is known.
    pub(crate) rest: &'w [u8],
    /// How many came before.
    pub(crate) offset: u64,
}

/// A block was found `skip` bytes after the position asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) skip: usize,
    pub(crate) block: u32,
}

impl Found {
    fn here(block: u32) -> Option<Self> {
        Some(Found { skip: 0, block })
    }
}

/// What is searched for.
#[derive(Debug)]
pub(crate) struct Search {
    signature: Arc<Signature>,
    basis: BasisUse,
    index: BlockIndex,
    hits: HashHits,
    /// The block after the last one matched.
    want: u32,
    false_work: u64,
}

impl Search {
    pub(crate) fn new(signature: Arc<Signature>, basis: BasisUse) -> Self {
        Search {
            index: BlockIndex::new(&signature),
            hits: match basis {
                BasisUse::Separate => HashHits::separate(&signature),
                BasisUse::InPlace => HashHits::in_place(&signature),
            },
            signature,
            basis,
            want: 0,
            false_work: 0,
        }
    }

    pub(crate) fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Bytes in a full block.
    pub(crate) fn block_len(&self) -> usize {
        self.signature.layout().block_len() as usize
    }

    /// Bytes that must be known from a position on before it can be decided, unless the source
    /// ends.
    pub(crate) fn lookahead(&self) -> usize {
        match self.basis {
            BasisUse::Separate => self.block_len(),
            // To the end of the block that begins at the next block boundary.
            BasisUse::InPlace => 2 * self.block_len(),
        }
    }

    /// Decides on a position that was jumped to, where a full block's bytes are known.
    pub(crate) fn arrive(
        &mut self,
        at: At<'_>,
        sum: RollingSum,
        stats: &mut MatchStats,
    ) -> Option<Found> {
        stats.hash_hits += self.hits.count(sum, at.offset);
        let weak = sum.value();
        if let Some(block) = self.likely(at.offset, weak) {
            let strong = self.strong(at.rest);
            if self.signature.has(block, weak, &strong) {
                return self.matched(at.offset, Found { skip: 0, block });
            }
        }
        if self.index.has_weak(&self.signature, weak) {
            self.look_up(at, sum, stats)
        } else {
            None
        }
    }

    /// The block that would be preferred here whatever else matches, if its weak sum is right.
    fn likely(&self, offset: u64, weak: u32) -> Option<u32> {
        let block = match self.basis {
            BasisUse::Separate => self.want,
            BasisUse::InPlace => match self.block_at_or_after(offset) {
                (block, 0) => block?,
                // Zeros may be realigned: that takes the whole decision.
                _ if weak == 0 => return None,
                _ => self.want,
            },
        };
        let right = self.is_full(block)
            && self.signature.weak(block) == weak
            && self.is_usable(block, offset);
        right.then_some(block)
    }

    /// Rolls on by at most `steps` positions, to the first whose weak sum some block has.
    /// `sum` follows. Returns how far it went, and whether it found one.
    pub(crate) fn roll(
        &mut self,
        at: At<'_>,
        steps: usize,
        sum: &mut RollingSum,
        stats: &mut MatchStats,
    ) -> (usize, bool) {
        let len = self.block_len();
        let roll = Roll {
            sum,
            old: &at.rest[..steps],
            new: &at.rest[len..][..steps],
            len,
            offset: at.offset,
        };
        let stopped =
            self.hits
                .roll_until(roll, &mut stats.hash_hits, &self.index, &self.signature);
        (stopped.unwrap_or(steps), stopped.is_some())
    }

    /// Decides on a position whose weak sum some block has.
    pub(crate) fn look_up(
        &mut self,
        at: At<'_>,
        sum: RollingSum,
        stats: &mut MatchStats,
    ) -> Option<Found> {
        let weak = sum.value();
        if self.false_work > FREE_FALSE_WORK + at.offset.saturating_mul(FALSE_WORK_RATIO) {
            return None;
        }
        let in_place = self.basis == BasisUse::InPlace;
        if in_place
            && !self
                .index
                .has_weak_in_place(&self.signature, weak, at.offset)
        {
            return None;
        }
        let strong = self.strong(at.rest);
        let block = if in_place {
            self.index
                .find_in_place(&self.signature, weak, &strong, at.offset)
        } else {
            self.index.find(&self.signature, weak, &strong)
        };
        let Some(block) = block else {
            stats.false_alarms += 1;
            self.false_work += self.block_len() as u64;
            return None;
        };
        let found = if in_place {
            self.prefer_same_place(at, weak, &strong)
        } else {
            None
        };
        let found = found.unwrap_or_else(|| {
            let want = self.want;
            let adjacent = self.is_full(want)
                && self.is_usable(want, at.offset)
                && self.signature.has(want, weak, &strong);
            Found {
                skip: 0,
                block: if adjacent { want } else { block },
            }
        });
        self.matched(at.offset, found)
    }

    /// In place: the block at the next boundary, if it has the content found here and either
    /// the boundary is here, or the content is zeros and goes on beyond it. Then the bytes up to
    /// the boundary are sent, and from there on the file need only be skipped, not written.
    fn prefer_same_place(&self, at: At<'_>, weak: u32, strong: &Digest) -> Option<Found> {
        let (block, skip) = self.block_at_or_after(at.offset);
        let block = block.filter(|&block| self.is_full(block))?;
        if !self.signature.has(block, weak, strong) {
            return None;
        }
        if skip == 0 {
            return Found::here(block);
        }
        if weak != 0 {
            return None;
        }
        let len = self.block_len();
        let ahead = at.rest.get(skip..skip + len)?;
        let same = RollingSum::of(ahead).value() == weak
            && self.signature.has(block, weak, &self.strong(ahead));
        // If not, any block of zeros will do here, and this one is as usable as another.
        Some(Found {
            skip: if same { skip } else { 0 },
            block,
        })
    }

    /// Looks for the short last block in the last bytes of the source, fewer than a full block.
    /// `sum` is that of all of them. The result's `skip` counts from `at`.
    pub(crate) fn tail(
        &mut self,
        at: At<'_>,
        mut sum: RollingSum,
        stats: &mut MatchStats,
    ) -> Option<Found> {
        let layout = *self.signature.layout();
        let last_len = layout.last_len() as usize;
        for skip in 0..at.rest.len() {
            let rest = &at.rest[skip..];
            let offset = at.offset + skip as u64;
            stats.hash_hits += self.hits.count(sum, offset);
            if layout.remainder() != 0 && rest.len() == last_len {
                let last = layout.count() - 1;
                let weak = sum.value();
                if self.signature.weak(last) == weak && self.is_usable(last, offset) {
                    if self.signature.has(last, weak, &self.strong(rest)) {
                        return self.matched(at.offset, Found { skip, block: last });
                    }
                    stats.false_alarms += 1;
                }
            }
            if rest.len() <= last_len {
                break;
            }
            sum.pop(rest[0], rest.len());
        }
        None
    }

    /// Notes what was decided on, for the next decision.
    fn matched(&mut self, offset: u64, found: Found) -> Option<Found> {
        let start = self.signature.layout().start_of(found.block);
        if self.basis == BasisUse::InPlace && start == offset + found.skip as u64 {
            self.index.keep(&self.signature, found.block);
            self.hits.keep(self.signature.weak(found.block));
        }
        self.want = found.block + 1;
        Some(found)
    }

    fn strong(&self, rest: &[u8]) -> Digest {
        let block = &rest[..rest.len().min(self.block_len())];
        self.signature.strong_sum().digest(block)
    }

    fn is_full(&self, block: u32) -> bool {
        block < self.signature.layout().full_count()
    }

    /// Whether a block's bytes are still in the basis when the search is at `offset`.
    fn is_usable(&self, block: u32, offset: u64) -> bool {
        self.basis == BasisUse::Separate
            || self.signature.layout().start_of(block) >= offset
            || self.index.is_kept(block)
    }

    /// The block that begins at or first after an offset, if the layout has it, and how far
    /// away it is.
    fn block_at_or_after(&self, offset: u64) -> (Option<u32>, usize) {
        let layout = self.signature.layout();
        let block = offset.div_ceil(layout.block_len().into());
        let skip = block * u64::from(layout.block_len()) - offset;
        let exists = block < layout.count().into();
        (exists.then_some(block as u32), skip as usize)
    }
}
