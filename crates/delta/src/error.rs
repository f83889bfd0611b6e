//! What this crate refuses, and why.
//!
//! Every variant is either a peer's (or user's) bad number, which the caller reports and lives
//! on, or a caller's mistake in feeding bytes. None of them is an I/O error: there is no I/O.

/// A name, number or amount of data that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No checksum has this name.
    #[error("unknown checksum name: {0}")]
    UnknownChecksum(String),
    /// A negative block count.
    #[error("invalid checksum count {0}")]
    BlockCount(i64),
    /// A block length that is zero where there are blocks, negative, or above the protocol's
    /// maximum.
    #[error("invalid block length {0}")]
    BlockLength(i64),
    /// A strong sum length that is negative or longer than the digest.
    #[error("invalid checksum length {0}")]
    StrongLength(i64),
    /// A remainder that is negative, longer than a block, or of no block at all.
    #[error("invalid remainder length {0}")]
    Remainder(i64),
    /// The file has more blocks than rsync can number.
    #[error("a file of {0} bytes has too many blocks for a delta transfer")]
    TooManyBlocks(u64),
    /// `none` has no strong sum, so it cannot tell blocks apart.
    #[error("checksum \"none\" cannot be used for a delta transfer")]
    NoBlockSum,
    /// The bytes or sums fed do not fill the layout: the basis changed while it was read, or
    /// the peer (or caller) sent too few or too many.
    #[error("the signature covers {expected} {unit}, but {actual} were given")]
    Coverage {
        /// What is counted.
        unit: &'static str,
        /// What the layout asks for.
        expected: u64,
        /// What was given.
        actual: u64,
    },
}
