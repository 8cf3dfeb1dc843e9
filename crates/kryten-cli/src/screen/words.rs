//! Numbers, times and texts of replies as a person reads them.

use jiff::Timestamp;
use serde_json::Value;

use crate::output::printable;

/// A value of a reply as a text: nothing from the network reaches the terminal unless it can be printed.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => printable(text),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => count(whole),
            None => number
                .as_f64()
                .map(|n| format!("{n:.1}"))
                .unwrap_or_default(),
        },
        other => printable(&other.to_string()),
    }
}

/// A number of a reply; 0 where there is none.
pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

/// A whole number with commas between thousands.
pub(crate) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match number < 0 {
        true => format!("-{grouped}"),
        false => grouped,
    }
}

/// A span of time in its two largest units.
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as i64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    if days > 0 {
        format!("{} d {hours} h", count(days))
    } else if hours > 0 {
        format!("{hours} h {minutes} min")
    } else if minutes > 0 {
        format!("{minutes} min {} s", seconds % 60)
    } else {
        format!("{seconds} s")
    }
}

/// A moment of a reply as day and time, to the second; in UTC, as replies have it.
pub(crate) fn day_and_time(value: &Value) -> String {
    match moment(value) {
        Some(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        None => text(value),
    }
}

/// How long ago a moment of a reply is.
pub(crate) fn ago(value: &Value, now: Timestamp) -> Option<String> {
    let seconds = now.duration_since(moment(value)?).as_secs_f64();
    Some(match seconds {
        ..5.0 => "just now".to_owned(),
        ..120.0 => format!("{} s ago", seconds as i64),
        ..7200.0 => format!("{} min ago", seconds as i64 / 60),
        ..172_800.0 => format!("{} h ago", seconds as i64 / 3600),
        _ => format!("{} days ago", count(seconds as i64 / 86_400)),
    })
}

/// With a distance to UTC, or without one, as the originals' tables have it: then it is UTC.
fn moment(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?;
    let in_utc = || format!("{}Z", text.replace(' ', "T"));
    text.parse().or_else(|_| in_utc().parse()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn thousands_have_commas() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (-1_234_567, "-1,234,567"),
        ] {
            assert_eq!(count(number), expected);
        }
    }

    #[test]
    fn durations_read_well() {
        for (seconds, expected) in [
            (0.0, "0 s"),
            (61.5, "1 min 1 s"),
            (7_260.0, "2 h 1 min"),
            (200_000.0, "2 d 7 h"),
            (-3.0, "0 s"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn moments_are_read_in_all_forms_of_replies() {
        for form in [
            "2026-11-22T16:13:23.469619+00:00",
            "2026-11-22T16:13:23Z",
            "2026-11-22 16:13:23",
            "2026-11-22T17:13:23+01:00",
        ] {
            assert_eq!(day_and_time(&json!(form)), "2026-11-22 16:13:23", "{form}");
        }
        assert_eq!(day_and_time(&json!("soon\u{7}")), "soon\\x07");
        assert_eq!(day_and_time(&Value::Null), "-");
        let now = "2026-11-22T16:15:00Z".parse().unwrap();
        assert_eq!(ago(&json!("2026-11-22 16:14:00"), now).unwrap(), "60 s ago");
        assert_eq!(
            ago(&json!("2026-11-20 16:14:00"), now).unwrap(),
            "2 days ago"
        );
        assert_eq!(ago(&Value::Null, now), None);
    }

    #[test]
    fn what_others_sent_cannot_reach_the_terminal() {
        assert_eq!(text(&json!("a\u{1b}[31m")), "a\\x1B[31m");
        assert_eq!(text(&json!({"a": "\u{1b}"})), "{\"a\":\"\\u001b\"}");
        assert_eq!(text(&Value::Null), "-");
        assert_eq!(text(&json!(1234)), "1,234");
        assert_eq!(text(&json!(14.0)), "14.0");
    }
}
