//! The extended attributes of an entry, as a list knows them: long values by their checksum alone.
//!
//! Many entries may share one list. What is known of its long values grows while a session over a
//! wire goes on, so that each crosses once.
// rsync: xattrs.c rsync_xa, rsync_xa_list

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering as Memory};

/// Attributes, sorted by name.
#[derive(Debug, PartialEq, Eq, Hash, Default)]
pub struct Xattrs {
    items: Box<[Xattr]>,
}

/// One attribute.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Xattr {
    /// The name, as Linux has it.
    pub name: Box<[u8]>,
    /// By what its value is asked for over a wire, counted from 1.
    pub number: u32,
    /// What is known of the value.
    pub value: XattrValue,
}

/// A value.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum XattrValue {
    /// All of it, of at most [`MAX_WHOLE`] bytes.
    Whole(Box<[u8]>),
    /// It is longer.
    Long(LongValue),
}

/// What a list knows of a long value.
#[derive(Debug)]
pub struct LongValue {
    /// Bytes.
    pub len: u32,
    /// The checksum of them.
    pub sum: [u8; SUM_LEN],
    /// Whether it is asked for.
    standing: AtomicU8,
    /// All of it, once it came.
    value: OnceLock<Box<[u8]>>,
}

/// As many bytes as a value can have and still be in a list.
// rsync: xattrs.c MAX_FULL_DATUM
pub const MAX_WHOLE: usize = 32;
/// How long the checksum of a value is.
pub const SUM_LEN: usize = 16;

/// Nobody has asked for it.
const FRESH: u8 = 0;
/// It is wanted with the next request.
// rsync: xattrs.c XSTATE_TODO
const WANTED: u8 = 1;
/// It was asked for, or on the other side of a wire sent.
// rsync: xattrs.c XSTATE_DONE
const ASKED: u8 = 2;

impl Xattrs {
    /// A list of these. `None` if there are none.
    pub fn new(mut items: Vec<Xattr>) -> Option<Xattrs> {
        items.sort_by(|a, b| a.name.cmp(&b.name));
        (!items.is_empty()).then(|| Xattrs {
            items: items.into(),
        })
    }

    /// The attributes, by their names.
    pub fn items(&self) -> &[Xattr] {
        &self.items
    }

    /// Whether there is one of this name.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.items.binary_search_by(|x| (*x.name).cmp(name)).is_ok()
    }

    /// The long value that has a number on the wire.
    pub fn long(&self, number: u32) -> Option<&LongValue> {
        let xattr = self.items.iter().find(|x| x.number == number)?;
        xattr.value.as_long()
    }

    /// Whether the attributes that are there are others. Long values that are missing there are handed
    /// over.
    // rsync: xattrs.c xattr_diff()
    pub fn differ(
        wanted: Option<&Xattrs>,
        there: Option<&Xattrs>,
        mut missing: impl FnMut(&LongValue),
    ) -> bool {
        let items = |list: Option<&Xattrs>| list.map_or(0, |list| list.items.len());
        let mut differ = items(wanted) != items(there);
        let mut there = there.map_or(&[][..], |list| &list.items);
        for xattr in wanted.map_or(&[][..], |list| &list.items) {
            let mut same = false;
            while let Some((first, rest)) = there.split_first() {
                let order = first.name.cmp(&xattr.name);
                if order == Ordering::Greater {
                    break;
                }
                there = rest;
                if order == Ordering::Equal {
                    same = first.value == xattr.value;
                    break;
                }
            }
            differ |= !same;
            if let (false, XattrValue::Long(long)) = (same, &xattr.value) {
                missing(long);
            }
        }
        differ
    }

    /// Takes the numbers of long values that are wanted: they count as asked for.
    // rsync: xattrs.c send_xattr_request()
    pub fn take_wanted(&self) -> impl Iterator<Item = &Xattr> {
        self.items.iter().filter(|xattr| {
            let long = xattr.value.as_long();
            long.is_some_and(|long| long.step(WANTED, ASKED))
        })
    }

    /// How much memory it takes, about.
    pub fn weight(&self) -> u64 {
        let weight = |xattr: &Xattr| {
            let value = match &xattr.value {
                XattrValue::Whole(value) => value.len(),
                XattrValue::Long(_) => 0,
            };
            (size_of::<Xattr>() + xattr.name.len() + value) as u64
        };
        self.items.iter().map(weight).sum()
    }
}

impl XattrValue {
    /// A value of so many bytes that a list has its checksum.
    pub fn long(len: u32, sum: [u8; SUM_LEN]) -> XattrValue {
        XattrValue::Long(LongValue {
            len,
            sum,
            standing: AtomicU8::new(FRESH),
            value: OnceLock::new(),
        })
    }

    fn as_long(&self) -> Option<&LongValue> {
        match self {
            XattrValue::Whole(_) => None,
            XattrValue::Long(long) => Some(long),
        }
    }
}

impl LongValue {
    /// Wants it. False if that is not possible: it was asked for before.
    pub fn want(&self) -> bool {
        self.step(FRESH, WANTED)
    }

    /// Whether it was asked for and has not come.
    pub fn is_awaited(&self) -> bool {
        self.standing.load(Memory::Relaxed) == ASKED && self.value.get().is_none()
    }

    /// All of it came. What comes again is dropped.
    pub fn arrived(&self, value: Box<[u8]>) {
        let _ = self.value.set(value);
    }

    /// All of it, if it came.
    pub fn known(&self) -> Option<&[u8]> {
        self.value.get().map(|value| &**value)
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.standing
            .compare_exchange(from, to, Memory::Relaxed, Memory::Relaxed)
            .is_ok()
    }
}

/// Two values are the same if their checksums are, whatever is known of them.
impl PartialEq for LongValue {
    fn eq(&self, other: &LongValue) -> bool {
        (self.len, self.sum) == (other.len, other.sum)
    }
}

impl Eq for LongValue {}

impl Hash for LongValue {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.len, self.sum).hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(name: &str, value: &str) -> Xattr {
        Xattr {
            name: name.as_bytes().into(),
            number: 0,
            value: XattrValue::Whole(value.as_bytes().into()),
        }
    }

    fn long(name: &str, number: u32, sum: u8) -> Xattr {
        Xattr {
            name: name.as_bytes().into(),
            number,
            value: XattrValue::long(100, [sum; SUM_LEN]),
        }
    }

    #[test]
    fn lists_differ_by_names_and_values() {
        let list = |items| Xattrs::new(items);
        let ab = || list(vec![whole("b", "2"), whole("a", "1")]);
        let differ =
            |a: &Option<Xattrs>, b: &Option<Xattrs>| Xattrs::differ(a.as_ref(), b.as_ref(), |_| {});
        assert!(!differ(&ab(), &ab()));
        assert!(!differ(&list(vec![]), &None));
        for other in [
            None,
            list(vec![whole("a", "1")]),
            list(vec![whole("a", "1"), whole("b", "3")]),
            list(vec![whole("a", "1"), whole("c", "2")]),
            list(vec![whole("a", "1"), whole("aa", "2")]),
            list(vec![whole("a", "1"), whole("b", "2"), whole("c", "3")]),
        ] {
            assert!(differ(&ab(), &other), "{other:?}");
            assert!(differ(&other, &ab()), "{other:?}");
        }
    }

    #[test]
    fn a_long_value_is_asked_for_once() {
        let list = Xattrs::new(vec![long("a", 1, 1), long("b", 2, 2), whole("c", "3")]).unwrap();
        let there = Xattrs::new(vec![long("a", 9, 1), long("b", 8, 3), whole("c", "3")]);
        let differ = |there| {
            Xattrs::differ(Some(&list), there, |long| {
                long.want();
            })
        };
        let wanted = || list.take_wanted().map(|x| x.number).collect::<Vec<_>>();
        assert_eq!(wanted(), []);
        assert!(differ(there.as_ref()));
        assert_eq!(wanted(), [2]);
        assert!(list.long(2).is_some_and(LongValue::is_awaited));
        assert!(differ(None));
        assert_eq!(wanted(), [1]);
        assert!(differ(None));
        assert_eq!(wanted(), []);
        let value = list.long(2).unwrap();
        value.arrived(b"two"[..].into());
        assert!(!value.is_awaited() && value.known() == Some(b"two"));
        assert!(list.long(3).is_none() && list.long(0).is_none());
    }
}
