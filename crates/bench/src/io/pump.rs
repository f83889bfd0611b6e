//! The completion pump on one of its drivers.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fast_io::{
    Backend, Buffer, BufferPool, Completion, CompletionPump, IocpPumpConfig, Operation, Posted,
    PumpConfig, SharedFile, iocp_post_completion,
};

use super::bare;
use super::contender::Contender;
use super::job::{Files, Job, Positioned, Way};
use super::pump_echo;

pub struct Pump {
    backend: Backend,
    name: &'static str,
}

impl Pump {
    /// The pump on this driver, if the system has it.
    pub fn find(backend: Backend) -> Option<Self> {
        let config = PumpConfig::default().with_backend(backend.clone());
        let name = CompletionPump::start(&config).ok()?.backend_name();
        Some(Self { backend, name })
    }

    fn start(&self, config: PumpConfig) -> io::Result<Arc<CompletionPump>> {
        CompletionPump::start(&config.with_backend(self.backend.clone())).map(Arc::new)
    }
}

impl Pump {
    /// What the port and its dispatch cost by themselves: no file, no work lane.
    fn posted(&self, count: usize) -> io::Result<Duration> {
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        let iocp = IocpPumpConfig::default().with_post_handler(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let pump = self.start(PumpConfig::default().with_iocp(iocp))?;
        let begun = Instant::now();
        for _ in 0..count {
            iocp_post_completion(&pump, Posted { key: 1, bytes: 0 })?;
        }
        // Runs the handlers of all that was posted.
        pump.shut_down();
        let time = begun.elapsed();
        if done.load(Ordering::Relaxed) == count {
            Ok(time)
        } else {
            Err(io::Error::other("handlers were lost"))
        }
    }
}

impl Contender for Pump {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_pump(&self) -> bool {
        true
    }

    fn run(&self, job: &Job) -> io::Result<Option<Duration>> {
        let config = PumpConfig::default();
        match job {
            Job::Work { count } => work(&self.start(config)?, *count),
            Job::Posted { .. } if !matches!(self.backend, Backend::Iocp) => return Ok(None),
            Job::Posted { count } => self.posted(*count),
            Job::Positioned(job) => chained(self.start(config)?, job),
            Job::Fed(job) => fed(&self.start(config.with_max_operations(job.depth))?, job),
            Job::Files(files) => small_files(&self.start(config)?, files),
            Job::Echo(echo) => {
                let config = config.with_max_operations(pump_echo::operations(echo));
                pump_echo::run(self.start(config)?, echo)
            }
        }
        .map(Some)
    }
}

/// The first thing that went wrong.
#[derive(Clone, Default)]
pub struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    pub fn note(&self, error: io::Error) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }

    /// The time, if nothing went wrong.
    pub fn or(self, time: Duration) -> io::Result<Duration> {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.take().map_or(Ok(time), Err)
    }
}

fn work(pump: &Arc<CompletionPump>, count: usize) -> io::Result<Duration> {
    let done = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    for _ in 0..count {
        let done = Arc::clone(&done);
        pump.submit(Operation::work(|| Ok(0)), move |_: Completion| {
            done.fetch_add(1, Ordering::Relaxed);
        });
    }
    pump.drain();
    let time = begun.elapsed();
    if done.load(Ordering::Relaxed) == count {
        Ok(time)
    } else {
        Err(io::Error::other("handlers were lost"))
    }
}

/// `depth` chains, in each of which the handler of one operation submits the next.
struct Chains {
    pump: Arc<CompletionPump>,
    job: Arc<Positioned>,
    file: SharedFile,
    turn: AtomicUsize,
    failure: Failure,
}

fn chained(pump: Arc<CompletionPump>, job: &Arc<Positioned>) -> io::Result<Duration> {
    let chains = Arc::new(Chains {
        pump,
        job: Arc::clone(job),
        file: bare::open(job)?.into(),
        turn: AtomicUsize::new(0),
        failure: Failure::default(),
    });
    let buffers: Vec<Buffer> = (0..job.depth).map(|_| job.new_block().into()).collect();
    let begun = Instant::now();
    for buffer in buffers {
        go_on(&chains, buffer);
    }
    chains.pump.drain();
    let time = begun.elapsed();
    chains.failure.clone().or(time)
}

fn go_on(chains: &Arc<Chains>, buffer: Buffer) {
    let turn = chains.turn.fetch_add(1, Ordering::Relaxed);
    if turn < chains.job.count {
        let operation = operation(&chains.job, &chains.file, turn, buffer);
        let again = Arc::clone(chains);
        chains
            .pump
            .submit(operation, move |completion: Completion| {
                match checked(&again.job, turn, completion) {
                    Ok(buffer) => go_on(&again, buffer),
                    Err(error) => again.failure.note(error),
                }
            });
    }
}

/// One thread submits all, and waits where the pump is full.
fn fed(pump: &Arc<CompletionPump>, job: &Arc<Positioned>) -> io::Result<Duration> {
    let file = SharedFile::new(bare::open(job)?);
    let pool = BufferPool::new(job.block, job.depth * 2);
    let spare: Vec<Buffer> = (0..job.depth * 2)
        .map(|_| {
            let mut buffer = pool.take();
            buffer.append(&job.new_block());
            buffer
        })
        .collect();
    drop(spare);
    let failure = Failure::default();
    let begun = Instant::now();
    for turn in 0..job.count {
        let mut buffer = pool.take();
        buffer.set_filled(job.block);
        let operation = operation(job, &file, turn, buffer);
        let (job, failure) = (Arc::clone(job), failure.clone());
        pump.submit(operation, move |completion: Completion| {
            if let Err(error) = checked(&job, turn, completion) {
                failure.note(error);
            }
        });
    }
    pump.drain();
    failure.or(begun.elapsed())
}

fn operation(job: &Positioned, file: &SharedFile, turn: usize, mut buffer: Buffer) -> Operation {
    let (file, offset) = (file.clone(), job.offset(turn));
    match job.way {
        Way::Read => Operation::read(file, offset, buffer, job.block),
        Way::Write => {
            job.stamp(turn, &mut buffer);
            Operation::write(file, offset, buffer, ..)
        }
    }
}

fn checked(job: &Positioned, turn: usize, completion: Completion) -> io::Result<Buffer> {
    let moved = completion.result?;
    if job.way == Way::Read {
        job.check(turn, &completion.buffer)?;
    }
    if moved == job.block as u64 {
        Ok(completion.buffer)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// All that one small file needs is one piece of work.
fn small_files(pump: &Arc<CompletionPump>, files: &Arc<Files>) -> io::Result<Duration> {
    let failure = Failure::default();
    let begun = Instant::now();
    for number in 0..files.count {
        let (files, failure) = (Arc::clone(files), failure.clone());
        let work = Operation::work(move || {
            fs::write(files.path(number), &**files.content).map(|()| files.content.len() as u64)
        });
        pump.submit(work, move |completion: Completion| {
            if let Err(error) = completion.result {
                failure.note(error);
            }
        });
    }
    pump.drain();
    failure.or(begun.elapsed())
}
