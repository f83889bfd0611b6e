//! `-c`: whether two files hold the same bytes.
//!
//! A remote session compares checksums, because the bytes are apart: the list has those of the
//! source. Where both files are at hand, comparing the bytes themselves decides the same, stops at
//! the first difference, and costs no hashing. Large files are read ahead through the pump.
// rsync: generator.c quick_check_ok(), checksum.c file_checksum()

use super::Receiver;
use crate::destination::DestDir;
use crate::origin::Origin;
use delta::FileSum;
use fast_io::dir::Follow;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use tree::entry::Entry;

/// Up to this size, reading at once is faster than asking the pump.
const SMALL: u64 = 256 * 1024;

impl Receiver {
    /// Whether source and destination, which are of equal size, hold the same bytes. What
    /// cannot be read differs; reading it will be tried, and told, by its transfer.
    pub fn same_content(&self, entry: &Entry, dir: &Arc<DestDir>, name: &[u8]) -> bool {
        let Ok(target) = dir.dir.open_file(name, self.ctx.reading(), Follow::Never) else {
            return false;
        };
        let sender = match &self.origin {
            Origin::Here(sender) => sender,
            Origin::Away(requests) => {
                let sum = self.sum_of(FileSum::new(requests.listed_kind()), target, entry.size);
                return sum.is_some_and(|sum| sum.as_bytes() == entry.checksum());
            }
        };
        let source = sender
            .open_parent(entry)
            .and_then(|d| d.open_file(entry.basename(), self.ctx.reading(), sender.follow_files()));
        let Ok(source) = source else {
            return false;
        };
        if entry.size <= SMALL {
            return same_small(source, target, entry.size).unwrap_or(false);
        }
        self.same_files(&source, target, entry.size)
    }
}

fn same_small(a: File, b: File, size: u64) -> io::Result<bool> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    a.take(size).read_to_end(&mut left)?;
    b.take(size).read_to_end(&mut right)?;
    Ok(left.len() as u64 == size && left == right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn small_files_are_equal_only_if_whole_and_alike() {
        assert!(same_small(file(b"abc"), file(b"abc"), 3).unwrap());
        assert!(!same_small(file(b"abc"), file(b"abd"), 3).unwrap());
        assert!(!same_small(file(b"ab"), file(b"ab"), 3).unwrap());
    }
}
