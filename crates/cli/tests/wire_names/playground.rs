//! Where the sessions run, and with whom.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a session may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// Client and server.
#[derive(Debug, Clone)]
pub struct Pair {
    pub client: PathBuf,
    pub server: PathBuf,
}

/// Where the source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The client has it.
    Push,
    /// The server has.
    Pull,
}

/// Every pair in which this program is.
pub fn pairs() -> [Pair; 3] {
    let ours = std::env::var_os("TIDESYNC_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_tidesync").into(), PathBuf::from);
    let rsync = std::env::var_os("TIDESYNC_RSYNC").map_or_else(|| "rsync".into(), PathBuf::from);
    let found = Command::new(&rsync).arg("--version").output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "these tests talk to rsync: apt-get install rsync"
    );
    let pair = |client: &PathBuf, server: &PathBuf| Pair {
        client: client.clone(),
        server: server.clone(),
    };
    [pair(&ours, &ours), pair(&ours, &rsync), pair(&rsync, &ours)]
}

/// How a session ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stderr: String,
}

/// A directory in which sessions run; gone when dropped.
pub struct Playground(tempfile::TempDir);

impl Playground {
    pub fn new() -> Playground {
        let play = Playground(tempfile::tempdir().expect("a temporary directory"));
        let shell = play.path("shell");
        fs::write(&shell, "#!/bin/sh\nshift\nexec sh -c \"$*\"\n").unwrap();
        fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
        play.clear("dst");
        play
    }

    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.0.path().join(Path::new(name.as_ref()))
    }

    /// Writes a file that holds its name.
    pub fn write(&self, name: impl AsRef<OsStr>) {
        self.write_text(name.as_ref(), name.as_ref().as_bytes());
    }

    pub fn write_text(&self, name: impl AsRef<OsStr>, text: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Makes an empty directory of this name.
    pub fn clear(&self, name: &str) {
        let _ = fs::remove_dir_all(self.path(name));
        fs::create_dir(self.path(name)).unwrap();
    }

    /// Every name below a directory, with what is there.
    pub fn tree(&self, top: &str) -> BTreeMap<OsString, Vec<u8>> {
        let top = self.path(top);
        let mut found = BTreeMap::new();
        let mut dirs = vec![top.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(&dir).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&top).unwrap().as_os_str().to_owned();
                let content = if path.is_symlink() {
                    fs::read_link(&path).unwrap().into_os_string().into_vec()
                } else if path.is_dir() {
                    dirs.push(path);
                    b"directory".to_vec()
                } else {
                    fs::read(&path).unwrap()
                };
                found.insert(name, content);
            }
        }
        found
    }

    /// The names of the files below a directory.
    pub fn files(&self, top: &str) -> Vec<String> {
        let tree = self.tree(top).into_iter();
        let files = tree.filter(|(_, content)| content != b"directory");
        files
            .map(|(name, _)| name.into_string().expect("a name in UTF-8"))
            .collect()
    }

    /// Runs a session, in which `:` in front of the source or the destination is where the server is.
    pub fn run(
        &self,
        pair: &Pair,
        way: Way,
        options: &[&str],
        source: impl AsRef<OsStr>,
        destination: impl AsRef<OsStr>,
    ) -> Ended {
        let there = |name: &OsStr| {
            let mut operand = OsString::from("host:");
            operand.push(self.path(name));
            operand
        };
        let (source, destination) = (source.as_ref(), destination.as_ref());
        let operands = match way {
            Way::Push => [source.to_owned(), there(destination)],
            Way::Pull => [there(source), destination.to_owned()],
        };
        let output = self.path("output");
        let mut child = Command::new(&pair.client)
            .arg("--rsync-path")
            .arg(&pair.server)
            .arg("-e")
            .arg(self.path("shell"))
            .args(options)
            .args(operands)
            .current_dir(self.0.path())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("RSYNC_ICONV")
            .env_remove("RSYNC_PROTECT_ARGS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&output).unwrap())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if started.elapsed() > PATIENCE {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{pair:?} {way:?} {options:?} hangs");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let stderr = fs::read(output).unwrap();
        Ended {
            code,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// Runs this program alone, which has nothing to complain of.
    pub fn succeed_here(&self, arguments: &[&str]) {
        let [ours, ..] = pairs();
        let output = Command::new(&ours.client)
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), &*stderr),
            (Some(0), ""),
            "{arguments:?}"
        );
    }

    /// Runs a session that has nothing to complain of.
    pub fn succeed(
        &self,
        pair: &Pair,
        way: Way,
        options: &[&str],
        source: impl AsRef<OsStr>,
        destination: impl AsRef<OsStr>,
    ) {
        let ended = self.run(pair, way, options, source, destination);
        let context = format!("{pair:?} {way:?} {options:?}");
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{context}");
    }
}
