//! The entries of a segment to which others of it can be linked: those others cross as a name and
//! the first one's index, and the decoder fills in the rest.
// rsync: flist.c recv_file_entry() first_hlink_ndx

use super::entry::Attributes;

/// By index, ascending.
#[derive(Debug, Default)]
pub(super) struct Firsts {
    firsts: Vec<First>,
    /// What else they have, one behind the other.
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct First {
    index: i32,
    attributes: Attributes,
    /// Where its bytes begin.
    start: usize,
}

impl Firsts {
    /// Keeps an entry that is behind all others, with the target or the checksum: whichever its
    /// kind has.
    pub fn push(&mut self, index: i32, attributes: Attributes, bytes: &[u8]) {
        self.firsts.push(First {
            index,
            attributes,
            start: self.bytes.len(),
        });
        self.bytes.extend_from_slice(bytes);
    }

    /// The entry with this index.
    pub fn find(&self, index: i32) -> Option<(Attributes, &[u8])> {
        let place = self
            .firsts
            .binary_search_by_key(&index, |first| first.index);
        let place = place.ok()?;
        let first = &self.firsts[place];
        let end = match self.firsts.get(place + 1) {
            Some(next) => next.start,
            None => self.bytes.len(),
        };
        Some((first.attributes, &self.bytes[first.start..end]))
    }

    /// Forgets all of them, and keeps the memory.
    pub fn clear(&mut self) {
        self.firsts.clear();
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own() {
        let mut firsts = Firsts::default();
        let sized = |size| Attributes {
            size,
            ..Attributes::default()
        };
        firsts.push(3, sized(30), b"abc");
        firsts.push(7, sized(70), b"");
        firsts.push(9, sized(90), b"d");
        assert_eq!(firsts.find(3), Some((sized(30), &b"abc"[..])));
        assert_eq!(firsts.find(7), Some((sized(70), &b""[..])));
        assert_eq!(firsts.find(9), Some((sized(90), &b"d"[..])));
        assert_eq!(firsts.find(8), None);
        firsts.clear();
        assert_eq!(firsts.find(3), None);
    }
}
