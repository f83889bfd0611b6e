//! Extended attributes, behind each entry, and the exchange by which the receiving side gets long
//! values.
//!
//! Lists that many files share cross once. Of a value of more than 32 bytes only a checksum
//! crosses with the list. Behind the item flags of a file whose attributes it has to change, the
//! generator asks for the values that it cannot find in the file that is there (numbers, counted
//! from 1, as the list had them), and the sender says them where it answers.
// rsync: xattrs.c send_xattr(), receive_xattr(), send_xattr_request(), recv_xattr_request()

use super::entry::Listed;
use crate::int::{put_varint, varint, varint_within};
use crate::{Error, Source};

/// A list of attributes, in the order in which they crossed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct XattrList {
    /// Names and what crosses of the values, one behind the other.
    bytes: Vec<u8>,
    items: Vec<Item>,
}

/// One of them: where it ends in the bytes, where its name does, and how long the value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Item {
    name_end: usize,
    end: usize,
    value_len: u32,
}

/// One attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Xattr<'a> {
    /// The name, as Linux has it (`user.…`).
    pub name: &'a [u8],
    /// What is known of the value.
    pub value: XattrValue<'a>,
}

/// A value, or what stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XattrValue<'a> {
    /// All of it, of at most [`MAX_WHOLE`] bytes.
    Whole(&'a [u8]),
    /// It is longer.
    Abbreviated {
        /// Bytes.
        len: u32,
        /// The checksum of them: MD5.
        checksum: &'a [u8; CHECKSUM_LEN],
    },
}

/// As many bytes as a value can have and still cross with the list.
// rsync: xattrs.c MAX_FULL_DATUM
pub const MAX_WHOLE: usize = 32;
/// How long the checksum of a value is.
pub const CHECKSUM_LEN: usize = 16;
/// As many attributes as one list may have.
// rsync: rsync.h MAX_WIRE_XATTR_COUNT
pub const MAX_COUNT: i32 = 65_536;
/// As long as a name can be, with a zero byte at its end.
// rsync: rsync.h MAX_WIRE_XATTR_NAMELEN
pub const MAX_NAME_LEN: i32 = 4096;
/// As long as a value can be.
// rsync: xattrs.c MAX_XATTR_VALUE_BYTES
pub const MAX_VALUE_LEN: i32 = 128 * 1024 * 1024;
/// As long as the names and values of one list can be together.
// rsync: xattrs.c MAX_XATTR_LIST_BYTES
const MAX_LIST_LEN: u64 = 512 * 1024 * 1024;

impl XattrList {
    /// Appends an attribute. A value that is longer than [`MAX_WHOLE`] has to be abbreviated.
    pub fn push(&mut self, name: &[u8], value: XattrValue<'_>) {
        self.bytes.extend_from_slice(name);
        let name_end = self.bytes.len();
        let (known, value_len) = match value {
            XattrValue::Whole(value) => (value, value.len() as u32),
            XattrValue::Abbreviated { len, checksum } => (&checksum[..], len),
        };
        self.bytes.extend_from_slice(known);
        self.items.push(Item {
            name_end,
            end: self.bytes.len(),
            value_len,
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Forgets all of them and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }

    /// The attributes in order. The number of the first one is 1 where values are asked for.
    pub fn iter(&self) -> impl Iterator<Item = Xattr<'_>> {
        let mut start = 0;
        self.items.iter().map(move |item| {
            let name = &self.bytes[start..item.name_end];
            let known = &self.bytes[item.name_end..item.end];
            start = item.end;
            let value = match (known.len() as u32 == item.value_len, known.try_into()) {
                (false, Ok(checksum)) => XattrValue::Abbreviated {
                    len: item.value_len,
                    checksum,
                },
                _ => XattrValue::Whole(known),
            };
            Xattr { name, value }
        })
    }
}

/// Appends the attributes of an entry.
pub(super) fn put_xattrs(out: &mut Vec<u8>, listed: Listed<'_, XattrList>) {
    let list = match listed {
        Listed::Earlier(number) => return put_varint(out, number.wrapping_add(1) as i32),
        Listed::New(list) => list,
    };
    put_varint(out, 0);
    put_varint(out, list.len() as i32);
    let mut start = 0;
    for item in &list.items {
        put_varint(out, (item.name_end - start + 1) as i32);
        put_varint(out, item.value_len as i32);
        out.extend_from_slice(&list.bytes[start..item.name_end]);
        out.push(0);
        out.extend_from_slice(&list.bytes[item.name_end..item.end]);
        start = item.end;
    }
}

/// The attributes of the entry at hand, and how many lists crossed before.
#[derive(Debug, Default)]
pub(super) struct XattrDecoder {
    /// The last one that crossed in full.
    list: XattrList,
    crossed: u32,
    /// Which one the entry at hand has; `None` is the last one.
    earlier: Option<u32>,
}

impl XattrDecoder {
    /// Takes the attributes of an entry.
    pub fn take<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        let number = varint(source)?;
        match u32::try_from(number) {
            Ok(0) => {
                self.earlier = None;
                self.take_list(source)?;
                self.crossed += 1;
                Ok(())
            }
            Ok(number) if number <= self.crossed => {
                self.earlier = Some(number - 1);
                Ok(())
            }
            _ => Err(Error::misbehaving(format!("xa index {number} out of range")).into()),
        }
    }

    /// What [`Self::take`] took last.
    pub fn taken(&self) -> Listed<'_, XattrList> {
        match self.earlier {
            Some(number) => Listed::Earlier(number),
            None => Listed::New(&self.list),
        }
    }

    fn take_list<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        self.list.clear();
        let count = varint_within(source, 0, MAX_COUNT, "xattr count")?;
        let mut total = 0;
        for _ in 0..count {
            let name_len = varint_within(source, 1, MAX_NAME_LEN, "xattr name_len")?;
            let value_len = varint_within(source, 0, MAX_VALUE_LEN, "xattr datum_len")?;
            total += (name_len + value_len) as u64;
            if total > MAX_LIST_LEN {
                return Err(Error::misbehaving("xattr list exceeds per-file limit").into());
            }
            self.take_item(source, name_len as usize, value_len as usize)?;
        }
        Ok(())
    }

    fn take_item<S: Source>(
        &mut self,
        source: &mut S,
        name_len: usize,
        value_len: usize,
    ) -> Result<(), S::Error> {
        let name = source.take(name_len)?;
        let Some((0, name)) = name.split_last() else {
            let what = "Invalid xattr name received (missing trailing \\0).";
            return Err(Error::misbehaving(what).into());
        };
        if name.contains(&0) {
            return Err(Error::misbehaving("Invalid xattr name received").into());
        }
        let bytes = &mut self.list.bytes;
        bytes.extend_from_slice(name);
        let name_end = bytes.len();
        let known_len = match value_len {
            0..=MAX_WHOLE => value_len,
            _ => CHECKSUM_LEN,
        };
        bytes.extend_from_slice(source.take(known_len)?);
        self.list.items.push(Item {
            name_end,
            end: self.list.bytes.len(),
            value_len: value_len as u32,
        });
        Ok(())
    }
}

/// Appends one number of a request or an answer; `prior` is the one before it, and 0 at first.
/// In an answer, [`put_value`] comes next.
pub fn put_wanted(out: &mut Vec<u8>, prior: &mut u32, number: u32) {
    put_varint(out, number.wrapping_sub(*prior) as i32);
    *prior = number;
}

/// Appends the value whose number was just put.
pub fn put_value(out: &mut Vec<u8>, value: &[u8]) {
    put_varint(out, value.len() as i32);
    out.extend_from_slice(value);
}

/// Appends the end of a request or an answer.
pub fn put_wanted_end(out: &mut Vec<u8>) {
    out.push(0);
}

/// Takes one number of a request or an answer, from 1 to the `count` of the list; `prior` is the
/// one before it, and 0 at first. `None` is the end. In an answer, [`take_value`] comes next.
///
/// Whoever calls this has to see that the number is of an abbreviated value, and is not asked for
/// twice: only then is there an end to it.
///
/// # Errors
///
/// Those of the source, and a number of no attribute.
pub fn wanted<S: Source>(
    source: &mut S,
    prior: &mut u32,
    count: usize,
) -> Result<Option<u32>, S::Error> {
    let step = varint(source)?;
    if step == 0 {
        return Ok(None);
    }
    match prior.checked_add_signed(step) {
        Some(number) if number > 0 && number as usize <= count => {
            *prior = number;
            Ok(Some(number))
        }
        _ => Err(Error::misbehaving(format!("could not find xattr #{prior}{step:+}")).into()),
    }
}

/// Takes a value of at most [`MAX_VALUE_LEN`] bytes into a vector, in place of what it has.
///
/// # Errors
///
/// Those of the source, and a longer value.
pub fn take_value<S: Source>(source: &mut S, value: &mut Vec<u8>) -> Result<(), S::Error> {
    let len = varint_within(source, 0, MAX_VALUE_LEN, "xattr datum_len")?;
    value.clear();
    source.append_to(value, len as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> XattrList {
        let mut list = XattrList::default();
        list.push(b"user.a", XattrValue::Whole(b""));
        list.push(b"user.b", XattrValue::Whole(&[7; CHECKSUM_LEN]));
        let checksum = &[9; CHECKSUM_LEN];
        list.push(b"user.c", XattrValue::Abbreviated { len: 33, checksum });
        list
    }

    #[test]
    fn lists_come_back() {
        let list = list();
        let mut bytes = Vec::new();
        put_xattrs(&mut bytes, Listed::New(&list));
        put_xattrs(&mut bytes, Listed::Earlier(0));
        let (mut decoder, mut source) = (XattrDecoder::default(), &bytes[..]);
        decoder.take(&mut source).unwrap();
        assert_eq!(decoder.taken(), Listed::New(&list));
        let names = list.iter().map(|xattr| xattr.name);
        assert!(names.eq([b"user.a", b"user.b", b"user.c"]));
        assert_eq!(
            list.iter().nth(1).unwrap().value,
            XattrValue::Whole(&[7; CHECKSUM_LEN])
        );
        decoder.take(&mut source).unwrap();
        assert_eq!(decoder.taken(), Listed::Earlier(0));
        assert!(source.is_empty());
    }

    #[test]
    fn numbers_have_bounds() {
        for bytes in [
            &[1][..],
            &[0xf0, 0xff, 0xff, 0xff, 0xff],
            &[0, 0xc1, 1, 0],
            &[0, 1, 0, 0],
            &[0, 1, 0x90, 0x01],
            &[0, 1, 1, 0xf0, 0xff, 0xff, 0xff, 0xff],
            &[0, 1, 1, 0xe8, 1, 0, 0],
            &[0, 1, 2, 0, b'a', b'b'],
            &[0, 1, 3, 0, b'a', 0, 0],
        ] {
            let taken = XattrDecoder::default().take(&mut &bytes[..]);
            assert!(matches!(taken, Err(Error::Misbehaving(_))), "{bytes:x?}");
        }
    }

    #[test]
    fn values_come_back() {
        let (mut bytes, mut prior) = (Vec::new(), 0);
        for (number, value) in [(3, &b"three"[..]), (1, b""), (2, b"two")] {
            put_wanted(&mut bytes, &mut prior, number);
            put_value(&mut bytes, value);
        }
        put_wanted_end(&mut bytes);
        let (mut source, mut prior, mut value) = (&bytes[..], 0, Vec::new());
        let mut values = Vec::new();
        while let Some(number) = wanted(&mut source, &mut prior, 3).unwrap() {
            take_value(&mut source, &mut value).unwrap();
            values.push((number, value.clone()));
        }
        assert!(source.is_empty());
        assert_eq!(values[0], (3, b"three".to_vec()));
        assert_eq!(values[1], (1, Vec::new()));
        assert_eq!(values[2], (2, b"two".to_vec()));
    }

    #[test]
    fn only_attributes_can_be_asked_for() {
        assert!(wanted(&mut &[4][..], &mut 0, 3).is_err());
        assert!(wanted(&mut &[0xf0, 0xff, 0xff, 0xff, 0xff][..], &mut 1, 3).is_err());
        assert!(wanted(&mut &[0xf0, 0xff, 0xff, 0xff, 0xff][..], &mut 0, 3).is_err());
        let mut last = u32::MAX;
        assert!(wanted(&mut &[0xf0, 0xff, 0xff, 0xff, 0x7f][..], &mut last, 3).is_err());
        assert!(take_value(&mut &[0xe8, 1, 0, 0][..], &mut Vec::new()).is_err());
    }
}
