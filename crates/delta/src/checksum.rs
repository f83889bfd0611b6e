//! The checksums rsync knows: names, lengths, order of preference.
//!
//! One closed enum, so that a kind is parsed once (from the command line or a peer) and every
//! later decision is a `match` the compiler checks.
// rsync: checksum.c valid_checksums_items[], parse_csum_name(), csum_len_for_type()

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A strong checksum algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumKind {
    /// XXH3, 128 bits: rsync's first choice.
    Xxh128,
    /// XXH3, 64 bits.
    Xxh3,
    /// XXH64, the older 64-bit function; also called `xxhash`.
    Xxh64,
    /// MD5: what protocol 30 implies when nothing is negotiated.
    Md5,
    /// MD4, as protocol 30 and later compute it.
    Md4,
    /// SHA-1.
    Sha1,
    /// No checksum: whole files only, and no verification of their content.
    None,
}

impl ChecksumKind {
    /// Every kind, in the order in which rsync 3.5 prefers them when it negotiates.
    pub const PREFERENCE: [ChecksumKind; 7] = [
        ChecksumKind::Xxh128,
        ChecksumKind::Xxh3,
        ChecksumKind::Xxh64,
        ChecksumKind::Md5,
        ChecksumKind::Md4,
        ChecksumKind::Sha1,
        ChecksumKind::None,
    ];

    /// The name rsync sends and prints.
    pub const fn name(self) -> &'static str {
        match self {
            ChecksumKind::Xxh128 => "xxh128",
            ChecksumKind::Xxh3 => "xxh3",
            ChecksumKind::Xxh64 => "xxh64",
            ChecksumKind::Md5 => "md5",
            ChecksumKind::Md4 => "md4",
            ChecksumKind::Sha1 => "sha1",
            ChecksumKind::None => "none",
        }
    }

    /// Bytes in a digest. `none` has one byte, always zero, because rsync sends one.
    pub const fn digest_len(self) -> usize {
        match self {
            ChecksumKind::Xxh128 | ChecksumKind::Md5 | ChecksumKind::Md4 => 16,
            ChecksumKind::Xxh3 | ChecksumKind::Xxh64 => 8,
            ChecksumKind::Sha1 => 20,
            ChecksumKind::None => 1,
        }
    }

    /// Whether the customary text of a digest lists its bytes last to first. The xxHash family
    /// travels in little-endian order and is printed as a number.
    pub(crate) const fn prints_reversed(self) -> bool {
        matches!(
            self,
            ChecksumKind::Xxh128 | ChecksumKind::Xxh3 | ChecksumKind::Xxh64
        )
    }
}

impl FromStr for ChecksumKind {
    type Err = Error;

    /// Accepts rsync's names in any case, with `xxhash` for `xxh64`. `auto` is not a kind: the
    /// caller resolves it by protocol.
    fn from_str(name: &str) -> Result<Self, Error> {
        if name.eq_ignore_ascii_case("xxhash") {
            return Ok(ChecksumKind::Xxh64);
        }
        ChecksumKind::PREFERENCE
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::UnknownChecksum(name.to_owned()))
    }
}

impl fmt::Display for ChecksumKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_kind() {
        for kind in ChecksumKind::PREFERENCE {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(kind.name().to_uppercase().parse(), Ok(kind));
        }
        assert_eq!("xxhash".parse(), Ok(ChecksumKind::Xxh64));
    }

    #[test]
    fn an_unknown_name_is_refused_by_name() {
        let error = "crc32".parse::<ChecksumKind>().unwrap_err();
        assert_eq!(error.to_string(), "unknown checksum name: crc32");
        assert!("".parse::<ChecksumKind>().is_err());
        assert!("auto".parse::<ChecksumKind>().is_err());
    }
}
