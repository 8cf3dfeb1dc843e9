//! Who has changed a key by compare-and-swap: written beside the value, so that a change whose answer was lost is
//! recognised when it is found.
//!
//! The server's own memory of message ids does not do: it is made anew from what the stream still has, and of a change
//! that another one has replaced nothing is left. So each change carries the last one of every writer before it.

use async_nats::HeaderMap;

use crate::jetstream::stored::Stored;

/// The change that put the value: `<writer>.<number>`.
const SWAP: &str = "Kryten-Swap";
/// The last changes of other writers before it: `<writer>.<number>.<when, in ms since the Unix epoch>`, the newest first.
const SWAPS: &str = "Kryten-Swaps";

/// Writers that are remembered; each takes some 35 bytes.
const MOST: usize = 32;
/// Nobody asks after a change that is older, by the server's clock: whoever made it has given up long ago.
const OLDEST_MS: i128 = 60_000;

/// One change by one writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Chosen at random for each connection.
    pub(super) writer: u64,
    /// Different for each change of the writer.
    pub(super) number: u64,
}

/// The last change of each writer, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Swapped(Vec<(Mark, i128)>);

/// Whether a change was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Made,
    /// Not made, or made and since overwritten by somebody who did not look.
    NotThere,
    /// More writers came after it than are remembered.
    CannotTell,
}

impl Swapped {
    /// What a stored value says.
    pub(super) fn of(stored: &Stored) -> Self {
        let own = stored.header(SWAP).and_then(Mark::parse);
        let own = own.map(|mark| (mark, stored.time_nanos / 1_000_000));
        let earlier = stored.header(SWAPS).unwrap_or_default();
        let earlier = earlier.split(',').filter_map(|text| {
            let (mark, time) = text.rsplit_once('.')?;
            Some((Mark::parse(mark)?, time.parse().ok()?))
        });
        Self(own.into_iter().chain(earlier).take(MOST + 1).collect())
    }

    /// Whether a change is among them.
    pub(super) fn outcome(&self, mark: Mark) -> Outcome {
        if self.0.iter().any(|(known, _)| *known == mark) {
            Outcome::Made
        } else if self.0.len() > MOST {
            Outcome::CannotTell
        } else {
            Outcome::NotThere
        }
    }

    /// Puts a new change before them, and all into the headers of its value.
    pub(super) fn write(&self, mark: Mark, headers: &mut HeaderMap) {
        headers.insert(SWAP, mark.to_string().as_str());
        let newest = self.0.first().map_or(0, |(_, time)| *time);
        let earlier = self
            .0
            .iter()
            .filter(|(earlier, time)| earlier.writer != mark.writer && newest - time <= OLDEST_MS);
        let earlier: Vec<String> = earlier
            .take(MOST)
            .map(|(mark, time)| format!("{mark}.{time}"))
            .collect();
        if !earlier.is_empty() {
            headers.insert(SWAPS, earlier.join(",").as_str());
        }
    }
}

impl Mark {
    fn parse(text: &str) -> Option<Self> {
        let (writer, number) = text.split_once('.')?;
        Some(Self {
            writer: u64::from_str_radix(writer, 16).ok()?,
            number: number.parse().ok()?,
        })
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}.{}", self.writer, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(writer: u64, number: u64) -> Mark {
        Mark { writer, number }
    }

    /// What is stored when a change is put over what was there.
    fn put_over(before: &Swapped, mark: Mark, seconds: i128) -> Swapped {
        let mut headers = HeaderMap::new();
        before.write(mark, &mut headers);
        Swapped::of(&stored(headers, seconds))
    }

    fn stored(headers: HeaderMap, seconds: i128) -> Stored {
        Stored {
            sequence: 1,
            subject: String::new(),
            headers,
            body: bytes::Bytes::new(),
            time_nanos: seconds * 1_000_000_000,
        }
    }

    #[test]
    fn the_last_change_of_each_writer_is_known() {
        let first = put_over(&Swapped::default(), mark(0xab, 1), 100);
        let second = put_over(&first, mark(0xcd, 7), 101);
        let third = put_over(&second, mark(0xab, 2), 102);
        assert_eq!(first.outcome(mark(0xab, 1)), Outcome::Made);
        assert_eq!(second.outcome(mark(0xab, 1)), Outcome::Made);
        assert_eq!(third.outcome(mark(0xcd, 7)), Outcome::Made);
        assert_eq!(third.outcome(mark(0xab, 2)), Outcome::Made);
        assert_eq!(third.outcome(mark(0xab, 1)), Outcome::NotThere);
        assert_eq!(third.outcome(mark(0xcd, 8)), Outcome::NotThere);
    }

    #[test]
    fn old_changes_are_forgotten_and_too_many_are_admitted() {
        let mut all = put_over(&Swapped::default(), mark(0, 1), 100);
        for writer in 1..=32 {
            all = put_over(&all, mark(writer, 1), 101);
        }
        assert_eq!(all.outcome(mark(0, 1)), Outcome::Made);
        assert_eq!(all.outcome(mark(99, 1)), Outcome::CannotTell);
        all = put_over(&all, mark(33, 1), 102);
        assert_eq!(all.outcome(mark(0, 1)), Outcome::CannotTell);
        all = put_over(&put_over(&all, mark(34, 1), 200), mark(35, 1), 201);
        assert_eq!(all.0.len(), 2);
        assert_eq!(all.outcome(mark(0, 1)), Outcome::NotThere);
    }

    #[test]
    fn headers_of_others_are_passed_over() {
        let mut headers = HeaderMap::new();
        headers.insert(SWAP, "no number");
        headers.insert(SWAPS, "zz.1.1,ab.2.x,,cd.3.4000");
        let swapped = Swapped::of(&stored(headers, 1));
        assert_eq!(swapped.0, [(mark(0xcd, 3), 4000)]);
        assert_eq!(
            Swapped::of(&stored(HeaderMap::new(), 1)),
            Swapped::default()
        );
    }
}
