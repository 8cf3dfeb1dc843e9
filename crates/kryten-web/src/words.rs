//! Numbers and times as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kryten_protocol::time::WireTime;

/// `12 345`, with a narrow space that does not break.
pub(crate) fn count(number: &i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    if *number < 0 {
        format!("−{text}")
    } else {
        text
    }
}

/// The same of what cannot be negative.
pub(crate) fn count_of(number: &u64) -> String {
    count(&i64::try_from(*number).unwrap_or(i64::MAX))
}

/// `1 h 5 min`, `12 min`, `40 s`.
pub(crate) fn span(seconds: &i64) -> String {
    match *seconds {
        ..60 => format!("{} s", (*seconds).max(0)),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => match (seconds / 3600, seconds % 3600 / 60) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        },
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// `1.5 MB`.
pub(crate) fn bytes(size: &u64) -> String {
    match *size {
        ..1_000 => format!("{size} B"),
        1_000..1_000_000 => format!("{:.1} kB", *size as f64 / 1e3),
        _ => format!("{:.1} MB", *size as f64 / 1e6),
    }
}

/// One digit after the point, where it says something.
pub(crate) fn mean(number: &f64) -> String {
    match number.fract().abs() < 0.05 {
        true => format!("{number:.0}"),
        false => format!("{number:.1}"),
    }
}

/// A moment by the channel's clocks, to the minute.
pub(crate) fn minute(time: &WireTime, zone: &TimeZone) -> String {
    formatted(time.micros(), zone, "%Y-%m-%d %H:%M")
}

/// A moment to the second, in UTC.
pub(crate) fn second(time: &WireTime) -> String {
    formatted(time.micros(), &TimeZone::UTC, "%Y-%m-%d %H:%M:%S UTC")
}

/// A moment as the database has it, to the minute; what is no time stays as it is.
pub(crate) fn stored(text: &str, zone: &TimeZone) -> String {
    match WireTime::parse(text) {
        Some(time) => minute(&time, zone),
        None => text.to_owned(),
    }
}

/// A moment in microseconds, in this form of `strftime`.
pub(crate) fn formatted(micros: i64, zone: &TimeZone, form: &str) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(zone.clone()).strftime(form).to_string()
}

/// How a zone is called.
pub(crate) fn zone(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_read_well() {
        assert_eq!(count(&1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(&-12), "−12");
        assert_eq!(span(&59), "59 s");
        assert_eq!(span(&3_900), "1 h 5 min");
        assert_eq!(span(&7_200), "2 h");
        assert_eq!(span(&200_000), "2 d 7 h");
        assert_eq!(bytes(&1_500), "1.5 kB");
        assert_eq!((mean(&3.0), mean(&3.12)), ("3".into(), "3.1".into()));
        assert_eq!(stored("<b>", &TimeZone::UTC), "<b>");
    }
}
