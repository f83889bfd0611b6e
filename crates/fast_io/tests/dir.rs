//! Directory handles, call by call, on whatever system the tests run on.
//!
//! Trees made here hold symbolic links on Unix only: Wine, under which these tests also run,
//! deletes through the links of the system below it.

#[path = "dir/attributes.rs"]
mod attributes;
#[path = "dir/beneath.rs"]
mod beneath;
#[path = "dir/change.rs"]
mod change;
#[cfg(unix)]
#[path = "dir/links.rs"]
mod links;
#[path = "dir/look.rs"]
mod look;
#[cfg(unix)]
#[path = "dir/named.rs"]
mod named;
#[path = "dir/names.rs"]
mod names;
#[path = "dir/xattrs.rs"]
mod xattrs;

use fast_io::dir::{Dir, FileKind, Follow, Trust};
use std::io::Write;
use tempfile::TempDir;

/// A scratch directory, opened. It goes when the first of the two is dropped.
fn scratch() -> (TempDir, Dir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = Dir::open(temp.path(), Trust::Anyone).unwrap();
    (temp, dir)
}

fn write(dir: &Dir, name: &[u8], content: &[u8]) {
    dir.create_file(name, 0o644)
        .unwrap()
        .write_all(content)
        .unwrap();
}

fn read(dir: &Dir, name: &[u8]) -> Vec<u8> {
    let file = dir
        .open_file(name, fast_io::dir::Access::Read, Follow::Never)
        .unwrap();
    std::io::read_to_string(file).unwrap().into_bytes()
}

fn subdir(dir: &Dir, name: &[u8]) -> Dir {
    dir.create_dir(name, 0o755).unwrap();
    dir.open_beneath(name).unwrap()
}

/// The names in a directory, sorted, and what it says of them.
fn entries(dir: &Dir) -> Vec<(Vec<u8>, Option<FileKind>)> {
    let mut entries = Vec::new();
    dir.entries(&mut |name, kind| entries.push((name.to_vec(), kind)))
        .unwrap();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries
}

fn names(dir: &Dir) -> Vec<Vec<u8>> {
    entries(dir).into_iter().map(|(name, _)| name).collect()
}

fn exists(dir: &Dir, name: &[u8]) -> bool {
    match dir.stat(name, Follow::Never) {
        Ok(_) => true,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
        Err(e) => panic!("{}: {e}", name.escape_ascii()),
    }
}

/// The error that says that a link is in the way.
fn met_a_link(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    let expected = rustix::io::Errno::LOOP.raw_os_error();
    // ERROR_CANT_RESOLVE_FILENAME
    #[cfg(windows)]
    let expected = 1921;
    error.raw_os_error() == Some(expected)
}
