//! The wire's timestamps: UTC, ISO 8601 with six fractional digits and `+00:00`.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in microseconds since the Unix epoch, written as `2026-11-22T15:56:43.465284+00:00`.
///
/// The fraction is left out when it is zero, as Python's `isoformat` does; rows of existing databases are sorted by
/// this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WireTime(i64);

impl WireTime {
    /// From microseconds since the Unix epoch.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since the Unix epoch, the unit of CyTube's `time`.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since the Unix epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads what the originals accept: RFC 3339 with `T` or a space, any offset or none (then UTC), or a date alone; of
    /// the years 1 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Self::within_years(timestamp.as_microsecond());
        }
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Self::within_years(zoned.timestamp().as_microsecond())
    }

    /// Others have no way to write a year beyond four digits, and Python none to hold it.
    fn within_years(micros: i64) -> Option<Self> {
        const YEAR_ONE: i64 = -62_135_596_800_000_000;
        const YEAR_TEN_THOUSAND: i64 = 253_402_300_800_000_000;
        (YEAR_ONE..YEAR_TEN_THOUSAND)
            .contains(&micros)
            .then_some(Self(micros))
    }

    /// Reads a number as the originals do: seconds, or milliseconds when it is too large for seconds.
    pub fn from_number(number: f64) -> Option<Self> {
        const LARGEST_SECONDS: f64 = 2e10;
        if !number.is_finite() {
            return None;
        }
        let scale = if number.abs() > LARGEST_SECONDS {
            1e3
        } else {
            1e6
        };
        Self::within_years((number * scale).round() as i64)
    }
}

impl fmt::Display for WireTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let civil = jiff::tz::Offset::UTC.to_datetime(timestamp);
        let (date, time) = (civil.date(), civil.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        )?;
        match self.0.rem_euclid(1_000_000) {
            0 => f.write_str("+00:00"),
            micros => write!(f, ".{micros:06}+00:00"),
        }
    }
}

impl Serialize for WireTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WireTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = WireTime;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date-time, or a number of seconds or milliseconds")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<WireTime, E> {
                WireTime::parse(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<WireTime, E> {
                self.visit_f64(number as f64)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<WireTime, E> {
                self.visit_f64(number as f64)
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<WireTime, E> {
                WireTime::from_number(number)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_python_writes_it() {
        assert_eq!(
            WireTime::from_micros(1_795_363_003_465_284).to_string(),
            "2026-11-22T15:56:43.465284+00:00"
        );
        assert_eq!(
            WireTime::from_micros(1_795_363_003_000_000).to_string(),
            "2026-11-22T15:56:43+00:00"
        );
        assert_eq!(
            WireTime::from_millis(1_795_363_003_005).to_string(),
            "2026-11-22T15:56:43.005000+00:00"
        );
    }

    #[test]
    fn read_in_every_form_that_the_originals_accept() {
        let at = WireTime::from_micros(1_705_314_600_123_000);
        for text in [
            "2024-01-15T10:30:00.123Z",
            "2024-01-15 10:30:00.123+00:00",
            "2024-01-15T11:30:00.123+01:00",
        ] {
            assert_eq!(WireTime::parse(text), Some(at), "{text}");
        }
        assert_eq!(WireTime::parse("2024-01-15T10:30:00.123"), Some(at));
        assert_eq!(
            WireTime::parse("2024-01-15"),
            Some(WireTime::from_micros(1_705_276_800_000_000))
        );
        assert_eq!(WireTime::from_number(1_705_314_600_123.0), Some(at));
        assert_eq!(WireTime::from_number(1_705_314_600.123), Some(at));
        assert_eq!(WireTime::parse("yesterday"), None);
    }

    #[test]
    fn a_time_that_cannot_be_written_is_not_read() {
        for number in [
            744_073_709_551_615.0,
            1e15,
            -1e15,
            -62_135_596_800_001.0,
            f64::MAX,
        ] {
            assert_eq!(WireTime::from_number(number), None, "{number}");
        }
        for text in ["-000001-01-01T00:00:00Z", "0000-12-31T23:59:59Z"] {
            assert_eq!(WireTime::parse(text), None, "{text}");
        }
        for text in [
            "0001-01-01T00:00:00+00:00",
            "9999-12-31T23:59:59.999999+00:00",
        ] {
            assert_eq!(WireTime::parse(text).unwrap().to_string(), text);
        }
    }
}
