//! The seam between the pieces of a source that streams by.
//!
//! [`crate::Matcher::scan`] looks at a slice and says how much of it is done with; what it could
//! not decide on must be shown to it again with more behind it. So that a piece need not be copied
//! for that, only the bytes on both sides of the seam are put together; the rest is scanned where it
//! is. Memory is bounded by the search's least window. A caller that has the whole source in
//! memory does not need it.
// rsync: fileio.c map_ptr(), which slides a window over the file

use crate::Feed;

/// Joins the pieces of a source.
#[derive(Debug, Clone)]
pub struct Seam {
    least: usize,
    /// What is not decided on yet.
    held: Vec<u8>,
}

impl Seam {
    /// A seam for a search that goes on with `least` bytes: ask
    /// [`crate::Matcher::least_window`].
    pub fn new(least: usize) -> Self {
        Seam {
            least: least.max(1),
            held: Vec::new(),
        }
    }

    /// Shows a search the next piece of the source in one or two windows, each of which begins
    /// where the search was done with the one before. `scan` says how many bytes it is done with:
    /// all but less than the least window, or all if the feed is [`Feed::Last`].
    ///
    /// # Errors
    ///
    /// That of `scan`, after which the seam is of no use.
    ///
    /// # Panics
    ///
    /// If `scan` is done with more than it was shown, or leaves too much of it.
    pub fn pass<E>(
        &mut self,
        piece: &[u8],
        feed: Feed,
        mut scan: impl FnMut(&[u8], Feed) -> Result<usize, E>,
    ) -> Result<(), E> {
        let mut rest = piece;
        if !self.held.is_empty() {
            let before = self.held.len();
            self.held
                .extend_from_slice(&piece[..piece.len().min(self.least)]);
            let whole = piece.len() <= self.least;
            let done = scan(&self.held, if whole { feed } else { Feed::More })?;
            if whole {
                self.held.drain(..done);
                return Ok(());
            }
            rest = &piece[done - before..];
            self.held.clear();
        }
        let done = scan(rest, feed)?;
        self.held.extend_from_slice(&rest[done..]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_are_the_source_in_order(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 1..8),
            least in 1usize..30,
            greed in any::<u64>(),
        ) {
            let source = pieces.concat();
            let (mut seen, mut turn) = (Vec::new(), greed);
            let mut seam = Seam::new(least);
            for (number, piece) in pieces.iter().enumerate() {
                let last = number + 1 == pieces.len();
                let feed = if last { Feed::Last } else { Feed::More };
                seam.pass(piece, feed, |window, feed| {
                    prop_assert_eq!(window, &source[seen.len()..][..window.len()]);
                    turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let kept = match feed {
                        Feed::More => (turn >> 33) as usize % least,
                        Feed::Last => 0,
                    };
                    let done = window.len() - kept.min(window.len());
                    seen.extend_from_slice(&window[..done]);
                    Ok::<_, TestCaseError>(done)
                })?;
            }
            prop_assert_eq!(seen, source);
        }
    }
}
