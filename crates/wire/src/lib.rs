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
//! | `greeting.rs` | which version and which flags result, the seed | `compat.c` `setup_protocol()` |
//! | `choice.rs` | checksums and compressions by name | `checksum.c` |
//! | `negotiate.rs` | which checksum and which compression result | `compat.c` `negotiate_the_strings()` |
//! | `mux.rs` | frames: data, and messages beside it | `io.c` `read_a_msg()` |
//! | `message.rs` | messages of every kind | `rsync.h` `enum msgcode` |
//! | `ndx.rs` | indices of files, and the marks among them | `io.c` `read_ndx()` |
//! | `item.rs` | what is done with a file, and from what | `rsync.c` `read_ndx_and_attrs()` |
//! | `stats.rs` | the numbers at the end | `main.c` `handle_stats()` |
//! | `arguments.rs` | arguments and lists of names that cross as data | `io.c` `read_args()` |
//! | `filters.rs` | the frames of filter rules | `exclude.c` `recv_filter_list()` |
//! | `flist.rs`, `flist/` | the file list: entries, names of ids, ACLs, extended attributes | `flist.c`, `uidlist.c`, `acls.c`, `xattrs.c` |
//! | `sums.rs` | a basis' block sums | `io.c` `read_sum_head()`, `sender.c` `receive_sums()` |
//! | `token/` | a file's content, plain or compressed | `token.c` |
//! | `error.rs` | what can be wrong with a peer's bytes | |
#![forbid(unsafe_code)]

pub mod arguments;
pub mod choice;
pub mod error;
pub mod filters;
pub mod flist;
pub mod greeting;
pub mod int;
pub mod item;
pub mod message;
pub mod mux;
pub mod ndx;
pub mod negotiate;
pub mod protocol;
pub mod source;
pub mod stats;
pub mod sums;
pub mod token;

pub use error::Error;
pub use ndx::Ndx;
pub use protocol::{CompatFlags, Protocol, Side};
pub use source::Source;
