//! Who closes a file when the last operation on it ends.
//!
//! An operation lets go of its file before its handler runs, and where nobody else holds that, it is
//! closed. With a virus scanner or a network file system in between this takes milliseconds, in which
//! the one thread of a ring, or a thread of a port with its batch, would complete nothing else. So
//! these have the work lane do it, and run the handler after it.

use std::sync::Arc;

use crate::driver::lane::Lane;
#[cfg(any(windows, target_os = "linux", target_os = "android"))]
use crate::slot::EndedSlot;

/// The work lane, for threads that others' completions wait for.
pub(crate) type Closers = Arc<Lane>;

#[cfg(any(windows, target_os = "linux", target_os = "android"))]
impl Lane {
    /// Runs the handler of an operation that has ended on a ring or a port: here, unless its file has to
    /// be closed first.
    pub fn finish(&self, ended: EndedSlot) {
        if !ended.is_to_close() {
            return ended.dispatch();
        }
        if let Err(refused) = self.push(ended.wait_to_close()) {
            // The pump ends: nobody needs this thread any more. A slot that is dropped runs its handler.
            drop(refused);
        }
    }
}
