//! Writes a thousand files through the pump and prints the rate.
//!
//! ```text
//! cargo run --release -p fast_io --example thousand_files [DIRECTORY]
//! ```
//!
//! Works in a new directory below DIRECTORY (the system's temporary directory by default), which
//! is gone when it ends.

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use fast_io::{
    BufferPool, Completion, CompletionPump, Durability, Operation, PumpConfig, Reserve, WriteBatch,
    WriteBatchConfig,
};

const FILES: usize = 1000;
const LEN: usize = 16 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let parent = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, Into::into);
    let scratch = tempfile::tempdir_in(parent)?;
    let pump = Arc::new(CompletionPump::start(&PumpConfig::default())?);

    let begun = Instant::now();
    write_as_work(&pump, scratch.path())?;
    report(&pump, "work that opens, writes and closes", begun);

    let begun = Instant::now();
    write_as_batch(&pump, scratch.path())?;
    report(&pump, "a WriteBatch", begun);
    Ok(())
}

/// Small files: everything that one of them needs is one piece of work.
fn write_as_work(pump: &CompletionPump, directory: &Path) -> Result<(), Box<dyn Error>> {
    let failed = Arc::new(AtomicUsize::new(0));
    for number in 0..FILES {
        let path = directory.join(format!("work{number}"));
        let failed = Arc::clone(&failed);
        let write = Operation::work(move || fs::write(path, [7; LEN]).map(|()| LEN as u64));
        pump.submit(write, move |completion: Completion| {
            failed.fetch_add(usize::from(completion.result.is_err()), Ordering::Relaxed);
        });
    }
    pump.drain();
    match failed.load(Ordering::Relaxed) {
        0 => Ok(()),
        failed => Err(format!("{failed} files could not be written").into()),
    }
}

/// Larger files, whose bytes come piece by piece: many are open at once.
fn write_as_batch(pump: &Arc<CompletionPump>, directory: &Path) -> Result<(), Box<dyn Error>> {
    let pool = BufferPool::new(LEN / 2, 256);
    let batch = WriteBatch::new(Arc::clone(pump), &WriteBatchConfig::default());
    for first in (0..FILES).step_by(100) {
        let mut open = Vec::new();
        for number in first..first + 100 {
            let file = File::create(directory.join(format!("batch{number}")))?;
            let ticket = batch.begin(file, Reserve::Nothing)?;
            for half in 0..2 {
                let mut buffer = pool.take();
                buffer.append(&[7; LEN / 2]);
                ticket.write(half * LEN as u64 / 2, buffer)?;
            }
            open.push(ticket);
        }
        for ticket in open {
            assert_eq!(ticket.commit(Durability::Lazy)?.length, LEN as u64);
        }
    }
    Ok(())
}

fn report(pump: &CompletionPump, how: &str, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    let rate = FILES as f64 / seconds;
    println!(
        "{FILES} files of {LEN} bytes by {how} on `{}`: {rate:.0} files/s",
        pump.backend_name()
    );
}
