//! Reading a directory: all its names and what each is, on several threads where that pays.

use fast_io::dir::{Dir, DirEntry, Follow, Stat};
use std::io;

/// A name found in a directory.
#[derive(Debug)]
pub struct Found {
    /// The name, one component.
    pub name: Vec<u8>,
    /// What it is.
    pub stat: io::Result<Stat>,
}

/// Reads the directory's names and looks at each of them. The order is the system's.
///
/// A large directory's entries are looked at by several threads, since one thread would
/// mostly wait for the file system.
pub fn scan(dir: &Dir, follow: Follow) -> io::Result<Vec<Found>> {
    let names = dir.entries()?;
    let threads = threads_for(names.len());
    if threads == 1 {
        return Ok(names.into_iter().map(|e| look(dir, e, follow)).collect());
    }
    let share = names.len().div_ceil(threads);
    let mut names = names.into_iter();
    let parts: Vec<Vec<DirEntry>> = (0..threads)
        .map(|_| names.by_ref().take(share).collect())
        .collect();
    std::thread::scope(|scope| {
        let workers: Vec<_> = parts
            .into_iter()
            .map(|part| {
                scope.spawn(move || {
                    part.into_iter()
                        .map(|e| look(dir, e, follow))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let mut found = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(part) => found.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(found)
    })
}

fn look(dir: &Dir, entry: DirEntry, follow: Follow) -> Found {
    let stat = dir.stat(&entry.name, follow);
    Found {
        name: entry.name,
        stat,
    }
}

/// Starting a thread costs about as much as looking at 100 entries.
fn threads_for(entries: usize) -> usize {
    const WORTH_A_THREAD: usize = 2000;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (entries / WORTH_A_THREAD).clamp(1, cores.min(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_once_whatever_the_size() {
        for count in [0, 3, 4500] {
            let temp = tempfile::tempdir().unwrap();
            for i in 0..count {
                std::fs::write(temp.path().join(format!("f{i}")), b"x").unwrap();
            }
            let dir = Dir::open(temp.path()).unwrap();
            let mut names: Vec<_> = scan(&dir, Follow::Never)
                .unwrap()
                .into_iter()
                .map(|f| {
                    assert_eq!(f.stat.unwrap().size, 1);
                    f.name
                })
                .collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
