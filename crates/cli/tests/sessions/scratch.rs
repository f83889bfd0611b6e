//! Where a session runs, and what it left.

use crate::program;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, SystemTime};

/// A directory in which the program runs, with an empty `src` in it; gone when dropped.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    pub fn new() -> Self {
        let scratch = Scratch(tempfile::tempdir().expect("a temporary directory"));
        fs::create_dir(scratch.path("src")).unwrap();
        scratch
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, with an old and whole-second time, and its directories.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("inside")).unwrap();
        fs::write(&path, content).unwrap();
        set_time(&path, 1_000_000_000);
        path
    }

    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Every path below `name`, with what a file holds and when it changed.
    pub fn tree(&self, name: &str) -> BTreeMap<PathBuf, Option<(Vec<u8>, SystemTime)>> {
        let top = self.path(name);
        let mut found = BTreeMap::new();
        let mut dirs = vec![top.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(&dir).unwrap() {
                let path = entry.unwrap().path();
                let below = path.strip_prefix(&top).unwrap().to_owned();
                if path.is_dir() {
                    dirs.push(path);
                    found.insert(below, None);
                } else {
                    let content = fs::read(&path).unwrap();
                    found.insert(below, Some((content, modified(&path))));
                }
            }
        }
        found
    }

    pub fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Output {
        program::run(self.0.path(), arguments)
    }

    /// Runs, expects success, and returns what was printed, with plain line ends.
    pub fn succeed<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {stderr}", output.status);
        assert_eq!(stderr, "", "nothing to complain of");
        String::from_utf8(output.stdout)
            .expect("names are UTF-8 here")
            .replace("\r\n", "\n")
    }
}

/// Sets a file's modification time.
pub fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

pub fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// Itemized lines without those of directories, whose times differ between file systems.
pub fn file_lines(output: &str) -> Vec<&str> {
    output.lines().filter(|line| !line.ends_with('/')).collect()
}
