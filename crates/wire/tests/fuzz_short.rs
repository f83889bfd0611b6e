//! Runs every fuzz target for a moment, on what real rsyncs sent with a few bytes changed. The
//! numbers are drawn from a fixed seed, so a failure comes back. `TIDESYNC_FUZZ_RUNS` sets how often
//! each runs, `TIDESYNC_FUZZ_SEED` draws other numbers.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "../fuzz/targets.rs"]
mod targets;

/// As much as one decoder is given.
const MOST: usize = 4096;

#[test]
fn no_changed_bytes_of_a_peer_panic() {
    let runs = number("TIDESYNC_FUZZ_RUNS", 10_000);
    let seed = number("TIDESYNC_FUZZ_SEED", 0x7469_6465);
    let corpus = corpus();
    for (name, target) in targets::TARGETS {
        let mut random = Random(seed);
        for run in 0..runs {
            let bytes = changed(&corpus, &mut random);
            if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                panic!("{name}, seed {seed}, run {run}: {bytes:02x?}");
            }
        }
    }
}

#[test]
fn every_target_has_its_program() {
    let manifest = fs::read_to_string(here().join("fuzz/Cargo.toml")).expect("the manifest");
    let named = manifest.lines().filter(|line| line.contains("decoder.rs"));
    assert_eq!(named.count(), targets::TARGETS.len());
    for (name, _) in targets::TARGETS {
        assert!(
            manifest.contains(&format!("{{ name = \"{name}\", ")),
            "{name}"
        );
    }
}

/// A piece of a stream with up to 8 changes.
fn changed(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let stream = &corpus[random.below(corpus.len())];
    // Half of them from the beginning: the decoders of a session's start find their own there.
    let start = [0, random.below(stream.len())][random.below(2)];
    let len = 1 + random.below(MOST.min(stream.len() - start));
    let mut bytes = stream[start..start + len].to_vec();
    for _ in 0..random.below(9) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.below(256) as u8,
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][random.below(6)],
            3 => bytes.insert(at, random.below(256) as u8),
            _ if bytes.len() > 1 => _ = bytes.remove(at),
            _ => {}
        }
    }
    bytes
}

fn corpus() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    let mut dirs = vec![here().join("tests/golden")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("the golden files") {
            let path = entry.expect("a golden file").path();
            match path.extension() {
                _ if path.is_dir() => dirs.push(path),
                Some(extension) if extension == "md" => {}
                _ => files.push(path),
            }
        }
    }
    files.sort();
    let read = |path: &PathBuf| fs::read(path).expect("a golden file");
    let streams: Vec<_> = files
        .iter()
        .map(read)
        .filter(|bytes| !bytes.is_empty())
        .collect();
    assert!(!streams.is_empty());
    streams
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn number(name: &str, default: u64) -> u64 {
    let set = env::var(name).ok();
    set.map_or(default, |text| text.parse().expect("a number"))
}

/// xorshift64*, which is enough to choose bytes by.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        drawn as usize % limit
    }
}
