//! The two programs, each with the whole of a local session.

use std::path::PathBuf;

use crate::case::Case;
use crate::outcome::Outcome;
use crate::playground::Playground;
use crate::rsync::rsync;

/// Which of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Rsync,
    Tidesync,
}

impl Program {
    /// Lets it do `case`.
    pub fn run(self, playground: &Playground, case: &Case) -> Outcome {
        let mut command = playground.command(&self.path());
        command
            .args(case.arguments())
            .env("LC_ALL", case.locale)
            .env("TZ", case.time_zone);
        playground.run(&case.tree, &mut command)
    }

    fn path(self) -> PathBuf {
        match self {
            Program::Rsync => rsync().clone(),
            Program::Tidesync => std::env::var_os("TIDESYNC_BIN")
                .map_or_else(|| env!("CARGO_BIN_EXE_tidesync").into(), PathBuf::from),
        }
    }
}
