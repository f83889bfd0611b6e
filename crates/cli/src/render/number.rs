//! Numbers as rsync prints them: plain, in groups of three digits, or with a unit.
//!
//! Which of them is asked for with `-h` and is [`options::Options::human_readable`]: 0 plain,
//! 1 grouped (what rsync does unless told otherwise), 2 units of 1000, 3 and above of 1024.
// rsync: lib/compat.c do_big_num(), do_big_dnum(), inums.h

/// A count or a size, at one of the levels of `-h`.
pub fn human(number: u64, level: u8) -> String {
    with_fraction(number, level, "")
}

/// A count that never gets a unit: grouped or plain.
pub fn grouped(number: u64, level: u8) -> String {
    human(number, level.min(1))
}

/// A fraction with two or three digits after the point, at one of the levels of `-h`.
pub fn human_fraction(number: f64, decimals: usize, level: u8) -> String {
    let plain = format!("{number:.decimals$}");
    if level == 0 || number < 1000.0 || !number.is_finite() {
        return plain;
    }
    // rsync takes the digits after the point from the rounded text and those before it from the
    // number, so 1234.999 is "1,234.00".
    let fraction = &plain[plain.find('.').unwrap_or(plain.len())..];
    with_fraction(number as u64, level, fraction)
}

/// A fraction that never gets a unit.
pub fn grouped_fraction(number: f64, decimals: usize, level: u8) -> String {
    human_fraction(number, decimals, level.min(1))
}

fn with_fraction(number: u64, level: u8, fraction: &str) -> String {
    let base = match level {
        0 => return format!("{number}{fraction}"),
        1 => return in_groups(number) + fraction,
        2 => 1000,
        _ => 1024,
    };
    if number < base {
        return in_groups(number) + fraction;
    }
    let base = base as f64;
    let mut scaled = number as f64 / base;
    let mut unit = 'P';
    for smaller in ['K', 'M', 'G', 'T'] {
        if scaled < base {
            unit = smaller;
            break;
        }
        scaled /= base;
    }
    format!("{scaled:.2}{unit}")
}

fn in_groups(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_of_human_readable() {
        let all = |number| [0, 1, 2, 3].map(|level| human(number, level));
        assert_eq!(all(0), ["0", "0", "0", "0"]);
        assert_eq!(all(999), ["999", "999", "999", "999"]);
        assert_eq!(all(1000), ["1000", "1,000", "1.00K", "1,000"]);
        assert_eq!(all(4096), ["4096", "4,096", "4.10K", "4.00K"]);
        assert_eq!(all(3_000_010), ["3000010", "3,000,010", "3.00M", "2.86M"]);
        assert_eq!(human(5_000_000_000_000_000, 2), "5.00P");
        assert_eq!(human(7_000_000_000_000_000_000, 2), "7000.00P");
        assert_eq!(grouped(12_345_678, 3), "12,345,678");
        assert_eq!(grouped(12_345_678, 0), "12345678");
    }

    #[test]
    fn fractions() {
        assert_eq!(human_fraction(532.0, 2, 1), "532.00");
        assert_eq!(human_fraction(6_002_562.0, 2, 0), "6002562.00");
        assert_eq!(human_fraction(6_002_562.0, 2, 1), "6,002,562.00");
        assert_eq!(human_fraction(6_002_562.0, 2, 2), "6.00M");
        assert_eq!(human_fraction(6_002_562.0, 2, 3), "5.72M");
        assert_eq!(human_fraction(1010.5, 2, 3), "1,010.50");
        assert_eq!(human_fraction(1234.999, 2, 1), "1,234.00");
        assert_eq!(human_fraction(999.996, 2, 1), "1000.00");
        assert_eq!(grouped_fraction(11_278.23, 2, 3), "11,278.23");
        assert_eq!(grouped_fraction(0.001, 3, 1), "0.001");
    }
}
