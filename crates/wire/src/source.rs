//! Where decoders take their bytes from.
//!
//! A decoder is straight-line code that asks for the bytes it needs. In a session the source waits
//! for the peer; in tests it is a slice, and what is not there is [`Error::Truncated`].
// rsync: io.c read_buf()

use crate::Error;

/// Bytes of a peer, in order.
pub trait Source {
    /// Why there are no more bytes, or why they are wrong.
    type Error: From<Error>;

    /// The next `len` bytes, all of them; at most [`MAX_TAKE`].
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`], or what the source itself meets.
    fn take(&mut self, len: usize) -> Result<&[u8], Self::Error>;

    /// At least one of the next bytes and at most `most`, as many as are at hand: for content,
    /// which need not be together in memory.
    ///
    /// # Errors
    ///
    /// As with [`Source::take`].
    fn take_some(&mut self, most: usize) -> Result<&[u8], Self::Error>;

    /// The next `N` bytes.
    ///
    /// # Errors
    ///
    /// As with [`Source::take`].
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Self::Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// Appends the next `len` bytes to a vector. Memory is taken as bytes arrive, so that a large
    /// length costs the peer as much as us.
    ///
    /// # Errors
    ///
    /// As with [`Source::take`].
    fn append_to(&mut self, vec: &mut Vec<u8>, len: usize) -> Result<(), Self::Error> {
        let mut left = len;
        while left > 0 {
            let some = self.take_some(left)?;
            vec.extend_from_slice(some);
            left -= some.len();
        }
        Ok(())
    }
}

/// As much as can be asked for in one piece.
pub const MAX_TAKE: usize = 64 * 1024;

impl Source for &[u8] {
    type Error = Error;

    fn take(&mut self, len: usize) -> Result<&[u8], Error> {
        let (taken, rest) = self.split_at_checked(len).ok_or(Error::Truncated)?;
        *self = rest;
        Ok(taken)
    }

    fn take_some(&mut self, most: usize) -> Result<&[u8], Error> {
        if self.is_empty() && most > 0 {
            return Err(Error::Truncated);
        }
        let (taken, rest) = self.split_at(most.min(self.len()));
        *self = rest;
        Ok(taken)
    }
}
