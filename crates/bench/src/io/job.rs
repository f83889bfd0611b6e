//! One measured piece of work as plain data, the same for every contender.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::echo::Echo;

/// What a contender is to do.
pub enum Job {
    /// Closures that do nothing, on other threads.
    Work { count: usize },
    /// Packets of the caller's through a completion port.
    Posted { count: usize },
    /// Reads or writes; whoever has finished one begins the next.
    Positioned(Arc<Positioned>),
    /// The same, but one thread submits all.
    Fed(Arc<Positioned>),
    /// Small files.
    Files(Arc<Files>),
    /// Messages that come back.
    Echo(Arc<Echo>),
}

/// Reads or writes of one file, each block once.
#[derive(Clone)]
pub struct Positioned {
    pub path: PathBuf,
    pub way: Way,
    pub block: usize,
    /// How many are under way at the same time.
    pub depth: usize,
    pub count: usize,
    order: Order,
    round: u64,
    pattern: Arc<Vec<u8>>,
}

/// Into the file, or out of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Read,
    Write,
}

/// Where the next block is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    Sequential,
    Scattered,
}

/// Small files of one content.
pub struct Files {
    pub directory: PathBuf,
    pub count: usize,
    pub content: Arc<Vec<u8>>,
}

impl Order {
    pub fn name(self) -> &'static str {
        match self {
            Order::Sequential => "sequential",
            Order::Scattered => "scattered",
        }
    }
}

/// Prime, and larger than any count: it visits each block once before it comes round.
const STRIDE: usize = 1_000_003;
/// The head of each block says which one it is, and of which round.
const STAMP: usize = 16;

impl Job {
    /// The reads or writes, if it is of those.
    pub fn positioned(&self) -> Option<&Arc<Positioned>> {
        match self {
            Job::Positioned(job) | Job::Fed(job) => Some(job),
            Job::Work { .. } | Job::Posted { .. } | Job::Files(_) | Job::Echo(_) => None,
        }
    }

    /// How many operations it is.
    pub fn count(&self) -> usize {
        match self {
            Job::Work { count } | Job::Posted { count } => *count,
            Job::Positioned(job) | Job::Fed(job) => job.count,
            Job::Files(files) => files.count,
            Job::Echo(echo) => echo.streams * echo.rounds,
        }
    }
}

impl Positioned {
    pub fn new(
        place: &Path,
        way: Way,
        order: Order,
        block: usize,
        depth: usize,
        count: usize,
    ) -> Self {
        Self {
            path: place.join("file"),
            way,
            block,
            depth,
            count,
            order,
            round: 0,
            pattern: pattern(block),
        }
    }

    /// The place of the `turn`th operation.
    pub fn offset(&self, turn: usize) -> u64 {
        self.index(turn) as u64 * self.block as u64
    }

    /// A block to write or to read into. What makes it the one of a turn is [`stamp`](Self::stamp).
    pub fn new_block(&self) -> Vec<u8> {
        self.pattern.to_vec()
    }

    /// Makes a block that of the `turn`th operation.
    pub fn stamp(&self, turn: usize, block: &mut [u8]) {
        self.stamp_index(self.index(turn), block);
    }

    /// Whether a block that was read is that of the `turn`th operation.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self, turn: usize, block: &[u8]) -> io::Result<()> {
        let mut expected = [0; STAMP];
        let len = STAMP.min(self.block);
        self.stamp_index(self.index(turn), &mut expected[..len]);
        if block.len() == self.block && block[..len] == expected[..len] {
            Ok(())
        } else {
            Err(io::Error::other(
                "a block was read that is not the right one",
            ))
        }
    }

    /// Makes what is to be written next differ from what is there. Reads find what was written.
    pub fn next_round(&mut self) {
        if self.way == Way::Write {
            self.round += 1;
        }
    }

    /// The whole file, as it must be after this round.
    pub fn contents(&self) -> Vec<u8> {
        let mut contents = Vec::with_capacity(self.block * self.count);
        for index in 0..self.count {
            let start = contents.len();
            contents.extend_from_slice(&self.pattern);
            self.stamp_index(index, &mut contents[start..]);
        }
        contents
    }

    fn index(&self, turn: usize) -> usize {
        match self.order {
            Order::Sequential => turn,
            Order::Scattered => turn * STRIDE % self.count,
        }
    }

    fn stamp_index(&self, index: usize, block: &mut [u8]) {
        if block.len() >= STAMP {
            block[..8].copy_from_slice(&(index as u64).to_le_bytes());
            block[8..STAMP].copy_from_slice(&self.round.to_le_bytes());
        }
    }
}

impl Files {
    pub fn path(&self, number: usize) -> PathBuf {
        self.directory.join(format!("file-{number:04}"))
    }

    /// The first file that is not as it should be.
    pub fn difference(&self) -> io::Result<Option<String>> {
        for number in 0..self.count {
            if fs::read(self.path(number))? != **self.content {
                return Ok(Some(format!("{} is wrong", self.path(number).display())));
            }
        }
        Ok(None)
    }
}

/// Bytes that no file system can make shorter.
pub fn pattern(len: usize) -> Arc<Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(next).collect();
    bytes.truncate(len);
    Arc::new(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scattered_order_visits_each_block_once() {
        for count in [64, 409, 8192, 32768] {
            let job = Positioned::new(Path::new("."), Way::Write, Order::Scattered, 32, 1, count);
            let mut offsets: Vec<u64> = (0..count).map(|turn| job.offset(turn)).collect();
            assert_ne!(offsets[1], 32);
            offsets.sort_unstable();
            assert!(offsets.iter().enumerate().all(|(i, &o)| o == i as u64 * 32));
        }
    }

    #[test]
    fn a_block_out_of_place_or_of_an_older_round_is_noticed() {
        let mut job = Positioned::new(Path::new("."), Way::Write, Order::Scattered, 64, 1, 64);
        let mut block = job.new_block();
        job.stamp(3, &mut block);
        assert!(job.check(3, &block).is_ok());
        assert!(job.check(4, &block).is_err() && job.check(3, &block[..63]).is_err());
        let before = job.contents();
        job.next_round();
        assert!(job.check(3, &block).is_err() && job.contents() != before);
    }
}
