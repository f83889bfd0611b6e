//! What a pump replaces on Windows: a completion port for each operation.
//!
//! Each operation makes a port, attaches a file to it, waits there and closes it. A port attaches
//! to a handle once, so each also needs a handle of its own; opening and closing those is left out
//! of the time, though in practice it comes with it. Whatever the depth, one is under way at a time:
//! who waits at a port of its own cannot begin the next. The port is compio's, without its runtime: this
//! crate has no `unsafe`, and what compio adds is small beside the port's own calls.

use std::fs::File;
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compio::buf::{BufResult, IntoInner};
use compio::driver::op::{ReadAt, WriteAt};
use compio::driver::{AsRawFd, OpCode, Proactor, PushEntry, SharedFd};

use super::contender::Contender;
use super::job::{Job, Positioned, Way};

pub struct PrivatePort;

impl Contender for PrivatePort {
    fn name(&self) -> &'static str {
        "private ports"
    }

    fn run(&self, job: &Job) -> io::Result<Option<Duration>> {
        match job {
            Job::Positioned(job) => positioned(job).map(Some),
            Job::Work { .. } | Job::Posted { .. } | Job::Fed(_) | Job::Files(_) | Job::Echo(_) => {
                Ok(None)
            }
        }
    }
}

/// Handles that are open at the same time.
const BATCH: usize = 64;

fn positioned(job: &Arc<Positioned>) -> io::Result<Duration> {
    let mut time = Duration::ZERO;
    let mut block = job.new_block();
    let turns: Vec<usize> = (0..job.count).collect();
    for batch in turns.chunks(BATCH) {
        let files: Vec<SharedFd<File>> =
            batch.iter().map(|_| open(job)).collect::<io::Result<_>>()?;
        let begun = Instant::now();
        for (&turn, file) in batch.iter().zip(&files) {
            block = one(job, file, turn, block)?;
        }
        time += begun.elapsed();
    }
    Ok(time)
}

fn open(job: &Positioned) -> io::Result<SharedFd<File>> {
    const FILE_FLAG_OVERLAPPED: u32 = 0x4000_0000;
    let mut options = File::options();
    options.read(true).write(true);
    options.custom_flags(FILE_FLAG_OVERLAPPED);
    options.open(&job.path).map(SharedFd::new)
}

fn one(
    job: &Positioned,
    file: &SharedFd<File>,
    turn: usize,
    mut block: Vec<u8>,
) -> io::Result<Vec<u8>> {
    let offset = job.offset(turn);
    let (moved, block) = match job.way {
        Way::Read => {
            let (moved, block) = alone(file, ReadAt::new(file.clone(), offset, block))?;
            job.check(turn, &block[..moved])?;
            (moved, block)
        }
        Way::Write => {
            job.stamp(turn, &mut block);
            alone(file, WriteAt::new(file.clone(), offset, block))?
        }
    };
    if moved == job.block {
        Ok(block)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// One operation on a port of its own: how much was moved, and the buffer.
fn alone<T>(file: &SharedFd<File>, operation: T) -> io::Result<(usize, Vec<u8>)>
where
    T: OpCode + IntoInner<Inner = Vec<u8>> + 'static,
{
    let mut port = Proactor::builder().capacity(1).build()?;
    port.attach(file.as_raw_fd())?;
    let mut entry = port.push(operation);
    loop {
        match entry {
            PushEntry::Ready(BufResult(moved, operation)) => {
                return Ok((moved?, operation.into_inner()));
            }
            PushEntry::Pending(key) => {
                port.poll(None)?;
                entry = port.pop(key);
            }
        }
    }
}
