//! The numbers of entries and directories.
//!
//! Every entry of a session has an index. A list in one piece counts from 0. Where the list comes
//! in segments, the first one's entries count from 1, and between two segments one number is left
//! out: it stands for the directory whose content the segment is. Which directory that is, the
//! sender says before the segment, by the directory's place among all directories that crossed.
// rsync: flist.c flist_new() ndx_start, send_extra_file_list(); rsync.h NDX_FLIST_OFFSET

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

/// What says, in the place of a file's index, that no segment will follow any more.
// rsync: rsync.h NDX_FLIST_EOF
pub const NO_MORE: i32 = -2;

/// What says, in the place of a file's index, that the content of a directory follows.
// rsync: rsync.h NDX_FLIST_OFFSET
const OFFSET: i32 = -101;

/// The number that announces the content of a directory, of which this many crossed before it.
pub const fn announcement(directory: i32) -> i32 {
    OFFSET - directory
}

/// The directory that a number announces.
///
/// # Errors
///
/// It is not among the `directories` that crossed so far.
pub fn announced(number: i32, directories: usize) -> Result<usize, Error> {
    let directory = i64::from(OFFSET) - i64::from(number);
    match usize::try_from(directory) {
        Ok(place) if place < directories => Ok(place),
        _ => Err(Error::misbehaving(format!(
            "Invalid dir index: {number} ({OFFSET} - {})",
            i64::from(OFFSET) - directories as i64 + 1
        ))),
    }
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

    #[test]
    fn directories_are_announced_below_the_offset() {
        assert_eq!(announcement(0), -101);
        assert_eq!(announced(announcement(7), 8), Ok(7));
        for number in [announcement(8), -100, 0, i32::MIN, i32::MAX] {
            assert!(announced(number, 8).is_err(), "{number}");
        }
    }
}
