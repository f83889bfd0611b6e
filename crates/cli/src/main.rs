//! The tidesync program.
#![forbid(unsafe_code)]
fn main() {}
