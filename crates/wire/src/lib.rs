//! rsync's protocol as plain data: bytes to messages and back. Pure, without I/O.
//!
//! Encoders append to a `Vec<u8>`. Decoders take bytes from a [`Source`]: a slice in tests, in a
//! session whatever waits for the peer. What a peer sends is checked where it is decoded: every
//! count and length has a bound before memory is taken, and a bad one is an [`Error`] that says
//! whether the stream was cut off, the peer misbehaves, or asks for something unknown.
//!
//! # Map
//!
//! | file | what it holds | rsync ancestor |
//! |---|---|---|
//! | `source.rs` | where decoders take bytes from | `io.c` `read_buf()` |
//! | `int.rs` | numbers and short strings | `io.c` `read_varint()`, ... |
//! | `protocol.rs` | versions 27 to 32, and what differs between them | `compat.c` |
//! | `sums.rs` | a basis' block sums | `io.c` `read_sum_head()`, `sender.c` `receive_sums()` |
//! | `token/` | a file's content, plain or compressed | `token.c` |
//! | `error.rs` | what can be wrong with a peer's bytes | |
#![forbid(unsafe_code)]

pub mod error;
pub mod int;
pub mod protocol;
pub mod source;
pub mod sums;
pub mod token;

pub use error::Error;
pub use protocol::{CompatFlags, Protocol};
pub use source::Source;
