//! Indices into the file list, and the marks that cross in their place. From version 30 on, an index
//! is the difference to the one before it, in as few bytes as that takes.
// rsync: io.c write_ndx(), read_ndx(); rsync.h NDX_*

use crate::int::{byte, int, put_int};
use crate::{Error, Protocol, Source};

/// What an index can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ndx {
    /// An entry of the list, at most [`Ndx::MAX`].
    File(u32),
    /// The end of a phase, of a part of the list, or of the session.
    Done,
    /// No more parts of the list will come.
    ListEnd,
    /// The statistics of deletions follow.
    Deletions,
    /// The part of the list follows that this directory has, an index into the list of all
    /// directories; at most [`Ndx::MAX_DIR`].
    List(u32),
}

impl Ndx {
    /// The highest index of an entry.
    pub const MAX: u32 = i32::MAX as u32;
    /// The highest index of a directory.
    pub const MAX_DIR: u32 = Ndx::MAX - LIST_OFFSET.unsigned_abs();

    fn from_wire(value: i32) -> Result<Ndx, Error> {
        Ok(match value {
            0.. => Ndx::File(value as u32),
            -1 => Ndx::Done,
            -2 => Ndx::ListEnd,
            -3 => Ndx::Deletions,
            ..=LIST_OFFSET if value > i32::MIN => Ndx::List((LIST_OFFSET - value) as u32),
            _ => return Err(Error::misbehaving(format!("Invalid file index: {value}"))),
        })
    }

    /// # Panics
    ///
    /// If it is above the highest.
    fn to_wire(self) -> i32 {
        match self {
            Ndx::File(index) => {
                assert!(index <= Ndx::MAX, "an index of {index}");
                index as i32
            }
            Ndx::Done => -1,
            Ndx::ListEnd => -2,
            Ndx::Deletions => -3,
            Ndx::List(dir) => {
                assert!(dir <= Ndx::MAX_DIR, "a directory of index {dir}");
                LIST_OFFSET - dir as i32
            }
        }
    }
}

const LIST_OFFSET: i32 = -101;

/// The indices that went one way; each direction of a session has its own.
#[derive(Debug, Clone)]
struct Before {
    positive: i32,
    negative: i32,
}

impl Before {
    const NONE: Before = Before {
        positive: -1,
        negative: 1,
    };
}

/// Encodes the indices of one direction.
#[derive(Debug, Clone)]
pub struct NdxWriter {
    packed: bool,
    before: Before,
}

impl NdxWriter {
    /// At the beginning of a session.
    pub const fn new(protocol: Protocol) -> NdxWriter {
        NdxWriter {
            packed: protocol.is_packed(),
            before: Before::NONE,
        }
    }

    /// Appends an index.
    ///
    /// # Panics
    ///
    /// If it is above the highest.
    pub fn put(&mut self, out: &mut Vec<u8>, ndx: Ndx) {
        let value = ndx.to_wire();
        if !self.packed {
            return put_int(out, value);
        }
        let before = match ndx {
            Ndx::Done => return out.push(0),
            Ndx::File(_) => &mut self.before.positive,
            _ => {
                out.push(0xff);
                &mut self.before.negative
            }
        };
        // Not negative: nothing above is the lowest number.
        let value = value.abs();
        match value.wrapping_sub(*before) {
            step @ 1..0xfe => out.push(step as u8),
            step @ (0 | 0xfe..=0x7fff) => out.extend([0xfe, (step >> 8) as u8, step as u8]),
            _ => {
                let [a, b, c, d] = value.to_le_bytes();
                out.extend([0xfe, d | 0x80, a, b, c]);
            }
        }
        *before = value;
    }
}

/// Decodes the indices of one direction.
#[derive(Debug, Clone)]
pub struct NdxReader {
    packed: bool,
    before: Before,
}

impl NdxReader {
    /// At the beginning of a session.
    pub const fn new(protocol: Protocol) -> NdxReader {
        NdxReader {
            packed: protocol.is_packed(),
            before: Before::NONE,
        }
    }

    /// Takes an index. Whether the list has it is the caller's to see.
    ///
    /// # Errors
    ///
    /// Those of the source, and a number that stands for nothing.
    pub fn take<S: Source>(&mut self, source: &mut S) -> Result<Ndx, S::Error> {
        if !self.packed {
            return Ok(Ndx::from_wire(int(source)?)?);
        }
        let mut first = byte(source)?;
        let (before, sign) = match first {
            0 => return Ok(Ndx::Done),
            0xff => {
                first = byte(source)?;
                (&mut self.before.negative, -1)
            }
            _ => (&mut self.before.positive, 1),
        };
        let value = if first == 0xfe {
            let [high, low] = source.array()?;
            if high & 0x80 != 0 {
                let [third, fourth] = source.array()?;
                u32::from_le_bytes([low, third, fourth, high & 0x7f])
            } else {
                u32::from(u16::from_be_bytes([high, low])).wrapping_add(*before as u32)
            }
        } else {
            u32::from(first).wrapping_add(*before as u32)
        };
        let Ok(value) = i32::try_from(value) else {
            return Err(Error::misbehaving(format!("Invalid file index: {value}")).into());
        };
        *before = value;
        // A mark of value 0 would be file 0 by another way; rsync never writes it.
        if sign < 0 && value == 0 {
            return Err(Error::misbehaving("Invalid file index: -0").into());
        }
        Ok(Ndx::from_wire(value * sign)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn protocol(version: u8) -> Protocol {
        Protocol::new(version).expect("a version")
    }

    fn encoded(version: u8, marks: &[Ndx]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = NdxWriter::new(protocol(version));
        for &ndx in marks {
            writer.put(&mut out, ndx);
        }
        out
    }

    #[test]
    fn steps_are_rsyncs() {
        use Ndx::*;
        // Worked out by hand from rsync's description of the form.
        for (marks, bytes) in [
            (&[File(0)][..], &[1][..]),
            (&[File(1), Done, File(2)], &[2, 0, 1]),
            (&[File(252), File(506)], &[253, 0xfe, 0, 254]),
            (
                &[File(5), File(5), File(4)],
                &[6, 0xfe, 0, 0, 0xfe, 0x80, 4, 0, 0],
            ),
            (&[File(0x0102_0304)], &[0xfe, 0x81, 4, 3, 2]),
            (&[ListEnd, Deletions], &[0xff, 1, 0xff, 1]),
            (&[List(0), List(1)], &[0xff, 100, 0xff, 1]),
            (&[File(Ndx::MAX)], &[0xfe, 0xff, 0xff, 0xff, 0xff]),
        ] {
            assert_eq!(encoded(32, marks), bytes, "{marks:?}");
        }
        assert_eq!(encoded(29, &[Done]), [0xff; 4]);
    }

    #[test]
    fn numbers_that_stand_for_nothing_are_refused() {
        for (version, bytes) in [
            (29, &(-4i32).to_le_bytes()[..]),
            (29, &i32::MIN.to_le_bytes()),
            (32, &[0xff, 3]),
            (32, &[0xff, 0xfe, 0x80, 0, 0, 0]),
        ] {
            let mut reader = NdxReader::new(protocol(version));
            let taken = reader.take(&mut &bytes[..]);
            assert!(
                matches!(taken, Err(Error::Misbehaving(_))),
                "{bytes:?}: {taken:?}"
            );
        }
        let mut past_the_end = &[0xfe, 0xff, 0xff, 0xff, 0xff, 1][..];
        let mut reader = NdxReader::new(protocol(32));
        assert_eq!(reader.take(&mut past_the_end), Ok(Ndx::File(Ndx::MAX)));
        assert!(reader.take(&mut past_the_end).is_err());
    }

    fn any_ndx() -> impl Strategy<Value = Ndx> {
        prop_oneof![
            (0..=Ndx::MAX).prop_map(Ndx::File),
            (0..1000u32).prop_map(Ndx::File),
            (0..=Ndx::MAX_DIR).prop_map(Ndx::List),
            (0..300u32).prop_map(Ndx::List),
            Just(Ndx::Done),
            Just(Ndx::ListEnd),
            Just(Ndx::Deletions),
        ]
    }

    proptest! {
        #[test]
        fn indices_come_back(marks in prop::collection::vec(any_ndx(), 0..50), version in 27u8..33) {
            let bytes = encoded(version, &marks);
            let mut source = &bytes[..];
            let mut reader = NdxReader::new(protocol(version));
            for ndx in marks {
                prop_assert_eq!(reader.take(&mut source), Ok(ndx));
            }
            prop_assert!(source.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, version in 27u8..33) {
            let mut source = &bytes[..];
            let mut reader = NdxReader::new(protocol(version));
            while reader.take(&mut source).is_ok() {}
        }
    }
}
