//! Copies from file to file by the cheapest road that the two file systems offer.
//!
//! Sharing blocks ([`Copier::clone_file`]) costs nothing; copying inside the kernel spares two
//! crossings; reading and writing always works. Which of them a pair of file systems allows is
//! found out by trying, and a [`Copier`] remembers the answer.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;

use crate::sys;

/// Copies between one pair of file systems and remembers what they do not support. Share it among
/// threads; make one for each pair. A wrong pair costs speed, never correctness.
#[derive(Debug, Default)]
pub struct Copier {}

/// How bytes were copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Method {
    /// Blocks are shared until one side writes (reflink, block clone).
    Clone,
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

/// What a copy came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Bytes copied, from the start of the range on.
    pub bytes: u64,
    /// The least efficient method that was used.
    pub method: Method,
    /// Why it ended.
    pub end: End,
}

impl Copier {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes all of `destination` (which should be empty) share all of `source`'s blocks. `false`
    /// if these file systems cannot: then copy.
    ///
    /// # Errors
    /// Those that a copy would meet as well: no space, an input/output error.
    pub fn clone_file(&self, _source: &File, _destination: &File) -> io::Result<bool> {
        Ok(false)
    }

    /// Copies `len` bytes from `source` at `source_offset` to `destination` at
    /// `destination_offset`. `progress` hears the bytes copied so far after each part (4 MiB at
    /// most) and may end the copy.
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
    ) -> io::Result<Copied> {
        let mut bytes = 0;
        let ended = |bytes, end| {
            Ok(Copied {
                bytes,
                method: Method::ReadWrite,
                end,
            })
        };
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(BUFFER_SIZE, 0);
            while bytes < len {
                let wanted = (len - bytes).min(BUFFER_SIZE as u64) as usize;
                let got = sys::read_at(source, &mut buffer[..wanted], source_offset + bytes)?;
                if got == 0 {
                    return ended(bytes, End::SourceEnded);
                }
                let mut written = 0;
                while written < got {
                    written += sys::write_at(
                        destination,
                        &buffer[written..got],
                        destination_offset + bytes + written as u64,
                    )?;
                }
                bytes += got as u64;
                if progress(bytes).is_break() {
                    return ended(bytes, End::Stopped);
                }
            }
            ended(bytes, End::Complete)
        })
    }
}

const BUFFER_SIZE: usize = 256 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
