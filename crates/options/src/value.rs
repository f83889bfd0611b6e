//! The value of a flag, as the system gave it, and the ways to read it.
//!
//! Numbers are read as popt reads them (C's notation, so `010` is eight), sizes as rsync does
//! (`1.5m`, `2GB`, `10k-1`).
//!
//! rsync: popt.c poptParseInteger(), options.c parse_size_arg()

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::error::OptionError;
use crate::sys;

/// The value of a flag: an argument, or the end of one.
pub(crate) struct Value<'a> {
    /// The flag as typed, for messages: `--max-size`, or `-B`.
    flag: String,
    arg: &'a OsStr,
    start: usize,
}

impl<'a> Value<'a> {
    /// The part of `arg` from byte `start` on; all before it is ASCII.
    pub(crate) fn new(flag: String, arg: &'a OsStr, start: usize) -> Value<'a> {
        Value { flag, arg, start }
    }

    /// The value's bytes: on Windows, WTF-8.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        &self.arg.as_encoded_bytes()[self.start..]
    }

    /// The value as text for comparing and for messages.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes())
    }

    /// The value as the system's text.
    pub(crate) fn os(&self) -> OsString {
        sys::tail(self.arg, self.start)
    }

    /// The value as a path.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(self.os())
    }

    /// The value as popt's `int`.
    pub(crate) fn int(&self) -> Result<i32, OptionError> {
        let bad = |what| OptionError::syntax(format!("{}: {what}", self.whole()));
        let number = c_number(&self.text()).ok_or_else(|| bad("invalid numeric value"))?;
        i32::try_from(number).map_err(|_| bad("number too large or too small"))
    }

    /// The argument or arguments that flag and value were given as.
    fn whole(&self) -> String {
        match self.start {
            // popt would name the value alone.
            0 => format!("{} {}", self.flag, self.text()),
            _ => String::from_utf8_lossy(self.arg.as_encoded_bytes()).into_owned(),
        }
    }

    /// The value as a size in bytes, at most `max` of them.
    pub(crate) fn size(&self, long: &str, max: Option<u64>) -> Result<u64, OptionError> {
        self.size_in('b', long, max)
    }

    /// The value as bytes a second, which are units of 1024 unless it says otherwise; 0 is
    /// without a limit, and there is a least one beside it.
    // rsync: options.c, OPT_BWLIMIT
    pub(crate) fn rate(&self, long: &str) -> Result<u64, OptionError> {
        const LEAST: u64 = 512;
        let rate = self.size_in('k', long, None)?;
        if rate > 0 && rate < LEAST {
            let text = self.text();
            let message = format!("--{long}={text} is too small (min: {LEAST} or 0 for unlimited)");
            return Err(OptionError::syntax(message));
        }
        Ok(rate)
    }

    fn size_in(&self, by_default: char, long: &str, max: Option<u64>) -> Result<u64, OptionError> {
        let text = self.text();
        parse_size(&text, by_default, max.unwrap_or(i64::MAX as u64)).map_err(|bad| {
            let (what, limit) = match (bad, max) {
                (BadSize::Invalid, _) => ("invalid", String::new()),
                (BadSize::TooLarge, None) => ("too large", String::new()),
                (BadSize::TooLarge, Some(max)) => {
                    let kib = max as f64 / 1024.0;
                    let limit = match max {
                        0x10_0000.. => format!(" (max: {:.2}M)", kib / 1024.0),
                        _ => format!(" (max: {kib:.2}K)"),
                    };
                    ("too large", limit)
                }
            };
            OptionError::syntax(format!("--{long}={text} is {what}{limit}"))
        })
    }
}

/// C's `strtoll(text, &end, 0)`, saturating; `None` if that leaves a rest. No digits at all are
/// zero, but only of an empty text.
fn c_number(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number: i64 = 0;
    for digit in digits.chars() {
        let digit = i64::from(digit.to_digit(radix)?);
        number = number.saturating_mul(radix.into()).saturating_add(digit);
    }
    Some(if negative { -number } else { number })
}

#[derive(Debug, PartialEq, Eq)]
enum BadSize {
    Invalid,
    TooLarge,
}

// rsync: options.c parse_size_arg()
fn parse_size(text: &str, by_default: char, max: u64) -> Result<u64, BadSize> {
    let number_end = number_end(text.as_bytes());
    let (number, rest) = text.split_at(number_end);
    let (unit, rest) = unit(rest, by_default).ok_or(BadSize::Invalid)?;
    // A sign here would have to be the number's own.
    if number.is_empty() && rest.starts_with('-') {
        return Err(BadSize::TooLarge);
    }
    let number: f64 = match number {
        "" | "." => 0.0,
        _ => number.parse().map_err(|_| BadSize::Invalid)?,
    };
    let bytes = number * unit;
    if bytes > max as f64 || bytes >= i64::MAX as f64 {
        return Err(BadSize::TooLarge);
    }
    let bytes = bytes as u64;
    let bytes = match rest {
        "" => Some(bytes),
        "+1" if !text.starts_with('+') => Some(bytes + 1),
        "-1" => bytes.checked_sub(1),
        _ => return Err(BadSize::Invalid),
    };
    bytes.filter(|&bytes| bytes <= max).ok_or(BadSize::TooLarge)
}

/// Where the leading digits, with at most one point, end.
fn number_end(text: &[u8]) -> usize {
    let digits = |from: usize| {
        text[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let whole = digits(0);
    match text.get(whole) {
        Some(b'.') => whole + 1 + digits(whole + 1),
        _ => whole,
    }
}

/// The factor of the unit that `text` begins with, and what follows the unit.
fn unit(text: &str, by_default: char) -> Option<(f64, &str)> {
    let (letter, rest) = match text.chars().next() {
        Some(letter) if letter != '+' && letter != '-' => (letter, &text[letter.len_utf8()..]),
        _ => (by_default, text),
    };
    let power = "bkmgtp".find(letter.to_ascii_lowercase())? as i32;
    let lower = rest.to_ascii_lowercase();
    if lower.starts_with("ib") {
        Some((1024f64.powi(power), &rest[2..]))
    } else if lower.starts_with('b') {
        Some((1000f64.powi(power), &rest[1..]))
    } else {
        Some((1024f64.powi(power), rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_c() {
        for (text, number) in [
            ("", Some(0)),
            ("12", Some(12)),
            (" 5", Some(5)),
            ("+5", Some(5)),
            ("-5", Some(-5)),
            ("0", Some(0)),
            ("010", Some(8)),
            ("0x1F", Some(31)),
            ("0x", None),
            ("09", None),
            ("5 ", None),
            ("x", None),
            ("-", None),
            ("99999999999999999999", Some(i64::MAX)),
        ] {
            assert_eq!(c_number(text), number, "{text:?}");
        }
    }

    #[test]
    fn sizes_have_units_and_a_nudge() {
        for (text, size) in [
            ("", Ok(0)),
            ("10", Ok(10)),
            ("1k", Ok(1024)),
            ("1KB", Ok(1000)),
            ("1kib", Ok(1024)),
            ("1.5m", Ok(1_572_864)),
            ("2b", Ok(2)),
            ("1g-1", Ok(1_073_741_823)),
            ("1.5kb+1", Ok(1501)),
            ("8P", Ok(8 << 50)),
            ("+1", Err(BadSize::Invalid)),
            ("-1", Err(BadSize::TooLarge)),
            ("0-1", Err(BadSize::TooLarge)),
            ("1e3", Err(BadSize::Invalid)),
            ("abc", Err(BadSize::Invalid)),
            ("1k+2", Err(BadSize::Invalid)),
            ("9999999P", Err(BadSize::TooLarge)),
        ] {
            assert_eq!(parse_size(text, 'b', i64::MAX as u64), size, "{text:?}");
        }
    }

    #[test]
    fn the_tail_of_an_argument() {
        let arg = OsString::from("--suffix=\u{e9}~");
        let value = Value::new("--suffix".into(), &arg, 9);
        assert_eq!(value.os(), OsString::from("\u{e9}~"));
        assert_eq!(value.bytes(), "\u{e9}~".as_bytes());
    }
}
