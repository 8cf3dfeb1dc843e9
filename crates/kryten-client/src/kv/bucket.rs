//! A bucket: opened, or created by its owner.

use std::sync::Arc;

use async_nats::jetstream::stream::{Config, Info};
use kryten_protocol::state::is_bucket_name;

use super::config::{BucketConfig, BucketInfo, differences, stream_name, subject_prefix};
use super::error::KvError;
use super::key;
use crate::connection::Client;
use crate::jetstream::api::{ApiError, code};
use crate::jetstream::stored::From as ReadFrom;

/// A key-value bucket; cheap to clone.
#[derive(Debug, Clone)]
pub struct KvBucket {
    pub(super) client: Client,
    pub(super) bucket: Arc<Bucket>,
}

#[derive(Debug)]
pub(super) struct Bucket {
    name: String,
    pub(super) stream: String,
    pub(super) prefix: String,
    pub(super) max_value_size: Option<usize>,
    pub(super) read_from: ReadFrom,
    differences: Vec<String>,
}

impl KvBucket {
    /// The connection through which it is read and written.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Opens a bucket that exists; never creates one.
    ///
    /// # Errors
    /// [`KvError`], which tells apart: no such bucket, JetStream off, server away, no permission, not a bucket.
    pub async fn open(client: &Client, name: &str) -> Result<Self, KvError> {
        let info = find(client, name).await?;
        Self::new(client, name, &info, Vec::new())
    }

    /// Opens a bucket, or creates it where it does not exist. An existing one is taken as it is; see
    /// [`KvBucket::differences`].
    ///
    /// # Errors
    /// As [`KvBucket::open`].
    pub async fn open_or_create(
        client: &Client,
        mut config: BucketConfig,
    ) -> Result<Self, KvError> {
        config.replicas = config.replicas.or_else(|| client.replicas());
        let name = config.name.as_str();
        let mut wanted = config.to_stream();
        let info = match find(client, name).await {
            Err(KvError::BucketMissing { .. }) => create(client, name, &wanted).await?,
            found => found?,
        };
        if config.replicas.is_none() {
            // Nobody has said how many, so none is wrong.
            wanted.num_replicas = info.config.num_replicas;
        }
        let differences = differences(&wanted, &info.config);
        for difference in &differences {
            tracing::warn!(
                bucket = name,
                "the bucket exists with another configuration: {difference}"
            );
        }
        Self::new(client, name, &info, differences)
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.bucket.name
    }

    /// How an existing bucket differs from the configuration given to [`KvBucket::open_or_create`], one sentence
    /// each.
    pub fn differences(&self) -> &[String] {
        &self.bucket.differences
    }

    /// What the bucket is like now, asked from the server.
    ///
    /// # Errors
    /// As [`KvBucket::open`].
    pub async fn info(&self) -> Result<BucketInfo, KvError> {
        let info = find(&self.client, self.name()).await?;
        Ok(BucketInfo::new(self.name(), info))
    }

    /// The names of all buckets, sorted.
    ///
    /// # Errors
    /// [`KvError`] when they could not be read.
    pub async fn names(client: &Client) -> Result<Vec<String>, KvError> {
        super::list::bucket_names(client).await
    }

    fn new(
        client: &Client,
        name: &str,
        info: &Info,
        differences: Vec<String>,
    ) -> Result<Self, KvError> {
        let config = &info.config;
        let prefix = subject_prefix(name);
        let is_bucket =
            config.max_messages_per_subject > 0 && config.subjects.contains(&format!("{prefix}>"));
        if !is_bucket {
            return Err(KvError::NotABucket {
                bucket: name.to_owned(),
            });
        }
        let max_value_size = usize::try_from(config.max_message_size).ok();
        Ok(Self {
            client: client.clone(),
            bucket: Arc::new(Bucket {
                name: name.to_owned(),
                stream: stream_name(name),
                prefix,
                max_value_size: max_value_size.filter(|size| *size > 0),
                // With replicas any of them may be a moment behind what we have just put.
                read_from: match config.allow_direct && config.num_replicas <= 1 {
                    true => ReadFrom::AnyReplica,
                    false => ReadFrom::Leader,
                },
                differences,
            }),
        })
    }

    /// The name under which a key is stored by us.
    pub(super) fn encoded(&self, key: &str) -> Result<String, KvError> {
        let prefix = self.client.put_subject(&self.bucket.prefix);
        key::encode(&prefix, key).map_err(|reason| KvError::BadKey {
            bucket: self.name().to_owned(),
            key: key.chars().take(60).collect(),
            reason,
        })
    }

    pub(super) fn subject(&self, stored_name: &str) -> String {
        format!("{}{stored_name}", self.bucket.prefix)
    }

    pub(super) fn error(&self, error: ApiError) -> KvError {
        KvError::new(self.name(), error)
    }
}

impl KvError {
    pub(super) fn new(bucket: &str, error: ApiError) -> Self {
        match error {
            ApiError::JetStreamOff => Self::JetStreamOff,
            ApiError::Away => Self::ServerAway,
            ApiError::TimedOut => Self::TimedOut,
            ApiError::NoPermission { subject } => Self::NoPermission { subject },
            ApiError::Refused {
                code: code::STREAM_NOT_FOUND,
                ..
            } => Self::BucketMissing {
                bucket: bucket.to_owned(),
            },
            ApiError::Refused { code, description } => Self::Refused { code, description },
        }
    }
}

async fn find(client: &Client, name: &str) -> Result<Info, KvError> {
    if !is_bucket_name(name) {
        return Err(KvError::BadBucketName {
            bucket: name.to_owned(),
        });
    }
    let info = client.stream_info(&stream_name(name)).await;
    info.map_err(|error| KvError::new(name, error))
}

async fn create(client: &Client, name: &str, config: &Config) -> Result<Info, KvError> {
    match client.create_stream(config).await {
        // Somebody else was faster, with another configuration.
        Err(error) if error.is(code::STREAM_NAME_IN_USE) => find(client, name).await,
        Ok(info) => {
            tracing::info!(bucket = name, "created the bucket");
            Ok(info)
        }
        Err(error) => Err(KvError::new(name, error)),
    }
}
