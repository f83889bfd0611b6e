//! A finished checksum as a small value that can be stored, compared and printed.
//!
//! Sums live in file lists by the million, so a digest owns no heap memory. It remembers its
//! kind, because the text of a digest (`%C`, `--debug`) depends on it.
// rsync: util2.c sum_as_hex(), checksum.c canonical_checksum()

use std::fmt;

use crate::ChecksumKind;

/// Room for the longest digest.
const CAPACITY: usize = 32;

/// The digest of a block or a file, in the byte order in which rsync sends it.
///
/// `Display` is the text of `--out-format=%C`: lower-case hexadecimal, most significant byte
/// first (so the xxHash kinds print reversed).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    bytes: [u8; CAPACITY],
    kind: ChecksumKind,
}

impl Digest {
    /// A digest of `kind`, of that length.
    pub(crate) fn filled(kind: ChecksumKind, source: &[u8]) -> Self {
        debug_assert_eq!(source.len(), kind.digest_len());
        let mut bytes = [0; CAPACITY];
        bytes[..source.len()].copy_from_slice(source);
        Digest { bytes, kind }
    }

    /// The digest of a peer, if it has this kind's length.
    pub fn from_bytes(kind: ChecksumKind, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == kind.digest_len()).then(|| Digest::filled(kind, bytes))
    }

    /// The bytes in wire order.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.kind.digest_len()]
    }

    /// The algorithm that made it.
    pub fn kind(&self) -> ChecksumKind {
        self.kind
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = |byte: &u8| write!(f, "{byte:02x}");
        if self.kind.prints_reversed() {
            self.as_bytes().iter().rev().try_for_each(&mut hex)
        } else {
            self.as_bytes().iter().try_for_each(&mut hex)
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{self}", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_most_significant_byte_first() {
        let wire = [1, 2, 3, 4, 5, 6, 7, 0xab];
        let digest = Digest::filled(ChecksumKind::Xxh3, &wire);
        assert_eq!(digest.to_string(), "ab07060504030201");
        assert_eq!(digest.as_bytes(), wire);

        let wire: Vec<u8> = (0..16).collect();
        let digest = Digest::filled(ChecksumKind::Md5, &wire);
        assert_eq!(digest.to_string(), "000102030405060708090a0b0c0d0e0f");
    }
}
