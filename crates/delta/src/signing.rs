//! Making signatures: from a basis' bytes, or from the sums a peer sends.
//!
//! Both end in the same check: exactly the layout's blocks, in order. A basis that shrank
//! or grew while it was read is an [`Error::Coverage`], never a signature that lies. A basis may be
//! signed in several stretches at once, by several threads.
// rsync: generator.c generate_and_send_sums(), sender.c receive_sums()

use crate::{BlockLayout, ChecksumKind, Error, RollingSum, Signature, StrongSum};

/// Memory for a peer's sums is reserved as they arrive, in steps of at most this many, so that a
/// large count costs the peer as much as us.
const RESERVE_LIMIT: u32 = 1 << 16;

/// The sums of a file's first blocks: a signature that grows.
#[derive(Debug, Clone)]
struct SignedBlocks {
    layout: BlockLayout,
    sum: StrongSum,
    weak: Vec<u32>,
    strong: Vec<u8>,
}

/// A kind that has no sum, or too short a one, cannot describe blocks.
fn check_kind(layout: &BlockLayout, sum: StrongSum) -> Result<(), Error> {
    if layout.count() > 0 && sum.kind() == ChecksumKind::None {
        return Err(Error::NoBlockSum);
    }
    if layout.strong_len() > sum.kind().digest_len() {
        return Err(Error::StrongLength(layout.strong_len() as i64));
    }
    Ok(())
}

impl SignedBlocks {
    fn none(layout: BlockLayout, sum: StrongSum) -> Self {
        SignedBlocks {
            layout,
            sum,
            weak: Vec::new(),
            strong: Vec::new(),
        }
    }

    fn into_signature(self) -> Result<Signature, Error> {
        Signature::filled(self.layout, self.sum, self.weak, self.strong)
    }
}

impl Signature {
    /// Signs a basis that is all at hand.
    ///
    /// # Errors
    ///
    /// [`Error::Coverage`] unless `basis` is as long as the layout's file.
    pub fn of(layout: BlockLayout, sum: StrongSum, basis: &[u8]) -> Result<Self, Error> {
        let mut builder = SignatureBuilder::new(layout, sum)?;
        builder.push(&BlockSums::of(&layout, sum, 0, basis)?)?;
        builder.finish()
    }
}

/// The sums of some of a file's blocks, one after the other: what can be computed for several
/// stretches of a file at once.
#[derive(Debug, Clone)]
pub struct BlockSums {
    first: u32,
    weak: Vec<u32>,
    strong: Vec<u8>,
}

impl BlockSums {
    /// Sums the blocks from `first` on, which `bytes` must hold whole.
    ///
    /// # Errors
    ///
    /// [`Error::Coverage`] if the bytes end within a block, or go on behind the last.
    pub fn of(
        layout: &BlockLayout,
        sum: StrongSum,
        first: u32,
        mut bytes: &[u8],
    ) -> Result<Self, Error> {
        let count = bytes.len().div_ceil(layout.block_len().max(1) as usize);
        let mut sums = BlockSums {
            first,
            weak: Vec::with_capacity(count),
            strong: Vec::with_capacity(count * layout.strong_len()),
        };
        let mut block = first;
        while !bytes.is_empty() {
            let end = if block < layout.count() {
                layout.len_of(block) as usize
            } else {
                0
            };
            if end == 0 || end > bytes.len() {
                return Err(Error::Coverage {
                    unit: "bytes",
                    expected: end as u64,
                    actual: bytes.len() as u64,
                });
            }
            let (whole, rest) = bytes.split_at(end);
            sums.weak.push(RollingSum::of(whole).value());
            let digest = sum.digest(whole);
            sums.strong
                .extend_from_slice(&digest.as_bytes()[..layout.strong_len()]);
            bytes = rest;
            block += 1;
        }
        Ok(sums)
    }
}

/// Puts the signature of a basis together from the sums of its stretches.
#[derive(Debug, Clone)]
pub struct SignatureBuilder {
    signed: SignedBlocks,
}

impl SignatureBuilder {
    /// Begins the signature of a file of the layout's length.
    ///
    /// # Errors
    ///
    /// [`Error::NoBlockSum`] or [`Error::StrongLength`] if the sum cannot serve the layout.
    pub fn new(layout: BlockLayout, sum: StrongSum) -> Result<Self, Error> {
        check_kind(&layout, sum)?;
        let mut signed = SignedBlocks::none(layout, sum);
        let reserve = layout.count().min(RESERVE_LIMIT) as usize;
        signed.weak.reserve_exact(reserve);
        signed.strong.reserve_exact(reserve * layout.strong_len());
        Ok(SignatureBuilder { signed })
    }

    /// Takes the sums of the next stretch.
    ///
    /// # Errors
    ///
    /// [`Error::Coverage`] if it is not the next.
    pub fn push(&mut self, sums: &BlockSums) -> Result<(), Error> {
        let next = self.signed.weak.len() as u32;
        if sums.first != next {
            return Err(Error::Coverage {
                unit: "blocks",
                expected: next.into(),
                actual: sums.first.into(),
            });
        }
        self.signed.weak.extend_from_slice(&sums.weak);
        self.signed.strong.extend_from_slice(&sums.strong);
        Ok(())
    }

    /// The signature, if all blocks were taken.
    ///
    /// # Errors
    ///
    /// [`Error::Coverage`] if blocks are missing.
    pub fn finish(self) -> Result<Signature, Error> {
        self.signed.into_signature()
    }
}

/// Collects the sums that a peer sends, block by block.
#[derive(Debug, Clone)]
pub struct SignatureReceiver {
    received: SignedBlocks,
}

impl SignatureReceiver {
    /// Begins to receive the signature of a checked layout.
    ///
    /// # Errors
    ///
    /// [`Error::NoBlockSum`] or [`Error::StrongLength`] if the sum cannot serve the layout.
    pub fn new(layout: BlockLayout, sum: StrongSum) -> Result<Self, Error> {
        check_kind(&layout, sum)?;
        Ok(SignatureReceiver {
            received: SignedBlocks::none(layout, sum),
        })
    }

    /// Takes the sums of the next block. Memory grows with what was received, whatever count
    /// was announced.
    ///
    /// # Errors
    ///
    /// [`Error::StrongLength`] if `strong` has not the layout's length, and [`Error::Coverage`]
    /// if there are no more blocks.
    pub fn push(&mut self, weak: u32, strong: &[u8]) -> Result<(), Error> {
        let layout = &self.received.layout;
        if strong.len() != layout.strong_len() {
            return Err(Error::StrongLength(strong.len() as i64));
        }
        if self.received.weak.len() as u64 >= layout.count().into() {
            return Err(Error::Coverage {
                unit: "blocks",
                expected: layout.count().into(),
                actual: self.received.weak.len() as u64 + 1,
            });
        }
        self.received.weak.push(weak);
        self.received.strong.extend_from_slice(strong);
        Ok(())
    }

    /// The signature, if all blocks were received.
    ///
    /// # Errors
    ///
    /// [`Error::Coverage`] if blocks are missing.
    pub fn finish(self) -> Result<Signature, Error> {
        self.received.into_signature()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LayoutRule;
    use proptest::prelude::*;

    fn layout(len: usize, block: u32) -> (BlockLayout, StrongSum) {
        let sum = StrongSum::new(ChecksumKind::Xxh64, 5);
        let rule = LayoutRule {
            block_size: std::num::NonZeroU32::new(block),
            ..LayoutRule::new(sum.kind())
        };
        (BlockLayout::for_file(len as u64, &rule).unwrap(), sum)
    }

    proptest! {
        #[test]
        fn all_ways_to_sign_agree(
            basis: Vec<u8>,
            block in 1u32..80,
            stretch in 1usize..9,
        ) {
            let (layout, sum) = layout(basis.len(), block);
            let whole = Signature::of(layout, sum, &basis).unwrap();

            let mut builder = SignatureBuilder::new(layout, sum).unwrap();
            for (number, bytes) in basis.chunks(stretch * block as usize).enumerate() {
                let first = (number * stretch) as u32;
                builder.push(&BlockSums::of(&layout, sum, first, bytes).unwrap()).unwrap();
            }
            prop_assert_eq!(&builder.finish().unwrap(), &whole);

            let mut receiver = SignatureReceiver::new(layout, sum).unwrap();
            for (weak, strong) in whole.blocks() {
                receiver.push(weak, strong).unwrap();
            }
            prop_assert_eq!(&receiver.finish().unwrap(), &whole);
        }
    }

    #[test]
    fn a_basis_that_changed_length_is_an_error() {
        let (layout, sum) = layout(100, 30);
        for len in [0, 99, 101, 120, 121] {
            let basis = vec![1; len];
            let signed = Signature::of(layout, sum, &basis);
            assert!(matches!(signed, Err(Error::Coverage { .. })), "{len}");
        }
    }

    #[test]
    fn stretches_must_be_whole_and_in_order() {
        let (layout, sum) = layout(100, 30);
        assert!(BlockSums::of(&layout, sum, 0, &[1; 45]).is_err());
        let second = BlockSums::of(&layout, sum, 1, &[1; 30]).unwrap();
        let mut builder = SignatureBuilder::new(layout, sum).unwrap();
        assert!(builder.push(&second).is_err());
        let first = BlockSums::of(&layout, sum, 0, &[1; 30]).unwrap();
        builder.push(&first).unwrap();
        builder.push(&second).unwrap();
        assert!(builder.finish().is_err());
    }

    #[test]
    fn a_peer_cannot_send_more_or_other_sums_than_announced() {
        let (layout, sum) = layout(40, 30);
        let strong = vec![0; layout.strong_len()];
        let mut receiver = SignatureReceiver::new(layout, sum).unwrap();
        assert!(receiver.push(1, &strong[1..]).is_err());
        receiver.push(1, &strong).unwrap();
        assert!(receiver.clone().finish().is_err());
        receiver.push(2, &strong).unwrap();
        assert!(receiver.push(3, &strong).is_err());
        assert_eq!(receiver.finish().unwrap().weak(1), 2);
    }

    #[test]
    fn none_cannot_sign_blocks() {
        let (layout, _) = layout(40, 30);
        let none = StrongSum::new(ChecksumKind::None, 0);
        assert_eq!(
            Signature::of(layout, none, &[0; 40]),
            Err(Error::NoBlockSum)
        );
        assert!(SignatureBuilder::new(layout, none).is_err());
        let nothing = BlockLayout::from_head(Default::default(), none.kind(), 32).unwrap();
        assert!(SignatureBuilder::new(nothing, none).is_ok());
    }
}
