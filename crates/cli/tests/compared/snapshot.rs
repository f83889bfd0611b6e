//! What is on disk after a run, one line a name, so that two outcomes can be compared and their
//! difference read.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fast_io::dir::{Dir, Trust, XattrsOf, xattr, xattr_names};

/// Every name under a root and what it is.
pub type Snapshot = BTreeMap<Vec<u8>, String>;

/// Looks at everything under `root`. Times from `started` on read as `now`: two runs cannot agree
/// on them, but must agree on which names they touched.
pub fn look(root: &Path, started: SystemTime) -> Snapshot {
    let started = started - Duration::from_secs(2);
    let mut looker = Looker {
        snapshot: Snapshot::new(),
        first_names: HashMap::new(),
        started: started
            .duration_since(UNIX_EPOCH)
            .expect("the clock is set")
            .as_secs() as i64,
    };
    looker.directory(root, b"");
    looker.snapshot
}

struct Looker {
    snapshot: Snapshot,
    first_names: HashMap<(u64, u64), Vec<u8>>,
    started: i64,
}

impl Looker {
    fn directory(&mut self, path: &Path, name: &[u8]) {
        let Ok(entries) = fs::read_dir(path) else {
            self.snapshot
                .insert([name, b"/?"].concat(), "cannot be read".into());
            return;
        };
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("listed").file_name())
            .collect();
        names.sort();
        for entry in names {
            let inner = if name.is_empty() {
                entry.as_bytes().to_vec()
            } else {
                [name, b"/", entry.as_bytes()].concat()
            };
            self.entry(&path.join(&entry), inner);
        }
    }

    fn entry(&mut self, path: &Path, name: Vec<u8>) {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            // A path that has grown too long for the system, say.
            Err(error) => {
                self.snapshot
                    .insert(name, format!("cannot be looked at: {error}"));
                return;
            }
        };
        let kind = metadata.file_type();
        let what = if kind.is_dir() {
            "dir".into()
        } else if kind.is_symlink() {
            let target = fs::read_link(path).expect("a link");
            format!("link -> {}", target.as_os_str().as_bytes().escape_ascii())
        } else if kind.is_fifo() {
            "fifo".into()
        } else if kind.is_socket() {
            "socket".into()
        } else if kind.is_char_device() {
            format!("char device {:#x}", metadata.rdev())
        } else if kind.is_block_device() {
            format!("block device {:#x}", metadata.rdev())
        } else {
            describe_content(path)
        };
        let seconds = metadata.mtime();
        // Within an hour: a generated time in the far future is not "now".
        let time = if (self.started..self.started + 3600).contains(&seconds) {
            "now".into()
        } else {
            format!("{seconds}.{:09}", metadata.mtime_nsec())
        };
        let mut line = format!(
            "{what}, mode {:o}, owner {}:{}, time {time}",
            metadata.permissions().mode() & 0o7777,
            metadata.uid(),
            metadata.gid(),
        );
        if metadata.nlink() > 1 && !kind.is_dir() {
            let identity = (metadata.dev(), metadata.ino());
            let first = self
                .first_names
                .entry(identity)
                .or_insert_with(|| name.clone());
            line += &format!(", {} names from {}", metadata.nlink(), first.escape_ascii());
        }
        line += &describe_xattrs(path);
        self.snapshot.insert(name.clone(), line);
        if kind.is_dir() {
            self.directory(path, &name);
        }
    }
}

/// Extended attributes, where the system has any.
fn describe_xattrs(path: &Path) -> String {
    let (Some(dir), Some(file)) = (path.parent(), path.file_name()) else {
        return String::new();
    };
    let Ok(dir) = Dir::open(dir, Trust::Anyone) else {
        return String::new();
    };
    let of = XattrsOf::Entry(&dir, file.as_bytes());
    let names = xattr_names(of).unwrap_or_default();
    let mut names: Vec<&[u8]> = names.split(|&b| b == 0).filter(|n| !n.is_empty()).collect();
    names.sort();
    let described = names.iter().map(|name| match xattr(of, name) {
        Ok(value) => {
            let value = value.unwrap_or_default();
            let value = match value.len() {
                0..=40 => value.escape_ascii().to_string(),
                length => {
                    let mut hasher = DefaultHasher::new();
                    hasher.write(&value);
                    format!("{length} bytes, hash {:016x}", hasher.finish())
                }
            };
            format!(", {}={value}", name.escape_ascii())
        }
        Err(error) => format!(", {}: {error}", name.escape_ascii()),
    });
    described.collect()
}

fn describe_content(path: &Path) -> String {
    match fs::read(path) {
        Ok(bytes) if bytes.len() <= 24 => format!("file \"{}\"", bytes.escape_ascii()),
        Ok(bytes) => {
            let mut hasher = DefaultHasher::new();
            hasher.write(&bytes);
            format!(
                "file of {} bytes, hash {:016x}",
                bytes.len(),
                hasher.finish()
            )
        }
        Err(error) => {
            let length = fs::symlink_metadata(path).map_or(0, |metadata| metadata.len());
            format!("file of {length} bytes, {}", error.kind())
        }
    }
}
