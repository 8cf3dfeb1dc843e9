//! What can go wrong with a bucket.

use crate::jetstream::api::code;

/// Why an operation on a bucket failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KvError {
    /// There is no such bucket.
    #[error("the bucket {bucket} does not exist; its owner has to create it first")]
    BucketMissing {
        /// The bucket.
        bucket: String,
    },
    /// NATS does not take this name.
    #[error("{bucket:?} cannot be a bucket name; use letters, digits, '-' and '_'")]
    BadBucketName {
        /// The name as given.
        bucket: String,
    },
    /// A stream of that name exists, but is no bucket.
    #[error("the stream KV_{bucket} exists but is no key-value bucket")]
    NotABucket {
        /// The bucket.
        bucket: String,
    },
    /// The server or the account has no JetStream.
    #[error(
        "JetStream is off on this NATS server; start it with JetStream (nats-server -js), or correct \
         nats.jetstream_domain or nats.jetstream_prefix where one is configured"
    )]
    JetStreamOff,
    /// No connection to a server; nothing was sent.
    #[error("the NATS server is away")]
    ServerAway,
    /// No answer in time to something that changes nothing.
    #[error("the NATS server did not answer in time")]
    TimedOut,
    /// The account may not do this.
    #[error("this NATS user may not use {subject}; give it the permission")]
    NoPermission {
        /// The subject that was refused.
        subject: String,
    },
    /// The text cannot be a key.
    #[error("{key:?} cannot be a key of {bucket}: {reason}")]
    BadKey {
        /// The bucket.
        bucket: String,
        /// The key as given, shortened.
        key: String,
        /// Why not.
        reason: &'static str,
    },
    /// The value is larger than the bucket or the server takes; nothing was sent.
    #[error("the value of {key:?} has {size} bytes, but {limited_by} takes at most {limit}")]
    TooLarge {
        /// The key.
        key: String,
        /// The size of the value.
        size: usize,
        /// The largest size.
        limit: usize,
        /// Whose limit: `the bucket` or `the NATS server`.
        limited_by: &'static str,
    },
    /// The bucket does not let a key have a life of its own.
    #[error(
        "the bucket {bucket} lets no key have a life of its own; its owner has to give it a marker_ttl"
    )]
    NoKeyTtl {
        /// The bucket.
        bucket: String,
    },
    /// The key has another revision than expected.
    #[error("the key {key:?} was changed meanwhile: its revision is not {expected}")]
    WrongRevision {
        /// The key.
        key: String,
        /// The revision that was expected; 0 for "not there".
        expected: u64,
    },
    /// Sent, but no answer came: the change may have been made, or may still be made.
    #[error("no answer came for the change of {key:?}: it may or may not have been made")]
    OutcomeUnknown {
        /// The key.
        key: String,
    },
    /// The value is not what was asked for.
    #[error("the value of {key:?} is not {wanted}")]
    WrongKind {
        /// The key.
        key: String,
        /// What was asked for, such as `a whole number`.
        wanted: &'static str,
        /// What the parser said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Others changed the key again and again until the deadline.
    #[error("the key {key:?} was changed by others each time until the deadline")]
    Contended {
        /// The key.
        key: String,
    },
    /// The server refused for another reason.
    #[error("the NATS server refused: {description}")]
    Refused {
        /// JetStream's error code.
        code: u64,
        /// The server's words.
        description: String,
    },
}

impl KvError {
    pub(super) fn wrong_kind(
        key: &str,
        wanted: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::WrongKind {
            key: key.to_owned(),
            wanted,
            source: Some(source.into()),
        }
    }

    pub(crate) fn not(key: &str, wanted: &'static str) -> Self {
        Self::WrongKind {
            key: key.to_owned(),
            wanted,
            source: None,
        }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::ServerAway
            | Self::TimedOut
            | Self::OutcomeUnknown { .. }
            | Self::Contended { .. } => true,
            Self::Refused { code, .. } => code::passes(*code),
            _ => false,
        }
    }
}
