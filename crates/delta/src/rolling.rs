//! The weak checksum: cheap to compute over a block, and cheaper still to slide by one byte.
//!
//! Two 16-bit sums over the bytes taken as *signed* numbers: `s1` adds them, `s2` adds all the
//! intermediate values of `s1`, so that it weights the first byte by the length and the last by
//! one. Everything is modulo 2^16, which is what makes the fast version below possible.
// rsync: checksum.c get_checksum1(), match.c hash_search()

/// The weak sum of a window of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RollingSum {
    s1: u16,
    s2: u16,
}

impl RollingSum {
    /// The sum of a slice.
    pub fn of(bytes: &[u8]) -> Self {
        let (lanes, tail) = bytes.as_chunks::<STRIDE>();
        let mut sum = strided(lanes);
        for &byte in tail {
            sum.push(byte);
        }
        sum
    }

    /// The sum as rsync sends it: `s2` in the upper half.
    #[inline]
    pub fn value(self) -> u32 {
        u32::from(self.s1) | u32::from(self.s2) << 16
    }

    /// The sum that has this value.
    #[inline]
    pub(crate) fn from_value(value: u32) -> Self {
        RollingSum {
            s1: value as u16,
            s2: (value >> 16) as u16,
        }
    }

    /// Adds a byte behind the window.
    #[inline]
    pub fn push(&mut self, new: u8) {
        self.s1 = self.s1.wrapping_add(signed(new));
        self.s2 = self.s2.wrapping_add(self.s1);
    }

    /// Takes the first byte off a window of `len` bytes.
    #[inline]
    pub fn pop(&mut self, old: u8, len: usize) {
        self.s1 = self.s1.wrapping_sub(signed(old));
        self.s2 = self.s2.wrapping_sub(signed(old).wrapping_mul(len as u16));
    }

    /// Slides a window of `len` bytes by one: `old` leaves in front, `new` enters behind.
    #[inline]
    pub fn roll(&mut self, old: u8, new: u8, len: usize) {
        self.s1 = self.s1.wrapping_add(signed(new).wrapping_sub(signed(old)));
        self.s2 = self
            .s2
            .wrapping_sub(signed(old).wrapping_mul(len as u16))
            .wrapping_add(self.s1);
    }
}

/// A byte as C's `signed char`, modulo 2^16.
#[inline]
fn signed(byte: u8) -> u16 {
    byte as i8 as u16
}

/// Bytes handled side by side; each pair of bytes is one 16-bit lane.
const STRIDE: usize = 2 * LANES;
const LANES: usize = 32;

/// The sum of whole strides.
///
/// Written for the vectoriser: it needs 16-bit additions and one shift and nothing else, so the
/// baseline of every 64-bit processor does 8 lanes an instruction. Column `c` of the data (byte
/// `c` of each stride) has a plain sum `a[c]` and a sum of running sums `p[c]`. With `n` strides
/// of width `w`, byte `c` of stride `k` has weight `(n - k) * w - c`, so the result is
/// `s1 = Σ a[c]` and `s2 = Σ w * p[c] - c * a[c]`.
///
/// The bytes of a lane come as one little-endian word `x`: the odd byte is its upper half, with
/// sign, by an arithmetic shift; the even byte is whatever is left. It is not isolated in the
/// loop: the sums of words are kept, and `256 * odd` is taken off at the end. Flipping the even
/// byte's sign bit first makes it the signed value plus 128, also corrected at the end.
fn strided(strides: &[[u8; STRIDE]]) -> RollingSum {
    let mut word = [0u16; LANES];
    let mut word_running = [0u16; LANES];
    let mut odd = [0u16; LANES];
    let mut odd_running = [0u16; LANES];
    for stride in strides {
        for lane in 0..LANES {
            let x = u16::from_le_bytes([stride[2 * lane], stride[2 * lane + 1]]) ^ 0x80;
            word[lane] = word[lane].wrapping_add(x);
            word_running[lane] = word_running[lane].wrapping_add(word[lane]);
            odd[lane] = odd[lane].wrapping_add(((x as i16) >> 8) as u16);
            odd_running[lane] = odd_running[lane].wrapping_add(odd[lane]);
        }
    }

    // What flipping the sign bits added to each even column, plain and running.
    let n = strides.len() as u64;
    let bias = (n * 128) as u16;
    let bias_running = (n * (n + 1) / 2 * 128) as u16;
    let mut sum = RollingSum::default();
    for lane in 0..LANES {
        let even = word[lane].wrapping_sub(odd[lane] << 8).wrapping_sub(bias);
        let even_running = word_running[lane]
            .wrapping_sub(odd_running[lane] << 8)
            .wrapping_sub(bias_running);
        let columns = [
            (2 * lane, even, even_running),
            (2 * lane + 1, odd[lane], odd_running[lane]),
        ];
        for (column, plain, running) in columns {
            sum.s1 = sum.s1.wrapping_add(plain);
            sum.s2 = sum
                .s2
                .wrapping_add(running.wrapping_mul(STRIDE as u16))
                .wrapping_sub(plain.wrapping_mul(column as u16));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, byte by byte in 32 bits, as the original has it.
    fn by_definition(bytes: &[u8]) -> u32 {
        let (mut s1, mut s2) = (0u32, 0u32);
        for &byte in bytes {
            s1 = s1.wrapping_add(byte as i8 as u32);
            s2 = s2.wrapping_add(s1);
        }
        (s1 & 0xffff) | s2 << 16
    }

    #[test]
    fn known_answers() {
        assert_eq!(RollingSum::of(b"").value(), 0);
        assert_eq!(RollingSum::of(b"a").value(), 0x0061_0061);
        assert_eq!(RollingSum::of(&[0xff]).value(), 0xffff_ffff);
        assert_eq!(RollingSum::of(b"abc").value(), 0x024a_0126);
    }

    #[test]
    fn long_runs_of_extreme_bytes_do_not_overflow() {
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            for len in [63, 64, 65, 700, 1 << 17, (1 << 20) + 17] {
                let run = vec![byte; len];
                assert_eq!(RollingSum::of(&run).value(), by_definition(&run));
            }
        }
    }

    proptest! {
        #[test]
        fn the_fast_version_equals_the_definition(bytes: Vec<u8>, repeat in 1usize..40) {
            let bytes = bytes.repeat(repeat);
            prop_assert_eq!(RollingSum::of(&bytes).value(), by_definition(&bytes));
        }

        #[test]
        fn rolling_equals_summing_again(bytes in prop::collection::vec(any::<u8>(), 2..900), len in 1usize..300) {
            let len = len.min(bytes.len() - 1);
            let mut sum = RollingSum::of(&bytes[..len]);
            for at in 0..bytes.len() - len {
                prop_assert_eq!(sum, RollingSum::of(&bytes[at..at + len]));
                sum.roll(bytes[at], bytes[at + len], len);
            }
            let rest = &bytes[bytes.len() - len..];
            for at in 0..len {
                prop_assert_eq!(sum, RollingSum::of(&rest[at..]));
                sum.pop(rest[at], len - at);
            }
        }
    }
}
