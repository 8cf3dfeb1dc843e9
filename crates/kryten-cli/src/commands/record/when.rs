//! A moment on the command line: a time, or so long ago. Pure but for the clock.

use jiff::{Timestamp, ToSpan};

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct When(pub(crate) Timestamp);

/// Reads a moment.
pub(crate) fn when(text: &str) -> Result<When, String> {
    at(text, Timestamp::now()).map(When)
}

fn at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let wrong = || {
        format!(
            "{text:?} is no time such as 2026-11-29T20:00:00Z and no duration such as 90s, 30m, 2h or 7d"
        )
    };
    let number = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    let amount: i64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let seconds = amount
        .checked_mul(seconds)
        .filter(|seconds| *seconds >= 0)
        .ok_or_else(wrong)?;
    let span = 0.seconds().try_seconds(seconds).map_err(|_| wrong())?;
    now.checked_sub(span).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_read() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        for (text, time) in [
            ("90s", "2026-11-29T11:58:30Z"),
            ("30m", "2026-11-29T11:30:00Z"),
            ("2h", "2026-11-29T10:00:00Z"),
            ("7d", "2026-11-22T12:00:00Z"),
            ("2026-11-29T20:00:00+01:00", "2026-11-29T19:00:00Z"),
        ] {
            assert_eq!(at(text, now).unwrap().to_string(), time, "{text}");
        }
        for text in [
            "",
            "5",
            "h",
            "-5m",
            "5 weeks",
            "yesterday",
            "99999999999999d",
            "9223372036854775807h",
        ] {
            assert!(at(text, now).is_err(), "{text}");
        }
    }
}
