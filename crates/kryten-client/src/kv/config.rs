//! What a bucket is created with, and how an existing one differs from it.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};

/// Where a bucket keeps its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// On disk.
    #[default]
    File,
    /// In memory; gone when the server stops.
    Memory,
}

/// What a bucket is created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketConfig {
    /// The bucket's name: letters, digits, `-` and `_`.
    pub name: String,
    /// A sentence for people; empty becomes `Kryten <name>`.
    pub description: String,
    /// The largest value in bytes; `None` for no limit.
    pub max_value_size: Option<i32>,
    /// How many values of each key are kept, 1 to 64; what is outside is taken to the nearest.
    pub history: i64,
    /// Where values are kept.
    pub storage: Storage,
    /// On how many servers of a cluster they are kept; `None` for what the configuration's `nats.replicas` says, else 1.
    pub replicas: Option<usize>,
    /// How long a value lives; `None` for ever.
    pub ttl: Option<Duration>,
    /// Lets a key have a life of its own ([`KvBucket::create_with_ttl`](super::KvBucket::create_with_ttl)) and has the
    /// server mark what expired; the mark is kept this long, at least a second. `None` for neither. Needs a server of
    /// 2.11 or later.
    pub marker_ttl: Option<Duration>,
}

impl BucketConfig {
    /// The originals' configuration: values up to 1 MiB, no history, on disk, kept for ever.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            max_value_size: Some(1024 * 1024),
            history: 1,
            storage: Storage::File,
            replicas: None,
            ttl: None,
            marker_ttl: None,
        }
    }

    /// The stream that is the bucket (NATS ADR-8).
    pub(super) fn to_stream(&self) -> Config {
        const LARGEST_HISTORY: i64 = 64;
        const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
        let ttl = self.ttl.unwrap_or_default();
        let description = match self.description.is_empty() {
            true => format!("Kryten {}", self.name),
            false => self.description.clone(),
        };
        Config {
            name: stream_name(&self.name),
            subjects: vec![format!("{}>", subject_prefix(&self.name))],
            description: Some(description),
            max_messages_per_subject: self.history.clamp(1, LARGEST_HISTORY),
            max_message_size: self.max_value_size.filter(|size| *size > 0).unwrap_or(-1),
            max_bytes: -1,
            max_messages: -1,
            max_consumers: -1,
            max_age: ttl,
            storage: match self.storage {
                Storage::File => StorageType::File,
                Storage::Memory => StorageType::Memory,
            },
            num_replicas: self.replicas.unwrap_or(1),
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            // The server wants it no longer than a value lives.
            duplicate_window: match ttl.is_zero() {
                true => DUPLICATE_WINDOW,
                false => DUPLICATE_WINDOW.min(ttl),
            },
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            allow_message_ttl: self.marker_ttl.is_some(),
            subject_delete_marker_ttl: self.marker_ttl,
            ..Config::default()
        }
    }
}

/// What a bucket is like now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketInfo {
    /// The bucket's name.
    pub name: String,
    /// A sentence for people.
    pub description: String,
    /// The largest value in bytes; `None` for no limit.
    pub max_value_size: Option<usize>,
    /// How many values of each key are kept.
    pub history: i64,
    /// Where values are kept.
    pub storage: Storage,
    /// On how many servers of a cluster they are kept.
    pub replicas: usize,
    /// How long a value lives; `None` for ever.
    pub ttl: Option<Duration>,
    /// Whether a key may have a life of its own.
    pub allows_key_ttl: bool,
    /// How long the mark of an expired value is kept; `None` where the server leaves none.
    pub marker_ttl: Option<Duration>,
    /// How many revisions are kept, deletions included.
    pub values: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// The last revision that was given out.
    pub last_revision: u64,
}

impl BucketInfo {
    pub(super) fn new(name: &str, info: Info) -> Self {
        let config = info.config;
        Self {
            name: name.to_owned(),
            description: config.description.unwrap_or_default(),
            max_value_size: usize::try_from(config.max_message_size)
                .ok()
                .filter(|size| *size > 0),
            history: config.max_messages_per_subject,
            storage: match config.storage {
                StorageType::File => Storage::File,
                StorageType::Memory => Storage::Memory,
            },
            replicas: config.num_replicas,
            ttl: Some(config.max_age).filter(|age| !age.is_zero()),
            allows_key_ttl: config.allow_message_ttl,
            marker_ttl: config
                .subject_delete_marker_ttl
                .filter(|life| !life.is_zero()),
            values: info.state.messages,
            bytes: info.state.bytes,
            last_revision: info.state.last_sequence,
        }
    }
}

/// How a bucket differs from what was asked for, one sentence each.
pub(super) fn differences(wanted: &Config, found: &Config) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |is_different: bool, what: &str, found: String, wanted: String| {
        if is_different {
            differences.push(format!("{what} is {found}, not {wanted}"));
        }
    };
    let quoted =
        |description: &Option<String>| format!("{:?}", description.as_deref().unwrap_or_default());
    differ(
        wanted.description != found.description,
        "its description",
        quoted(&found.description),
        quoted(&wanted.description),
    );
    let size = |size: i32| match size {
        ..=0 => "unlimited".to_owned(),
        size => format!("{size} bytes"),
    };
    differ(
        wanted.max_message_size.max(0) != found.max_message_size.max(0),
        "its largest value",
        size(found.max_message_size),
        size(wanted.max_message_size),
    );
    differ(
        wanted.max_messages_per_subject != found.max_messages_per_subject,
        "its history",
        found.max_messages_per_subject.to_string(),
        wanted.max_messages_per_subject.to_string(),
    );
    let storage = |storage: StorageType| match storage {
        StorageType::File => "file".to_owned(),
        StorageType::Memory => "memory".to_owned(),
    };
    differ(
        wanted.storage != found.storage,
        "its storage",
        storage(found.storage),
        storage(wanted.storage),
    );
    differ(
        wanted.num_replicas != found.num_replicas,
        "its number of replicas",
        found.num_replicas.to_string(),
        wanted.num_replicas.to_string(),
    );
    let age = |age: Duration| match age.is_zero() {
        true => "unlimited".to_owned(),
        false => format!("{} s", age.as_secs_f64()),
    };
    differ(
        wanted.max_age != found.max_age,
        "the life of its values",
        age(found.max_age),
        age(wanted.max_age),
    );
    let marked = |config: &Config| match config.subject_delete_marker_ttl {
        Some(life) if !life.is_zero() => age(life),
        _ => "off".to_owned(),
    };
    differ(
        marked(wanted) != marked(found),
        "the mark of expired values",
        marked(found),
        marked(wanted),
    );
    differences
}

/// The stream that keeps a bucket.
pub(super) fn stream_name(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// What comes before a key in its subject.
pub(super) fn subject_prefix(bucket: &str) -> String {
    format!("$KV.{bucket}.")
}
