//! The floor: the system calls that copying small files takes, on all cores, and nothing else.
//!
//! It decides nothing, remembers nothing and says nothing, and has no right to be used as a
//! program: an entry that it does not expect ends it. What it takes is what any program takes that
//! makes the same calls (each file complete before it has its name), so the difference between it
//! and tidesync is what tidesync adds, and rsync's time divided by its time is as far as
//! a program can come on the machine at hand.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use fast_io::Buffer;
use fast_io::dir::{Access, Dir, FileKind, Follow, Stat, Trust, set_file_mtime};
use fast_io::offload::{read_small, write_small};

/// Whether this system has what it needs: files that get their names when they are complete.
pub const AVAILABLE: bool = cfg!(target_os = "linux");

/// Files that are handed to a thread together.
const CHUNK: usize = 100;
/// The largest file that it copies.
const LARGEST: usize = 16 << 10;

/// Some files of one directory.
struct Chunk {
    source: Dir,
    destination: Dir,
    names: Vec<Vec<u8>>,
}

/// Copies a tree of directories and small files.
pub fn run(source: &Path, destination: &Path) -> io::Result<()> {
    let workers = thread::available_parallelism()?.get();
    let (chunks, waiting) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    let mut made = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|_| scope.spawn(|| copy_chunks(&waiting)))
            .collect();
        let mut hand_over = |chunk| chunks.send(chunk).map_err(io::Error::other);
        let listed = walk(
            &Dir::open(source, Trust::Anyone)?,
            &Dir::open(destination, Trust::Anyone)?,
            &mut made,
            &mut hand_over,
        );
        drop(chunks);
        for worker in workers {
            worker
                .join()
                .map_err(|_| io::Error::other("a thread panicked"))??;
        }
        listed
    })?;
    for (directory, stat) in made {
        directory.set_own_permissions(stat.permissions)?;
        directory.set_own_mtime(stat.mtime)?;
    }
    Ok(())
}

/// Makes the directories, and hands the files over. `made` takes the directories, whose times
/// can only be set when all is in them.
fn walk(
    source: &Dir,
    destination: &Dir,
    made: &mut Vec<(Dir, Stat)>,
    hand_over: &mut dyn FnMut(Chunk) -> io::Result<()>,
) -> io::Result<()> {
    let here: &[u8] = b"";
    let (mut names, mut below, mut unexpected) = (Vec::new(), Vec::new(), false);
    source.entries(&mut |name, kind| match kind {
        Some(FileKind::Regular) => names.push(name.to_vec()),
        Some(FileKind::Directory) => below.push(name.to_vec()),
        _ => unexpected = true,
    })?;
    if unexpected {
        return Err(io::ErrorKind::Unsupported.into());
    }
    for name in below {
        destination.create_dir(&name, 0o700)?;
        let (from, to) = (
            source.open_beneath(&name)?,
            destination.open_beneath(&name)?,
        );
        walk(&from, &to, made, hand_over)?;
    }
    for names in names.chunks(CHUNK) {
        hand_over(Chunk {
            source: source.open_beneath(here)?,
            destination: destination.open_beneath(here)?,
            names: names.to_vec(),
        })?;
    }
    made.push((destination.open_beneath(here)?, source.stat_self()?));
    Ok(())
}

fn copy_chunks(waiting: &Mutex<Receiver<Chunk>>) -> io::Result<()> {
    let mut buffer = Buffer::with_capacity(LARGEST + 1);
    loop {
        let chunk = match waiting.lock() {
            Ok(waiting) => waiting.recv(),
            Err(_) => return Err(io::Error::other("a thread panicked")),
        };
        let Ok(chunk) = chunk else { return Ok(()) };
        for name in &chunk.names {
            let stat = chunk.source.stat(name, Follow::Never)?;
            let from = chunk.source.open_file(name, Access::Read, Follow::Never)?;
            let to = chunk.destination.create_unnamed(stat.permissions)?;
            let size = usize::try_from(stat.size).map_err(io::Error::other)?;
            if size > LARGEST || !read_small(&from, &mut buffer, size)? {
                return Err(io::ErrorKind::Unsupported.into());
            }
            write_small(&to, &buffer, 0)?;
            set_file_mtime(&to, stat.mtime)?;
            chunk.destination.link_file(&to, name)?;
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::compare_trees::{Fidelity, first_difference};
    use crate::generate::{Content, FileSize, TreeRecipe};

    #[test]
    fn it_copies_what_the_workload_has() {
        let place = tempfile::tempdir().unwrap();
        let (source, destination) = (place.path().join("s"), place.path().join("d"));
        let recipe = TreeRecipe {
            seed: 3,
            directories: 4,
            files: 250,
            size: FileSize::UpTo(8 << 10),
            content: Content::Random,
        };
        recipe.make(&source).unwrap();
        std::fs::create_dir(&destination).unwrap();
        run(&source, &destination).unwrap();
        let difference = first_difference(&source, &destination, Fidelity::FULL).unwrap();
        assert_eq!(difference, None);
    }
}
