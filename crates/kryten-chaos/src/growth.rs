//! Whether stream and database grow as predicted: bytes for each event of the first part, times the events. Pure.

use std::fmt;

/// The stream may be this much larger or smaller than predicted.
const STREAM: f64 = 0.05;
/// The database may be this much larger; what is written once, such as people's rows, belongs to the first part.
const DATABASE: f64 = 0.10;

/// What there was at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) events: u64,
    pub(crate) stream: u64,
    pub(crate) database: u64,
}

/// Sizes at the start, after each part, and at the end.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    sizes: Vec<Size>,
}

/// What was predicted and what there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prediction {
    predicted: Size,
    found: Size,
    per_event: [f64; 2],
}

impl Growth {
    pub(crate) fn note(&mut self, size: Size) {
        self.sizes.push(size);
    }

    /// `None` before there is a first part and something after it.
    pub(crate) fn prediction(&self) -> Option<Prediction> {
        let [start, first, .., found] = self.sizes[..] else {
            return None;
        };
        let events = first.events.checked_sub(start.events)?;
        if events == 0 {
            return None;
        }
        let per_event = |start: u64, first: u64| (first as f64 - start as f64) / events as f64;
        let more = found.events.saturating_sub(first.events) as f64;
        let per_event = [
            per_event(start.stream, first.stream),
            per_event(start.database, first.database),
        ];
        let then = |first: u64, per_event: f64| (first as f64 + per_event * more) as u64;
        Some(Prediction {
            predicted: Size {
                events: found.events,
                stream: then(first.stream, per_event[0]),
                database: then(first.database, per_event[1]),
            },
            found,
            per_event,
        })
    }
}

impl Prediction {
    pub(crate) fn holds(&self) -> bool {
        let ratio = |found: u64, predicted: u64| found as f64 / predicted.max(1) as f64;
        let stream = ratio(self.found.stream, self.predicted.stream);
        let database = ratio(self.found.database, self.predicted.database);
        (stream - 1.0).abs() <= STREAM && database <= 1.0 + DATABASE
    }
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let [stream, database] = self.per_event;
        write!(
            f,
            "{} events; the stream has {:.2} MB where {:.2} were predicted ({stream:.0} bytes for each event), the \
             databases {:.2} MB where {:.2} were ({database:.0} bytes)",
            self.found.events,
            megabytes(self.found.stream),
            megabytes(self.predicted.stream),
            megabytes(self.found.database),
            megabytes(self.predicted.database),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(found: Size) -> Prediction {
        let mut growth = Growth::default();
        assert!(growth.prediction().is_none());
        for (events, stream, database) in [(100, 1_000, 5_000), (200, 2_000, 6_000)] {
            growth.note(Size {
                events,
                stream,
                database,
            });
        }
        assert!(growth.prediction().is_none(), "nothing came after it");
        growth.note(found);
        growth.prediction().unwrap()
    }

    #[test]
    fn what_grows_as_in_the_first_part_is_as_predicted() {
        let size = |stream, database| Size {
            events: 1_200,
            stream,
            database,
        };
        let good = growth(size(12_000, 16_000));
        assert!(good.holds(), "{good}");
        assert_eq!(good.predicted, size(12_000, 16_000));
        assert!(growth(size(12_500, 7_000)).holds(), "rows are written once");
        assert!(!growth(size(13_000, 16_000)).holds());
        assert!(!growth(size(12_000, 18_000)).holds());
    }
}
