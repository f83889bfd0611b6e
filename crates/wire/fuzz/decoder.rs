//! The program of each target: the one whose name it has.
//!
//! `cargo +nightly fuzz run --fuzz-dir crates/wire/fuzz ndx`
#![no_main]

use std::sync::LazyLock;

mod targets;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let name = env!("CARGO_BIN_NAME");
    let found = targets::TARGETS.iter().find(|target| target.0 == name);
    found.expect("a target of this name in targets.rs").1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
