//! Owned buffers to the kernel and back.

pub mod dir;
