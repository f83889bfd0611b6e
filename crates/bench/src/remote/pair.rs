//! Who talks with whom.

use std::env;
use std::path::Path;
use std::process::Command;

use super::errand::Errand;
use super::link::REMOTE_SHELL;
use crate::error::{BenchError, Doing};
use crate::peer::{Kind, Peer};

/// A client and the server that it has started.
#[derive(Clone, Debug)]
pub struct Pair {
    /// What the table calls it.
    pub name: String,
    client: Peer,
    server: Peer,
}

impl Pair {
    /// Every program with every program, that of strangers first: all are compared with it.
    pub fn of(peers: &[Peer]) -> Vec<Self> {
        let with = |client: &Peer| {
            let client = client.clone();
            peers.iter().rev().map(move |server| Self {
                name: format!("{}/{}", client.kind.name(), server.kind.name()),
                client: client.clone(),
                server: server.clone(),
            })
        };
        let mut pairs: Vec<Self> = peers.iter().flat_map(with).collect();
        pairs.sort_by_key(Self::ours);
        pairs
    }

    /// Whether it is all ours.
    pub fn is_ours(&self) -> bool {
        self.ours() == 2
    }

    /// How much of it.
    fn ours(&self) -> usize {
        let both = [&self.client, &self.server];
        both.iter()
            .filter(|peer| peer.kind == Kind::Tidesync)
            .count()
    }

    /// What does the errand in the directory that holds both trees.
    pub fn command(&self, errand: &Errand, directory: &Path) -> Result<Command, BenchError> {
        let here = env::current_exe().doing("find this program in", directory)?;
        let shell = format!(
            "'{}' {REMOTE_SHELL} {}",
            here.display(),
            errand.delay.as_millis()
        );
        let mut command = Command::new(&self.client.program);
        command
            .args(errand.arguments())
            .args(["-e", &shell, "--rsync-path"])
            .arg(&self.server.program)
            .current_dir(directory);
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_compared_with_that_of_strangers() {
        let peer = |kind| Peer {
            kind,
            program: "program".into(),
            version: String::new(),
        };
        let names = |peers: &[Peer]| -> Vec<String> {
            Pair::of(peers).into_iter().map(|pair| pair.name).collect()
        };
        assert_eq!(
            names(&[peer(Kind::Tidesync), peer(Kind::Rsync)]),
            [
                "rsync/rsync",
                "tidesync/rsync",
                "rsync/tidesync",
                "tidesync/tidesync"
            ]
        );
        assert_eq!(names(&[peer(Kind::Tidesync)]), ["tidesync/tidesync"]);
    }
}
