//! Makes the files that are measured, the same on every machine: names, sizes, bytes, modes and
//! times all follow from a seed.

use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::error::{BenchError, Doing};
use crate::sys::{self, Executable};

/// Files of random bytes in directories of one level.
#[derive(Clone, Copy, Debug)]
pub struct TreeRecipe {
    /// Where all choices come from.
    pub seed: u64,
    /// How many directories; 0 puts the files right into the root.
    pub directories: usize,
    /// How many files in all, dealt out evenly.
    pub files: usize,
    /// How long each file is.
    pub size: FileSize,
    /// What is in them.
    pub content: Content,
}

/// What files hold.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// Bytes that no codec makes fewer.
    Random,
    /// Lines of words, some far more frequent than others: codecs make a quarter of it.
    Text,
}

/// How long the files of a tree are, in bytes.
#[derive(Clone, Copy, Debug)]
pub enum FileSize {
    /// All the same.
    Exactly(u64),
    /// Evenly spread from zero to this length, both included.
    UpTo(u64),
}

impl TreeRecipe {
    /// Makes the tree in `root`, which is created.
    pub fn make(&self, root: &Path) -> Result<(), BenchError> {
        fs::create_dir_all(root).doing("create", root)?;
        let directories: Vec<PathBuf> = match self.directories {
            0 => vec![root.to_owned()],
            count => (0..count)
                .map(|index| root.join(format!("directory-{index:04}")))
                .collect(),
        };
        let mut random = Random::new(self.seed);
        for (index, directory) in directories.iter().enumerate() {
            fs::create_dir_all(directory).doing("create", directory)?;
            let first = self.files * index / directories.len();
            let past = self.files * (index + 1) / directories.len();
            for number in first..past {
                let path = directory.join(format!("file-{number:07}"));
                self.make_file(&path, &mut random).doing("create", &path)?;
            }
        }
        // Only now: making a file changes the time of its directory.
        for directory in directories.iter().rev().chain([&root.to_owned()]) {
            sys::set_directory_modified(directory, random.time())
                .doing("set the time of", directory)?;
        }
        Ok(())
    }

    /// The most that the tree can take, in bytes.
    pub fn bytes(&self) -> u64 {
        let (FileSize::Exactly(size) | FileSize::UpTo(size)) = self.size;
        (self.files as u64) * size.next_multiple_of(BLOCK)
    }

    /// How many files and directories the tree has.
    pub fn entries(&self) -> u64 {
        (self.files + self.directories) as u64 + 1
    }

    fn make_file(&self, path: &Path, random: &mut Random) -> io::Result<()> {
        let size = match self.size {
            FileSize::Exactly(size) => size,
            FileSize::UpTo(most) => random.below(most + 1),
        };
        let executable = if random.below(16) == 0 {
            Executable::Yes
        } else {
            Executable::No
        };
        let file = sys::create_file(path, executable)?;
        match self.content {
            Content::Random => write_random(&mut &file, size, random)?,
            Content::Text => write_text(&mut &file, size, random)?,
        }
        file.set_modified(random.time())
    }
}

/// Files occupy whole blocks of about this size on most file systems.
const BLOCK: u64 = 4096;

/// One large file in an old and a new version, which differs in many small places: bytes
/// replaced, inserted and removed in turn.
#[derive(Clone, Copy, Debug)]
pub struct EditedFile {
    /// Where all choices come from.
    pub seed: u64,
    /// The length of the old version, in bytes.
    pub size: u64,
    /// How many places differ.
    pub edits: u64,
}

impl EditedFile {
    /// The name that both versions have in their trees.
    pub const NAME: &str = "edited";

    /// Makes a tree that holds the old version.
    pub fn make_old(&self, root: &Path) -> Result<(), BenchError> {
        let path = root.join(Self::NAME);
        fs::create_dir_all(root).doing("create", root)?;
        let written = sys::create_file(&path, Executable::No).and_then(|file| {
            write_random(&mut &file, self.size, &mut Random::new(self.seed))?;
            file.set_modified(epoch())
        });
        written.doing("create", &path)?;
        sys::set_directory_modified(root, epoch()).doing("set the time of", root)
    }

    /// Makes a tree that holds the new version of the file that [`EditedFile::make_old`] made
    /// in `old`.
    pub fn make_new(&self, old: &Path, root: &Path) -> Result<(), BenchError> {
        let path = root.join(Self::NAME);
        fs::create_dir_all(root).doing("create", root)?;
        let later = epoch() + Duration::from_secs(3600);
        let written = fs::File::open(old.join(Self::NAME)).and_then(|old| {
            let file = sys::create_file(&path, Executable::No)?;
            self.copy_edited(old, BufWriter::with_capacity(1 << 20, &file))?;
            file.set_modified(later)
        });
        written.doing("create", &path)?;
        sys::set_directory_modified(root, later).doing("set the time of", root)
    }

    /// One edit in each of `edits` equal stretches, somewhere in the stretch.
    fn copy_edited(&self, mut old: impl Read, mut new: impl Write) -> io::Result<()> {
        let mut random = Random::new(self.seed ^ 0xed17);
        for edit in 0..self.edits {
            let stretch = self.size * (edit + 1) / self.edits - self.size * edit / self.edits;
            let length = (1 + random.below(64)).min(stretch);
            let before = random.below(stretch - length + 1);
            let removed = if edit % 3 == 1 { 0 } else { length };
            let inserted = if edit % 3 == 2 { 0 } else { length };
            io::copy(&mut (&mut old).take(before), &mut new)?;
            io::copy(&mut (&mut old).take(removed), &mut io::sink())?;
            write_random(&mut new, inserted, &mut random)?;
            let after = stretch - before - removed;
            io::copy(&mut (&mut old).take(after), &mut new)?;
        }
        new.flush()
    }
}

/// The time from which all others are counted: some day in 2020.
fn epoch() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000)
}

fn write_random(out: &mut impl Write, size: u64, random: &mut Random) -> io::Result<()> {
    let mut buffer = vec![0; size.min(1 << 20) as usize];
    let mut left = size;
    while left > 0 {
        let now = left.min(buffer.len() as u64) as usize;
        for word in buffer[..now].chunks_mut(8) {
            word.copy_from_slice(&random.next().to_le_bytes()[..word.len()]);
        }
        out.write_all(&buffer[..now])?;
        left -= now as u64;
    }
    Ok(())
}

/// Words from a vocabulary of made-up ones: the lower a word's number, the more often it comes.
fn write_text(out: &mut impl Write, size: u64, random: &mut Random) -> io::Result<()> {
    const WORDS: u64 = 1 << 14;
    let mut letters = Random::new(0x7e87);
    let vocabulary: Vec<Vec<u8>> = (0..WORDS)
        .map(|_| {
            let length = 2 + letters.below(9);
            let letter = |_| {
                b"etaoinshrdlucmfwypvbgkqjxz"[letters.below(26).min(letters.below(26)) as usize]
            };
            (0..length).map(letter).collect()
        })
        .collect();
    let mut buffer = Vec::with_capacity((1 << 20) + 64);
    let mut left = size;
    while left > 0 {
        buffer.clear();
        while buffer.len() < 1 << 20 {
            // The product of three even choices leans towards zero.
            let choice = random.next();
            let third = |shift: u32| (choice >> shift) & 0x3fff;
            let word = (third(0) * third(14) / WORDS) * third(28) / WORDS;
            buffer.extend_from_slice(&vocabulary[word as usize]);
            buffer.push(if choice >> 60 == 0 { b'\n' } else { b' ' });
        }
        let now = left.min(buffer.len() as u64) as usize;
        out.write_all(&buffer[..now])?;
        left -= now as u64;
    }
    Ok(())
}

/// SplitMix64: tiny, quick, and the same for ever, which no library promises.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; the bias is far below what matters here.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A time within four years, in the 100 ns steps that NTFS can hold.
    fn time(&mut self) -> SystemTime {
        let steps = self.below(4 * 365 * 86_400 * 10_000_000);
        epoch() + Duration::new(steps / 10_000_000, (steps % 10_000_000) as u32 * 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare_trees::{Fidelity, first_difference};

    const RECIPE: TreeRecipe = TreeRecipe {
        seed: 7,
        directories: 3,
        files: 40,
        size: FileSize::UpTo(9000),
        content: Content::Random,
    };

    fn made(recipe: TreeRecipe) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        recipe.make(root.path()).unwrap();
        root
    }

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn one_seed_makes_one_tree() {
        let (one, two) = (made(RECIPE), made(RECIPE));
        let difference = first_difference(one.path(), two.path(), Fidelity::FULL).unwrap();
        assert_eq!(difference, None);
    }

    #[test]
    fn text_is_as_long_as_asked_and_repeats_its_words() {
        let (mut text, mut again) = (Vec::new(), Vec::new());
        write_text(&mut text, 100_001, &mut Random::new(1)).unwrap();
        write_text(&mut again, 100_001, &mut Random::new(1)).unwrap();
        assert!(text.len() == 100_001 && text == again);
        let words: Vec<&[u8]> = text.split(|&byte| matches!(byte, b' ' | b'\n')).collect();
        let different: std::collections::BTreeSet<&[u8]> = words.iter().copied().collect();
        assert!(different.len() > 1000 && different.len() * 2 < words.len());
    }

    #[test]
    fn another_seed_makes_another_tree() {
        let other = TreeRecipe { seed: 8, ..RECIPE };
        let (one, two) = (made(RECIPE), made(other));
        let difference = first_difference(one.path(), two.path(), Fidelity::FULL).unwrap();
        assert!(difference.is_some());
    }

    #[test]
    fn a_tree_has_the_entries_and_at_most_the_bytes_it_announces() {
        let root = made(RECIPE);
        let (mut entries, mut bytes) = (1, 0);
        for directory in fs::read_dir(root.path()).unwrap() {
            entries += 1;
            for file in fs::read_dir(directory.unwrap().path()).unwrap() {
                entries += 1;
                bytes += file.unwrap().metadata().unwrap().len();
            }
        }
        assert_eq!(entries, RECIPE.entries());
        assert!(bytes > 0 && bytes <= RECIPE.bytes());
    }

    #[test]
    fn the_new_version_keeps_most_of_the_old_and_is_always_the_same() {
        let file = EditedFile {
            seed: 3,
            size: 1 << 20,
            edits: 9,
        };
        let mut old = Vec::new();
        write_random(&mut old, file.size, &mut Random::new(file.seed)).unwrap();
        let (mut new, mut again) = (Vec::new(), Vec::new());
        file.copy_edited(&old[..], &mut new).unwrap();
        file.copy_edited(&old[..], &mut again).unwrap();
        assert!(new == again);
        assert!(new != old);
        assert!(new.len().abs_diff(old.len()) <= 3 * 64);
        // Nine places of at most 64 bytes touch at most 18 of 1024 blocks, wherever they moved.
        let kept = old
            .chunks(1024)
            .enumerate()
            .filter(|(index, block)| {
                let from = (index * 1024).saturating_sub(3 * 64);
                let to = (index * 1024 + 1024 + 3 * 64).min(new.len());
                new[from..to]
                    .windows(block.len())
                    .any(|seen| seen == *block)
            })
            .count();
        assert!((1024 - 18..1024).contains(&kept), "{kept} blocks kept");
    }
}
