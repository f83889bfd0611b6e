//! When a session is to end: the values of `--stop-after` and `--stop-at`.
//!
//! rsync: options.c parse_time(), OPT_STOP_AFTER

use std::time::{Duration, SystemTime};

use jiff::Zoned;
use jiff::civil::{Date, Time};

/// The moment so many minutes from now, of a text that begins with a number.
pub(crate) fn after(minutes: &[u8], now: SystemTime) -> Option<SystemTime> {
    let text = minutes.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = text.iter().take_while(|b| b.is_ascii_digit());
    let minutes = digits.fold(0u64, |number, digit| {
        let digit = u64::from(digit - b'0');
        number.saturating_mul(10).saturating_add(digit)
    });
    let seconds = minutes.checked_mul(60).filter(|&seconds| seconds > 0)?;
    // What C can count in a `time_t`.
    let seconds = i64::try_from(seconds).ok()?.cast_unsigned();
    now.checked_add(Duration::from_secs(seconds))
}

/// The moment that a text such as `2030-12-31T23:59`, or a part of it, names: what is left out is such
/// that the moment is the next one that fits.
pub(crate) fn at(text: &[u8], now: &Zoned) -> Option<SystemTime> {
    let given = Given::parse(text)?;
    let seconds = given.next(now)?;
    let since_epoch = u64::try_from(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since_epoch))
}

/// What a text says; the parts of a date and of a time are known from the last one on.
#[derive(Debug, Default, PartialEq)]
struct Given {
    year: Option<i32>,
    month: Option<i32>,
    day: Option<i32>,
    hour: Option<i32>,
    minute: Option<i32>,
}

/// Which part of the text is read.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Date,
    /// Behind a `T`: a colon must come.
    TimeToBe,
    Time,
}

/// The first part of a date that was left out, and so may grow until the moment is to come.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Nothing,
    Year,
    Month,
    Day,
    Hour,
}

impl Given {
    fn parse(text: &[u8]) -> Option<Given> {
        let (mut part, mut rest) = match text {
            [b'T' | b't', rest @ ..] => (Part::TimeToBe, rest),
            [b':', rest @ ..] => (Part::Time, rest),
            _ => (Part::Date, text),
        };
        let mut given = Given::default();
        loop {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let number = rest[..digits].iter().fold(0i32, |number, digit| {
                let digit = i32::from(digit - b'0');
                number.saturating_mul(10).saturating_add(digit)
            });
            if digits == 0 {
                return None;
            }
            rest = &rest[digits..];
            let next = rest.first().copied();
            if next == Some(b':') {
                part = Part::Time;
            }
            if part == Part::Date {
                if given.year.is_some() {
                    return None;
                }
                (given.year, given.month, given.day) = (given.month, given.day, Some(number));
                match (next, rest.len()) {
                    (None, _) | (Some(b'T' | b't'), 1) => return Some(given),
                    (Some(b'T' | b't'), _) => part = Part::TimeToBe,
                    (Some(b'-' | b'/'), _) => {}
                    _ => return None,
                }
            } else {
                if given.hour.is_some() {
                    return None;
                }
                (given.hour, given.minute) = (given.minute, Some(number));
                match next {
                    None => return Some(given).filter(|_| part == Part::Time),
                    Some(b':') => {}
                    _ => return None,
                }
            }
            rest = &rest[1..];
        }
    }

    /// The next moment that fits, in seconds since 1970.
    fn next(&self, now: &Zoned) -> Option<i64> {
        let today = now.date();
        let mut open = Open::Nothing;
        let mut year = match self.year {
            None => {
                open = Open::Year;
                i32::from(today.year())
            }
            Some(short @ ..100) => {
                let mut year = 1900 + short;
                while year < i32::from(today.year()) {
                    year += 100;
                }
                year
            }
            Some(year) => year,
        };
        let mut month = self.month.unwrap_or_else(|| {
            open = Open::Month;
            i32::from(today.month())
        });
        let mut day = self.day.unwrap_or_else(|| {
            open = Open::Day;
            i32::from(today.day())
        });
        let (hour, minute) = match (self.hour, self.minute) {
            (_, None) => (0, 0),
            (Some(hour), Some(minute)) => (hour, minute),
            (None, Some(minute)) if open == Open::Day => {
                open = Open::Hour;
                (i32::from(now.hour()), minute)
            }
            (None, Some(_)) => return None,
        };
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
        let moment = |year, month, day| {
            // A day that the month does not have is one of the next.
            let first = Date::new(i16::try_from(year).ok()?, month as i8, 1).ok()?;
            let date = first.checked_add(jiff::Span::new().days(day - 1)).ok()?;
            let zoned = date
                .to_datetime(time)
                .to_zoned(now.time_zone().clone())
                .ok()?;
            Some((date, zoned.timestamp().as_second()))
        };
        let now = now.timestamp().as_second();
        let mut wanted_day = day;
        let take = |year: &mut i32, month: &mut i32, day: &mut i32| {
            let (date, value) = moment(*year, *month, *day)?;
            (*year, *month, *day) = (date.year().into(), date.month().into(), date.day().into());
            Some(value)
        };
        let mut value = take(&mut year, &mut month, &mut day)?;
        while open != Open::Nothing && open != Open::Hour && (value <= now || day < wanted_day) {
            match open {
                // rsync goes on to the second day of a month here.
                Open::Day => {
                    day += 1;
                    wanted_day = day;
                    if day > days_of(year, month) {
                        wanted_day = 1;
                    }
                }
                // The month has moved on already.
                Open::Month if day < wanted_day => day = wanted_day,
                Open::Month => {
                    month += 1;
                    if month > 12 {
                        (year, month) = (year + 1, 1);
                    }
                }
                _ => {
                    if day < wanted_day {
                        // Only the 29th of February comes and goes.
                        if month != 3 || wanted_day != 29 {
                            return None;
                        }
                        (month, day) = (2, 29);
                    }
                    year += 1;
                }
            }
            value = take(&mut year, &mut month, &mut day)?;
        }
        if open == Open::Hour {
            while value <= now {
                value += 60 * 60;
            }
        }
        Some(value)
    }
}

fn days_of(year: i32, month: i32) -> i32 {
    let date = i16::try_from(year)
        .ok()
        .and_then(|year| Date::new(year, month as i8, 1).ok());
    date.map_or(31, |date| date.days_in_month().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moment that `text` names at `now`, both in UTC.
    fn seen(now: &str, text: &str) -> Option<String> {
        let now: Zoned = format!("{now}[UTC]").parse().unwrap();
        let at = at(text.as_bytes(), &now)?;
        let at = jiff::Timestamp::try_from(at).unwrap();
        Some(at.to_string().trim_end_matches(":00Z").to_owned())
    }

    #[test]
    fn a_moment_may_be_said_in_many_ways() {
        const NOW: &str = "2026-11-25T14:30:05";
        for (text, moment) in [
            ("2030-1-2T3:04", "2030-01-02T03:04"),
            ("2030/12/31t23:59", "2030-12-31T23:59"),
            ("30-01-02T03:04", "2030-01-02T03:04"),
            ("99-1-1", "2099-01-01T00:00"),
            ("25-1-1", "2125-01-01T00:00"),
            ("12-24", "2026-12-24T00:00"),
            ("11-25", "2027-11-25T00:00"),
            ("1-2T", "2027-01-02T00:00"),
            ("26", "2026-11-26T00:00"),
            ("24", "2026-12-24T00:00"),
            ("31", "2026-12-31T00:00"),
            ("25T15:00", "2026-11-25T15:00"),
            ("T15:00", "2026-11-25T15:00"),
            ("15:00", "2026-11-25T15:00"),
            ("T14:30", "2026-11-26T14:30"),
            (":45", "2026-11-25T14:45"),
            (":30", "2026-11-25T15:30"),
            ("2-29", "2028-02-29T00:00"),
        ] {
            assert_eq!(seen(NOW, text).as_deref(), Some(moment), "{text}");
        }
        let last = "2026-12-31T23:59:59";
        assert_eq!(seen(last, "T0:00").as_deref(), Some("2027-01-01T00:00"));
        assert_eq!(seen(last, "30").as_deref(), Some("2027-01-30T00:00"));
        assert_eq!(seen(last, ":10").as_deref(), Some("2027-01-01T00:10"));
    }

    #[test]
    fn not_in_others() {
        const NOW: &str = "2026-11-25T14:30:05";
        for text in [
            "",
            "x",
            "T",
            "T5",
            "1:2:3",
            "1-2-3-4",
            "2030-13-1",
            "2030-0-1",
            "2030-1-0",
            "2030-1-32",
            "T24:00",
            "T1:60",
            "1-1T:5",
            "1 2",
            "2030-1-1T1",
            "1-",
            "-1",
        ] {
            assert_eq!(seen(NOW, text), None, "{text}");
        }
    }

    #[test]
    fn minutes_are_counted_from_now() {
        let now = SystemTime::UNIX_EPOCH;
        let seconds =
            |text: &str| after(text.as_bytes(), now).map(|at| at.duration_since(now).unwrap());
        for (text, expected) in [("1", 60), (" 90x", 5400), ("+2", 120)] {
            assert_eq!(seconds(text), Some(Duration::from_secs(expected)), "{text}");
        }
        for text in [
            "0",
            "-5",
            "x",
            "",
            "99999999999999999999",
            "999999999999999999",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
