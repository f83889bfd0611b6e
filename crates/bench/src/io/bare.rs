//! The system calls alone, one after the other on one thread.

use std::fs::{self, File};
use std::io;
use std::time::{Duration, Instant};

use super::contender::Contender;
use super::job::{Files, Job, Positioned, Way};
use crate::sys;

pub struct Bare;

impl Contender for Bare {
    fn name(&self) -> &'static str {
        "bare calls"
    }

    fn run(&self, job: &Job) -> io::Result<Option<Duration>> {
        match job {
            Job::Work { .. } => Ok(None),
            Job::Positioned(job) | Job::Fed(job) => positioned(job).map(Some),
            Job::Files(files) => small_files(files).map(Some),
        }
    }
}

fn positioned(job: &Positioned) -> io::Result<Duration> {
    let file = open(job)?;
    let mut block = job.new_block();
    let begun = Instant::now();
    for turn in 0..job.count {
        one(job, &file, turn, &mut block)?;
    }
    Ok(begun.elapsed())
}

/// The file of a job, for both ways.
pub fn open(job: &Positioned) -> io::Result<File> {
    File::options().read(true).write(true).open(&job.path)
}

/// One operation of a job.
pub fn one(job: &Positioned, file: &File, turn: usize, block: &mut [u8]) -> io::Result<()> {
    let whole = match job.way {
        Way::Read => {
            let count = sys::read_at(file, block, job.offset(turn))?;
            job.check(turn, block)?;
            count
        }
        Way::Write => {
            job.stamp(turn, block);
            sys::write_at(file, block, job.offset(turn))?
        }
    };
    if whole == job.block {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn small_files(files: &Files) -> io::Result<Duration> {
    let begun = Instant::now();
    for number in 0..files.count {
        fs::write(files.path(number), &**files.content)?;
    }
    Ok(begun.elapsed())
}
