//! The system calls alone: one after the other on one thread, but for streams, whose calls wait
//! for each other: there each end of each has a thread.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::contender::Contender;
use super::echo::{Echo, MESSAGE};
use super::job::{Files, Job, Positioned, Way};
use crate::sys;

pub struct Bare;

impl Contender for Bare {
    fn name(&self) -> &'static str {
        "bare calls"
    }

    fn run(&self, job: &Job) -> io::Result<Option<Duration>> {
        match job {
            Job::Work { .. } | Job::Posted { .. } => Ok(None),
            Job::Positioned(job) | Job::Fed(job) => positioned(job).map(Some),
            Job::Files(files) => small_files(files).map(Some),
            Job::Echo(echo) if echo.streams <= MOST_STREAMS => streams(echo).map(Some),
            Job::Echo(_) => Ok(None),
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

/// With two threads a stream, nobody would serve a thousand.
const MOST_STREAMS: usize = 64;

fn streams(echo: &Echo) -> io::Result<Duration> {
    let ends = echo.connect()?;
    // All threads, and this one, which looks at the clock.
    let start = Barrier::new(2 * echo.streams + 1);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (number, ends) in ends.into_iter().enumerate() {
            let (server, client, start) = (ends.server, ends.client, &start);
            threads.push(scope.spawn(move || {
                start.wait();
                send_back(server, echo.bytes())
            }));
            threads.push(scope.spawn(move || {
                start.wait();
                exchange(client, echo, number)
            }));
        }
        start.wait();
        let begun = Instant::now();
        for thread in threads {
            let result = thread.join();
            result.unwrap_or_else(|_| Err(io::Error::other("a thread died")))?;
        }
        Ok(begun.elapsed())
    })
}

fn send_back(mut stream: TcpStream, mut left: usize) -> io::Result<()> {
    let mut room = [0; MESSAGE];
    while left > 0 {
        let arrived = stream.read(&mut room)?;
        if arrived == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= arrived;
        stream.write_all(&room[..arrived])?;
    }
    Ok(())
}

fn exchange(mut stream: TcpStream, echo: &Echo, number: usize) -> io::Result<()> {
    let mut message = echo.message(number);
    let mut room = [0; MESSAGE];
    for round in 0..echo.rounds {
        Echo::stamp(round, &mut message);
        stream.write_all(&message)?;
        let mut arrived = 0;
        while arrived < MESSAGE {
            let now = stream.read(&mut room)?;
            arrived = Echo::check(&message, arrived, &room[..now])?;
        }
    }
    Ok(())
}
