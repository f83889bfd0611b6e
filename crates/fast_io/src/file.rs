//! An open file that operations in flight hold on to.
//!
//! Operations outlive the call that submits them, so they share the file's handle instead of
//! borrowing it; dropping yours with operations in flight is safe, and the last of them closes it.
//! It is a type of its own, not `Arc<File>`, because a driver must remember things about a handle
//! for the handle's life: on Windows a port attaches to a handle once, on Linux a ring registers it.

use std::fs::File;
use std::ops::Deref;
use std::sync::Arc;

/// A shared, open file. Cloning it shares the same open file description.
///
/// It dereferences to [`std::fs::File`] for everything that the pump does not do.
#[derive(Debug, Clone)]
pub struct SharedFile {
    shared: Arc<File>,
}

impl SharedFile {
    /// Shares `file` among operations.
    pub fn new(file: File) -> Self {
        Self {
            shared: Arc::new(file),
        }
    }

    /// The plain file, if nobody else holds on to it; otherwise `self` again.
    ///
    /// # Errors
    /// Hands `self` back while an operation or another clone still holds the file.
    pub fn into_file(self) -> Result<File, SharedFile> {
        Arc::try_unwrap(self.shared).map_err(|shared| Self { shared })
    }

    /// A number that no other open [`SharedFile`] has; never zero.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }
}

impl From<File> for SharedFile {
    fn from(file: File) -> Self {
        Self::new(file)
    }
}

impl Deref for SharedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.shared
    }
}
