//! One entry a decoder: it takes any bytes, and must neither panic nor take memory that the bytes
//! did not pay for. `decoder.rs` gives each to libFuzzer, `tests/fuzz_short.rs` runs all of them
//! for a moment in every test run.
//!
//! A new decoder is one line here and one in `Cargo.toml` beside this file.

use wire::int;

/// What takes any bytes.
pub type Target = fn(&[u8]);

/// Every decoder by name.
pub const TARGETS: &[(&str, Target)] = &[("int", ints)];

fn ints(bytes: &[u8]) {
    let mut source = bytes;
    while int::varint(&mut source).is_ok()
        && int::varlong(&mut source, 3).is_ok()
        && int::longint(&mut source).is_ok()
        && int::vstring(&mut source, 255, "string").is_ok()
    {}
}
