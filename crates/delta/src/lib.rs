//! Finds what changed: rsync's checksums, signatures and matching.
//!
//! The receiving side of a transfer describes the file it already has (the *basis*) as a
//! [`Signature`]: one weak and one strong sum per block. The sending side slides a window over
//! its own file and finds those blocks again, wherever they moved ([`Matcher`]). What comes out
//! is a list of tokens: "these literal bytes" or "copy that block". Everything here is a pure
//! function of bytes: no files, no sockets, no threads, and no sibling crates, so it can be
//! tested on its own and called from any thread.
//!
//! Sums, block sizes and matching decisions are rsync's to the letter (protocol 27 to 32), so
//! a signature or a token stream may come from, or go to, a real rsync.
//!
//! # From basis to tokens
//!
//! ```
//! use delta::{BlockLayout, ChecksumKind, Feed, FileSum, LayoutRule, Matcher, Signature};
//! use delta::{BasisUse, CopyRun, StrongSum, TokenSink};
//!
//! struct Rebuild<'a> { basis: &'a [u8], out: Vec<u8> }
//! impl TokenSink for Rebuild<'_> {
//!     type Error = std::convert::Infallible;
//!     fn literal(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
//!         self.out.extend_from_slice(bytes);
//!         Ok(())
//!     }
//!     fn copy(&mut self, run: CopyRun) -> Result<(), Self::Error> {
//!         let start = run.offset as usize;
//!         self.out.extend_from_slice(&self.basis[start..start + run.len as usize]);
//!         Ok(())
//!     }
//! }
//!
//! let basis = vec![7u8; 5000];
//! let mut source = b"new head".to_vec();
//! source.extend_from_slice(&basis);
//!
//! let sum = StrongSum::new(ChecksumKind::Xxh128, 0);
//! let layout = BlockLayout::for_file(basis.len() as u64, &LayoutRule::new(sum.kind()))?;
//! let signature = Signature::of(layout, sum, &basis)?;
//!
//! let mut matcher = Matcher::new(signature, BasisUse::Separate)
//!     .with_file_sum(FileSum::new(sum.kind()));
//! let mut rebuilt = Rebuild { basis: &basis, out: Vec::new() };
//! let Ok(_) = matcher.scan(&source, Feed::Last, &mut rebuilt);
//! assert_eq!(rebuilt.out, source);
//! assert_eq!(matcher.finish().file_sum, Some(FileSum::of(sum.kind(), &source)));
//! # Ok::<(), delta::Error>(())
//! ```
//!
//! # Map
//!
//! | file | what it holds | rsync ancestor |
//! |---|---|---|
//! | `checksum.rs` | which checksums exist: names, lengths | `checksum.c` tables |
//! | `digest.rs` | a finished sum as a small value; `%C` text | `util2.c` `sum_as_hex()` |
//! | `strong.rs` | seeded block sums and streaming whole-file sums | `checksum.c` `get_checksum2()`, `sum_init()` |
//! | `rolling.rs` | the weak sum: fast over a slice, O(1) to roll | `checksum.c` `get_checksum1()` |
//! | `layout.rs` | how a file is cut into blocks; refuses a peer's bad numbers | `generator.c` `sum_sizes_sqroot()`, `io.c` `read_sum_head()` |
//! | `signature.rs` | the sums of all blocks | `sender.c` `receive_sums()` |
//! | `signing.rs` | making them: from a stream, or from a peer | `generator.c` `generate_and_send_sums()` |
//! | `block_index.rs` | which block has these sums? constant time even for hostile sums | `match.c` `build_hash_table()` |
//! | `hash_hits.rs` | rsync's hash buckets, kept only to report its `hash_hits` figure | `match.c` |
//! | `search.rs` | the decision at one position: which block, by rsync's preferences | `match.c` `hash_search()` |
//! | `matcher.rs` | the pass over the source, window by window | `match.c` `match_sums()`, `matched()` |
//! | `token.rs` | what the search emits, and its statistics | `match.c` `matched()`, `match_report()` |
//! | `seam.rs` | joins the pieces of a source that streams by | `fileio.c` `map_ptr()` |
//! | `error.rs` | what can be refused | |
#![forbid(unsafe_code)]

mod block_index;
mod checksum;
mod digest;
mod error;
mod hash_hits;
mod layout;
mod matcher;
mod rolling;
mod seam;
mod search;
mod signature;
mod signing;
mod strong;
mod token;

pub use checksum::ChecksumKind;
pub use digest::Digest;
pub use error::Error;
pub use layout::{BlockLayout, LayoutRule, SumHead, SumStrength};
pub use matcher::{BasisUse, Feed, Matcher, Outcome};
pub use rolling::RollingSum;
pub use seam::Seam;
pub use signature::Signature;
pub use signing::{BlockSums, SignatureBuilder, SignatureReceiver};
pub use strong::{FileSum, SeedPlace, StrongSum};
pub use token::{CopyRun, MatchStats, TokenSink};
