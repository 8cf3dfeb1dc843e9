//! Reads a whole bucket in one pass.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::bucket::KvBucket;
use super::error::KvError;
use super::key;
use super::read::Operation;
use crate::connection::Client;
use crate::jetstream::consumer::{Start, Wanted};
use crate::jetstream::pass::{Until, pass};

impl KvBucket {
    /// All keys that have a value, sorted.
    ///
    /// # Errors
    /// [`KvError`] when they could not be read.
    pub async fn keys(&self) -> Result<Vec<String>, KvError> {
        self.keys_with_prefix("").await
    }

    /// All keys that have a value and begin with a text, sorted.
    ///
    /// # Errors
    /// As [`KvBucket::keys`].
    pub async fn keys_with_prefix(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        let values = self.read_all(self.filters(prefix), true).await?;
        let keys = values.into_keys().filter(|key| key.starts_with(prefix));
        Ok(keys.collect())
    }

    /// All keys that begin with a text, with their values; one pass, of which the server sends nothing that differs
    /// before the text's last dot.
    ///
    /// # Errors
    /// As [`KvBucket::keys`].
    pub async fn get_all_with_prefix(
        &self,
        prefix: &str,
    ) -> Result<BTreeMap<String, Bytes>, KvError> {
        let mut values = self.read_all(self.filters(prefix), false).await?;
        values.retain(|key, _| key.starts_with(prefix));
        Ok(values)
    }

    /// All keys and values.
    ///
    /// # Errors
    /// As [`KvBucket::keys`].
    pub async fn get_all(&self) -> Result<BTreeMap<String, Bytes>, KvError> {
        self.read_all(self.filters(""), false).await
    }

    /// What the server has to look through for keys that begin with a text.
    ///
    /// A filter takes whole tokens, so it is narrower than the bucket only where the text has a dot; and names that
    /// begin differently from their keys must not be missed.
    pub(super) fn filters(&self, prefix: &str) -> Vec<String> {
        let whole = vec![self.subject(">")];
        let Some((tokens, _)) = prefix.rsplit_once('.') else {
            return whole;
        };
        match key::encode(&self.bucket.prefix, tokens) {
            // A key that ends with this very dot is stored with the dot escaped.
            Ok(name) if name == tokens => vec![
                self.subject(&format!("{tokens}.>")),
                self.subject(&format!("{tokens}=2E")),
            ],
            _ => whole,
        }
    }

    async fn read_all(
        &self,
        filters: Vec<String>,
        headers_only: bool,
    ) -> Result<BTreeMap<String, Bytes>, KvError> {
        let wanted = Wanted {
            stream: self.bucket.stream.clone(),
            filters,
            start: Start::LastPerSubject,
            headers_only,
        };
        let prefix = self.bucket.prefix.as_str();
        // What is written meanwhile comes too, and replaces or removes what came before.
        let read = pass(
            &self.client,
            &wanted,
            Until::CaughtUp,
            BTreeMap::new,
            |values: &mut BTreeMap<String, Bytes>, stored| {
                if !stored.subject.starts_with(prefix) {
                    return;
                }
                let operation = Operation::of(&stored);
                let mut name = stored.subject;
                name.drain(..prefix.len());
                match operation {
                    Operation::Put => values.insert(name, stored.body),
                    Operation::Delete | Operation::Purge => values.remove(&name),
                };
            },
        );
        let mut values = read.await.map_err(|error| self.error(error))?;
        give_keys(&mut values);
        Ok(values)
    }
}

/// Puts values that are stored under another name than their key under their key. Where both are there, ours is the
/// one that is read.
fn give_keys(values: &mut BTreeMap<String, Bytes>) {
    // Only these can be escaped; of most buckets it is none, and nothing is built anew.
    let escaped = values.keys().filter(|name| name.contains('='));
    let keys: Vec<(String, String)> = escaped
        .map(|name| (name.clone(), key::decode(name)))
        .filter(|(name, key)| name != key)
        .collect();
    // All are taken out first: a key may read like the name of another one.
    let taken: Vec<_> = keys
        .into_iter()
        .filter_map(|(name, key)| Some((key, values.remove(&name)?)))
        .collect();
    values.extend(taken);
}

#[derive(Serialize)]
struct NamesRequest {
    offset: usize,
    subject: &'static str,
}

#[derive(Deserialize)]
struct NamesPage {
    total: usize,
    #[serde(default)]
    streams: Option<Vec<String>>,
}

/// The names of all buckets, page by page.
pub(super) async fn bucket_names(client: &Client) -> Result<Vec<String>, KvError> {
    let mut names = Vec::new();
    let mut offset = 0;
    loop {
        let request = NamesRequest {
            offset,
            subject: "$KV.*.>",
        };
        let page: NamesPage = client
            .api("STREAM.NAMES", &request)
            .await
            .map_err(|error| KvError::new("", error))?;
        let streams = page.streams.unwrap_or_default();
        offset += streams.len();
        let is_last = streams.is_empty() || offset >= page.total;
        names.extend(
            streams
                .iter()
                .filter_map(|stream| stream.strip_prefix("KV_").map(str::to_owned)),
        );
        if is_last {
            names.sort();
            return Ok(names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_become_keys_and_win_over_names_that_read_the_same() {
        let named = [
            ("a", "1"),
            ("a=20b", "a b"),
            ("a=3D20b", "a=20b"),
            ("c..d", "of another program"),
            ("c.=2Ed", "ours"),
            ("x=y", "2"),
        ];
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        let mut values = named
            .map(|(name, value)| (name.to_owned(), bytes(value)))
            .into();
        give_keys(&mut values);
        let expected = [
            ("a", "1"),
            ("a b", "a b"),
            ("a=20b", "a=20b"),
            ("c..d", "ours"),
            ("x=y", "2"),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), bytes(value)));
        assert_eq!(values, BTreeMap::from(expected));
    }
}
