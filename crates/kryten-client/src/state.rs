//! The lists of a channel's state as the robot keeps them in KV: users, emotes, playlist, of any size.
//!
//! ```no_run
//! # async fn demo(client: &kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_client::kv::KvBucket;
//! use kryten_client::state;
//! use kryten_protocol::state::{ITEMS, StateBucket};
//!
//! let bucket = KvBucket::open(client, &StateBucket::Playlist.name("lounge")).await?;
//! if let Some(playlist) = state::list(&bucket, ITEMS).await? {
//!     let items: Vec<serde_json::Value> = serde_json::from_slice(&playlist.json)?;
//!     println!("{} films, as of event {:?}", items.len(), playlist.mark);
//! }
//! # Ok(())
//! # }
//! ```

use async_nats::HeaderMap;
use bytes::Bytes;
use kryten_protocol::seal::{SEAL_HEADER, ValueParts};
use kryten_protocol::state::list::{self, ListError, Manifest};
use kryten_protocol::state::{STATE_HEADER, StateMark};

use crate::kv::{Entry, KvBucket, KvError, Operation};

/// A list and what it reflects.
#[derive(Debug, Clone)]
pub struct StateList {
    /// The list as a JSON array; what the key holds as it is when a program other than the robot wrote it.
    pub json: Bytes,
    /// Which events are in it; the Python robot does not say.
    pub mark: Option<StateMark>,
    /// Whether it carries a seal that the robot made with the client's `nats.seal_key`; never without one.
    pub is_sealed: bool,
    /// When it was written, in nanoseconds since the Unix epoch.
    pub written_nanos: i128,
    /// The key that it was read from.
    pub key: String,
    /// Entries that are left out because one alone is too large for a KV value.
    pub omitted: usize,
}

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The bucket cannot be read.
    #[error(transparent)]
    Kv(#[from] KvError),
    /// What is stored is no list.
    #[error("the list {key} in {bucket} cannot be read: {source}")]
    List {
        /// The bucket.
        bucket: String,
        /// The list's key.
        key: String,
        /// Why.
        #[source]
        source: ListError,
    },
}

/// How often a list that changes under us is read anew; parts stay for a minute after they are replaced.
const ATTEMPTS: usize = 5;

/// Reads the list under `key`: from its parts where the robot that wrote last keeps them, else from the key itself.
///
/// `None` where the key holds nothing.
///
/// # Errors
/// [`StateError`].
pub async fn list(bucket: &KvBucket, key: &str) -> Result<Option<StateList>, StateError> {
    let manifest_key = list::manifest_key(key);
    let mut unfit = ListError::PartsDoNotFit;
    for _ in 0..ATTEMPTS {
        let (whole, manifest) = tokio::join!(bucket.entry(key), bucket.entry(&manifest_key));
        let (whole, manifest) = (whole?.filter(has_value), manifest?.filter(has_value));
        let Some(manifest) =
            manifest.filter(|manifest| !is_newer_and_foreign(whole.as_ref(), manifest))
        else {
            return Ok(whole.map(|entry| whole_list(bucket, entry)));
        };
        match assemble(bucket, key, &manifest).await? {
            Ok(list) => return Ok(Some(list)),
            // A later robot's layout, or a manifest that nobody can read: the key itself is there for that.
            Err(ListError::PartsDoNotFit) => unfit = ListError::PartsDoNotFit,
            Err(error) => {
                return whole
                    .map(|entry| Some(whole_list(bucket, entry)))
                    .ok_or_else(|| unreadable(bucket, key, error));
            }
        }
    }
    Err(unreadable(bucket, key, unfit))
}

async fn assemble(
    bucket: &KvBucket,
    key: &str,
    entry: &Entry,
) -> Result<Result<StateList, ListError>, KvError> {
    let manifest = match Manifest::read(&entry.value) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(Err(error)),
    };
    let keys: Vec<String> = manifest
        .parts
        .iter()
        .map(|name| list::part_key(key, name))
        .collect();
    let stored = bucket.get_many(&keys).await?;
    let parts: Option<Vec<&str>> = keys
        .iter()
        .map(|key| {
            stored
                .get(key)
                .and_then(|part| std::str::from_utf8(part).ok())
        })
        .collect();
    let Some(parts) = parts else {
        return Ok(Err(ListError::PartsDoNotFit));
    };
    // The seal of the manifest is for the parts that it names, and their names are made of what is in them.
    let is_sealed = is_sealed(bucket, entry) && manifest.names(&parts);
    let joined = manifest.join(&parts);
    Ok(joined.map(|json| from_entry(json.into(), entry, manifest.omitted, is_sealed)))
}

fn whole_list(bucket: &KvBucket, entry: Entry) -> StateList {
    let is_sealed = is_sealed(bucket, &entry);
    from_entry(entry.value.clone(), &entry, 0, is_sealed)
}

/// Adds the seal of a value that is to be put with these headers, which come first; nothing without a `nats.seal_key`.
pub fn seal(bucket: &KvBucket, key: &str, value: &[u8], headers: &mut HeaderMap) {
    if let Some(seal_key) = bucket.client().seal_key() {
        let seal = seal_key.seal_value(&parts(bucket, key, value, headers));
        headers.insert(SEAL_HEADER, seal);
    }
}

/// Whether the robot sealed this value of the bucket; `false` without a `nats.seal_key` to tell by.
pub fn is_sealed(bucket: &KvBucket, entry: &Entry) -> bool {
    let seal = entry.headers.get_last(SEAL_HEADER);
    let (Some(key), Some(seal)) = (bucket.client().seal_key(), seal) else {
        return false;
    };
    let parts = parts(bucket, &entry.key, &entry.value, &entry.headers);
    key.is_value_sealed(seal.as_str(), &parts)
}

fn parts<'a>(
    bucket: &'a KvBucket,
    key: &'a str,
    value: &'a [u8],
    headers: &'a HeaderMap,
) -> ValueParts<'a> {
    let mark = headers.get_last(STATE_HEADER);
    ValueParts {
        bucket: bucket.name(),
        key,
        mark: mark.map_or("", |mark| mark.as_str()),
        value,
    }
}

fn has_value(entry: &Entry) -> bool {
    entry.operation == Operation::Put && !entry.value.is_empty()
}

/// Whether a program that knows no manifests wrote the list after the manifest was written.
fn is_newer_and_foreign(whole: Option<&Entry>, manifest: &Entry) -> bool {
    whole.is_some_and(|whole| mark_of(whole).is_none() && whole.revision > manifest.revision)
}

fn from_entry(json: Bytes, entry: &Entry, omitted: usize, is_sealed: bool) -> StateList {
    StateList {
        json,
        mark: mark_of(entry),
        is_sealed,
        written_nanos: entry.created_nanos,
        key: entry.key.clone(),
        omitted,
    }
}

fn mark_of(entry: &Entry) -> Option<StateMark> {
    entry.headers.get_last(STATE_HEADER)?.as_str().parse().ok()
}

fn unreadable(bucket: &KvBucket, key: &str, source: ListError) -> StateError {
    StateError::List {
        bucket: bucket.name().to_owned(),
        key: key.to_owned(),
        source,
    }
}
