//! What a search emits: literal bytes, runs of basis blocks, and figures about both.
// rsync: match.c matched(), match_report()

use std::iter::Sum;
use std::ops::{AddAssign, Range};

/// Receives the tokens of one file, in order; together they rebuild it.
pub trait TokenSink {
    /// Why a token could not be taken. It ends the search.
    type Error;

    /// Bytes that the basis does not have. Never empty; as long as the window that was fed at
    /// most, so a sink that needs shorter pieces (rsync sends 32 KiB) cuts it.
    ///
    /// # Errors
    ///
    /// As the sink has it.
    fn literal(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Blocks of the basis that come next in the source.
    ///
    /// # Errors
    ///
    /// As the sink has it.
    fn copy(&mut self, run: CopyRun) -> Result<(), Self::Error>;
}

/// Consecutive blocks of the basis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyRun {
    /// The first block's number.
    pub first: u32,
    /// How many blocks; never 0.
    pub count: u32,
    /// Where in the basis the first block begins.
    pub offset: u64,
    /// Bytes in all of the blocks.
    pub len: u64,
}

impl CopyRun {
    /// The blocks, one by one: rsync's tokens.
    pub fn blocks(&self) -> Range<u32> {
        self.first..self.first + self.count
    }
}

/// The figures rsync reports about a search, which add up over files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MatchStats {
    /// Blocks found.
    pub matches: u64,
    /// Offsets at which rsync's hash table would have had a candidate.
    pub hash_hits: u64,
    /// Offsets at which a weak sum matched and no strong sum did. rsync counts each block it
    /// compared in vain; the figures part only where several blocks share a weak sum by chance.
    pub false_alarms: u64,
    /// Bytes emitted as literals.
    pub literal_bytes: u64,
    /// Bytes emitted as blocks.
    pub matched_bytes: u64,
}

impl AddAssign for MatchStats {
    fn add_assign(&mut self, other: Self) {
        self.matches += other.matches;
        self.hash_hits += other.hash_hits;
        self.false_alarms += other.false_alarms;
        self.literal_bytes += other.literal_bytes;
        self.matched_bytes += other.matched_bytes;
    }
}

impl Sum for MatchStats {
    fn sum<I: Iterator<Item = Self>>(stats: I) -> Self {
        stats.fold(MatchStats::default(), |mut total, one| {
            total += one;
            total
        })
    }
}
