//! The search for basis blocks in a source that streams by.
//!
//! The caller shows the matcher a window of the source; the matcher decides as far as it can,
//! emits tokens, and says how many bytes it is done with. The caller drops those, reads on, and
//! shows the rest again with more behind it. Memory is bounded by the window; the matcher keeps
//! no bytes. Positions are passed in two ways: after a match by a jump to the block's end, whose
//! weak sum is computed afresh at memory speed; over new data by rolling byte by byte.
// rsync: match.c match_sums(), hash_search(), matched()

use std::sync::Arc;

use crate::search::{At, Search};
use crate::{BlockLayout, CopyRun, Digest, FileSum, MatchStats, RollingSum, Signature, TokenSink};

/// The whole-file sum lags the search by at most this, so that it reads bytes still in cache.
const SUM_LAG: usize = 32 << 10;

/// What happens to the basis while the file is rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasisUse {
    /// The file is built beside it: any block may be copied at any time.
    Separate,
    /// The file is built over it (`--inplace`): what was passed is overwritten. Only blocks at
    /// or after the current offset are copied, or such as were found in their own place.
    InPlace,
}

/// Whether more of the source follows a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// More may follow.
    More,
    /// The window ends where the source ends.
    Last,
}

/// The result of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// rsync's figures.
    pub stats: MatchStats,
    /// The sum of the whole source, if it was asked for.
    pub file_sum: Option<Digest>,
}

/// An incremental search for the blocks of one signature in one source.
#[derive(Debug)]
pub struct Matcher {
    /// None if there is nothing to look for.
    search: Option<Search>,
    /// How much of the source was decided on.
    offset: u64,
    position: Position,
    file_sum: Option<FileSum>,
    stats: MatchStats,
}

/// What is known of the position `offset`.
#[derive(Debug, Clone, Copy)]
enum Position {
    /// Nothing: it was jumped to.
    Fresh,
    /// No block begins there. The sum is that of a block's length from there.
    Tested(RollingSum),
}

impl Matcher {
    /// A search for the blocks of `signature`. With an empty signature all is literal.
    pub fn new(signature: impl Into<Arc<Signature>>, basis: BasisUse) -> Self {
        let signature = signature.into();
        Matcher {
            search: (signature.layout().count() > 0).then(|| Search::new(signature, basis)),
            ..Matcher::literal_only()
        }
    }

    /// No search: emits the whole source as literals.
    pub fn literal_only() -> Self {
        Matcher {
            search: None,
            offset: 0,
            position: Position::Fresh,
            file_sum: None,
            stats: MatchStats::default(),
        }
    }

    /// Also computes the sum of the bytes fed, while they are in cache. `sum` may have taken what
    /// comes before them.
    pub fn with_file_sum(self, sum: FileSum) -> Self {
        Matcher {
            file_sum: Some(sum),
            ..self
        }
    }

    /// A window of this many bytes always lets the search go on. Longer windows go faster;
    /// some hundred KiB are plenty.
    pub fn least_window(&self) -> usize {
        self.search.as_ref().map_or(0, Search::lookahead) + 1
    }

    /// Searches a window, which begins where the last scan's consumed bytes ended, and emits
    /// what was decided. Returns the number of bytes consumed: all of them if the feed is
    /// [`Feed::Last`], else all but at most [`least_window`](Self::least_window) less one.
    ///
    /// # Errors
    ///
    /// The sink's error, after which the matcher is of no use.
    pub fn scan<T: TokenSink>(
        &mut self,
        window: &[u8],
        feed: Feed,
        sink: &mut T,
    ) -> Result<usize, T::Error> {
        let mut scan = Scan {
            window,
            base: self.offset,
            position: self.position,
            pos: 0,
            literal_from: 0,
            summed: 0,
            run: None,
            file_sum: &mut self.file_sum,
            stats: &mut self.stats,
            sink,
        };
        match &mut self.search {
            Some(search) => scan.search(search, feed)?,
            None => scan.pos = scan.window.len(),
        }
        scan.settle()?;
        self.position = scan.position;
        self.offset += scan.pos as u64;
        Ok(scan.pos)
    }

    /// Ends the search.
    pub fn finish(self) -> Outcome {
        Outcome {
            stats: self.stats,
            file_sum: self.file_sum.map(FileSum::finish),
        }
    }
}

/// One scan: the window and how far each activity has come in it.
struct Scan<'a, T> {
    window: &'a [u8],
    /// The source offset of the window's beginning.
    base: u64,
    position: Position,
    /// The position that is next to be decided on.
    pos: usize,
    /// Bytes from here to `pos` are literals not yet emitted.
    literal_from: usize,
    /// Bytes before this are in the file sum.
    summed: usize,
    /// Blocks found but not yet emitted, as the next may continue them.
    run: Option<CopyRun>,
    file_sum: &'a mut Option<FileSum>,
    stats: &'a mut MatchStats,
    sink: &'a mut T,
}

impl<'a, T: TokenSink> Scan<'a, T> {
    fn search(&mut self, search: &mut Search, feed: Feed) -> Result<(), T::Error> {
        let block_len = search.block_len();
        let known = match feed {
            Feed::More => search.lookahead(),
            Feed::Last => block_len,
        };
        loop {
            let at = self.at();
            let found = match self.position {
                Position::Fresh if at.rest.len() >= known => {
                    let sum = RollingSum::of(&at.rest[..block_len]);
                    self.position = Position::Tested(sum);
                    search.arrive(at, sum, self.stats)
                }
                Position::Tested(mut sum) if at.rest.len() > known => {
                    let steps = at.rest.len() - known;
                    let (taken, candidate) = search.roll(at, steps, &mut sum, self.stats);
                    self.pos += taken;
                    self.position = Position::Tested(sum);
                    if candidate {
                        search.look_up(self.at(), sum, self.stats)
                    } else {
                        None
                    }
                }
                _ => break,
            };
            if let Some(found) = found {
                self.pos += found.skip;
                self.take_block(search.signature().layout(), found.block)?;
            }
        }
        if feed == Feed::Last {
            self.search_tail(search)?;
            self.pos = self.window.len();
            self.position = Position::Fresh;
        }
        Ok(())
    }

    /// Decides on the positions from which less than a block's length is left.
    fn search_tail(&mut self, search: &mut Search) -> Result<(), T::Error> {
        let last_len = search.signature().layout().last_len() as usize;
        let mut at = self.at();
        let sum = match self.position {
            Position::Fresh => RollingSum::of(at.rest),
            Position::Tested(mut sum) => {
                sum.pop(at.rest[0], at.rest.len());
                at.rest = &at.rest[1..];
                at.offset += 1;
                sum
            }
        };
        // A source shorter than the last block is still looked up once, as rsync counts it.
        if at.rest.len() < last_len && at.offset != 0 {
            return Ok(());
        }
        if let Some(found) = search.tail(at, sum, self.stats) {
            self.pos = (at.offset - self.base) as usize + found.skip;
            self.take_block(search.signature().layout(), found.block)?;
        }
        Ok(())
    }

    fn at(&self) -> At<'a> {
        At {
            rest: &self.window[self.pos..],
            offset: self.base + self.pos as u64,
        }
    }

    /// A block begins at `pos`: emits the literals before it, and goes on behind it.
    fn take_block(&mut self, layout: &BlockLayout, block: u32) -> Result<(), T::Error> {
        self.emit_literal()?;
        let len = layout.len_of(block);
        match &mut self.run {
            Some(run) if run.first + run.count == block => {
                run.count += 1;
                run.len += u64::from(len);
            }
            _ => {
                self.emit_run()?;
                self.run = Some(CopyRun {
                    first: block,
                    count: 1,
                    offset: layout.start_of(block),
                    len: len.into(),
                });
            }
        }
        self.stats.matches += 1;
        self.stats.matched_bytes += u64::from(len);
        self.pos += len as usize;
        self.literal_from = self.pos;
        self.position = Position::Fresh;
        if self.pos - self.summed >= SUM_LAG {
            self.catch_up_sum();
        }
        Ok(())
    }

    /// Emits all that was decided on.
    fn settle(&mut self) -> Result<(), T::Error> {
        self.emit_literal()?;
        self.emit_run()?;
        self.catch_up_sum();
        Ok(())
    }

    fn emit_literal(&mut self) -> Result<(), T::Error> {
        let literal = &self.window[self.literal_from..self.pos];
        if literal.is_empty() {
            return Ok(());
        }
        self.emit_run()?;
        self.stats.literal_bytes += literal.len() as u64;
        self.literal_from = self.pos;
        self.sink.literal(literal)
    }

    fn emit_run(&mut self) -> Result<(), T::Error> {
        match self.run.take() {
            Some(run) => self.sink.copy(run),
            None => Ok(()),
        }
    }

    fn catch_up_sum(&mut self) {
        if let Some(sum) = self.file_sum {
            sum.update(&self.window[self.summed..self.pos]);
        }
        self.summed = self.pos;
    }
}
