//! Runs one session, or one side of it: sender, generator, receiver.
//!
//! ```text
//!   sender                       generator                         receiver
//!   ──────                       ─────────                         ────────
//!   list → walk ── segments ──►  decide: skip, make, link,  ──►    jobs, several at once:
//!                  (bounded      delete, or transfer               open content (sender),
//!                   queue)          │                              copy or rebuild, commit
//!                                   └──► narrator ◄────────────────────┘
//!                                           │ in rsync's order
//!                                           ▼
//!                                        EventSink
//! ```
//!
//! The **sender** (`sender`) walks the source and hands its file list over in segments, one
//! for each directory; it opens what the generator asks for. The **generator** (`generator`)
//! looks at the destination, in list order, and makes every decision: what is skipped, created,
//! linked, deleted, itemized, transferred. The **receiver** (`receiver`) brings content to its
//! place, on the pump's work lane and on threads of its own, and commits each file in one step.
//!
//! Sender and receiver may be in two processes, on two computers: [`run_remote`] runs one side, over
//! two streams (`remote`). The roles are the same; `origin` is where they ask whether content is `Here`
//! or `Away`.
//!
//! Nothing is printed here: the `narrator` puts what happens on several threads into rsync's
//! order and hands it to the caller's [`event::EventSink`].
//!
//! Deadlock is ruled out by direction: segments flow from sender to generator, jobs from
//! generator to receiver, and neither ever waits for the one before it. Over a wire, reading never waits
//! on writing.
//!
//! # Map
//!
//! | file | what it holds |
//! |---|---|
//! | `session.rs` | a local session, and what a receiving side does in either kind |
//! | `remote/` | a session with another process: see its own map |
//! | `sender/`, `generator/`, `receiver/` | the roles |
//! | `origin.rs` | the seam between local and remote |
//! | `segment.rs`, `link.rs` | the parts of the file list, and the queue that they cross on |
//! | `narrator.rs`, `narrator/` | what happens on several threads, in rsync's order |
//! | `event.rs`, `item.rs`, `stats.rs` | what is told: events, what was done with an entry, figures |
//! | `context.rs` | what the roles share: options, tally, narrator, pump |
//! | `control.rs` | how the outside stops a session, and how that shows that it lives |
//! | `error.rs` | trouble with one file, and what ends a session |
//! | `open_files.rs` | how many files may be open at once |
//! | `paths.rs` | operands as bytes, and whose links are followed in what the user named |
//! | `destination.rs` | what the last operand means; its directories, each opened once |
//! | `alternates.rs` | the directories of `--link-dest` and the like |
//! | `devices.rs` | devices that are taken for files |
//! | `removal.rs` | removes an entry with what is in it: for the generator, and for backups |
//! | `attrs.rs`, `ids.rs` | an entry's attributes, and its owners by name |
//! | `files_from.rs`, `filtering.rs`, `patterns.rs` | lists of names, filter rules, wildcards for a server |
//! | `charset.rs` | names as they are here and as they cross (`--iconv`) |
//! | `era.rs` | what the age of a protocol changes for all roles |
//! | `negotiated.rs` | what two sides would agree on, where there is but one program |
#![forbid(unsafe_code)]

mod acls;
mod alternates;
mod attrs;
mod charset;
mod context;
mod control;
mod destination;
mod devices;
mod era;
mod error;
pub mod event;
mod files_from;
mod filtering;
mod generator;
mod ids;
pub mod item;
mod link;
mod narrator;
mod negotiated;
mod open_files;
mod origin;
mod paths;
mod patterns;
mod receiver;
mod remote;
mod removal;
mod segment;
mod sender;
mod session;
pub mod stats;
mod xattrs;

pub use charset::{Converter, UnknownSet, encoding_of_environment};
pub use control::Control;
pub use error::{Fatal, SessionError, Trouble};
pub use paths::trust;
pub use patterns::expand_patterns;
pub use remote::{
    Call, Messenger, Recording, Replay, Side, Wire, put_secluded_arguments, run_remote,
    secluded_arguments,
};
pub use session::{Outcome, driver_name, pump_config, run_local};
