//! A small seeded generator of numbers (SplitMix64), so that a case is the same on every machine
//! and for ever, whatever becomes of any crate of random numbers.

use crate::noise::split_mix;

/// A stream of numbers that its seed decides.
pub struct Prng(u64);

impl Prng {
    /// The stream of case `case` of the run with `seed`.
    pub fn new(seed: u64, case: u64) -> Self {
        let mut mixed = Prng(seed ^ case.wrapping_mul(0xa076_1d64_78bd_642f));
        mixed.next();
        mixed
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        split_mix(&mut self.0)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}
