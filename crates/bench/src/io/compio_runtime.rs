//! compio, on its runtime, which has one thread.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compio::BufResult;
use compio::fs::{File, OpenOptions};
use compio::io::{AsyncRead, AsyncReadAt, AsyncWriteAt, AsyncWriteExt};
use compio::net::TcpStream;
use compio::runtime::Runtime;

use super::contender::Contender;
use super::echo::{Echo, MESSAGE};
use super::job::{Files, Job, Positioned, Way};

pub struct Compio;

impl Contender for Compio {
    fn name(&self) -> &'static str {
        "compio"
    }

    fn run(&self, job: &Job) -> io::Result<Option<Duration>> {
        let runtime = Runtime::new()?;
        match job {
            Job::Work { count } => work(&runtime, *count),
            Job::Positioned(job) => positioned(&runtime, job),
            // There, one thread feeds in any case.
            Job::Fed(_) | Job::Posted { .. } => return Ok(None),
            Job::Files(files) => small_files(&runtime, files),
            Job::Echo(job) => echo(&runtime, job),
        }
        .map(Some)
    }
}

fn work(runtime: &Runtime, count: usize) -> io::Result<Duration> {
    runtime.block_on(async {
        let begun = Instant::now();
        let tasks: Vec<_> = (0..count).map(|_| runtime.spawn_blocking(|| ())).collect();
        for task in tasks {
            ended(task.await)?;
        }
        Ok(begun.elapsed())
    })
}

fn positioned(runtime: &Runtime, job: &Arc<Positioned>) -> io::Result<Duration> {
    let next = Rc::new(Cell::new(0));
    let blocks: Vec<Vec<u8>> = (0..job.depth).map(|_| job.new_block()).collect();
    runtime.block_on(async {
        let file = open(job).await?;
        let begun = Instant::now();
        let spawn = |mut block: Vec<u8>| {
            let (job, file, next) = (Arc::clone(job), file.clone(), Rc::clone(&next));
            runtime.spawn(async move {
                loop {
                    let turn = next.replace(next.get() + 1);
                    if turn >= job.count {
                        return Ok(());
                    }
                    block = one(&job, &file, turn, block).await?;
                }
            })
        };
        let tasks: Vec<_> = blocks.into_iter().map(spawn).collect();
        for task in tasks {
            let result: io::Result<()> = ended(task.await)?;
            result?;
        }
        Ok(begun.elapsed())
    })
}

async fn open(job: &Positioned) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.open(&job.path).await
}

async fn one(
    job: &Positioned,
    file: &File,
    turn: usize,
    mut block: Vec<u8>,
) -> io::Result<Vec<u8>> {
    let offset = job.offset(turn);
    let BufResult(moved, block) = match job.way {
        Way::Read => {
            block.clear();
            file.read_at(block, offset).await
        }
        Way::Write => {
            job.stamp(turn, &mut block);
            let mut file = file;
            file.write_at(block, offset).await
        }
    };
    if moved? != job.block {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if job.way == Way::Read {
        job.check(turn, &block)?;
    }
    Ok(block)
}

fn small_files(runtime: &Runtime, files: &Arc<Files>) -> io::Result<Duration> {
    runtime.block_on(async {
        let begun = Instant::now();
        let spawn = |number| {
            let files = Arc::clone(files);
            runtime.spawn(async move {
                let content = files.content.to_vec();
                compio::fs::write(files.path(number), content).await.0
            })
        };
        let tasks: Vec<_> = (0..files.count).map(spawn).collect();
        for task in tasks {
            ended(task.await)??;
        }
        Ok(begun.elapsed())
    })
}

fn echo(runtime: &Runtime, echo: &Arc<Echo>) -> io::Result<Duration> {
    let ends = echo.connect()?;
    runtime.block_on(async {
        let mut streams = Vec::new();
        for ends in ends {
            let client = TcpStream::from_std(ends.client)?;
            streams.push((client, TcpStream::from_std(ends.server)?));
        }
        let begun = Instant::now();
        let mut tasks = Vec::new();
        for (number, (client, server)) in streams.into_iter().enumerate() {
            tasks.push(runtime.spawn(send_back(server, echo.bytes())));
            tasks.push(runtime.spawn(exchange(client, Arc::clone(echo), number)));
        }
        for task in tasks {
            let result: io::Result<()> = ended(task.await)?;
            result?;
        }
        Ok(begun.elapsed())
    })
}

async fn send_back(mut stream: TcpStream, mut left: usize) -> io::Result<()> {
    let mut room = Vec::with_capacity(MESSAGE);
    while left > 0 {
        room.clear();
        let BufResult(arrived, part) = stream.read(room).await;
        if arrived? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= part.len();
        let BufResult(sent, part) = stream.write_all(part).await;
        sent?;
        room = part;
    }
    Ok(())
}

async fn exchange(mut stream: TcpStream, echo: Arc<Echo>, number: usize) -> io::Result<()> {
    let mut message = echo.message(number);
    let mut room = Vec::with_capacity(MESSAGE);
    for round in 0..echo.rounds {
        Echo::stamp(round, &mut message);
        let BufResult(sent, sent_message) = stream.write_all(message).await;
        sent?;
        message = sent_message;
        let mut arrived = 0;
        while arrived < MESSAGE {
            room.clear();
            let BufResult(result, part) = stream.read(room).await;
            result?;
            arrived = Echo::check(&message, arrived, &part)?;
            room = part;
        }
    }
    Ok(())
}

fn ended<T, E>(joined: Result<T, E>) -> io::Result<T> {
    joined.map_err(|_| io::Error::other("a task died"))
}
