//! Points in time as rsync prints them, in local time: `2026/11/22 18:28:38`.
// rsync: util1.c timestring()

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::OnceLock;

/// A time in seconds since 1970.
pub fn local(seconds: i64) -> String {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    in_zone(seconds, ZONE.get_or_init(TimeZone::system))
}

/// The present.
pub fn now() -> String {
    local(Timestamp::now().as_second())
}

fn in_zone(seconds: i64, zone: &TimeZone) -> String {
    let Ok(timestamp) = Timestamp::from_second(seconds) else {
        return "(time out of range)".to_owned();
    };
    let time = zone.to_datetime(timestamp);
    format!(
        "{:4}/{:02}/{:02} {:02}:{:02}:{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_that_of_its_zone() {
        assert_eq!(
            in_zone(1_795_372_118, &TimeZone::UTC),
            "2026/11/22 18:28:38"
        );
        assert_eq!(in_zone(0, &TimeZone::UTC), "1970/01/01 00:00:00");
        assert_eq!(in_zone(-1, &TimeZone::UTC), "1969/12/31 23:59:59");
        assert_eq!(
            in_zone(4_102_444_800, &TimeZone::UTC),
            "2100/01/01 00:00:00"
        );
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(in_zone(1_795_372_118, &zone), "2026/11/22 19:28:38");
        assert_eq!(in_zone(1_782_864_000, &zone), "2026/07/01 02:00:00");
    }

    #[test]
    fn a_time_beyond_the_calendar_says_so() {
        assert_eq!(in_zone(i64::MAX, &TimeZone::UTC), "(time out of range)");
    }
}
