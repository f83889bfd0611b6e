//! The numbers that cross at the end: what the sender counted, and what was deleted.
// rsync: main.c handle_stats(), write_del_stats(), read_del_stats()

use crate::int::{longint, put_longint, put_varint, put_varlong, varint_within, varlong};
use crate::{Protocol, Source};

/// What a server that sends tells its client before the goodbye; in a batch file, at the end.
///
/// A peer's negative numbers, which rsync takes as they are, are 0 here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Bytes that the sender read: what the client wrote.
    pub read: u64,
    /// Bytes that the sender wrote: what the client read.
    pub written: u64,
    /// The sum of all files' sizes.
    pub size: u64,
    /// Milliseconds that making the list took; from version 29 on.
    pub list_build: u64,
    /// Milliseconds that sending the list took; from version 29 on.
    pub list_transfer: u64,
}

impl Statistics {
    /// Appends them.
    pub fn put(&self, out: &mut Vec<u8>, protocol: Protocol) {
        let Statistics {
            read,
            written,
            size,
            list_build,
            list_transfer,
        } = *self;
        let numbers = [read, written, size, list_build, list_transfer];
        for number in &numbers[..Self::count(protocol)] {
            let number = i64::try_from(*number).unwrap_or(i64::MAX);
            if protocol.is_packed() {
                put_varlong(out, number, 3);
            } else {
                put_longint(out, number);
            }
        }
    }

    /// Takes them.
    ///
    /// # Errors
    ///
    /// Those of the source.
    pub fn take<S: Source>(source: &mut S, protocol: Protocol) -> Result<Statistics, S::Error> {
        let mut numbers = [0; 5];
        for number in &mut numbers[..Self::count(protocol)] {
            let taken = if protocol.is_packed() {
                varlong(source, 3)?
            } else {
                longint(source)?
            };
            *number = u64::try_from(taken).unwrap_or(0);
        }
        let [read, written, size, list_build, list_transfer] = numbers;
        Ok(Statistics {
            read,
            written,
            size,
            list_build,
            list_transfer,
        })
    }

    const fn count(protocol: Protocol) -> usize {
        if protocol.has_items() { 5 } else { 3 }
    }
}

/// What was deleted, by kind: follows [`crate::Ndx::Deletions`] where the generator deletes at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deletions {
    /// Regular files.
    pub files: u32,
    /// Directories.
    pub dirs: u32,
    /// Symbolic links.
    pub symlinks: u32,
    /// Devices.
    pub devices: u32,
    /// Sockets and FIFOs.
    pub specials: u32,
}

impl Deletions {
    /// The most that a peer may say of one kind.
    // rsync: rsync.h MAX_WIRE_DEL_STAT
    pub const MAX: u32 = 1 << 28;

    /// Appends them; no number above [`Self::MAX`].
    pub fn put(&self, out: &mut Vec<u8>) {
        let Deletions {
            files,
            dirs,
            symlinks,
            devices,
            specials,
        } = *self;
        for number in [files, dirs, symlinks, devices, specials] {
            put_varint(out, number.min(Self::MAX) as i32);
        }
    }

    /// Takes them.
    ///
    /// # Errors
    ///
    /// Those of the source, and a number above [`Self::MAX`].
    pub fn take<S: Source>(source: &mut S) -> Result<Deletions, S::Error> {
        let mut one = |what| varint_within(source, 0, Self::MAX as i32, what).map(|n| n as u32);
        Ok(Deletions {
            files: one("deleted_files")?,
            dirs: one("deleted_dirs")?,
            symlinks: one("deleted_symlinks")?,
            devices: one("deleted_devices")?,
            specials: one("deleted_specials")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use proptest::prelude::*;

    fn protocol(version: u8) -> Protocol {
        Protocol::new(version).expect("a version")
    }

    #[test]
    fn numbers_out_of_bounds() {
        // Not one that rsync would count to, and not one that says less than nothing.
        for number in [-1, Deletions::MAX as i32 + 1] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            bytes.extend([0; 4]);
            let taken = Deletions::take(&mut &bytes[..]);
            assert!(matches!(taken, Err(Error::Misbehaving(_))), "{taken:?}");
        }
        let mut bytes = Vec::new();
        for _ in 0..3 {
            put_longint(&mut bytes, -5);
        }
        let taken = Statistics::take(&mut &bytes[..], protocol(28));
        assert_eq!(taken, Ok(Statistics::default()));
    }

    proptest! {
        #[test]
        fn statistics_come_back(
            [read, written, size, list_build, list_transfer] in prop::array::uniform5(0..=i64::MAX as u64),
            version in 27u8..33,
        ) {
            let mut stats = Statistics { read, written, size, list_build, list_transfer };
            let mut bytes = Vec::new();
            stats.put(&mut bytes, protocol(version));
            if version < 29 {
                (stats.list_build, stats.list_transfer) = (0, 0);
            }
            let mut source = &bytes[..];
            prop_assert_eq!(Statistics::take(&mut source, protocol(version)), Ok(stats));
            prop_assert!(source.is_empty());
        }

        #[test]
        fn deletions_come_back([files, dirs, symlinks, devices, specials] in prop::array::uniform5(0..=Deletions::MAX)) {
            let deletions = Deletions { files, dirs, symlinks, devices, specials };
            let mut bytes = Vec::new();
            deletions.put(&mut bytes);
            let mut source = &bytes[..];
            prop_assert_eq!(Deletions::take(&mut source), Ok(deletions));
            prop_assert!(source.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, version in 27u8..33) {
            let _ = Statistics::take(&mut &bytes[..], protocol(version));
            let _ = Deletions::take(&mut &bytes[..]);
        }
    }
}
