//! The channel's state as the robot keeps it in KV: users, emotes, what plays.
//!
//! Each part fails alone, with one warning, and the service goes on with what the events tell.

use kryten_client::state::{self, StateError, StateList};
use kryten_client::{Client, KvBucket, KvError};
use kryten_protocol::cytube::{Media, User, media_of_item};
use kryten_protocol::state::{CURRENT, StateBucket, StateMark};
use kryten_protocol::time::WireTime;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
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
    /// Whether the robot sealed it with our key.
    pub(crate) is_sealed: bool,
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
    #[error("reading it broke down, which is a defect of this program: {0}")]
    Broke(#[from] tokio::task::JoinError),
}

/// A value that was found.
struct Found<T> {
    bucket: String,
    list: StateList,
    value: T,
}

impl<T> Found<T> {
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
            is_sealed: self.list.is_sealed,
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
    // Long lists take longer to read than to fetch, so each has a task of its own.
    let of = || (client.clone(), channel.clone());
    let (users, emotes, media) = tokio::join!(
        apart(users(of(), telling)),
        apart(emotes(of(), telling)),
        apart(current(of(), rules, telling)),
    );
    for (what, part) in [
        ("users", users),
        ("emotes", emotes),
        ("current media", media),
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

async fn apart<T: Send + 'static>(
    part: impl Future<Output = Result<T, LoadError>> + Send + 'static,
) -> Result<T, LoadError> {
    tokio::spawn(part).await?
}

async fn users(
    (client, channel): (Client, ChannelConfig),
    telling: Telling,
) -> Result<Option<LoadedState>, LoadError> {
    let bucket = StateBucket::Userlist;
    let found = find::<Value>(&client, &channel, bucket, bucket.list_keys_to_try()).await?;
    let Some(found) = found else {
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
    (client, channel): (Client, ChannelConfig),
    telling: Telling,
) -> Result<Option<LoadedState>, LoadError> {
    let bucket = StateBucket::Emotes;
    let found = find::<Value>(&client, &channel, bucket, bucket.list_keys_to_try()).await?;
    let Some(found) = found else {
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
    (client, channel): (Client, ChannelConfig),
    rules: Rules,
    telling: Telling,
) -> Result<Option<LoadedState>, LoadError> {
    let bucket = StateBucket::Playlist;
    let mut media = None;
    let told = match rules.as_original {
        true => None,
        false => find::<Value>(&client, &channel, bucket, &[CURRENT]).await?,
    };
    if let Some(found) = told {
        if found.value.is_null() {
            tell!(telling, "nothing plays");
            return Ok(None);
        }
        let read = Media::read(media_of_item(&found.value));
        let read = read.ok_or_else(|| found.wrong("a media object"))?;
        media = Some(found.with(KnownState::Current(read)));
    } else if let Some(found) =
        find::<Box<RawValue>>(&client, &channel, bucket, bucket.list_keys_to_try()).await?
    {
        // Only the first item is read further.
        let items: Vec<&RawValue> =
            serde_json::from_str(found.value.get()).map_err(|_| found.wrong("a playlist"))?;
        tell!(telling, "loaded {} playlist items from KV", items.len());
        let first = items.first().and_then(|item| {
            let item: Value = serde_json::from_str(item.get()).ok()?;
            let mut media = Media::read(media_of_item(&item))?;
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
async fn find<T: DeserializeOwned>(
    client: &Client,
    channel: &ChannelConfig,
    bucket: StateBucket,
    keys: &[&str],
) -> Result<Option<Found<T>>, LoadError> {
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
