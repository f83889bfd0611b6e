//! The signature of a basis as it crosses: a head of four numbers, then two sums a block.
// rsync: io.c read_sum_head(), write_sum_head(), sender.c receive_sums(),
// generator.c generate_and_send_sums()

use crate::int::{int, put_int};
use crate::source::MAX_TAKE;
use crate::{Error, Protocol, Source};

/// The numbers of a head. One that was read is within rsync's bounds; all zeros say that there is
/// no basis.
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

/// Appends a head.
pub fn put_sum_head(out: &mut Vec<u8>, head: &SumHead) {
    put_int(out, head.count);
    put_int(out, head.block_len);
    put_int(out, head.strong_len);
    put_int(out, head.remainder);
}

/// Takes a head. Both the sender and the receiver read one, the latter to learn which blocks the
/// tokens mean.
///
/// # Errors
///
/// Those of the source, a block longer than the protocol allows, a strong sum longer than
/// `most_strong`, the length of the checksum in use, and what cannot be.
pub fn sum_head<S: Source>(
    source: &mut S,
    protocol: Protocol,
    most_strong: usize,
) -> Result<SumHead, S::Error> {
    let count = int(source)?;
    if count < 0 {
        return Err(invalid("checksum count", count).into());
    }
    let block_len = int(source)?;
    if block_len < 0 || block_len > protocol.max_block_len() {
        return Err(invalid("block length", block_len).into());
    }
    if count > 0 && block_len == 0 {
        return Err(Error::misbehaving("Invalid zero block length").into());
    }
    let strong_len = int(source)?;
    if usize::try_from(strong_len).is_ok_and(|len| len <= most_strong) {
        let remainder = int(source)?;
        if (0..=block_len).contains(&remainder) {
            return Ok(SumHead {
                count,
                block_len,
                strong_len,
                remainder,
            });
        }
        return Err(invalid("remainder length", remainder).into());
    }
    Err(invalid("checksum length", strong_len).into())
}

/// Appends the sums of one block.
pub fn put_block_sum(out: &mut Vec<u8>, weak: u32, strong: &[u8]) {
    out.extend_from_slice(&weak.to_le_bytes());
    out.extend_from_slice(strong);
}

/// Takes the sums of all blocks that a head announced, many at a time, and hands them over in
/// order: the weak sum, and the strong sum as long as the head said. Whoever keeps them takes
/// memory as they arrive.
///
/// # Errors
///
/// Those of the source, a head that cannot be, and those of `each`.
pub fn block_sums<S: Source>(
    source: &mut S,
    head: &SumHead,
    mut each: impl FnMut(u32, &[u8]) -> Result<(), Error>,
) -> Result<(), S::Error> {
    let strong_len = usize::try_from(head.strong_len)
        .ok()
        .filter(|&len| 4 + len <= MAX_TAKE)
        .ok_or_else(|| invalid("checksum length", head.strong_len))?;
    let len = 4 + strong_len;
    let mut left =
        usize::try_from(head.count).map_err(|_| invalid("checksum count", head.count))?;
    while left > 0 {
        let blocks = left.min(STEP / len).max(1);
        for sums in source.take(blocks * len)?.chunks_exact(len) {
            let (weak, strong) = sums.split_at(4);
            let weak = u32::from_le_bytes([weak[0], weak[1], weak[2], weak[3]]);
            each(weak, strong)?;
        }
        left -= blocks;
    }
    Ok(())
}

/// Bytes of sums that are taken at once.
const STEP: usize = 16 * 1024;

fn invalid(what: &str, value: i32) -> Error {
    Error::misbehaving(format!("Invalid {what} {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: SumHead = SumHead {
        count: 3,
        block_len: 700,
        strong_len: 2,
        remainder: 10,
    };

    fn read(head: SumHead, version: u8) -> Result<SumHead, Error> {
        let mut out = Vec::new();
        put_sum_head(&mut out, &head);
        sum_head(&mut &out[..], Protocol::new(version).unwrap(), 16)
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(read(GOOD, 32), Ok(GOOD));
        assert_eq!(read(SumHead::default(), 32), Ok(SumHead::default()));
        for bad in [
            SumHead { count: -1, ..GOOD },
            SumHead {
                block_len: 0,
                ..GOOD
            },
            SumHead {
                block_len: -1,
                ..GOOD
            },
            SumHead {
                block_len: (1 << 17) + 1,
                ..GOOD
            },
            SumHead {
                strong_len: -1,
                ..GOOD
            },
            SumHead {
                strong_len: 17,
                ..GOOD
            },
            SumHead {
                remainder: -1,
                ..GOOD
            },
            SumHead {
                remainder: 701,
                ..GOOD
            },
        ] {
            assert!(
                matches!(read(bad, 32), Err(Error::Misbehaving(_))),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn blocks_were_longer_before_protocol_30() {
        let long = SumHead {
            block_len: 1 << 29,
            ..GOOD
        };
        assert_eq!(read(long, 29), Ok(long));
        assert!(read(long, 30).is_err());
        let longer = SumHead {
            block_len: (1 << 29) + 1,
            ..GOOD
        };
        assert!(read(longer, 29).is_err());
    }

    proptest! {
        #[test]
        fn sums_come_back(
            strong_len in 0usize..33,
            weak in proptest::collection::vec(any::<u32>(), 0..3000),
        ) {
            let mut out = Vec::new();
            let sums: Vec<_> = weak
                .iter()
                .map(|&weak| (weak, weak.to_le_bytes().repeat(9)[..strong_len].to_vec()))
                .collect();
            for (weak, strong) in &sums {
                put_block_sum(&mut out, *weak, strong);
            }
            let head = SumHead {
                count: weak.len() as i32,
                block_len: 1,
                strong_len: strong_len as i32,
                remainder: 0,
            };
            let mut read = Vec::new();
            let mut source = &out[..];
            block_sums(&mut source, &head, |weak, strong| {
                read.push((weak, strong.to_vec()));
                Ok(())
            }).unwrap();
            prop_assert_eq!(read, sums);
            prop_assert!(source.is_empty());
            if let Some(short) = out.len().checked_sub(1) {
                let cut = block_sums(&mut &out[..short], &head, |_, _| Ok(()));
                prop_assert_eq!(cut, Err(Error::Truncated));
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, version in 27u8..33) {
            let protocol = Protocol::new(version).unwrap();
            let mut source = &bytes[..];
            if let Ok(head) = sum_head(&mut source, protocol, 16) {
                let _ = block_sums(&mut source, &head, |_, _| Ok(()));
            }
        }
    }
}
