//! The checksums and the compressions that two ends can choose from, and the names that they have in
//! options, in the environment and on the wire.
// rsync: checksum.c valid_checksums_items, parse_checksum_choice(); compat.c valid_compressions_items

use crate::Protocol;
use crate::token::Codec;

/// A checksum, of blocks or of whole files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// XXH3 with 128 bits.
    Xxh128,
    /// XXH3 with 64 bits.
    Xxh3,
    /// XXH64.
    Xxh64,
    /// MD5.
    Md5,
    /// MD4 as it should be.
    Md4,
    /// SHA-1.
    Sha1,
    /// None: a byte of no meaning.
    None,
    /// MD4 as versions 27 to 29 have it without a choice: with the seed at its beginning, too.
    Md4Old,
}

impl Checksum {
    /// What is used where nothing was chosen or negotiated.
    pub const fn implied(protocol: Protocol) -> Checksum {
        if protocol.is_packed() {
            Checksum::Md5
        } else {
            Checksum::Md4Old
        }
    }
}

/// What has names that cross.
pub trait Choice: Copy + Eq + 'static {
    /// What rsync's messages call it.
    const KIND: &'static str;
    /// Those there are, the best first, with the names that they have; of several names, the first
    /// crosses.
    const NAMES: &'static [(&'static str, Self)];
    /// The one that is none.
    const NONE: Self;

    /// What both ends use if one of them is too old to negotiate.
    fn of_old_peers(protocol: Protocol) -> Self;

    /// Under which of them a list permits it.
    fn listed(self) -> Self {
        self
    }

    /// The one of that name, in any case.
    fn named(name: &[u8]) -> Option<Self> {
        let known = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
        let found = Self::NAMES.iter().find(|entry| known(entry.0));
        found.map(|entry| entry.1)
    }

    /// Its name.
    fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|entry| entry.1 == self);
        found.map_or("UNKNOWN", |entry| entry.0)
    }
}

impl Choice for Checksum {
    const KIND: &'static str = "checksum";
    const NAMES: &'static [(&'static str, Checksum)] = &[
        ("xxh128", Checksum::Xxh128),
        ("xxh3", Checksum::Xxh3),
        ("xxh64", Checksum::Xxh64),
        ("xxhash", Checksum::Xxh64),
        ("md5", Checksum::Md5),
        ("md4", Checksum::Md4),
        ("sha1", Checksum::Sha1),
        ("none", Checksum::None),
    ];
    const NONE: Checksum = Checksum::None;

    fn of_old_peers(protocol: Protocol) -> Checksum {
        if protocol.is_packed() {
            Checksum::Md5
        } else {
            Checksum::Md4
        }
    }

    fn listed(self) -> Checksum {
        match self {
            Checksum::Md4Old => Checksum::Md4,
            other => other,
        }
    }
}

impl Choice for Codec {
    const KIND: &'static str = "compress";
    const NAMES: &'static [(&'static str, Codec)] = &[
        ("zstd", Codec::Zstd),
        ("lz4", Codec::Lz4),
        ("zlibx", Codec::Zlibx),
        ("zlib", Codec::Zlib),
        ("none", Codec::Plain),
    ];
    const NONE: Codec = Codec::Plain;

    fn of_old_peers(_: Protocol) -> Codec {
        Codec::Zlib
    }
}
