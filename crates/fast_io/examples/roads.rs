//! Measures the roads by which a file's bytes can get from one file to another, in turn, A B C A B
//! C, and prints the median of each. It is why [`fast_io::offload`] takes the ones it takes.
//!
//! ```text
//! cargo run --release -p fast_io --example roads [DIRECTORY]
//! ```
//!
//! - *copier*: what tidesync does, [`Copier::copy_range`] between open files;
//! - *by name*: [`std::fs::copy`], which is `CopyFileExW` on Windows, `fclonefileat` or `fcopyfile`
//!   on macOS, and `copy_file_range` on Linux;
//! - *in flight*: four reads and several writes at once, on the pump;
//! - *64K*, *256K*, *1M*: reading and writing through one buffer of that size.
//!
//! Figures of November 2026, a busy machine of two cores, everything in the page cache, in
//! milliseconds for all files of a row (so compare within a row only):
//!
//! ```text
//! Wine 8               copier    by name  in flight        64K       256K         1M
//!     400 x 32 KiB      157.3      256.0      128.7      156.4      201.4      881.2
//!    40 x 1024 KiB      123.5      167.5      175.8      124.5      116.0      307.4
//!    2 x 65536 KiB      224.8      249.8      236.9      194.0      198.0      274.2
//! Linux
//!     400 x 32 KiB       16.2       17.9       56.2       17.6       18.8       25.7
//!    40 x 1024 KiB       14.8       13.9       20.7       16.6       16.6       17.3
//!    2 x 65536 KiB       42.0       41.8       55.8       51.1       49.9       50.4
//! ```
//!
//! Wine's `CopyFileExW` is its own code, so this says nothing of what Windows' would gain on SMB
//! or ReFS; and the pump's driver on Windows is threads, not a completion port.

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fast_io::offload::Copier;
use fast_io::{
    BufferPool, CompletionPump, Durability, PumpConfig, ReadAhead, Reserve, SharedFile, WriteBatch,
    WriteBatchConfig,
};

const ROUNDS: usize = 7;
const LOADS: [(usize, u64); 3] = [(400, 32 << 10), (40, 1 << 20), (2, 64 << 20)];

type Copy<'a> = (&'a str, Box<dyn Fn(&Path, &Path, u64) -> Outcome + 'a>);
type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let parent = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, Into::into);
    let scratch = tempfile::tempdir_in(parent)?;
    let pump = Arc::new(CompletionPump::start(&PumpConfig::default())?);
    let writes = WriteBatch::new(Arc::clone(&pump), &WriteBatchConfig::default());
    let pool = BufferPool::new(512 << 10, 32);
    let copier = Copier::new();
    let roads: [Copy<'_>; 6] = [
        (
            "copier",
            Box::new(|from, to, len| by_copier(&copier, from, to, len)),
        ),
        (
            "by name",
            Box::new(|from, to, _| Ok(fs::copy(from, to).map(drop)?)),
        ),
        (
            "in flight",
            Box::new(|from, to, len| in_flight(&pump, &writes, &pool, from, to, len)),
        ),
        ("64K", Box::new(|from, to, _| through(64 << 10, from, to))),
        ("256K", Box::new(|from, to, _| through(256 << 10, from, to))),
        ("1M", Box::new(|from, to, _| through(1 << 20, from, to))),
    ];
    print!("{:>16}", "");
    roads.iter().for_each(|(name, _)| print!("{name:>11}"));
    println!();
    for (count, len) in LOADS {
        let source = scratch.path().join("source");
        fs::create_dir(&source)?;
        for number in 0..count {
            fs::write(source.join(number.to_string()), vec![7; len as usize])?;
        }
        let mut times = vec![Vec::new(); roads.len()];
        for _ in 0..ROUNDS {
            for ((_, copy), times) in roads.iter().zip(&mut times) {
                let target = scratch.path().join("target");
                fs::create_dir(&target)?;
                let begun = Instant::now();
                for number in 0..count {
                    let name = number.to_string();
                    copy(&source.join(&name), &target.join(&name), len)?;
                }
                times.push(begun.elapsed().as_secs_f64() * 1e3);
                let last = target.join((count - 1).to_string());
                assert_eq!(fs::metadata(last)?.len(), len, "it was copied");
                fs::remove_dir_all(&target)?;
            }
        }
        fs::remove_dir_all(&source)?;
        print!("{:>16}", format!("{count} x {} KiB", len >> 10));
        for mut times in times {
            times.sort_by(f64::total_cmp);
            print!("{:>11.1}", times[ROUNDS / 2]);
        }
        println!();
    }
    Ok(())
}

fn by_copier(copier: &Copier, from: &Path, to: &Path, len: u64) -> Outcome {
    let (source, destination) = (File::open(from)?, File::create(to)?);
    let go_on = &mut |_| ControlFlow::Continue(());
    copier.copy_range(&source, &destination, 0, 0, len, go_on)?;
    Ok(())
}

fn in_flight(
    pump: &Arc<CompletionPump>,
    writes: &WriteBatch,
    pool: &BufferPool,
    from: &Path,
    to: &Path,
    len: u64,
) -> Outcome {
    let source = File::open(from)?;
    let ticket = writes.begin(File::create(to)?, Reserve::Nothing)?;
    let mut offset = 0;
    for piece in ReadAhead::new(
        Arc::clone(pump),
        SharedFile::new(source),
        0..len,
        pool.clone(),
        4,
    ) {
        let piece = piece?;
        let next = offset + piece.len() as u64;
        ticket.write(offset, piece)?;
        offset = next;
    }
    ticket.commit(Durability::Lazy)?;
    Ok(())
}

fn through(size: usize, from: &Path, to: &Path) -> Outcome {
    let (mut source, mut destination) = (File::open(from)?, File::create(to)?);
    let mut buffer = vec![0; size];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(()),
            got => destination.write_all(&buffer[..got])?,
        }
    }
}
