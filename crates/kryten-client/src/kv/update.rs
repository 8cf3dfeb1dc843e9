//! Changes a value by compare-and-swap.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::bucket::KvBucket;
use super::error::KvError;
use super::locks::Left;
use super::read::Operation;
use super::swapped::{Mark, Outcome, Swapped};
use super::write::PutOptions;
use crate::jetstream::stored::From as ReadFrom;

/// After this a change that others get in the way of each time is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest wait before the next try.
const LONGEST_DELAY: Duration = Duration::from_millis(200);

impl KvBucket {
    /// Changes a JSON value by compare-and-swap: `change` gets the value (`None` where there is none, or an empty one)
    /// and gives the new one; it is called again when somebody else was faster. Returns the value that was put.
    ///
    /// A server that goes away meanwhile is waited for. What was sent and not answered is looked for before it is sent
    /// again, so that it is done once: headers beside the value name the last change of each writer.
    ///
    /// # Errors
    /// As [`KvBucket::put`]; [`KvError::WrongKind`] when the value is not JSON; [`KvError::Contended`] when others
    /// were faster for 30 s; [`KvError::OutcomeUnknown`] when the server stays away, or more than 32 others have changed
    /// the key before it could be asked.
    pub async fn update<F>(&self, key: &str, mut change: F) -> Result<Value, KvError>
    where
        F: FnMut(Option<Value>) -> Value,
    {
        self.swap(key, |old| {
            let old = parse(key, old)?;
            let new = change(old);
            match serde_json::to_vec(&new) {
                Ok(json) => Ok((json.into(), new)),
                Err(error) => Err(KvError::wrong_kind(key, "writable as JSON", error)),
            }
        })
        .await
    }

    /// Adds to a number by compare-and-swap (a missing one counts as 0); returns the sum.
    ///
    /// # Errors
    /// As [`KvBucket::update`]; [`KvError::WrongKind`] when the value is not a whole number, or the sum is too large
    /// for 64 bits.
    pub async fn incr(&self, key: &str, by: i64) -> Result<i64, KvError> {
        self.swap(key, |old| {
            let not_whole = || KvError::not(key, "a whole number");
            let old = match parse(key, old).map_err(|_| not_whole())? {
                Some(old) => whole_number(&old).ok_or_else(not_whole)?,
                None => 0,
            };
            let sum = old.checked_add(by);
            let sum = sum.ok_or_else(|| KvError::not(key, "small enough to add that much"))?;
            Ok((sum.to_string().into(), sum))
        })
        .await
    }

    pub(super) async fn swap<T>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<Bytes>) -> Result<(Bytes, T), KvError>,
    ) -> Result<T, KvError> {
        let deadline = Instant::now() + PATIENCE;
        let contended = || KvError::Contended {
            key: key.to_owned(),
        };
        let locks = self.client.key_locks();
        let subject = self.subject(&self.encoded(key)?);
        let turn = tokio::time::timeout_at(deadline, locks.lock(&subject)).await;
        let mut turn = turn.map_err(|_| contended())?;
        let mut swap = Swap {
            mark: locks.mark(),
            left: turn.take(),
            doubtful: None,
            is_lost: false,
            is_first: true,
        };
        let connections = self.client.connections();
        for attempt in 0_u32.. {
            let error = match self.try_swap(key, &mut swap, &mut change).await {
                Ok(result) => {
                    *turn = swap.left;
                    return Ok(result);
                }
                Err(error) => error,
            };
            swap.is_first = false;
            let is_over = Instant::now() >= deadline || swap.is_lost;
            // JetStream of a server that has just been started is up a moment later than the server.
            let is_starting =
                matches!(error, KvError::JetStreamOff) && self.client.connections() != connections;
            let may_mend = is_starting
                || error.is_transient()
                || matches!(error, KvError::WrongRevision { .. });
            if is_over || !may_mend {
                return Err(match error {
                    _ if swap.is_lost || swap.doubtful.is_some() => KvError::OutcomeUnknown {
                        key: key.to_owned(),
                    },
                    KvError::WrongRevision { .. } => contended(),
                    error => error,
                });
            }
            let delay = Duration::from_millis(2 << attempt.min(7)).min(LONGEST_DELAY);
            tokio::time::sleep(delay.mul_f64(rand::random_range(0.0..=1.0))).await;
        }
        Err(contended())
    }

    /// Reads, changes and puts once.
    async fn try_swap<T>(
        &self,
        key: &str,
        swap: &mut Swap<T>,
        change: &mut impl FnMut(Option<Bytes>) -> Result<(Bytes, T), KvError>,
    ) -> Result<T, KvError> {
        let before = match swap.left.take() {
            Some(left) => left,
            // Where nothing has gone wrong yet, a value that is not the newest costs no more than another try.
            None if swap.is_first => self.read_to_swap(key, self.bucket.read_from).await?,
            None => self.read_to_swap(key, ReadFrom::Leader).await?,
        };
        let doubtful = match swap.doubtful.take() {
            None => None,
            Some(sent) => match before.swapped.outcome(swap.mark) {
                Outcome::Made => return Ok(sent.result),
                Outcome::CannotTell => {
                    swap.is_lost = true;
                    return Err(KvError::OutcomeUnknown {
                        key: key.to_owned(),
                    });
                }
                // Where the key has moved on it can no longer be done.
                Outcome::NotThere => Some(sent).filter(|sent| sent.over == before.revision),
            },
        };
        let was_doubtful = doubtful.is_some();
        let sent = match doubtful {
            Some(sent) => sent,
            None => {
                let old = before.value.clone().filter(|value| !value.is_empty());
                let (value, result) = change(old)?;
                Sent {
                    over: before.revision,
                    value,
                    result,
                }
            }
        };
        let mut headers = HeaderMap::new();
        before.swapped.write(swap.mark, &mut headers);
        let options = PutOptions {
            expected_revision: Some(before.revision),
            headers,
        };
        let connections = self.client.connections();
        match self
            .write(key, &before.name, sent.value.clone(), options)
            .await
        {
            Ok(revision) => {
                swap.left = Some(Left {
                    revision,
                    value: Some(sent.value),
                    ..before
                });
                Ok(sent.result)
            }
            Err(error) => {
                // On a connection that broke the answer may be that to a second copy.
                let is_doubtful = was_doubtful
                    || matches!(error, KvError::OutcomeUnknown { .. })
                    || self.client.connections() != connections;
                swap.doubtful = is_doubtful.then_some(sent);
                Err(error)
            }
        }
    }

    async fn read_to_swap(&self, key: &str, from: ReadFrom) -> Result<Left, KvError> {
        let found = self.find(key, from).await?;
        let Some(last) = found.last else {
            return Ok(Left {
                name: found.name,
                revision: 0,
                value: None,
                swapped: Swapped::default(),
            });
        };
        Ok(Left {
            name: found.name,
            revision: last.sequence,
            swapped: Swapped::of(&last),
            value: (Operation::of(&last) == Operation::Put).then_some(last.body),
        })
    }
}

/// One change on its way to being made.
struct Swap<T> {
    mark: Mark,
    /// The key as it is now, where that is known.
    left: Option<Left>,
    /// What was sent and not answered: it may have been done, or still be done.
    doubtful: Option<Sent<T>>,
    /// Whether it cannot be found out any more.
    is_lost: bool,
    /// Whether this is the first try.
    is_first: bool,
}

struct Sent<T> {
    /// The revision that it replaces.
    over: u64,
    value: Bytes,
    result: T,
}

fn parse(key: &str, value: Option<Bytes>) -> Result<Option<Value>, KvError> {
    let parse = |value: Bytes| {
        serde_json::from_slice(&value).map_err(|error| KvError::wrong_kind(key, "JSON", error))
    };
    value.map(parse).transpose()
}

/// Other programs write `41` as `41.0` too.
fn whole_number(value: &Value) -> Option<i64> {
    /// Beyond this a floating-point number no longer tells whole numbers apart.
    const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
    let number = value.as_number()?;
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    let float = number.as_f64()?;
    let is_whole = float.fract() == 0.0 && float.abs() <= LARGEST_EXACT && !number.is_u64();
    is_whole.then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_others_wrote_are_read() {
        let whole = |text: &str| whole_number(&serde_json::from_str(text).unwrap());
        for (text, number) in [
            ("41", 41),
            (" 41 ", 41),
            ("41.0", 41),
            ("-0.0", 0),
            ("4.1e1", 41),
            ("-7", -7),
        ] {
            assert_eq!(whole(text), Some(number), "{text}");
        }
        for text in [
            "41.5",
            "\"41\"",
            "null",
            "true",
            "[41]",
            "1e300",
            "18446744073709551615",
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
        assert_eq!(whole("9223372036854775807"), Some(i64::MAX));
    }
}
