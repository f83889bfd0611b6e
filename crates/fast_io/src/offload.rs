//! Copies from file to file by the cheapest road that the two file systems offer.
//!
//! Sharing blocks ([`Copier::clone_file`]) costs nothing; copying inside the kernel spares two
//! crossings; reading and writing always works. Which of them a pair of file systems allows is
//! found out by trying, and a [`Copier`] remembers the answer, so that the second of fifty thousand
//! small files does not pay for what failed on the first.
//!
//! Whatever the kernel refuses, and with whatever error, falls back to reading and writing *from
//! where the copy stands*. That also decides whose error it was: a disk that cannot be read fails
//! the read, a full one the write.
//!
//! | system | sharing blocks | inside the kernel | else |
//! |---|---|---|---|
//! | Linux | `FICLONE` | `copy_file_range` | 256 KiB at a time |
//! | macOS | `fclonefileat`, which makes the file ([`Copier::create_clone`]) | | 256 KiB at a time |
//! | Windows | `FSCTL_DUPLICATE_EXTENTS_TO_FILE`, where the volume says that it counts references | | 1 MiB at a time |
//!
//! Not used: macOS's `fcopyfile`, which clones only by path and else reads and writes in the
//! process as we do, but with no ranges; Windows' `CopyFileExW`, which takes paths, and those we do
//! not open again. It would gain nothing on local disks as far as could be measured (under Wine
//! only: `examples/roads.rs`, and its figures there).
//!
//! rsync: `fileio.c` `map_ptr()` and `write_file()`, which always read and write.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::buffer::Buffer;
use crate::dir::Dir;
use crate::sys;

/// Files up to this length are not worth a trick: sharing blocks takes longer than copying them, the
/// kernel's copy measures the same as ours, and reading and writing is never refused. So
/// [`Copier::copy_range`] reads and writes them; callers had better not try
/// [`Copier::clone_file`] on them either.
pub const SMALL: u64 = 16 << 10;

/// The kernel is asked for this much at once, so that progress is seen and a cancel is heeded.
const PART: u64 = 4 << 20;

/// Copies between one pair of file systems and remembers what they do not support. Share it among
/// threads; make one for each pair. A wrong pair costs speed, never correctness.
#[derive(Debug, Default)]
pub struct Copier {
    cloning: Doubt,
    cloning_to_names: Doubt,
    kernel_copy: Doubt,
}

/// Asks the kernel to copy a part: source and where, destination and where, how much.
type KernelCopy<'a> = &'a dyn Fn(&File, u64, &File, u64, u64) -> io::Result<u64>;

impl Copier {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes `destination`, which should be empty, share all of `source`'s blocks, as long as the
    /// source is at this moment. `false` if that cannot be had here, for whatever reason: then
    /// copy. What a failed attempt may leave in the destination is overwritten by that copy.
    pub fn clone_file(&self, source: &File, destination: &File) -> bool {
        if !self.cloning.worth_trying() {
            return false;
        }
        let cloned = retry(|| sys::clone_file(source, destination));
        self.cloning.learn(&cloned);
        cloned.is_ok()
    }

    /// Makes the new file `name` in `dir` as a clone of `source`, where a system clones in this way
    /// only (macOS), and opens it for reading. It has these permissions, its maker as owner, and
    /// the source's modification time. `None` if that cannot be had here, for whatever reason:
    /// then nothing was made.
    ///
    /// # Errors
    /// Only that the name is taken.
    pub fn create_clone(
        &self,
        source: &File,
        dir: &Dir,
        name: &[u8],
        permissions: u32,
    ) -> io::Result<Option<File>> {
        if !self.cloning_to_names.worth_trying() {
            return Ok(None);
        }
        let cloned = retry(|| dir.create_clone(name, source, permissions));
        match cloned {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            cloned => {
                self.cloning_to_names.learn(&cloned);
                Ok(cloned.ok())
            }
        }
    }

    /// Copies `len` bytes from `source` at `source_offset` to `destination` at
    /// `destination_offset`; fewer if the source ends before that. A source that grows meanwhile is
    /// copied no further than `len`. `progress` hears the bytes copied so far at least every
    /// 4 MiB, and may end the copy.
    ///
    /// The destination must not be open for appending.
    ///
    /// # Errors
    /// The system's, of reading or of writing. What had been copied by then stays.
    pub fn copy_range(
        &self,
        source: &File,
        destination: &File,
        source_offset: u64,
        destination_offset: u64,
        len: u64,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Copied, CopyError> {
        let (from, to) = (source_offset, destination_offset);
        self.copy_range_by(
            &sys::copy_in_kernel,
            (source, from),
            (destination, to),
            len,
            progress,
        )
    }

    fn copy_range_by(
        &self,
        kernel: KernelCopy<'_>,
        (source, source_offset): (&File, u64),
        (destination, destination_offset): (&File, u64),
        len: u64,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Copied, CopyError> {
        let mut in_kernel = len > SMALL && self.kernel_copy.worth_trying();
        let mut copied = Copied {
            bytes: 0,
            method: Method::ReadWrite,
            end: End::Complete,
        };
        while copied.bytes < len {
            let part = PART.min(len - copied.bytes);
            let from = source_offset.saturating_add(copied.bytes);
            let to = destination_offset.saturating_add(copied.bytes);
            let mut method = Method::Kernel;
            let mut moved = 0;
            if in_kernel {
                let asked = retry(|| kernel(source, from, destination, to, part));
                self.kernel_copy.learn(&asked);
                // Zero at the end of the file, where a file system wrongly takes it for the end,
                // and where it refuses. Reading will tell these apart.
                moved = asked.unwrap_or(0);
                in_kernel = moved > 0;
            }
            if moved == 0 {
                method = Method::ReadWrite;
                moved = read_and_write(source, from, destination, to, part).map_err(
                    |(side, error)| CopyError {
                        side,
                        error,
                        bytes: copied.bytes,
                    },
                )?;
            }
            if moved == 0 {
                copied.end = End::SourceEnded;
                break;
            }
            copied.method = if copied.bytes == 0 {
                method
            } else {
                copied.method.max(method)
            };
            copied.bytes += moved;
            if progress(copied.bytes).is_break() && copied.bytes < len {
                copied.end = End::Stopped;
                break;
            }
        }
        Ok(copied)
    }
}

/// Reads a file that should hold `expected` bytes into `buffer`, which must have room for more.
/// False if it holds fewer or more. For contents so small that asking for the file's length, or
/// an operation of the pump, would cost more than the reading.
///
/// # Errors
/// The system's.
///
/// # Panics
/// If the buffer has no room for one byte more than expected, which tells longer files.
pub fn read_small(file: &File, buffer: &mut Buffer, expected: usize) -> io::Result<bool> {
    let room = &mut buffer.room_mut()[..=expected];
    let mut filled = 0;
    while filled < expected {
        match retry(|| sys::read_at(file, &mut room[filled..], filled as u64))? {
            0 => break,
            got => filled += got,
        }
    }
    buffer.set_filled(filled);
    Ok(filled == expected)
}

/// Writes all of `bytes` at `offset`: the counterpart of [`read_small`].
///
/// # Errors
/// The system's.
pub fn write_small(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        match retry(|| sys::write_at(file, &bytes[written..], offset + written as u64))? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            more => written += more,
        }
    }
    Ok(())
}

/// Moves one bufferful; zero at the end of the source. It is written whole before it counts.
fn read_and_write(
    source: &File,
    from: u64,
    destination: &File,
    to: u64,
    part: u64,
) -> Result<u64, (Side, io::Error)> {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.resize(sys::COPY_BUFFER_SIZE, 0);
        let room = (buffer.len() as u64).min(part) as usize;
        let got = retry(|| sys::read_at(source, &mut buffer[..room], from));
        let got = got.map_err(|error| (Side::Source, error))?;
        let mut written = 0;
        while written < got {
            let rest = &buffer[written..got];
            match retry(|| sys::write_at(destination, rest, to.saturating_add(written as u64))) {
                Ok(0) => return Err((Side::Destination, io::ErrorKind::WriteZero.into())),
                Ok(more) => written += more,
                Err(error) => return Err((Side::Destination, error)),
            }
        }
        Ok(got as u64)
    })
}

thread_local! {
    /// Kept from copy to copy: zeroing a fresh one would cost more than a small file does.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// Whether something is worth another try, shared by threads without a lock.
///
/// Some errors speak of the file systems ("not supported", "not across devices"): one is enough.
/// Others may speak of one file alone (it is too odd, it is locked): after a few in a row without a
/// success between them they are taken to speak of all.
#[derive(Debug, Default)]
struct Doubt {
    failures: AtomicU8,
}

impl Doubt {
    const SETTLED: u8 = 16;

    fn worth_trying(&self) -> bool {
        self.failures.load(Ordering::Relaxed) < Self::SETTLED
    }

    fn learn<T>(&self, outcome: &io::Result<T>) {
        let before = self.failures.load(Ordering::Relaxed);
        let failures = match outcome {
            Ok(_) => 0,
            Err(error) if sys::is_never_supported(error) => Self::SETTLED,
            Err(_) => before.saturating_add(1),
        };
        if failures != before {
            self.failures.store(failures, Ordering::Relaxed);
        }
    }
}

/// What a copy came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Bytes copied, from the start of the range on.
    pub bytes: u64,
    /// The costliest method that was used.
    pub method: Method,
    /// Why it ended.
    pub end: End,
}

/// How bytes were copied, the cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Method {
    /// Copied inside the kernel (`copy_file_range` and its like).
    Kernel,
    /// Read and written through a buffer.
    ReadWrite,
}

/// Why a copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All bytes asked for were copied.
    Complete,
    /// The source ended early.
    SourceEnded,
    /// The progress callback said so.
    Stopped,
}

/// A copy failed, on one side of it.
#[derive(Debug)]
pub struct CopyError {
    /// Which of the two files was to blame.
    pub side: Side,
    /// The system's error.
    pub error: io::Error,
    /// Bytes that had been copied whole.
    pub bytes: u64,
}

/// One of the two files of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The file that is read.
    Source,
    /// The file that is written.
    Destination,
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing = match self.side {
            Side::Source => "reading",
            Side::Destination => "writing",
        };
        write!(
            f,
            "{doing} failed after {} bytes: {}",
            self.bytes, self.error
        )
    }
}

impl Error for CopyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl From<CopyError> for io::Error {
    /// The system's error alone.
    fn from(failed: CopyError) -> Self {
        failed.error
    }
}

#[cfg(test)]
mod tests;
