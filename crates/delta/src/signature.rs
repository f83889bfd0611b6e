//! A signature: what one side of a transfer says about the file it already has.
//!
//! Sums are packed flat, as a file of a terabyte has millions of them: four bytes of weak sum
//! and a few of strong sum for each block, nothing else.
// rsync: rsync.h struct sum_struct, sender.c receive_sums()

use crate::{BlockLayout, Digest, Error, StrongSum};

/// The sums of all blocks of a basis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    layout: BlockLayout,
    sum: StrongSum,
    weak: Vec<u32>,
    strong: Vec<u8>,
}

impl Signature {
    /// Puts together sums that were checked to fill the layout.
    pub(crate) fn filled(
        layout: BlockLayout,
        sum: StrongSum,
        weak: Vec<u32>,
        strong: Vec<u8>,
    ) -> Result<Self, Error> {
        let expected = u64::from(layout.count());
        if weak.len() as u64 != expected {
            return Err(Error::Coverage {
                unit: "blocks",
                expected,
                actual: weak.len() as u64,
            });
        }
        debug_assert_eq!(strong.len(), weak.len() * layout.strong_len());
        Ok(Signature {
            layout,
            sum,
            weak,
            strong,
        })
    }

    /// How the basis is cut into blocks.
    pub fn layout(&self) -> &BlockLayout {
        &self.layout
    }

    /// How blocks are summed.
    pub fn strong_sum(&self) -> StrongSum {
        self.sum
    }

    /// The weak sum of a block.
    ///
    /// # Panics
    ///
    /// If there is no such block.
    #[inline]
    pub fn weak(&self, block: u32) -> u32 {
        self.weak[block as usize]
    }

    /// The strong sum of a block, cut to the layout's length.
    ///
    /// # Panics
    ///
    /// If there is no such block.
    pub fn strong(&self, block: u32) -> &[u8] {
        let len = self.layout.strong_len();
        &self.strong[block as usize * len..][..len]
    }

    /// Weak and strong sum of each block in order: what goes on the wire.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = (u32, &[u8])> {
        (0..self.layout.count()).map(|block| (self.weak(block), self.strong(block)))
    }

    /// As much of a digest as this signature compares.
    pub(crate) fn cut<'d>(&self, digest: &'d Digest) -> &'d [u8] {
        &digest.as_bytes()[..self.layout.strong_len()]
    }

    /// Whether a block has these sums.
    pub(crate) fn has(&self, block: u32, weak: u32, strong: &Digest) -> bool {
        self.weak(block) == weak && self.strong(block) == self.cut(strong)
    }
}
