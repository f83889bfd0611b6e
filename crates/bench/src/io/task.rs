//! What is measured, and the files that it is measured on.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::echo::{Echo, MESSAGE};
use super::job::{Files, Job, Order, Positioned, Way};
use crate::sys;
use crate::table::Unit;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Task {
    /// Reads of no bytes: what an operation costs besides its system call.
    Nothing { depth: usize },
    /// Closures that do nothing.
    Work,
    /// Packets that a caller posts to a port, where there are such.
    Posted,
    /// Positioned writes to a file whose pages are in memory.
    Write {
        order: Order,
        block: usize,
        depth: usize,
    },
    /// The same, submitted by one thread instead of by each handler for the next.
    Fed { block: usize, depth: usize },
    /// Small files made, written and closed.
    Files,
    /// Positioned reads.
    Read {
        cache: Cache,
        order: Order,
        block: usize,
        depth: usize,
    },
    /// Messages over streams of loopback TCP, and back.
    Echo { streams: usize },
}

/// Whether the file is in memory when it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cache {
    /// It is.
    Warm,
    /// The system has been asked to drop it.
    Cold,
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Each small file is this long.
const SMALL: usize = 4 * KIB;

impl Task {
    /// Every task, in the order of the table.
    pub fn all() -> Vec<Self> {
        let mut tasks = vec![Task::Nothing { depth: 1 }, Task::Nothing { depth: 64 }];
        tasks.push(Task::Work);
        if cfg!(windows) {
            tasks.push(Task::Posted);
        }
        for order in [Order::Sequential, Order::Scattered] {
            for block in [4 * KIB, 64 * KIB, MIB] {
                for depth in [1, 8, 64] {
                    tasks.push(Task::Write {
                        order,
                        block,
                        depth,
                    });
                }
            }
        }
        for block in [4 * KIB, 64 * KIB] {
            tasks.push(Task::Fed { block, depth: 64 });
        }
        tasks.push(Task::Files);
        for cache in [Cache::Warm, Cache::Cold] {
            for (order, block, depth) in [
                (Order::Scattered, 4 * KIB, 1),
                (Order::Scattered, 4 * KIB, 64),
                (Order::Sequential, 256 * KIB, 1),
                (Order::Sequential, 256 * KIB, 8),
            ] {
                tasks.push(Task::Read {
                    cache,
                    order,
                    block,
                    depth,
                });
            }
        }
        for streams in [1, 64, 1000] {
            tasks.push(Task::Echo { streams });
        }
        tasks
    }

    /// Every name, once.
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<&str> = Self::all().iter().map(Self::name).collect();
        names.dedup();
        names
    }

    /// The name by which `--only` knows tasks of this kind.
    pub fn name(&self) -> &'static str {
        match self {
            Task::Nothing { .. } => "nothing",
            Task::Work => "work",
            Task::Posted => "posted",
            Task::Write { order, .. } => match order {
                Order::Sequential => "write",
                Order::Scattered => "scattered",
            },
            Task::Fed { .. } => "fed",
            Task::Files => "files",
            Task::Read { cache, .. } => match cache {
                Cache::Warm => "warm",
                Cache::Cold => "cold",
            },
            Task::Echo { .. } => "echo",
        }
    }

    /// In words.
    pub fn title(&self) -> String {
        match *self {
            Task::Nothing { depth } => format!("read of 0 bytes, depth {depth}"),
            Task::Work => "work that does nothing".to_owned(),
            Task::Posted => "packet posted to the port, and its handler".to_owned(),
            Task::Write {
                order,
                block,
                depth,
            } => format!("{} write, {}, depth {depth}", order.name(), size(block)),
            Task::Fed { block, depth } => format!(
                "sequential write, {}, depth {depth}, fed by one thread",
                size(block)
            ),
            Task::Files => format!("small file ({}) made and closed", size(SMALL)),
            Task::Read {
                cache,
                order,
                block,
                depth,
            } => {
                let cache = match cache {
                    Cache::Warm => "warm",
                    Cache::Cold => "cold",
                };
                format!(
                    "{cache} {} read, {}, depth {depth}",
                    order.name(),
                    size(block)
                )
            }
            Task::Echo { streams: 1 } => format!("echo of {}, 1 stream", size(MESSAGE)),
            Task::Echo { streams } => format!("echo of {}, {streams} streams", size(MESSAGE)),
        }
    }

    /// What is told of it. What does nothing has no time of its own: how much of it can be done?
    pub fn unit(&self) -> Unit {
        match self {
            Task::Nothing { .. } | Task::Work | Task::Posted => Unit::PerSecond,
            _ => Unit::Micros,
        }
    }

    /// Whether it is drawn. Of writes and reads, those are that keep several under way.
    pub fn is_drawn(&self) -> bool {
        match *self {
            Task::Nothing { depth } => depth > 1,
            Task::Write { depth, .. } => depth == 8,
            Task::Read { depth, .. } => depth > 1,
            Task::Fed { .. } | Task::Posted => false,
            Task::Work | Task::Files | Task::Echo { .. } => true,
        }
    }

    /// How many sockets it has open at the same time.
    pub fn sockets(&self) -> usize {
        match self {
            // Both ends are here.
            Task::Echo { streams } => 2 * streams,
            _ => 0,
        }
    }

    /// Whether it needs a file that is not in memory.
    pub fn is_cold(&self) -> bool {
        self.name() == "cold"
    }

    /// Operations at full size.
    fn operations(&self) -> usize {
        // Under Wine, calls take ten times as long and more, and fewer tell as much.
        const FEW: usize = 512;
        match self.operations_on_linux() {
            many if cfg!(windows) && many > 2 * FEW => many / 4,
            few => few,
        }
    }

    /// Enough for some ten milliseconds of the fastest contender.
    fn operations_on_linux(&self) -> usize {
        match *self {
            Task::Nothing { .. } | Task::Work | Task::Posted => 1 << 14,
            Task::Files => 1000,
            Task::Write { block, .. } | Task::Fed { block, .. } => match block {
                4096 => 1 << 12,
                65536 => 1 << 10,
                _ => 1 << 7,
            },
            Task::Read {
                block,
                cache: Cache::Warm,
                ..
            } => ((64 * MIB) / block).min(1 << 13),
            Task::Read { block, .. } => ((64 * MIB) / block).min(1 << 10),
            Task::Echo { streams: 1 } => 1 << 12,
            Task::Echo { .. } => 8000,
        }
    }

    fn way(&self) -> Way {
        match self {
            Task::Read { .. } | Task::Nothing { .. } => Way::Read,
            _ => Way::Write,
        }
    }
}

fn size(bytes: usize) -> String {
    if bytes >= MIB {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{} KiB", bytes / KIB)
    }
}

/// A task with its files.
pub struct Stage {
    cold: bool,
    job: Job,
    directory: PathBuf,
}

impl Stage {
    /// Whether this system lets us drop a file from its cache.
    pub const CAN_DROP_CACHES: bool = sys::CAN_DROP_CACHES;

    /// Makes the files of a task.
    pub fn prepare(task: Task, place: &Path, scale: f64) -> io::Result<Self> {
        let count = ((task.operations() as f64 * scale) as usize).max(64);
        let job = match task {
            Task::Work => Job::Work { count },
            Task::Posted => Job::Posted { count },
            Task::Files => Job::Files(Arc::new(Files {
                directory: place.join("small"),
                count,
                content: super::job::pattern(SMALL),
            })),
            Task::Nothing { depth } => Job::Positioned(Arc::new(Positioned::new(
                place,
                task.way(),
                Order::Sequential,
                0,
                depth,
                count,
            ))),
            Task::Write {
                order,
                block,
                depth,
            }
            | Task::Read {
                order,
                block,
                depth,
                ..
            } => {
                let job = Positioned::new(place, task.way(), order, block, depth, count);
                Job::Positioned(Arc::new(job))
            }
            Task::Fed { block, depth } => Job::Fed(Arc::new(Positioned::new(
                place,
                task.way(),
                Order::Sequential,
                block,
                depth,
                count,
            ))),
            Task::Echo { streams } => {
                let rounds = (count / streams).max(1);
                Job::Echo(Arc::new(Echo::new(streams, rounds)))
            }
        };
        let stage = Self {
            cold: task.is_cold(),
            job,
            directory: place.to_owned(),
        };
        if let Some(job) = stage.job.positioned() {
            fs::write(&job.path, job.contents())?;
        }
        Ok(stage)
    }

    /// Puts everything back as it was before a run.
    pub fn reset(&mut self) -> io::Result<()> {
        match &mut self.job {
            Job::Files(files) => {
                let _ = fs::remove_dir_all(&files.directory);
                fs::create_dir(&files.directory)
            }
            Job::Positioned(job) | Job::Fed(job) => {
                // Nobody else holds the job between two runs.
                Arc::make_mut(job).next_round();
                if self.cold {
                    let file = File::open(&job.path)?;
                    file.sync_all()?;
                    sys::drop_from_cache(&file)?;
                }
                Ok(())
            }
            Job::Work { .. } | Job::Posted { .. } | Job::Echo(_) => Ok(()),
        }
    }

    pub fn job(&self) -> &Job {
        &self.job
    }

    /// What a run did wrong, if anything. (What was read or came back is checked at once.)
    pub fn difference(&self) -> io::Result<Option<String>> {
        match &self.job {
            Job::Files(files) => files.difference(),
            Job::Positioned(job) | Job::Fed(job) if job.way == Way::Write => {
                let same = fs::read(&job.path)? == job.contents();
                Ok((!same).then(|| "the file's bytes are wrong".to_owned()))
            }
            _ => Ok(None),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The directory around it is temporary: what stays goes with that.
        if let Some(job) = self.job.positioned() {
            let _ = fs::remove_file(&job.path);
        }
        let _ = fs::remove_dir_all(self.directory.join("small"));
    }
}
