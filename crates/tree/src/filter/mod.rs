//! Which entries are part of a transfer, and which are safe from deletion: rsync's filter rules.
//!
//! A [`FilterSet`] holds the rules that options gave. [`FilterSet::root`] makes of it the state
//! in which nothing has been entered; [`DirFilters::enter`] makes of a directory's state that of
//! a subdirectory, reading the per-directory merge files there. States are immutable and share
//! what they have in common, so each pending directory can keep its own and directories can be
//! entered in any order, by any thread. [`DirFilters::check`] asks about one entry.
//!
//! Matching is pure. Files of rules are read through [`MergeFiles`], which the caller supplies.
//!
//! ```
//! use tree::filter::{CommandLineFiles, EntryKind, FilterSet, Side};
//!
//! let mut files = CommandLineFiles::default();
//! let mut rules = FilterSet::builder(&mut files);
//! rules.add_rule(b"+ *.rs")?.add_exclude(b"/target/")?.add_rule(b": .rules")?;
//! let rules = rules.finish()?;
//!
//! let top = rules.root(Side::Sender, b"/home/me").enter(b"", &mut files)?;
//! assert!(top.check(b"", b"target", EntryKind::Directory).is_excluded());
//! let src = top.enter(b"src", &mut files)?;
//! assert!(!src.check(b"src", b"target", EntryKind::Directory).is_excluded());
//! # Ok::<(), tree::filter::FilterError>(())
//! ```
//!
//! rsync: exclude.c

mod cvs;
mod directory;
mod error;
mod exchange;
mod list;
mod load;
mod merge_files;
mod parse;
mod rule;
mod set;
mod standpoint;
mod verdict;
mod wildmatch;

pub use directory::DirFilters;
pub use error::{FilterError, FilterNotice};
pub use exchange::{Dialect, MAX_RULE, Wanted};
pub use merge_files::{CommandLineFiles, MergeFiles, MergePath};
pub use rule::EntryKind;
pub use set::{FilterSet, FilterSetBuilder};
pub use verdict::{Match, Verdict};
pub use wildmatch::{wildmatch, wildmatch_after_any_slash};

/// Who asks: rules may be for one side only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The sender, choosing what is in the transfer: rules hide and show.
    Sender,
    /// The receiver, choosing what may be deleted: rules protect and risk.
    Receiver,
}

impl Side {
    /// False for rules that are for the other side only.
    fn sees(self, flags: &parse::Flags) -> bool {
        match self {
            Self::Sender => flags.sender || !flags.receiver,
            Self::Receiver => flags.receiver || !flags.sender,
        }
    }
}
