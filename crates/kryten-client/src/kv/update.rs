//! Changes a value by compare-and-swap.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::bucket::KvBucket;
use super::error::KvError;
use super::read::Operation;
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
    /// A server that goes away meanwhile is waited for; what was sent and not answered is sent again under the same
    /// message id, so that it is done once.
    ///
    /// # Errors
    /// As [`KvBucket::put`]; [`KvError::WrongKind`] when the value is not JSON; [`KvError::Contended`] when others
    /// were faster for 30 s.
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
            let old = match parse(key, old)? {
                Some(old) => {
                    whole_number(&old).ok_or_else(|| KvError::not(key, "a whole number"))?
                }
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
        let _turn = turn.map_err(|_| contended())?;
        for attempt in 0_u32.. {
            match self.try_swap(key, &mut change, deadline).await {
                Err(KvError::WrongRevision { .. }) if Instant::now() >= deadline => {
                    return Err(contended());
                }
                Err(KvError::WrongRevision { .. }) => {}
                Err(error) if error.is_transient() && Instant::now() < deadline => {}
                done => return done,
            }
            let delay = Duration::from_millis(2 << attempt.min(7)).min(LONGEST_DELAY);
            tokio::time::sleep(delay.mul_f64(rand::random_range(0.0..=1.0))).await;
        }
        Err(contended())
    }

    async fn try_swap<T>(
        &self,
        key: &str,
        change: &mut impl FnMut(Option<Bytes>) -> Result<(Bytes, T), KvError>,
        deadline: Instant,
    ) -> Result<T, KvError> {
        let found = self.find(key, ReadFrom::Leader).await?;
        let revision = found.last.as_ref().map_or(0, |last| last.sequence);
        let old = found
            .last
            .filter(|last| Operation::of(last) == Operation::Put)
            .map(|last| last.body);
        let (value, result) = change(old.filter(|value| !value.is_empty()))?;
        let mut headers = HeaderMap::new();
        let id = format!("{:032x}", rand::random::<u128>());
        headers.insert("Nats-Msg-Id", id.as_str());
        let options = PutOptions {
            expected_revision: Some(revision),
            headers,
        };
        loop {
            let put = self
                .write(key, &found.name, value.clone(), options.clone())
                .await;
            match put {
                Ok(_) => return Ok(result),
                // The server knows the id again if the first one arrived.
                Err(KvError::OutcomeUnknown { .. } | KvError::ServerAway)
                    if Instant::now() < deadline => {}
                Err(error) => return Err(error),
            }
        }
    }
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
