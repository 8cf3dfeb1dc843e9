//! What the robot keeps of a channel in KV, typed.
//!
//! Reads what is stored now, also while the robot is away. To be told of changes watch the bucket
//! ([`KvBucket::watch`]) or hold it in memory ([`KvCache`](crate::kv::KvCache)).
//!
//! ```no_run
//! # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let state = client.channel_state("cytu.be", "420Grindhouse");
//! if let Some(now) = state.current_media().await? {
//!     println!("{} plays, and {} items are in the playlist", now.media.title, state.playlist().await?.len());
//! }
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use kryten_protocol::event::emotes::Emote;
use kryten_protocol::event::media::ChangeMedia;
use kryten_protocol::event::playlist::Item;
use kryten_protocol::event::users::User;
use kryten_protocol::state::{self, StateBucket, values};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use crate::connection::Client;
use crate::kv::{KvBucket, KvError};
use crate::state::StateError;

/// A channel's state in KV; cheap to clone. See [`Client::channel_state`].
///
/// What the robot has not stored yet is empty. Every read fails with [`StateError`]: with [`KvError::BucketMissing`] in
/// it where no robot has ever served the channel, with [`KvError::WrongKind`] where somebody has stored something else.
#[derive(Debug, Clone)]
pub struct ChannelState {
    client: Client,
    domain: String,
    channel: String,
    buckets: Arc<[OnceCell<KvBucket>; 4]>,
}

impl Client {
    /// The state of a channel. The buckets are named with the channel as the robot's configuration spells it; where
    /// there is none of that name, the other names are tried that documents of the originals give.
    pub fn channel_state(
        &self,
        domain: impl Into<String>,
        channel: impl Into<String>,
    ) -> ChannelState {
        ChannelState {
            client: self.clone(),
            domain: domain.into(),
            channel: channel.into(),
            buckets: Arc::default(),
        }
    }
}

/// # Errors
/// [`StateError`].
impl ChannelState {
    /// The users in the channel, in order of arrival.
    pub async fn users(&self) -> Result<Vec<User>, StateError> {
        let users = self
            .list(StateBucket::Userlist, state::USERS, values::users)
            .await?;
        Ok(users.unwrap_or_default())
    }

    /// The emotes.
    pub async fn emotes(&self) -> Result<Vec<Emote>, StateError> {
        let emotes = self
            .list(StateBucket::Emotes, state::EMOTES, values::emotes)
            .await?;
        Ok(emotes.unwrap_or_default())
    }

    /// The playlist, in order.
    pub async fn playlist(&self) -> Result<Vec<Item>, StateError> {
        let items = self
            .list(StateBucket::Playlist, state::ITEMS, values::items)
            .await?;
        Ok(items.unwrap_or_default())
    }

    /// What plays, with its uid; `None` when nothing does.
    pub async fn current_media(&self) -> Result<Option<ChangeMedia>, StateError> {
        let bucket = self.bucket(StateBucket::Playlist).await?;
        match bucket.get_json::<Value>(state::CURRENT).await? {
            Some(value) => values::current(&value).ok_or_else(|| odd(state::CURRENT)),
            None => Ok(None),
        }
    }

    /// The message of the day, HTML; empty for none.
    pub async fn motd(&self) -> Result<String, StateError> {
        self.text(state::MOTD).await
    }

    /// The style sheet; empty for none.
    pub async fn css(&self) -> Result<String, StateError> {
        self.text(state::CSS).await
    }

    /// The script; empty for none.
    pub async fn js(&self) -> Result<String, StateError> {
        self.text(state::JS).await
    }

    /// The channel's options, which the Python robot does not store.
    pub async fn options(&self) -> Result<Map<String, Value>, StateError> {
        self.object(state::OPTIONS).await
    }

    /// The rank that each action needs, which the Python robot does not store.
    pub async fn permissions(&self) -> Result<Map<String, Value>, StateError> {
        self.object(state::PERMISSIONS).await
    }

    async fn text(&self, key: &str) -> Result<String, StateError> {
        let bucket = self.bucket(StateBucket::State).await?;
        Ok(bucket.get_text(key).await?.unwrap_or_default())
    }

    async fn object(&self, key: &str) -> Result<Map<String, Value>, StateError> {
        let bucket = self.bucket(StateBucket::State).await?;
        Ok(bucket.get_json(key).await?.unwrap_or_default())
    }

    async fn list<T>(
        &self,
        which: StateBucket,
        key: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, StateError> {
        let bucket = self.bucket(which).await?;
        let Some(list) = crate::state::list(bucket, key).await? else {
            return Ok(None);
        };
        let value = serde_json::from_slice(&list.json).map_err(|_| odd(key))?;
        read(&value).map(Some).ok_or_else(|| odd(key))
    }

    async fn bucket(&self, which: StateBucket) -> Result<&KvBucket, StateError> {
        let cell = &self.buckets[which as usize];
        cell.get_or_try_init(|| self.open(which)).await
    }

    async fn open(&self, which: StateBucket) -> Result<KvBucket, StateError> {
        let mut missing = None;
        for name in which.names_to_try(&self.domain, &self.channel) {
            match KvBucket::open(&self.client, &name).await {
                // The first name is the right one, and the one to tell.
                Err(error @ KvError::BucketMissing { .. }) => missing = missing.or(Some(error)),
                opened => return Ok(opened?),
            }
        }
        let missing = missing.unwrap_or_else(|| KvError::BucketMissing {
            bucket: which.name(&self.channel),
        });
        Err(missing.into())
    }
}

fn odd(key: &str) -> StateError {
    KvError::not(key, "JSON of the expected shape").into()
}
