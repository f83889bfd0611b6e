//! What can be asked of the pump: completions and work, behind one type.
//!
//! [`Operation`] hides its kinds so that new ones (sockets, say) can join without moving any
//! caller, and so that the pump alone decides which lane or kernel queue an operation takes.

use std::fmt;
use std::io;
use std::ops::{Bound, Range, RangeBounds};

use crate::buffer::Buffer;
use crate::file::{FileId, SharedFile};

/// One thing to do. Made by the constructors, consumed by
/// [`CompletionPump::submit`](crate::CompletionPump::submit).
pub struct Operation {
    pub(crate) kind: Kind,
}

/// The kinds of operation, as drivers see them.
pub(crate) enum Kind {
    /// Fill `buffer[..len]` from `offset` on.
    Read {
        file: SharedFile,
        offset: u64,
        buffer: Buffer,
        len: usize,
    },
    /// Write `buffer[range]` at `offset`.
    Write {
        file: SharedFile,
        offset: u64,
        buffer: Buffer,
        range: Range<usize>,
    },
    /// Run a closure on the work lane.
    Work(Box<dyn FnOnce() -> io::Result<u64> + Send>),
}

impl Operation {
    /// Reads `len` bytes at `offset` into the start of `buffer`, whatever it held. Short reads are
    /// continued; only the end of the file makes the count short. The buffer comes back filled
    /// with exactly the bytes read.
    ///
    /// # Panics
    /// If `len` exceeds the buffer's capacity.
    pub fn read(file: SharedFile, offset: u64, mut buffer: Buffer, len: usize) -> Self {
        assert!(
            len <= buffer.capacity(),
            "a read of {len} bytes does not fit its buffer"
        );
        buffer.clear();
        Self {
            kind: Kind::Read {
                file,
                offset,
                buffer,
                len,
            },
        }
    }

    /// Writes `buffer[range]` at `offset`. Short writes are continued.
    ///
    /// # Panics
    /// If `range` leaves the filled part of the buffer.
    pub fn write(
        file: SharedFile,
        offset: u64,
        buffer: Buffer,
        range: impl RangeBounds<usize>,
    ) -> Self {
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last + 1,
            Bound::Excluded(&end) => end,
            Bound::Unbounded => buffer.len(),
        };
        assert!(
            start <= end && end <= buffer.len(),
            "a write of {start}..{end} leaves its buffer"
        );
        Self {
            kind: Kind::Write {
                file,
                offset,
                buffer,
                range: start..end,
            },
        }
    }

    /// Runs `work` on the work lane: what no kernel does asynchronously (open, close, rename,
    /// flush, metadata). What it returns becomes the completion's result; capture a channel or a
    /// slot of your own for anything richer.
    pub fn work(work: impl FnOnce() -> io::Result<u64> + Send + 'static) -> Self {
        Self {
            kind: Kind::Work(Box::new(work)),
        }
    }

    /// The buffer of a read or a write that will not be submitted after all (an empty one for
    /// every other kind).
    pub fn into_buffer(self) -> Buffer {
        match self.kind {
            Kind::Read { buffer, .. } | Kind::Write { buffer, .. } => buffer,
            Kind::Work(_) => Buffer::default(),
        }
    }

    /// The memory that it keeps busy, which counts against
    /// [`PumpConfig::max_bytes`](crate::PumpConfig::max_bytes).
    pub(crate) fn weight(&self) -> u64 {
        match &self.kind {
            Kind::Read { buffer, .. } | Kind::Write { buffer, .. } => buffer.capacity() as u64,
            Kind::Work(_) => 0,
        }
    }

    /// The identity of the file it works on, if it is one of the pump's.
    pub(crate) fn file(&self) -> Option<FileId> {
        match &self.kind {
            Kind::Read { file, .. } | Kind::Write { file, .. } => Some(file.id()),
            Kind::Work(_) => None,
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Read { offset, len, .. } => write!(f, "Read({len} bytes at {offset})"),
            Kind::Write { offset, range, .. } => {
                write!(f, "Write({} bytes at {offset})", range.len())
            }
            Kind::Work(_) => write!(f, "Work"),
        }
    }
}
