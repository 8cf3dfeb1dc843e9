//! How long a single value lives, as its header says (NATS ADR-43).

use std::time::Duration;

/// The header that gives a value a life of its own.
pub(super) const TTL: &str = "Nats-TTL";

/// A life as the header has it; the server counts whole seconds, at least one.
pub(super) fn write(life: Duration) -> String {
    let whole = life.as_secs() + u64::from(life.subsec_nanos() > 0);
    format!("{}s", whole.max(1))
}

/// What a header says: `Some(None)` for a life without end, `None` for what cannot be read.
pub(super) fn read(header: &str) -> Option<Option<Duration>> {
    if header == "never" {
        return Some(None);
    }
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Some(Duration::from_secs(seconds)));
    }
    let mut total = Duration::ZERO;
    let mut rest = header;
    while !rest.is_empty() {
        let unit_at = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, tail) = rest.split_at(unit_at);
        let number: u32 = number.parse().ok()?;
        let (unit, tail) = UNITS
            .iter()
            .find_map(|(unit, length)| Some((length, tail.strip_prefix(unit)?)))?;
        total = total.checked_add(unit.checked_mul(number)?)?;
        rest = tail;
    }
    (!header.is_empty()).then_some(Some(total))
}

/// `ms` before `m`, which it begins with.
const UNITS: [(&str, Duration); 4] = [
    ("ms", Duration::from_millis(1)),
    ("h", Duration::from_secs(3600)),
    ("m", Duration::from_secs(60)),
    ("s", Duration::from_secs(1)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_written_in_whole_seconds_and_at_least_one() {
        for (millis, text) in [(0, "1s"), (200, "1s"), (1000, "1s"), (1001, "2s")] {
            assert_eq!(write(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn what_others_write_is_read() {
        let seconds = |seconds| Some(Some(Duration::from_secs(seconds)));
        assert_eq!(read("5"), seconds(5));
        assert_eq!(read("5s"), seconds(5));
        assert_eq!(read("1h0m5s"), seconds(3605));
        assert_eq!(read("1500ms"), Some(Some(Duration::from_millis(1500))));
        assert_eq!(read("never"), Some(None));
        for broken in ["", "s", "5x", "-5s", "99999999999s"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }
}
