//! The numbers of entries.
//!
//! Every entry of a session has an index. A list in one piece counts from 0. Where the list comes
//! in segments, the first one's entries count from 1, and between two segments one number is left
//! out: it stands for the directory whose content the segment is. Which directory that is, the
//! sender says before the segment ([`Ndx::List`](crate::Ndx::List)), by the directory's place among
//! all directories that crossed.
// rsync: flist.c flist_new() ndx_start, send_extra_file_list()

use crate::{Error, Protocol};

/// The numbers of one segment's entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    start: i32,
    used: i32,
}

impl Segment {
    /// The first segment, still empty.
    pub const fn first(protocol: Protocol) -> Segment {
        Segment {
            start: if protocol.is_incremental() { 1 } else { 0 },
            used: 0,
        }
    }

    /// The one after this, still empty.
    ///
    /// # Errors
    ///
    /// There are no more numbers.
    pub fn next(self) -> Result<Segment, Error> {
        let start = self.end().checked_add(1).ok_or_else(too_large)?;
        Ok(Segment { start, used: 0 })
    }

    /// Counts one more entry, and tells its index.
    ///
    /// # Errors
    ///
    /// There are no more numbers.
    pub fn push(&mut self) -> Result<i32, Error> {
        let index = self.end();
        // The end has to be a number too.
        index.checked_add(1).ok_or_else(too_large)?;
        self.used += 1;
        Ok(index)
    }

    /// The index of its first entry.
    pub const fn start(self) -> i32 {
        self.start
    }

    /// The index after its last entry.
    pub const fn end(self) -> i32 {
        self.start + self.used
    }

    /// How many entries it has.
    pub const fn len(self) -> usize {
        self.used as usize
    }

    /// It has none.
    pub const fn is_empty(self) -> bool {
        self.used == 0
    }

    /// The place of an entry in this segment, in the order in which they crossed.
    pub fn place(self, index: i32) -> Option<usize> {
        let within = (self.start..self.end()).contains(&index);
        within.then(|| (index - self.start) as usize)
    }

    /// The number that stands for the directory whose content this is.
    pub const fn directory_index(self) -> i32 {
        self.start - 1
    }
}

fn too_large() -> Error {
    Error::misbehaving("file list has grown too large to expand")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CompatFlags;

    #[test]
    fn a_number_is_left_out_between_segments() {
        let plain = Protocol::new(31).unwrap();
        assert_eq!(Segment::first(plain).push(), Ok(0));

        let mut segment = Segment::first(plain.with_flags(CompatFlags::INC_RECURSE));
        assert!(segment.is_empty());
        assert_eq!([segment.push(), segment.push()], [Ok(1), Ok(2)]);
        assert_eq!((segment.place(0), segment.place(3)), (None, None));
        assert_eq!(segment.place(2), Some(1));
        assert_eq!(segment.directory_index(), 0);
        let mut second = segment.next().unwrap();
        assert_eq!(second.directory_index(), 3);
        assert_eq!(second.push(), Ok(4));
        assert_eq!((second.start(), second.end(), second.len()), (4, 5, 1));
    }

    #[test]
    fn there_is_an_end_of_numbers() {
        let mut segment = Segment {
            start: i32::MAX - 1,
            used: 0,
        };
        assert_eq!(segment.push(), Ok(i32::MAX - 1));
        assert!(segment.push().is_err());
        assert!(segment.next().is_err());
    }
}
