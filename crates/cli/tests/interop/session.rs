//! One session of two programs through a remote shell that stays on this machine.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::command_line::as_typed;
use crate::outcome::Outcome;
use crate::peer::Peer;
use crate::playground::Playground;
use crate::specimen::Tree;

/// What is asked of a pair of programs.
pub struct Question<'a> {
    pub tree: &'a Tree,
    pub words: Vec<OsString>,
}

/// Which of the operands are on the other host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The last.
    Push,
    /// All but the last.
    Pull,
    /// Those that say so themselves.
    AsWritten,
}

impl<'a> Question<'a> {
    /// `words` is a local command line; `way` makes a remote one of it. Words that begin with `-` are
    /// options, others operands.
    pub fn new(tree: &'a Tree, words: &[&[u8]], way: Way) -> Self {
        let is_operand = |word: &&[u8]| !word.starts_with(b"-");
        let last = words.iter().rposition(is_operand);
        let remote = |index: usize| match way {
            Way::AsWritten => false,
            Way::Push => Some(index) == last,
            Way::Pull => Some(index) != last,
        };
        let word = |(index, word): (usize, &&[u8])| {
            let host: &[u8] = if is_operand(word) && remote(index) {
                b"h:"
            } else {
                b""
            };
            OsStr::from_bytes(&[host, word].concat()).to_owned()
        };
        Question {
            tree,
            words: words.iter().enumerate().map(word).collect(),
        }
    }

    /// The command line as a person would type it.
    pub fn command_line(&self) -> String {
        as_typed(&self.words).trim_start().to_owned()
    }

    /// Lets `client` and `server` do it.
    pub fn ask(&self, playground: &Playground, client: &Peer, server: &Peer) -> Outcome {
        let mut path = server.directory().into_os_string();
        path.push(":/usr/bin:/bin");
        let mut command = playground.command(&client.program);
        command
            .args(&self.words)
            .env("PATH", path)
            .env(
                "RSYNC_RSH",
                concat!(
                    "sh ",
                    env!("CARGO_MANIFEST_DIR"),
                    "/tests/interop/remote_shell.sh"
                ),
            )
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC0");
        playground.run(self.tree, &mut command)
    }
}
