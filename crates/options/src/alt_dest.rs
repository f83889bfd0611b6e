//! The directories in which a file is looked for that the destination lacks.
//!
//! All of one command line are of one kind, and there are twenty at most.
//!
//! rsync: options.c alt_dest_opt(), basis_dir

use std::path::PathBuf;

use crate::error::OptionError;
use crate::given::Given;

/// `--compare-dest`, `--copy-dest` or `--link-dest`, with its directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AltDest {
    /// What is done with a file that is found there, and is as it should be.
    pub kind: AltDestKind,
    /// Where it is looked for, in this order; at least one. Relative to the destination.
    pub dirs: Vec<PathBuf>,
}

/// What is done with a file that an alternate directory has as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AltDestKind {
    /// `--compare-dest`: the destination does without.
    Compare,
    /// `--copy-dest`: it is copied.
    Copy,
    /// `--link-dest`: the destination gets a hard link to it.
    Link,
}

impl AltDestKind {
    /// The option.
    pub fn option(self) -> &'static str {
        match self {
            AltDestKind::Compare => "--compare-dest",
            AltDestKind::Copy => "--copy-dest",
            AltDestKind::Link => "--link-dest",
        }
    }
}

/// How many directories there may be.
// rsync: rsync.h MAX_BASIS_DIRS
const MOST: usize = 20;

impl Given {
    /// Adds an alternate directory.
    pub(crate) fn add_alt_dest(
        &mut self,
        kind: AltDestKind,
        dir: PathBuf,
    ) -> Result<(), OptionError> {
        let none = || AltDest {
            kind,
            dirs: Vec::new(),
        };
        let alt = self.options.alt_dest.get_or_insert_with(none);
        let (this, other) = (kind.option(), alt.kind.option());
        if alt.kind != kind {
            let message = format!("ERROR: the {this} option conflicts with the {other} option");
            return Err(OptionError::syntax(message));
        }
        if alt.dirs.len() >= MOST {
            let message = format!("ERROR: at most {MOST} {this} args may be specified");
            return Err(OptionError::syntax(message));
        }
        alt.dirs.push(dir);
        Ok(())
    }
}
