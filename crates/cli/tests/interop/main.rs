//! tidesync at either end of a session, and at both: the same tree and the same command line for each
//! pair of programs, and what is on disk afterwards, what was printed and the exit code must be what
//! two rsyncs make of it in the same run.
//!
//! The pairs are those of tidesync with itself, with the rsync on the path, and with every other
//! version that `.ci/native peers` finds: the packages of one Debian release, security updates apart,
//! have two (3.2.7 and 3.5.0 in bookworm). A session with an older rsync is compared with one of the
//! newer and that older rsync. openrsync is no package there.
//!
//! Most sessions go through a fake remote shell; `openssh` has a real one. To try the comparison
//! itself, let rsync play both parts:
//! `TIDESYNC_BIN=/usr/bin/rsync cargo test -p cli --test interop`.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

#[path = "../compared/mod.rs"]
mod compared;
mod matrix;
mod openssh;
mod peer;
mod rows;
mod session;
mod trees;

use compared::{command_line, outcome, playground, power, rsync, specimen};
