//! Owned bytes that travel into an operation and come back with its completion.
//!
//! A kernel that reads into memory later (a port, a ring) must be sure that the memory stays put
//! and stays alive. So no operation borrows: a [`Buffer`] moves in, lives on the heap at an
//! address that never changes, and moves out again with the [`Completion`](crate::Completion).
//! A [`BufferPool`] takes buffers back when they are dropped, so that a long transfer allocates
//! only as much as it ever has in flight.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Owned, initialised bytes: `capacity` of them, of which the first `len` mean something.
///
/// It dereferences to the bytes that mean something. All of the capacity is always initialised,
/// which is why handing it to a reader needs no `unsafe`.
#[derive(Default)]
pub struct Buffer {
    storage: Vec<u8>,
    filled: usize,
    home: Option<BufferPool>,
}

impl Buffer {
    /// A buffer with room for `capacity` bytes, none of which is filled. It belongs to no pool.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            storage: vec![0; capacity],
            filled: 0,
            home: None,
        }
    }

    /// How many bytes it can hold.
    pub fn capacity(&self) -> usize {
        self.storage.len()
    }

    /// Forgets what it holds; the room stays.
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Says that the first `filled` bytes mean something. Bytes that nobody wrote since the buffer
    /// was made are zero; those of a pooled buffer are whatever was there before.
    ///
    /// # Panics
    /// If `filled` exceeds the capacity.
    pub fn set_filled(&mut self, filled: usize) {
        assert!(
            filled <= self.storage.len(),
            "a buffer cannot hold more than its capacity"
        );
        self.filled = filled;
    }

    /// All of the room, filled or not, to write into; say with [`set_filled`](Self::set_filled)
    /// how much of it came to mean something.
    pub fn room_mut(&mut self) -> &mut [u8] {
        &mut self.storage
    }

    /// Appends as much of `bytes` as there is room for, and says how much that was.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.storage.len() - self.filled);
        self.storage[self.filled..self.filled + count].copy_from_slice(&bytes[..count]);
        self.filled += count;
        count
    }
}

impl From<Vec<u8>> for Buffer {
    /// A buffer filled with all of `bytes`; nothing is copied.
    fn from(bytes: Vec<u8>) -> Self {
        let filled = bytes.len();
        Self {
            storage: bytes,
            filled,
            home: None,
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.storage[..self.filled]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.storage[..self.filled]
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("filled", &self.filled)
            .field("capacity", &self.storage.len())
            .field("pooled", &self.home.is_some())
            .finish()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(pool) = self.home.take() {
            pool.keep(std::mem::take(&mut self.storage));
        }
    }
}

/// Recycles buffers of one size. Cloning it makes another handle to the same pool.
#[derive(Clone)]
pub struct BufferPool {
    shared: Arc<Shelf>,
}

struct Shelf {
    buffer_size: usize,
    keep_at_most: usize,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl BufferPool {
    /// A pool of buffers of `buffer_size` bytes, which keeps at most `keep_at_most` of them while
    /// they are not in use. It hands out as many as are asked for: what bounds those in use is the
    /// pump's own limit of bytes in flight.
    pub fn new(buffer_size: usize, keep_at_most: usize) -> Self {
        let spare = Mutex::new(Vec::new());
        Self {
            shared: Arc::new(Shelf {
                buffer_size,
                keep_at_most,
                spare,
            }),
        }
    }

    /// An empty buffer, recycled if there is one. It returns to the pool when dropped.
    pub fn take(&self) -> Buffer {
        let recycled = self.spare().pop();
        let storage = recycled.unwrap_or_else(|| vec![0; self.shared.buffer_size]);
        Buffer {
            storage,
            filled: 0,
            home: Some(self.clone()),
        }
    }

    /// The size of this pool's buffers in bytes.
    pub fn buffer_size(&self) -> usize {
        self.shared.buffer_size
    }

    /// How many buffers wait here to be used again.
    pub fn spare_count(&self) -> usize {
        self.spare().len()
    }

    fn keep(&self, storage: Vec<u8>) {
        let mut spare = self.spare();
        if storage.len() == self.shared.buffer_size && spare.len() < self.shared.keep_at_most {
            spare.push(storage);
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        // No code that can panic runs under this lock, so a poisoned one still holds whole buffers.
        self.shared
            .spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool")
            .field("buffer_size", &self.shared.buffer_size)
            .field("spare", &self.spare_count())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_handed_out_again_empty() {
        let pool = BufferPool::new(16, 1);
        let mut first = pool.take();
        assert_eq!(first.append(b"secret"), 6);
        let address = first.as_ptr();
        drop(first);
        assert_eq!(pool.spare_count(), 1);
        let second = pool.take();
        assert_eq!(second.as_ptr(), address);
        assert!(second.is_empty());
    }

    #[test]
    fn the_pool_keeps_no_more_than_it_said() {
        let pool = BufferPool::new(8, 2);
        let in_use: Vec<_> = (0..5).map(|_| pool.take()).collect();
        drop(in_use);
        assert_eq!(pool.spare_count(), 2);
    }
}
