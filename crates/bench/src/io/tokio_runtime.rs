//! tokio, on its current-thread runtime.
//!
//! `tokio::fs` has no positioned reads and writes; it seeks first, which is a second trip to its
//! blocking threads. So what is measured is the trip itself, `spawn_blocking` with the positioned
//! call in it: tokio at its best.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, spawn_blocking};

use super::bare;
use super::contender::Contender;
use super::echo::{Echo, MESSAGE};
use super::job::{Files, Job, Positioned};
use crate::machine::is_wine;

pub struct Tokio;

impl Contender for Tokio {
    fn name(&self) -> &'static str {
        "tokio"
    }

    fn run(&self, job: &Job) -> io::Result<Option<Duration>> {
        let mut builder = Builder::new_current_thread();
        if let Job::Echo(_) = job {
            builder.enable_io();
        }
        let runtime = builder.build()?;
        match job {
            Job::Work { count } => work(&runtime, *count),
            Job::Positioned(job) => positioned(&runtime, job),
            // There, one thread feeds in any case.
            Job::Fed(_) | Job::Posted { .. } => return Ok(None),
            Job::Files(files) => small_files(&runtime, files),
            // There, looking for what is ready takes a quarter of a second with a thousand.
            Job::Echo(job) if job.streams > 64 && is_wine() => return Ok(None),
            Job::Echo(job) => echo(&runtime, job),
        }
        .map(Some)
    }
}

fn work(runtime: &Runtime, count: usize) -> io::Result<Duration> {
    runtime.block_on(async {
        let begun = Instant::now();
        let tasks: Vec<JoinHandle<()>> = (0..count).map(|_| spawn_blocking(|| ())).collect();
        for task in tasks {
            task.await?;
        }
        Ok(begun.elapsed())
    })
}

fn positioned(runtime: &Runtime, job: &Arc<Positioned>) -> io::Result<Duration> {
    let file = Arc::new(bare::open(job)?);
    let next = Arc::new(AtomicUsize::new(0));
    let blocks: Vec<Vec<u8>> = (0..job.depth).map(|_| job.new_block()).collect();
    runtime.block_on(async {
        let begun = Instant::now();
        let spawn = |mut block: Vec<u8>| {
            let (job, file, next) = (Arc::clone(job), Arc::clone(&file), Arc::clone(&next));
            runtime.spawn(async move {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= job.count {
                        return Ok(());
                    }
                    let (job, file) = (Arc::clone(&job), Arc::clone(&file));
                    let trip = spawn_blocking(move || {
                        bare::one(&job, &file, turn, &mut block).map(|()| block)
                    });
                    block = trip.await??;
                }
            })
        };
        let tasks: Vec<JoinHandle<io::Result<()>>> = blocks.into_iter().map(spawn).collect();
        for task in tasks {
            task.await??;
        }
        Ok(begun.elapsed())
    })
}

fn small_files(runtime: &Runtime, files: &Arc<Files>) -> io::Result<Duration> {
    runtime.block_on(async {
        let begun = Instant::now();
        let spawn = |number| {
            let files = Arc::clone(files);
            runtime
                .spawn(async move { tokio::fs::write(files.path(number), &**files.content).await })
        };
        let tasks: Vec<JoinHandle<io::Result<()>>> = (0..files.count).map(spawn).collect();
        for task in tasks {
            task.await??;
        }
        Ok(begun.elapsed())
    })
}

fn echo(runtime: &Runtime, echo: &Arc<Echo>) -> io::Result<Duration> {
    let ends = echo.connect_nonblocking()?;
    runtime.block_on(async {
        let mut streams = Vec::new();
        for ends in ends {
            let client = TcpStream::from_std(ends.client)?;
            streams.push((client, TcpStream::from_std(ends.server)?));
        }
        let begun = Instant::now();
        let mut tasks: Vec<JoinHandle<io::Result<()>>> = Vec::new();
        for (number, (client, server)) in streams.into_iter().enumerate() {
            tasks.push(runtime.spawn(send_back(server, echo.bytes())));
            tasks.push(runtime.spawn(exchange(client, Arc::clone(echo), number)));
        }
        for task in tasks {
            task.await??;
        }
        Ok(begun.elapsed())
    })
}

async fn send_back(mut stream: TcpStream, mut left: usize) -> io::Result<()> {
    let mut room = [0; MESSAGE];
    while left > 0 {
        let arrived = stream.read(&mut room).await?;
        if arrived == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= arrived;
        stream.write_all(&room[..arrived]).await?;
    }
    Ok(())
}

async fn exchange(mut stream: TcpStream, echo: Arc<Echo>, number: usize) -> io::Result<()> {
    let mut message = echo.message(number);
    let mut room = [0; MESSAGE];
    for round in 0..echo.rounds {
        Echo::stamp(round, &mut message);
        stream.write_all(&message).await?;
        let mut arrived = 0;
        while arrived < MESSAGE {
            let now = stream.read(&mut room).await?;
            arrived = Echo::check(&message, arrived, &room[..now])?;
        }
    }
    Ok(())
}
