//! The jobs that are measured: what is made for each, what the programs are asked, and what
//! must be there afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::compare_trees::{Fidelity, first_difference, first_entry};
use crate::error::{BenchError, Doing};
use crate::generate::{Content, EditedFile, FileSize, TreeRecipe};
use crate::machine;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Workload {
    /// Many small files, fresh copy.
    Small,
    /// Few large files, fresh copy.
    Large,
    /// Many files, nothing to do.
    Unchanged,
    /// A million names, dry run: time and memory.
    Million,
    /// A large file with small changes, rebuilt by delta.
    Delta,
    /// Equal files, compared by checksum.
    Checksum,
    /// One huge directory, fresh copy.
    Flat,
    /// Large files that a codec makes smaller, fresh copy.
    Text,
    /// Large files that no codec makes smaller, fresh copy.
    Noise,
    /// Some small files, fresh copy: over a link with a delay.
    Distant,
}

/// What a program is asked to do with `source` and `destination`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Task {
    /// Copy into an empty directory.
    Copy,
    /// Copy small files into an empty directory.
    CopySmall,
    /// Bring up to date what is up to date.
    Update,
    /// Say what a copy would do.
    DryRun,
    /// Bring up to date by sending differences only.
    Delta,
    /// Bring up to date, trusting bytes and not times.
    Checksum,
}

/// The source's name, relative to the directory in which the programs run.
pub const SOURCE: &str = "source";
/// The destination's name, likewise.
pub const DESTINATION: &str = "destination";
/// Where `delta` keeps the version that the destination returns to.
const OLD: &str = "old";

const MIB: u64 = 1 << 20;

impl Workload {
    /// Those of `local`, in the order of the table.
    pub const LOCAL: [Self; 7] = [
        Self::Small,
        Self::Large,
        Self::Unchanged,
        Self::Million,
        Self::Delta,
        Self::Checksum,
        Self::Flat,
    ];

    /// What `--only` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
            Self::Unchanged => "unchanged",
            Self::Million => "million",
            Self::Delta => "delta",
            Self::Checksum => "checksum",
            Self::Flat => "flat",
            Self::Text => "text",
            Self::Noise => "noise",
            Self::Distant => "distant",
        }
    }

    /// What the table calls it, with the numbers of this scale.
    pub fn title(self, scale: f64) -> String {
        match self.material(scale) {
            Material::Edited(file) => format!(
                "{} MiB with {} small changes, `--no-W`",
                mebibytes(file.size),
                file.edits
            ),
            Material::Tree(tree) => {
                let (files, directories) = (grouped(tree.files), grouped(tree.directories));
                match self {
                    Self::Small | Self::Distant => {
                        format!("{files} files of 0–8 KiB in {directories} directories, fresh copy")
                    }
                    Self::Large => {
                        format!("{files} × {} MiB, fresh copy", tree.file_mebibytes())
                    }
                    Self::Text => {
                        format!(
                            "{files} × {} MiB of text, fresh copy",
                            tree.file_mebibytes()
                        )
                    }
                    Self::Noise => {
                        format!(
                            "{files} × {} MiB of noise, fresh copy",
                            tree.file_mebibytes()
                        )
                    }
                    Self::Unchanged => format!("{files} files, nothing to do"),
                    Self::Million => format!("{files} empty files, dry run"),
                    Self::Checksum => {
                        format!("`-c` over {files} × {} MiB, equal", tree.file_mebibytes())
                    }
                    Self::Flat | Self::Delta => {
                        format!("one directory of {files} small files, fresh copy")
                    }
                }
            }
        }
    }

    /// What the programs are asked to do.
    pub fn task(self) -> Task {
        match self {
            Self::Small | Self::Flat | Self::Distant => Task::CopySmall,
            Self::Large | Self::Text | Self::Noise => Task::Copy,
            Self::Unchanged => Task::Update,
            Self::Million => Task::DryRun,
            Self::Delta => Task::Delta,
            Self::Checksum => Task::Checksum,
        }
    }

    /// What it is made of at a fraction of the full size.
    fn material(self, scale: f64) -> Material {
        let scaled = |full: u64| ((full as f64 * scale).round() as u64).max(1);
        let tree = |seed, directories, files, size| {
            Material::Tree(TreeRecipe {
                seed,
                directories,
                files: files as usize,
                size,
                content: match self {
                    Self::Text => Content::Text,
                    _ => Content::Random,
                },
            })
        };
        match self {
            Self::Small => tree(
                1,
                scaled(500) as usize,
                scaled(50_000),
                FileSize::UpTo(8 << 10),
            ),
            Self::Large => tree(2, 0, 4, FileSize::Exactly(scaled(512) * MIB)),
            Self::Unchanged => tree(
                3,
                scaled(3_000) as usize,
                scaled(300_000),
                FileSize::UpTo(1 << 10),
            ),
            Self::Million => tree(
                4,
                scaled(1_000) as usize,
                scaled(1_000_000),
                FileSize::Exactly(0),
            ),
            Self::Delta => Material::Edited(EditedFile {
                seed: 5,
                size: scaled(512) * MIB,
                edits: scaled(500),
            }),
            Self::Checksum => tree(6, 0, scaled(64), FileSize::Exactly(32 * MIB)),
            Self::Flat => tree(7, 0, scaled(100_000), FileSize::UpTo(1 << 10)),
            Self::Text => tree(8, 0, 4, FileSize::Exactly(scaled(64) * MIB)),
            Self::Noise => tree(9, 0, 4, FileSize::Exactly(scaled(64) * MIB)),
            Self::Distant => tree(
                10,
                scaled(100) as usize,
                scaled(10_000),
                FileSize::UpTo(8 << 10),
            ),
        }
    }

    /// Fails when the file system of `directory` cannot hold the workload.
    pub fn check_room(self, directory: &Path, scale: f64) -> Result<(), BenchError> {
        let (bytes, entries) = match self.material(scale) {
            // The old version, the new, the destination, and the temporary file beside it.
            Material::Edited(file) => (4 * file.size, 8),
            Material::Tree(tree) if self == Self::Million => (0, tree.entries()),
            Material::Tree(tree) => (2 * tree.bytes(), 2 * tree.entries()),
        };
        // An entry costs about a KiB of the memory or disk that holds it.
        let needed = bytes + entries * 1024 + 16 * MIB;
        let room = machine::room(directory)?;
        let problem = |needed, unit, available| BenchError::Room {
            workload: self.name(),
            needed,
            unit,
            directory: directory.to_owned(),
            available,
        };
        if room.bytes < needed {
            return Err(problem(needed.div_ceil(MIB), "MiB", room.bytes / MIB));
        }
        match room.files {
            Some(files) if files < entries => Err(problem(entries, "files", files)),
            _ => Ok(()),
        }
    }

    /// Makes the workload in `directory`, which is empty.
    pub fn prepare(self, directory: &Path, scale: f64) -> Result<Stage, BenchError> {
        let stage = Stage {
            task: self.task(),
            directory: directory.to_owned(),
        };
        let (source, destination) = (stage.source(), stage.destination());
        match self.material(scale) {
            Material::Edited(file) => {
                let old = directory.join(OLD);
                file.make_old(&old)?;
                file.make_new(&old, &source)?;
                fs::create_dir(&destination).doing("create", &destination)?;
            }
            Material::Tree(tree) => {
                tree.make(&source)?;
                match stage.task {
                    Task::Update | Task::Checksum => tree.make(&destination)?,
                    Task::Copy | Task::CopySmall | Task::DryRun | Task::Delta => {
                        fs::create_dir(&destination).doing("create", &destination)?;
                    }
                }
            }
        }
        Ok(stage)
    }
}

/// A workload made and ready to be run, as often as wanted.
pub struct Stage {
    task: Task,
    directory: PathBuf,
}

impl Stage {
    /// Where the programs run; both trees are in it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Brings the destination back to where a run starts from.
    pub fn reset(&self) -> Result<(), BenchError> {
        let destination = self.destination();
        match self.task {
            Task::Update | Task::DryRun | Task::Checksum => return Ok(()),
            Task::Copy | Task::CopySmall | Task::Delta => {}
        }
        fs::remove_dir_all(&destination).doing("clear", &destination)?;
        fs::create_dir(&destination).doing("create", &destination)?;
        if self.task == Task::Delta {
            let old = self.directory.join(OLD).join(EditedFile::NAME);
            let new = destination.join(EditedFile::NAME);
            copy_with_time(&old, &new).doing("restore", &new)?;
        }
        Ok(())
    }

    /// What is wrong with the destination after a run; `None` when all is as it must be.
    pub fn difference(&self, fidelity: Fidelity) -> Result<Option<String>, BenchError> {
        match self.task {
            Task::DryRun => first_entry(&self.destination()),
            Task::Copy | Task::CopySmall | Task::Update | Task::Delta | Task::Checksum => {
                first_difference(&self.source(), &self.destination(), fidelity)
            }
        }
    }

    fn source(&self) -> PathBuf {
        self.directory.join(SOURCE)
    }

    fn destination(&self) -> PathBuf {
        self.directory.join(DESTINATION)
    }
}

enum Material {
    Tree(TreeRecipe),
    Edited(EditedFile),
}

impl TreeRecipe {
    fn file_mebibytes(&self) -> u64 {
        let (FileSize::Exactly(size) | FileSize::UpTo(size)) = self.size;
        mebibytes(size)
    }
}

fn copy_with_time(old: &Path, new: &Path) -> std::io::Result<()> {
    fs::copy(old, new)?;
    let time: SystemTime = fs::metadata(old)?.modified()?;
    fs::File::options()
        .write(true)
        .open(new)?
        .set_modified(time)
}

fn mebibytes(bytes: u64) -> u64 {
    bytes / MIB
}

/// 50000 as "50,000".
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_size_is_what_the_readme_says() {
        let titles: Vec<String> = Workload::LOCAL.map(|known| known.title(1.0)).into();
        assert_eq!(
            titles,
            [
                "50,000 files of 0–8 KiB in 500 directories, fresh copy",
                "4 × 512 MiB, fresh copy",
                "300,000 files, nothing to do",
                "1,000,000 empty files, dry run",
                "512 MiB with 500 small changes, `--no-W`",
                "`-c` over 64 × 32 MiB, equal",
                "one directory of 100,000 small files, fresh copy",
            ]
        );
    }

    #[test]
    fn every_workload_starts_from_the_right_place_again_and_again() {
        for workload in Workload::LOCAL {
            let place = tempfile::tempdir().unwrap();
            let stage = workload.prepare(place.path(), 0.0005).unwrap();
            for _ in 0..2 {
                stage.reset().unwrap();
                let difference = stage.difference(Fidelity::FULL).unwrap();
                let already_right = matches!(
                    workload.task(),
                    Task::Update | Task::Checksum | Task::DryRun
                );
                assert_eq!(difference.is_none(), already_right, "{workload:?}");
            }
        }
    }

    #[test]
    fn delta_returns_to_the_old_version_after_a_run() {
        let place = tempfile::tempdir().unwrap();
        let stage = Workload::Delta.prepare(place.path(), 0.001).unwrap();
        let file = stage.destination().join(EditedFile::NAME);
        fs::write(&file, "spoilt").unwrap();
        stage.reset().unwrap();
        let old = place.path().join(OLD);
        let without_directory_times = Fidelity {
            modes: true,
            directory_times: false,
        };
        let difference =
            first_difference(&old, &stage.destination(), without_directory_times).unwrap();
        assert_eq!(difference, None);
    }

    #[test]
    fn a_file_system_that_is_too_small_is_refused_before_anything_is_made() {
        let place = tempfile::tempdir().unwrap();
        let error = Workload::Large
            .check_room(place.path(), 1e6)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`large` needs") && error.contains("--dir"),
            "{error}"
        );
        assert_eq!(first_entry(place.path()).unwrap(), None);
    }
}
