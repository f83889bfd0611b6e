//! A small seeded generator of numbers (SplitMix64), so that a case is the same on every machine
//! and for ever, whatever becomes of any crate of random numbers.

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
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
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

/// `length` bytes without pattern that `seed` decides.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut stream = Prng(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&stream.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
