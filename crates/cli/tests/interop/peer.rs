//! The programs that talk to each other, and where they are found.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::rsync::rsync;

/// A program that can be either end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// `tidesync`, `rsync`, or `rsync-3.2.7` for one that is older.
    pub name: String,
    pub program: PathBuf,
}

/// All of them: ours, the rsync to compare with, and the others.
pub struct Peers {
    pub tidesync: Peer,
    pub rsync: Peer,
    pub older: Vec<Peer>,
}

/// The peers, or a failure that says how to get those that are missing: without them, these tests
/// test nothing.
pub fn peers() -> &'static Peers {
    static FOUND: OnceLock<Peers> = OnceLock::new();
    FOUND.get_or_init(|| {
        let ours = std::env::var_os("TIDESYNC_BIN")
            .map_or_else(|| env!("CARGO_BIN_EXE_tidesync").into(), PathBuf::from);
        let peers = Peers {
            tidesync: peer("tidesync", &ours),
            rsync: peer("rsync", &on_path(rsync())),
            older: older(),
        };
        for peer in [&peers.tidesync, &peers.rsync]
            .into_iter()
            .chain(&peers.older)
        {
            peer.answer_to_rsync();
        }
        peers
    })
}

impl Peer {
    /// A directory to put first on the path of a remote shell, where `rsync` is this program. So the
    /// command line of the client is the same whoever serves it.
    pub fn directory(&self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("interop-peers")
            .join(&self.name)
    }

    fn answer_to_rsync(&self) {
        let directory = self.directory();
        let link = directory.join("rsync");
        fs::create_dir_all(&directory).expect("cargo's directory for tests is ours");
        let _ = fs::remove_file(&link);
        symlink(&self.program, link).expect("cargo's directory for tests is ours");
    }
}

fn peer(name: &str, program: &Path) -> Peer {
    Peer {
        name: name.into(),
        program: program.into(),
    }
}

/// A name without a directory is looked for as the shell does.
fn on_path(program: &Path) -> PathBuf {
    if program.components().count() > 1 {
        return program.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|found| found.is_file())
        .expect("it has been run")
}

/// Every `rsync-VERSION` in `target/peers`, where `.ci/native peers` unpacks them, or notes that the
/// system's packages have none.
fn older() -> Vec<Peer> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let place = target.expect("cargo's").join("peers");
    let mut found: Vec<Peer> = fs::read_dir(&place)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("listed"))
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            peer(&name, &entry.path().join("usr/bin/rsync"))
        })
        .filter(|peer| peer.program.is_file())
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if found.is_empty() {
        let text = format!(
            "these tests talk to older rsyncs too, and {} has none: run .ci/native peers",
            place.display()
        );
        let none_to_be_had = place.join("none-to-be-had").is_file();
        assert!(none_to_be_had || std::env::var_os("CI").is_none(), "{text}");
        eprintln!("{text}");
    }
    found
}
