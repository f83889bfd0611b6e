//! `kill -9` at any moment leaves every file at the destination either as it was or as it should
//! become, and the next run finishes the work.

use std::fs;
use std::time::{Duration, Instant};

use crate::{Scratch, content, is_temporary};

const MOMENTS: u32 = 100;
const FILES: u64 = 24;

#[test]
fn killed_at_any_moment_no_file_is_torn() {
    let scratch = Scratch::new();
    let length = |number: u64| match number {
        5 => 6_000_000,
        _ => 1_000 + number as usize * 7_919,
    };
    let old: Vec<Vec<u8>> = (0..FILES)
        .map(|n| content(n + 1000, length(n) / 2 + 10))
        .collect();
    let new: Vec<Vec<u8>> = (0..FILES).map(|n| content(n, length(n))).collect();
    for (number, bytes) in new.iter().enumerate() {
        scratch.write(&format!("src/file{number:02}"), bytes);
    }
    let reset = || {
        fs::remove_dir_all(scratch.path("dst")).unwrap();
        fs::create_dir(scratch.path("dst")).unwrap();
        for (number, bytes) in old.iter().enumerate() {
            // Some names are new at the destination.
            if number % 4 != 3 {
                scratch.write(&format!("dst/file{number:02}"), bytes);
            }
        }
    };
    reset();
    let started = Instant::now();
    assert_eq!(
        scratch.run(&["-a", "src/", "dst/"]),
        Some(0),
        "{}",
        scratch.stderr()
    );
    let whole_run = started.elapsed();

    let mut torn = Vec::new();
    for moment in 0..MOMENTS {
        reset();
        let delta = if moment % 3 == 0 { "--no-W" } else { "-W" };
        let mut child = scratch.start(&["-a", delta, "src/", "dst/"]);
        // Spread over the run, in an order without pattern.
        let part = (moment * 37 + 11) % MOMENTS;
        std::thread::sleep(whole_run * part / MOMENTS + Duration::from_micros(100));
        child.kill().unwrap();
        child.wait().unwrap();
        // rsync's other processes end by themselves when the first is gone.
        std::thread::sleep(Duration::from_millis(2));
        for number in 0..FILES as usize {
            match fs::read(scratch.path(&format!("dst/file{number:02}"))) {
                Ok(bytes) if bytes == old[number] || bytes == new[number] => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && number % 4 == 3 => {}
                Ok(bytes) => torn.push(format!("file{number:02} has {} bytes", bytes.len())),
                Err(error) => torn.push(format!("file{number:02}: {error}")),
            }
        }
        assert!(
            torn.is_empty(),
            "killed at part {part} of {whole_run:?}: {torn:?}"
        );
    }

    assert_eq!(
        scratch.run(&["-a", "src/", "dst/"]),
        Some(0),
        "{}",
        scratch.stderr()
    );
    for entry in fs::read_dir(scratch.path("dst")).unwrap() {
        let name = entry.unwrap().file_name();
        let known = scratch.path("src").join(&name).exists();
        assert!(known || is_temporary(&name), "{name:?} is left over");
    }
    for (number, bytes) in new.iter().enumerate() {
        let copy = fs::read(scratch.path(&format!("dst/file{number:02}"))).unwrap();
        assert!(
            copy == *bytes,
            "file{number:02} is not whole after the next run"
        );
    }
}
