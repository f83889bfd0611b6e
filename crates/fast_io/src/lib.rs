//! Owned buffers to the kernel and back.
