//! The channel's state as the robot keeps it in KV: users, emotes, what plays.
//!
//! Each part fails alone, with one warning, and the service goes on with what the events tell.

use kryten_client::state::{self, StateError, StateList};
use kryten_client::{Client, KvBucket, KvError};
use kryten_protocol::cytube::{Media, User, media_of_item};
use kryten_protocol::state::{CURRENT, StateBucket, StateMark};
use kryten_protocol::time::WireTime;
use serde_json::Value;
use tracing::{debug, info, warn};

use crate::config::ChannelConfig;
use crate::tally::{EmoteSet, KnownState, Rules};

/// What is logged of loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Everything.
    All,
    /// Only what cannot be read, quietly: it was told before.
    Faults,
}

/// `info!` where everything is told, else `debug!`.
macro_rules! tell {
    ($telling:expr, $($what:tt)+) => {
        match $telling {
            Telling::All => info!($($what)+),
            Telling::Faults => debug!($($what)+),
        }
    };
}

/// A part of a channel's state and what it reflects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoadedState {
    pub(crate) state: KnownState,
    /// Which events are in it; the Python robot does not say.
    pub(crate) mark: Option<StateMark>,
    /// When the robot wrote it.
    pub(crate) written_at: WireTime,
}

/// What went wrong with a part.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    Kv(#[from] KvError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("the value of {key} in {bucket} is not JSON: {source}")]
    NotJson {
        bucket: String,
        key: String,
        source: serde_json::Error,
    },
    #[error("the value of {key} in {bucket} is not {wanted}")]
    WrongShape {
        bucket: String,
        key: String,
        wanted: &'static str,
    },
}

/// A value that was found.
struct Found {
    bucket: String,
    list: StateList,
    value: Value,
}

impl Found {
    fn wrong(&self, wanted: &'static str) -> LoadError {
        LoadError::WrongShape {
            bucket: self.bucket.clone(),
            key: self.list.key.clone(),
            wanted,
        }
    }

    fn with(&self, state: KnownState) -> LoadedState {
        LoadedState {
            state,
            mark: self.list.mark,
            written_at: WireTime::from_micros(
                i64::try_from(self.list.written_nanos / 1000).unwrap_or_default(),
            ),
        }
    }
}

/// Loads what the robot knows of a channel.
pub(crate) async fn load(
    client: &Client,
    channel: &ChannelConfig,
    rules: Rules,
    telling: Telling,
) -> Vec<LoadedState> {
    let name = format!("{}/{}", channel.domain, channel.channel);
    tell!(telling, "loading the state of {name} from KV");
    let mut loaded = Vec::new();
    for (what, part) in [
        ("users", users(client, channel, telling).await),
        ("emotes", emotes(client, channel, telling).await),
        (
            "current media",
            current(client, channel, rules, telling).await,
        ),
    ] {
        match part {
            Ok(Some(part)) => loaded.push(part),
            Ok(None) => tell!(telling, channel = name, "KV has no {what} of {name} yet"),
            Err(error) if telling == Telling::Faults => {
                debug!(channel = name, %error, "cannot load {what} of {name} from KV this time");
            }
            Err(error) => {
                warn!(channel = name, %error, "cannot load {what} of {name} from KV; counting on from events only");
            }
        }
    }
    loaded
}

async fn users(
    client: &Client,
    channel: &ChannelConfig,
    telling: Telling,
) -> Result<Option<LoadedState>, LoadError> {
    let bucket = StateBucket::Userlist;
    let Some(found) = find(client, channel, bucket, bucket.list_keys_to_try()).await? else {
        return Ok(None);
    };
    let items = found.value.as_array();
    let items = items.ok_or_else(|| found.wrong("a list of users"))?;
    let users: Vec<User> = items.iter().filter_map(User::read).collect();
    if users.is_empty() && !items.is_empty() {
        return Err(found.wrong("a list of users"));
    }
    tell!(telling, "loaded {} users from KV", users.len());
    for user in &users {
        debug!(user = user.name, "{} is in the channel", user.name);
    }
    Ok(Some(found.with(KnownState::Users(users))))
}

async fn emotes(
    client: &Client,
    channel: &ChannelConfig,
    telling: Telling,
) -> Result<Option<LoadedState>, LoadError> {
    let bucket = StateBucket::Emotes;
    let Some(found) = find(client, channel, bucket, bucket.list_keys_to_try()).await? else {
        return Ok(None);
    };
    let emotes = EmoteSet::read(&found.value);
    let emotes = emotes.ok_or_else(|| found.wrong("a list of emotes"))?;
    tell!(telling, "loaded {} emotes from KV", emotes.len());
    Ok(Some(found.with(KnownState::Emotes(emotes))))
}

/// The robot keeps what plays under a key of its own; older ones keep only the list, which is all that the original
/// reads.
async fn current(
    client: &Client,
    channel: &ChannelConfig,
    rules: Rules,
    telling: Telling,
) -> Result<Option<LoadedState>, LoadError> {
    let bucket = StateBucket::Playlist;
    let mut media = None;
    let told = match rules.as_original {
        true => None,
        false => find(client, channel, bucket, &[CURRENT]).await?,
    };
    if let Some(found) = told {
        if found.value.is_null() {
            tell!(telling, "nothing plays");
            return Ok(None);
        }
        let read = Media::read(media_of_item(&found.value));
        let read = read.ok_or_else(|| found.wrong("a media object"))?;
        media = Some(found.with(KnownState::Current(read)));
    } else if let Some(found) = find(client, channel, bucket, bucket.list_keys_to_try()).await? {
        let items = found.value.as_array();
        let items = items.ok_or_else(|| found.wrong("a playlist"))?;
        tell!(telling, "loaded {} playlist items from KV", items.len());
        let first = items.first().and_then(|item| {
            let mut media = Media::read(media_of_item(item))?;
            if rules.as_original && item.get("media").is_some() {
                // The original looks for these at the top level only.
                media.kind.clear();
                media.id.clear();
            }
            Some(media)
        });
        media = first.map(|first| LoadedState {
            // That the first item plays is a guess, which must not overrule what events tell.
            mark: None,
            ..found.with(KnownState::Current(first))
        });
    }
    if let Some(KnownState::Current(media)) = media.as_ref().map(|loaded| &loaded.state) {
        tell!(
            telling,
            kind = media.kind,
            id = media.id,
            "now plays {}",
            media.title
        );
    }
    Ok(media)
}

/// The value of the first of the keys in the first of the buckets that has one.
async fn find(
    client: &Client,
    channel: &ChannelConfig,
    bucket: StateBucket,
    keys: &[&str],
) -> Result<Option<Found>, LoadError> {
    let mut missing = None;
    let mut opened = false;
    for name in bucket.names_to_try(&channel.domain, &channel.channel) {
        let open = match KvBucket::open(client, &name).await {
            Ok(open) => open,
            Err(error @ (KvError::BucketMissing { .. } | KvError::BadBucketName { .. })) => {
                missing.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        opened = true;
        for key in keys {
            let Some(list) = state::list(&open, key).await? else {
                continue;
            };
            let value =
                serde_json::from_slice(&list.json).map_err(|source| LoadError::NotJson {
                    bucket: name.clone(),
                    key: list.key.clone(),
                    source,
                })?;
            return Ok(Some(Found {
                bucket: name,
                list,
                value,
            }));
        }
    }
    match missing {
        Some(error) if !opened => Err(error.into()),
        _ => Ok(None),
    }
}
