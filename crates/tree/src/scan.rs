//! Looking at all that is in a directory, on several threads where that pays.

use crate::names::{self, Name};
use fast_io::dir::{Dir, Follow, Stat};
use std::io;

/// Reads the directory's names, looks at each of them, and hands over what it finds. The order is
/// the system's. `source` and `dirname` are what the names start with.
///
/// A large directory's entries are looked at by several threads, since one thread would
/// mostly wait for the file system; and in turns, since what the system says of an entry takes
/// much more memory than what a list keeps of it.
pub fn scan(
    dir: &Dir,
    source: u32,
    dirname: &[u8],
    follow: Follow,
    mut found: impl FnMut(Name, io::Result<Stat>),
) -> io::Result<()> {
    for batch in names::read(dir, source, dirname)? {
        let names: Vec<Name> = batch.names().collect();
        let threads = threads_for(names.len());
        if threads == 1 {
            for name in names {
                let stat = dir.stat(name.basename(), follow);
                found(name, stat);
            }
            continue;
        }
        let stats = look(dir, &names, threads, follow);
        for (name, stat) in names.into_iter().zip(stats) {
            found(name, stat);
        }
    }
    Ok(())
}

/// Looks at all these names, in their order.
fn look(dir: &Dir, names: &[Name], threads: usize, follow: Follow) -> Vec<io::Result<Stat>> {
    let stat = |name: &Name| dir.stat(name.basename(), follow);
    std::thread::scope(|scope| {
        let workers: Vec<_> = names
            .chunks(names.len().div_ceil(threads))
            .map(|part| scope.spawn(move || part.iter().map(stat).collect::<Vec<_>>()))
            .collect();
        let mut stats = Vec::with_capacity(names.len());
        for worker in workers {
            match worker.join() {
                Ok(part) => stats.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        stats
    })
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
    use fast_io::dir::Trust;

    #[test]
    fn every_name_is_found_once_whatever_the_size() {
        for count in [0, 3, 4500] {
            let temp = tempfile::tempdir().unwrap();
            for i in 0..count {
                std::fs::write(temp.path().join(format!("f{i}")), b"x").unwrap();
            }
            let dir = Dir::open(temp.path(), Trust::Anyone).unwrap();
            let mut names = Vec::new();
            scan(&dir, 0, b"", Follow::Never, |name, stat| {
                assert_eq!(stat.unwrap().size, 1);
                names.push(name.basename().to_vec());
            })
            .unwrap();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
