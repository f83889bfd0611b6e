//! Tells whether two trees are the same: a fast program that copies wrongly is not fast.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::Path;

use crate::error::{BenchError, Doing};
use crate::sys;

/// What a program keeps of an entry besides its name, type, size, bytes and, for files, the
/// time.
#[derive(Clone, Copy, Debug)]
pub struct Fidelity {
    /// Permission bits are kept.
    pub modes: bool,
    /// The times of directories are kept.
    pub directory_times: bool,
}

impl Fidelity {
    /// Everything is kept.
    pub const FULL: Self = Self {
        modes: true,
        directory_times: true,
    };
}

/// The first difference between the trees, in words; `None` when they are the same.
pub fn first_difference(
    wanted: &Path,
    found: &Path,
    fidelity: Fidelity,
) -> Result<Option<String>, BenchError> {
    Comparison {
        fidelity,
        wanted_bytes: vec![0; 1 << 18],
        found_bytes: vec![0; 1 << 18],
    }
    .entries(wanted, found)
}

/// What is wrong with a directory that should have stayed empty.
pub fn first_entry(root: &Path) -> Result<Option<String>, BenchError> {
    let found = children(root)?.into_iter().next();
    Ok(found.map(|name| format!("{} should not exist", root.join(name).display())))
}

struct Comparison {
    fidelity: Fidelity,
    wanted_bytes: Vec<u8>,
    found_bytes: Vec<u8>,
}

impl Comparison {
    /// Looks inside before it looks at times: a stray file also changes its directory's time,
    /// and is the better thing to name.
    fn entries(&mut self, wanted: &Path, found: &Path) -> Result<Option<String>, BenchError> {
        let wanted_metadata = fs::symlink_metadata(wanted).doing("look at", wanted)?;
        let found_metadata = fs::symlink_metadata(found).doing("look at", found)?;
        let named = |difference: String| format!("{} {difference}", found.display());
        if let Some(difference) = shape(&wanted_metadata, &found_metadata) {
            return Ok(Some(named(difference)));
        }
        let inside = if wanted_metadata.is_dir() {
            self.directories(wanted, found)?
        } else {
            self.contents(wanted, found)?
        };
        Ok(inside.or_else(|| {
            self.attributes(&wanted_metadata, &found_metadata)
                .map(named)
        }))
    }

    fn attributes(&self, wanted: &Metadata, found: &Metadata) -> Option<String> {
        let (wanted_mode, found_mode) = (sys::mode(wanted), sys::mode(found));
        if self.fidelity.modes && wanted_mode != found_mode {
            return Some(format!(
                "has mode {found_mode:o}, the source {wanted_mode:o}"
            ));
        }
        let time_counts = !wanted.is_dir() || self.fidelity.directory_times;
        let (wanted_time, found_time) = (wanted.modified().ok()?, found.modified().ok()?);
        if time_counts && wanted_time != found_time {
            return Some(match found_time.duration_since(wanted_time) {
                Ok(late) => format!("was modified {late:?} later than the source"),
                Err(early) => format!(
                    "was modified {:?} earlier than the source",
                    early.duration()
                ),
            });
        }
        None
    }

    fn directories(&mut self, wanted: &Path, found: &Path) -> Result<Option<String>, BenchError> {
        let mut found_children = children(found)?;
        for name in children(wanted)? {
            let path = found.join(&name);
            if !found_children.remove(&name) {
                return Ok(Some(format!("{} is missing", path.display())));
            }
            let difference = self.entries(&wanted.join(&name), &path)?;
            if difference.is_some() {
                return Ok(difference);
            }
        }
        Ok(found_children
            .into_iter()
            .next()
            .map(|name| format!("{} should not exist", found.join(name).display())))
    }

    fn contents(&mut self, wanted: &Path, found: &Path) -> Result<Option<String>, BenchError> {
        let mut wanted_file = File::open(wanted).doing("open", wanted)?;
        let mut found_file = File::open(found).doing("open", found)?;
        let mut offset = 0_u64;
        loop {
            let wanted_count =
                fill(&mut wanted_file, &mut self.wanted_bytes).doing("read", wanted)?;
            let found_count = fill(&mut found_file, &mut self.found_bytes).doing("read", found)?;
            let wanted_bytes = &self.wanted_bytes[..wanted_count];
            if wanted_bytes != &self.found_bytes[..found_count] {
                return Ok(Some(format!(
                    "{} has other bytes than the source, after offset {offset}",
                    found.display()
                )));
            }
            if wanted_count < self.wanted_bytes.len() {
                return Ok(None);
            }
            offset += wanted_count as u64;
        }
    }
}

fn shape(wanted: &Metadata, found: &Metadata) -> Option<String> {
    if wanted.file_type() != found.file_type() {
        return Some("has another type than the source".to_owned());
    }
    (!wanted.is_dir() && wanted.len() != found.len())
        .then(|| format!("is {} bytes long, the source {}", found.len(), wanted.len()))
}

fn children(directory: &Path) -> Result<BTreeSet<OsString>, BenchError> {
    fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
        .doing("list", directory)
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Content, FileSize, TreeRecipe};
    use std::path::PathBuf;
    use std::time::{Duration, SystemTime};

    /// Two equal trees; `change` spoils the second; the answer is what is said of it.
    fn said_after(change: impl FnOnce(PathBuf), fidelity: Fidelity) -> Option<String> {
        let place = tempfile::tempdir().unwrap();
        let recipe = TreeRecipe {
            seed: 1,
            directories: 0,
            files: 3,
            size: FileSize::Exactly(600_000),
            content: Content::Random,
        };
        let (one, two) = (place.path().join("one"), place.path().join("two"));
        recipe.make(&one).unwrap();
        recipe.make(&two).unwrap();
        change(two.join("file-0000001"));
        first_difference(&one, &two, fidelity).unwrap()
    }

    /// Without the time of the directory, which changes with its entries.
    const FILES: Fidelity = Fidelity {
        modes: true,
        directory_times: false,
    };

    #[test]
    fn equal_trees_are_equal() {
        assert_eq!(said_after(|_| (), Fidelity::FULL), None);
    }

    #[test]
    fn a_missing_and_an_extra_file_are_found() {
        let said = said_after(|file| fs::remove_file(file).unwrap(), FILES);
        assert!(said.unwrap().contains("is missing"));
        let said = said_after(
            |file| fs::write(file.with_file_name("more"), "").unwrap(),
            FILES,
        );
        assert!(said.unwrap().contains("should not exist"));
    }

    #[test]
    fn one_wrong_byte_near_the_end_is_found() {
        let spoil = |path: PathBuf| {
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            let mut bytes = fs::read(&path).unwrap();
            bytes[599_999] ^= 1;
            fs::write(&path, bytes).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
        };
        assert!(said_after(spoil, FILES).unwrap().contains("other bytes"));
    }

    #[test]
    fn a_wrong_time_and_a_wrong_size_are_found() {
        let later = |path: PathBuf| {
            let file = File::options().write(true).open(path).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
            file.set_modified(time).unwrap();
        };
        assert!(
            said_after(later, FILES)
                .unwrap()
                .contains("earlier than the source")
        );
        let shorter = |path: PathBuf| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_len(5).unwrap();
        };
        assert!(said_after(shorter, FILES).unwrap().contains("5 bytes long"));
    }

    #[cfg(unix)]
    #[test]
    fn a_wrong_mode_is_found_where_modes_are_kept() {
        use std::os::unix::fs::PermissionsExt;
        let widen = |path: PathBuf| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        };
        assert!(said_after(widen, FILES).unwrap().contains("mode 777"));
        let lax = Fidelity {
            modes: false,
            ..FILES
        };
        assert_eq!(said_after(widen, lax), None);
    }

    #[test]
    fn a_file_in_an_empty_directory_is_found() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(first_entry(place.path()).unwrap(), None);
        fs::write(place.path().join("stray"), "").unwrap();
        assert!(
            first_entry(place.path())
                .unwrap()
                .unwrap()
                .contains("stray")
        );
    }
}
