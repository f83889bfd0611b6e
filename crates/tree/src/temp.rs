//! Temporary names, and files that appear under their real name only when complete.

use fast_io::dir::Dir;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// Creates a file under a temporary name that tells which file it will become:
/// `.name.XXXXXX`, or `name.XXXXXX` in a directory kept for temporary files.
// rsync: receiver.c get_tmpname(), open_tmpfile()
pub fn create(
    dir: &Dir,
    name: &[u8],
    location: Location,
    permissions: u32,
) -> io::Result<(File, Vec<u8>)> {
    unique(name, location, |temp| dir.create_file(temp, permissions))
}

/// Calls `make` with one temporary name after another until one is not taken.
pub fn unique<T>(
    name: &[u8],
    location: Location,
    mut make: impl FnMut(&[u8]) -> io::Result<T>,
) -> io::Result<(T, Vec<u8>)> {
    const TRIES: usize = 100;
    let mut result = Err(io::ErrorKind::AlreadyExists.into());
    for _ in 0..TRIES {
        let temp = temp_name(name, location, random());
        match make(&temp) {
            Ok(made) => return Ok((made, temp)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => result = Err(e),
            Err(e) => return Err(e),
        }
    }
    result
}

/// Where a temporary file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// Beside the file it will replace: a leading dot hides it.
    Beside,
    /// In a directory for temporary files (`-T`).
    TempDir,
}

/// The longest name that file systems commonly hold.
const NAME_MAX: usize = 255;
const SUFFIX_LEN: usize = 7;

fn temp_name(name: &[u8], location: Location, random: u64) -> Vec<u8> {
    let mut temp = Vec::with_capacity(name.len() + 1 + SUFFIX_LEN);
    let mut stem = name;
    if location == Location::Beside {
        stem = stem.strip_prefix(b".").unwrap_or(stem);
        temp.push(b'.');
    }
    let room = NAME_MAX - 1 - SUFFIX_LEN - temp.len();
    if stem.len() > room {
        // Do not cut a multi-byte character in two.
        let mut end = room;
        while end > 0 && stem[end] & 0xC0 == 0x80 {
            end -= 1;
        }
        stem = &stem[..end];
    }
    temp.extend_from_slice(stem.strip_suffix(b".").unwrap_or(stem));
    temp.push(b'.');
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rest = random;
    for _ in 1..SUFFIX_LEN {
        temp.push(LETTERS[(rest % 62) as usize]);
        rest /= 62;
    }
    temp
}

/// Not secret, only unlikely to be taken.
fn random() -> u64 {
    static SEED: std::sync::OnceLock<RandomState> = std::sync::OnceLock::new();
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut hasher = SEED.get_or_init(RandomState::new).build_hasher();
    hasher.write_u64(COUNTER.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_which_file_it_becomes() {
        let temp = temp_name(b"file.txt", Location::Beside, 0);
        assert_eq!(temp, b".file.txt.AAAAAA");
        assert_eq!(
            temp_name(b".hidden", Location::Beside, 0),
            b".hidden.AAAAAA"
        );
        assert_eq!(temp_name(b"file", Location::TempDir, 0), b"file.AAAAAA");
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let name = "ä".repeat(127);
        let temp = temp_name(name.as_bytes(), Location::Beside, 0);
        assert!(temp.len() <= NAME_MAX);
        assert!(std::str::from_utf8(&temp).is_ok());
    }

    #[test]
    fn a_taken_name_is_not_an_error() {
        let mut tried = Vec::new();
        let (_, name) = unique(b"x", Location::Beside, |temp| {
            tried.push(temp.to_vec());
            if tried.len() < 3 {
                Err(io::ErrorKind::AlreadyExists.into())
            } else {
                Ok(())
            }
        })
        .unwrap();
        assert_eq!(Some(&name), tried.last());
        assert_eq!(tried.len(), 3);
    }
}
