//! What was matched and must go into zlib's window at both ends, before the next literal.
//!
//! rsync passes every matched byte through both its compressor and its decompressor. But a window
//! holds 32 KiB: it is enough to keep the last of them, until a literal comes that may use them.
// rsync: token.c send_deflated_token(), see_deflate_token()

/// As far as deflate looks back.
const WINDOW: usize = 32 * 1024;
/// rsync inserts in pieces of at most this many bytes.
const PIECE: usize = 0xffff;

/// The end of what was matched since the last literal.
#[derive(Debug)]
pub(super) struct Matched {
    bytes: Vec<u8>,
    /// A block of several pieces is inserted as its first piece again and again: the fault of
    /// protocols before 31, which both ends must have alike.
    repeats: bool,
}

impl Matched {
    pub(super) fn new(repeats: bool) -> Matched {
        Matched {
            bytes: Vec::new(),
            repeats,
        }
    }

    /// Takes a block.
    pub(super) fn push(&mut self, block: &[u8]) {
        if self.repeats && block.len() > PIECE {
            self.append(&block[..PIECE]);
            self.append(&block[..block.len() % PIECE]);
        } else {
            self.append(block);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(WINDOW)..];
        if self.bytes.len() + bytes.len() > 4 * WINDOW {
            self.bytes.drain(..self.bytes.len() - WINDOW);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// What is to be inserted now, if anything; nothing of it is kept.
    pub(super) fn insert_into(&mut self, insert: impl FnOnce(&[u8])) {
        if !self.bytes.is_empty() {
            insert(&self.bytes[self.bytes.len().saturating_sub(WINDOW)..]);
            self.bytes.clear();
        }
    }

    /// Forgets everything, as a file ends.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_end_of_what_rsync_inserts_is_inserted(
            lens in proptest::collection::vec(0usize..150_000, 1..6),
            repeats: bool,
        ) {
            let (mut matched, mut all) = (Matched::new(repeats), Vec::new());
            for (number, &len) in lens.iter().enumerate() {
                let block: Vec<u8> = (0..len).map(|at| (at * (number + 3) / 7) as u8).collect();
                matched.push(&block);
                let mut left = len;
                while left > 0 {
                    let piece = left.min(PIECE);
                    let from = if repeats { 0 } else { len - left };
                    all.extend_from_slice(&block[from..][..piece]);
                    left -= piece;
                }
            }
            let mut inserted = Vec::new();
            matched.insert_into(|bytes| inserted.extend_from_slice(bytes));
            prop_assert_eq!(inserted.len(), all.len().min(WINDOW));
            prop_assert!(all.ends_with(&inserted));
            matched.insert_into(|_| panic!("inserted twice"));
        }
    }
}
