//! A session with another process, over two streams of bytes.
//!
//! ```text
//!  receiving side                                        sending side
//!  ──────────────                                        ────────────
//!  generator ─ requests ─► outlet ═══════► inlet ─ request_queue ─► sending, content_out
//!      ▲  ▲                                                             │        ▲
//!      │  └─ news ── receiver ◄┐                                        │     segments
//!   segments                   │                                        ▼        │
//!      └──────── list_in ─ receiving ─ inlet ◄═══════ outlet ◄─ list_out,     sender
//!                                                              tokens
//! ```
//!
//! - [`session`]: one session from the handshake to the goodbye; [`handshake`]: what is said before
//!   there are frames; [`agreement`]: what came of it;
//! - [`watch`]: ends a session that hangs, and one that was stopped and does not come to its end;
//! - [`outlet`], [`inlet`]: the one writer and the one reader of a process;
//! - [`hearing`]: what is done with messages that come beside the data;
//! - [`listed_names`]: the names of `--files-from` that are read at the other end;
//! - receiving: [`receiving`] reads, [`list_in`] takes the list and holds it against what was
//!   [`asked_for`], [`requests`] asks;
//! - sending: [`request_queue`] reads, [`sending`] answers, with [`list_out`] and [`content_out`];
//! - [`recording`], [`replay`]: batch files, written and in the place of a sender;
//! - [`sums`], [`stats`]: signatures' heads and figures between `wire` and those who use them.
//!
//! A process is one side: it has the threads `session` (all roles), reader, writer, on the sending side
//! one that lists, and the caller's, which watches. Those that may hang in a system call (reader, writer)
//! are not waited for when a session ends early.
//!
//! *Reading never waits on writing.* On the receiving side the reader waits for disks at most; what it
//! says goes into the outlet without waiting. On the sending side the reader may wait for the sender,
//! and so for the other side's reader, which does not.
// rsync: main.c client_run(), start_server()

pub(crate) mod agreement;
mod asked_for;
mod content_out;
pub(crate) mod handshake;
mod hearing;
mod inlet;
mod list_in;
mod list_out;
mod listed_attributes;
mod listed_names;
mod outlet;
mod receiving;
mod recording;
mod replay;
mod request_queue;
pub(crate) mod requests;
mod sending;
mod session;
mod skip_compress;
mod small_files;
mod stats;
pub(crate) mod sums;
mod watch;

pub(crate) use hearing::Destined;
pub(crate) use list_out::SENDING_ORDER;
pub use recording::Recording;
pub use replay::Replay;
pub use session::{
    Call, Messenger, Side, Wire, put_secluded_arguments, run_remote, secluded_arguments,
};

use crate::context::{Context, line};
use crate::error::{Fatal, SessionError};
use crate::event::Role;
use std::io;

/// Why the stream from the other side cannot be read on.
#[derive(Debug)]
pub(crate) enum StreamError {
    /// It ended before its time, after so many bytes.
    Closed { read: u64 },
    /// It cannot be read.
    Io(io::Error),
    /// It cannot be understood.
    Wire(wire::Error),
    /// The other side said that it ends, with this code or, where it only follows us, none.
    PeerExit(Option<u8>),
    /// It would take more memory than `--max-alloc` allows, in bytes.
    TooLarge(u64),
    /// The session is ending on our side.
    Ended,
}

impl From<wire::Error> for StreamError {
    fn from(error: wire::Error) -> StreamError {
        StreamError::Wire(error)
    }
}

impl StreamError {
    /// Tells it and makes of it what ends the session.
    // rsync: io.c whine_about_eof(), cleanup.c
    pub fn tell(self, ctx: &Context, role: Role) -> SessionError {
        match self {
            StreamError::Closed { .. } | StreamError::Wire(wire::Error::Truncated)
                if ctx.control.is_stopped() =>
            {
                SessionError {
                    kind: Fatal::Interrupted,
                    role,
                }
            }
            StreamError::Closed { read } => {
                let who = role.name();
                let text = format!(
                    "tidesync: connection unexpectedly closed ({read} bytes received so far) [{who}]"
                );
                ctx.fatal(Fatal::StreamIo, role, text)
            }
            StreamError::Io(e) => ctx.fatal_os(Fatal::StreamIo, role, line!("read error"), e),
            StreamError::Wire(error) => {
                let kind = match &error {
                    wire::Error::Truncated | wire::Error::Garbled(_) => Fatal::StreamIo,
                    wire::Error::Misbehaving(_) | wire::Error::Incompatible(_) => Fatal::Protocol,
                    wire::Error::Unsupported(_) => Fatal::Unsupported,
                };
                let text = error.to_string();
                let mut lines = text.lines();
                let last = lines.next_back().unwrap_or_default();
                lines.for_each(|line| ctx.error(role, line));
                ctx.fatal(kind, role, last)
            }
            StreamError::PeerExit(code) => SessionError {
                kind: Fatal::Peer(code.unwrap_or(0)),
                role,
            },
            StreamError::TooLarge(most) => {
                let who = role.name();
                let text = format!("[{who}] the file list exceeded --max-alloc={most}");
                ctx.fatal(Fatal::Memory, role, text)
            }
            StreamError::Ended => SessionError {
                kind: Fatal::Interrupted,
                role,
            },
        }
    }
}
