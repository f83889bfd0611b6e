//! Holes in files, and space reserved for them: where the data lies, punching, preallocating.
//!
//! None of it is needed for right contents; where a file system cannot do a thing, the answer says
//! so and the contents are right all the same.
//!
//! rsync: `fileio.c` `write_sparse()`, `syscall.c` `do_punch_hole()` and `do_fallocate()`.

use std::fs::File;
use std::io;
use std::ops::Range;

use crate::sys;

/// The stretches of `range` that hold data, in order; what lies between them reads as zeros.
///
/// Where the file system cannot tell, all that is left of `range` counts as data. Moves the file's
/// cursor. Some file systems have been known to take fresh data for a hole (OpenZFS before 2.2.2):
/// callers who must not lose data to that read the file instead.
pub fn data_extents(file: &File, range: Range<u64>) -> DataExtents<'_> {
    DataExtents { file, rest: range }
}

/// The iterator that [`data_extents`] returns.
#[derive(Debug)]
pub struct DataExtents<'a> {
    file: &'a File,
    rest: Range<u64>,
}

impl Iterator for DataExtents<'_> {
    type Item = Range<u64>;

    fn next(&mut self) -> Option<Range<u64>> {
        if self.rest.is_empty() {
            return None;
        }
        let extent = match sys::next_data(self.file, self.rest.start) {
            Ok(Some(extent)) => extent.start.max(self.rest.start)..extent.end.min(self.rest.end),
            Ok(None) => self.rest.end..self.rest.end,
            Err(_) => self.rest.clone(),
        };
        self.rest.start = extent.end.max(extent.start).min(self.rest.end);
        (!extent.is_empty()).then_some(extent)
    }
}

/// How a range came to read as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zeroed {
    /// Its blocks were freed.
    Punched,
    /// Zeros were written, as the file system has no holes.
    Written,
}

/// Makes `range` read as zeros, freeing its blocks if the file system can. The file's length stays:
/// what of the range lies past the end is left alone.
///
/// # Errors
/// The system's, of writing.
pub fn punch_hole(file: &File, range: Range<u64>) -> io::Result<Zeroed> {
    let end = range.end.min(file.metadata()?.len());
    if range.start >= end {
        return Ok(Zeroed::Punched);
    }
    if sys::punch_hole(file, range.start, end - range.start).is_ok() {
        return Ok(Zeroed::Punched);
    }
    let zeros = [0; 64 << 10];
    let mut offset = range.start;
    while offset < end {
        let len = (zeros.len() as u64).min(end - offset) as usize;
        match sys::write_at(file, &zeros[..len], offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => offset += written as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Zeroed::Written)
}

/// Whether space was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// The blocks are the file's own now: writing them cannot fail for want of space.
    Yes,
    /// The file system cannot; nothing changed.
    Unsupported,
}

/// Reserves space for the first `len` bytes of `file` without changing its length.
///
/// # Errors
/// If the space is not there, or the quota, or the file would be too large.
pub fn preallocate(file: &File, len: u64) -> io::Result<Reserved> {
    if len == 0 {
        return Ok(Reserved::Yes);
    }
    loop {
        let error = match sys::reserve(file, len) {
            Ok(()) => return Ok(Reserved::Yes),
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => {
                return Err(error);
            }
            _ => return Ok(Reserved::Unsupported),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write};

    /// A file with 64 KiB of data, a hole of 960 KiB, and 64 KiB of data.
    fn with_a_hole() -> File {
        let file = tempfile::tempfile().unwrap();
        for offset in [0, 960 << 10] {
            assert_eq!(
                sys::write_at(&file, &[7; 64 << 10], offset).unwrap(),
                64 << 10
            );
        }
        file
    }

    fn content(mut file: &File) -> Vec<u8> {
        let mut content = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut content).unwrap();
        content
    }

    #[test]
    fn extents_cover_all_data_and_stay_in_their_range() {
        let file = with_a_hole();
        let range = 10..1_000_000;
        let mut last = range.start;
        let content = content(&file);
        for extent in data_extents(&file, range.clone()) {
            assert!(extent.start >= last && extent.end <= range.end && !extent.is_empty());
            assert!(
                content[last as usize..extent.start as usize]
                    .iter()
                    .all(|&byte| byte == 0)
            );
            last = extent.end;
        }
        assert!(
            content[last as usize..range.end as usize]
                .iter()
                .all(|&byte| byte == 0)
        );
        assert!(last > 960 << 10, "the second stretch of data was found");
    }

    #[test]
    fn a_file_that_is_all_hole_has_no_data_or_is_all_data() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        let found: Vec<_> = data_extents(&file, 0..1 << 20).collect();
        let covered: u64 = found.iter().map(|extent| extent.end - extent.start).sum();
        assert!(found.is_empty() || covered == 1 << 20, "{found:?}");
    }

    #[test]
    fn a_punched_range_reads_as_zeros_and_the_length_stays() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[9; 300_000]).unwrap();
        punch_hole(&file, 1000..200_001).unwrap();
        punch_hole(&file, 299_999..400_000).unwrap();
        let mut expected = vec![9; 300_000];
        expected[1000..200_001].fill(0);
        expected[299_999] = 0;
        assert!(content(&file) == expected);
    }

    #[test]
    fn reserving_changes_nothing_that_can_be_read() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"content").unwrap();
        preallocate(&file, 1 << 20).unwrap();
        assert_eq!(content(&file), b"content");
    }
}
