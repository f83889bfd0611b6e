//! How much a pipe holds.

use std::fs::File;

/// Asks for so many bytes. The system may have its reasons not to: then nothing changes.
pub(crate) fn widen_pipe(pipe: &File, bytes: usize) {
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, bytes);
}
