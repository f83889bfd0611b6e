//! Runs one session: sender, generator, receiver.
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
//! `removal` removes an entry with all that is in it, for the generator and for backups.
//!
//! Nothing is printed here: the `narrator` puts what happens on several threads into rsync's
//! order and hands it to the caller's [`event::EventSink`].
//!
//! Deadlock is ruled out by direction: segments flow from sender to generator, jobs from
//! generator to receiver, and neither ever waits for the one before it.
#![forbid(unsafe_code)]

mod attrs;
mod charset;
mod context;
mod control;
mod destination;
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
