//! What can be asked of the pump: completions and work, behind one type.
//!
//! [`Operation`] hides its kinds so that new ones can join without moving any caller, and so that the
//! pump alone decides which lane or kernel queue an operation takes; the README has the table.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::{Bound, Range, RangeBounds};
#[cfg(unix)]
use std::path::Path;
use std::time::Instant;

use socket2::SockAddr;

use crate::buffer::Buffer;
use crate::file::{HandleId, SharedFile};
use crate::socket::SharedSocket;

/// One thing to do. Made by the constructors, consumed by
/// [`CompletionPump::submit`](crate::CompletionPump::submit).
pub struct Operation {
    pub(crate) kind: Kind,
    pub(crate) deadline: Option<Instant>,
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
    /// Wait for the next connection to a listener, and keep it in `accepted`.
    Accept {
        listener: SharedSocket,
        accepted: Option<SharedSocket>,
    },
    /// Connect. `begun` is for drivers that start it and look again later.
    Connect {
        socket: SharedSocket,
        address: Box<SockAddr>,
        begun: bool,
    },
    /// Wait for bytes, and take up to `len` of those that are there.
    Receive {
        socket: SharedSocket,
        buffer: Buffer,
        len: usize,
    },
    /// Send all of `buffer[range]`.
    Send {
        socket: SharedSocket,
        buffer: Buffer,
        range: Range<usize>,
    },
    /// Bring what was written to the device.
    Sync { file: SharedFile },
    /// Run a closure on the work lane.
    Work(Box<dyn FnOnce() -> io::Result<u64> + Send>),
}

impl Operation {
    /// Reads `len` bytes at `offset` into the start of `buffer`, whatever it held. Short reads are
    /// continued; only the end of the file makes the count short. The buffer comes back filled
    /// with exactly the bytes read.
    ///
    /// In a pipe, which has no places, `offset` says nothing. A worker's read of one cannot be cancelled.
    ///
    /// # Panics
    /// If `len` exceeds the buffer's capacity.
    pub fn read(file: SharedFile, offset: u64, mut buffer: Buffer, len: usize) -> Self {
        assert!(
            len <= buffer.capacity(),
            "a read of {len} bytes does not fit its buffer"
        );
        buffer.clear();
        Self::of(Kind::Read {
            file,
            offset,
            buffer,
            len,
        })
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
        let range = within(&buffer, range);
        Self::of(Kind::Write {
            file,
            offset,
            buffer,
            range,
        })
    }

    /// Brings the file's bytes and what the system knows of it to the device, as
    /// [`File::sync_all`](std::fs::File::sync_all) does: all that had been written when it was
    /// submitted. Writes that are still in flight then may be missed.
    pub fn sync(file: SharedFile) -> Self {
        Self::of(Kind::Sync { file })
    }

    /// Waits for the next connection to `listener`. The completion has it as
    /// [`accepted`](crate::Completion::accepted).
    pub fn accept(listener: SharedSocket) -> Self {
        Self::of(Kind::Accept {
            listener,
            accepted: None,
        })
    }

    /// Connects `socket`, which is [unconnected](SharedSocket::unconnected) as yet, to `address`.
    /// A socket whose connect has failed is spent.
    pub fn connect(socket: SharedSocket, address: SocketAddr) -> Self {
        Self::of(Kind::Connect {
            socket,
            address: Box::new(address.into()),
            begun: false,
        })
    }

    /// Connects `socket`, which is [unconnected](SharedSocket::unconnected_unix) as yet, to the
    /// Unix socket that listens at `path`.
    ///
    /// # Errors
    /// If the path is longer than the system's socket addresses.
    #[cfg(unix)]
    pub fn connect_unix(socket: SharedSocket, path: &Path) -> io::Result<Self> {
        Ok(Self::of(Kind::Connect {
            socket,
            address: Box::new(SockAddr::unix(path)?),
            begun: false,
        }))
    }

    /// Waits until something arrives at `socket`, and takes what has, at most `len` bytes, into the
    /// start of `buffer`, whatever that held. No bytes say that the other end sends no more. A
    /// connection that was reset is an error of kind
    /// [`ConnectionReset`](io::ErrorKind::ConnectionReset), each time, and never an end.
    ///
    /// Of several at once on one socket each gets some of the bytes, in no order: keep one.
    ///
    /// # Panics
    /// If `len` is 0, or exceeds the buffer's capacity.
    pub fn receive(socket: SharedSocket, mut buffer: Buffer, len: usize) -> Self {
        assert!(
            0 < len && len <= buffer.capacity(),
            "{len} bytes cannot be received into the buffer"
        );
        buffer.clear();
        Self::of(Kind::Receive {
            socket,
            buffer,
            len,
        })
    }

    /// Sends all of `buffer[range]`, for as long as that takes.
    ///
    /// The bytes of several at once on one socket may mix: keep one.
    ///
    /// # Panics
    /// If `range` leaves the filled part of the buffer.
    pub fn send(socket: SharedSocket, buffer: Buffer, range: impl RangeBounds<usize>) -> Self {
        let range = within(&buffer, range);
        Self::of(Kind::Send {
            socket,
            buffer,
            range,
        })
    }

    /// Ends an operation on a socket that has not been done by then, with an error of kind
    /// [`TimedOut`](io::ErrorKind::TimedOut). As when it is cancelled, part of it may have been
    /// done, or all. Operations on files, and work, take no notice: they wait for nobody.
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Runs `work` on the work lane: what no kernel does asynchronously (opening, renaming, removing,
    /// attributes), each by itself or several in a row. What it returns becomes the completion's result; capture a channel or a
    /// slot of your own for anything richer.
    pub fn work(work: impl FnOnce() -> io::Result<u64> + Send + 'static) -> Self {
        Self::of(Kind::Work(Box::new(work)))
    }

    /// The buffer of an operation that will not be submitted after all (an empty one for the
    /// kinds that have none).
    pub fn into_buffer(self) -> Buffer {
        self.kind.into_buffer()
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            deadline: None,
        }
    }

    /// The memory that it keeps busy, which counts against
    /// [`PumpConfig::max_bytes`](crate::PumpConfig::max_bytes).
    pub(crate) fn weight(&self) -> u64 {
        match &self.kind {
            Kind::Read { buffer, .. }
            | Kind::Write { buffer, .. }
            | Kind::Receive { buffer, .. }
            | Kind::Send { buffer, .. } => buffer.capacity() as u64,
            Kind::Sync { .. } | Kind::Accept { .. } | Kind::Connect { .. } | Kind::Work(_) => 0,
        }
    }
}

impl Kind {
    /// Lets go of everything but the buffer.
    pub fn into_buffer(self) -> Buffer {
        match self {
            Kind::Read { buffer, .. }
            | Kind::Write { buffer, .. }
            | Kind::Receive { buffer, .. }
            | Kind::Send { buffer, .. } => buffer,
            Kind::Sync { .. } | Kind::Accept { .. } | Kind::Connect { .. } | Kind::Work(_) => {
                Buffer::default()
            }
        }
    }

    /// Whether it takes so little that handing it over would be a large part of it.
    pub fn is_short(&self) -> bool {
        const SHORT: usize = 64 << 10;
        match self {
            Kind::Read { len, .. } => *len <= SHORT,
            Kind::Write { range, .. } => range.len() <= SHORT,
            _ => false,
        }
    }

    /// The identity of the file or socket it works on, if it is one of the pump's.
    pub fn handle(&self) -> Option<HandleId> {
        let file = self.file().map(SharedFile::id);
        file.or_else(|| self.socket().map(SharedSocket::id))
    }

    /// The file it works on, if it is an operation on one.
    pub fn file(&self) -> Option<&SharedFile> {
        match self {
            Kind::Read { file, .. } | Kind::Write { file, .. } | Kind::Sync { file } => Some(file),
            _ => None,
        }
    }

    /// The socket it works on, if it is an operation on one.
    pub fn socket(&self) -> Option<&SharedSocket> {
        match self {
            Kind::Accept {
                listener: socket, ..
            }
            | Kind::Connect { socket, .. }
            | Kind::Receive { socket, .. }
            | Kind::Send { socket, .. } => Some(socket),
            Kind::Read { .. } | Kind::Write { .. } | Kind::Sync { .. } | Kind::Work(_) => None,
        }
    }
}

/// The part of a buffer that is to go out.
fn within(buffer: &Buffer, range: impl RangeBounds<usize>) -> Range<usize> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => buffer.len(),
    };
    assert!(
        start <= end && end <= buffer.len(),
        "writing {start}..{end} leaves the buffer"
    );
    start..end
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Read { offset, len, .. } => write!(f, "Read({len} bytes at {offset})"),
            Kind::Write { offset, range, .. } => {
                write!(f, "Write({} bytes at {offset})", range.len())
            }
            Kind::Sync { .. } => write!(f, "Sync"),
            Kind::Accept { .. } => write!(f, "Accept"),
            Kind::Connect { address, .. } => write!(f, "Connect({address:?})"),
            Kind::Receive { len, .. } => write!(f, "Receive(at most {len} bytes)"),
            Kind::Send { range, .. } => write!(f, "Send({} bytes)", range.len()),
            Kind::Work(_) => write!(f, "Work"),
        }
    }
}
