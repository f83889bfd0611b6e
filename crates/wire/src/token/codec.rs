//! The ways to compress, and how hard each can try.
// rsync: token.c init_compression_level()

/// A way to compress literal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Not at all.
    Plain,
    /// Deflate, whose window also has the blocks that were matched.
    Zlib,
    /// Deflate.
    Zlibx,
    /// Blocks of LZ4.
    Lz4,
    /// One stream of Zstandard for the whole session.
    Zstd,
}

impl Codec {
    /// The level in use where `asked` was asked for, or nothing, and the codec: a level may say
    /// that there is to be no compression. A level out of bounds is the nearest that is not, as
    /// in rsync.
    pub fn at_level(self, asked: Option<i32>) -> (Codec, i32) {
        match (self, asked) {
            (Codec::Plain, _) => (Codec::Plain, 0),
            (Codec::Zlib | Codec::Zlibx, Some(0)) => (Codec::Plain, 0),
            (Codec::Zlib | Codec::Zlibx, None | Some(-1)) => (self, 6),
            (Codec::Zlib | Codec::Zlibx, Some(level)) => (self, level.clamp(1, 9)),
            (Codec::Lz4, _) => (self, 0),
            (Codec::Zstd, None | Some(0)) => (self, zstd_safe::CLEVEL_DEFAULT),
            (Codec::Zstd, Some(level)) => (
                self,
                level.clamp(zstd_safe::min_c_level(), zstd_safe::max_c_level()),
            ),
        }
    }

    /// The level that costs the least, for files that are known not to compress.
    // rsync: token.c skip_compression_level
    pub fn least_level(self) -> i32 {
        match self {
            Codec::Plain | Codec::Zlib | Codec::Zlibx | Codec::Lz4 => 0,
            Codec::Zstd => zstd_safe::min_c_level(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_rsyncs() {
        for (codec, asked, used) in [
            (Codec::Plain, Some(9), (Codec::Plain, 0)),
            (Codec::Zlib, None, (Codec::Zlib, 6)),
            (Codec::Zlibx, Some(-1), (Codec::Zlibx, 6)),
            (Codec::Zlibx, Some(0), (Codec::Plain, 0)),
            (Codec::Zlibx, Some(-2), (Codec::Zlibx, 1)),
            (Codec::Zlib, Some(99), (Codec::Zlib, 9)),
            (Codec::Lz4, Some(7), (Codec::Lz4, 0)),
            (Codec::Zstd, None, (Codec::Zstd, 3)),
            (Codec::Zstd, Some(0), (Codec::Zstd, 3)),
            (Codec::Zstd, Some(-7), (Codec::Zstd, -7)),
            (Codec::Zstd, Some(99), (Codec::Zstd, 22)),
            (Codec::Zstd, Some(i32::MIN), (Codec::Zstd, -131_072)),
        ] {
            assert_eq!(codec.at_level(asked), used, "{codec:?} at {asked:?}");
        }
    }
}
