//! KV buckets and keys of a channel's state, and the mark that says which event a value reflects.

pub mod values;

use std::fmt;
use std::str::FromStr;

pub mod list;

/// The four buckets that the robot keeps for a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateBucket {
    /// Users in the channel; key [`USERS`].
    Userlist,
    /// Emotes; key [`EMOTES`].
    Emotes,
    /// Playlist and current media; keys [`ITEMS`] and [`CURRENT`].
    Playlist,
    /// Message of the day, style and script, and what the originals did not keep: options, permissions and so on.
    State,
}

/// Key in the userlist bucket: a JSON array of CyTube user objects.
pub const USERS: &str = "users";
/// Key in the emotes bucket: a JSON array of CyTube emote objects.
pub const EMOTES: &str = "list";
/// Key in the playlist bucket: a JSON array of CyTube playlist items.
pub const ITEMS: &str = "items";
/// Key in the playlist bucket: the media object now playing, with its `uid`; JSON `null` when nothing plays.
pub const CURRENT: &str = "current";
/// Key in the state bucket: the message of the day, plain text.
pub const MOTD: &str = "motd";
/// Key in the state bucket: the channel's style sheet, plain text.
pub const CSS: &str = "css";
/// Key in the state bucket: the channel's script, plain text.
pub const JS: &str = "js";
/// Key in the state bucket, ours: `channelOpts` as a JSON object, the password masked.
pub const OPTIONS: &str = "options";
/// Key in the state bucket, ours: `setPermissions` as a JSON object.
pub const PERMISSIONS: &str = "permissions";
/// Key in the state bucket, ours: JSON object of the small facts: leader, poll, playlist lock and meta, counts.
pub const ROOM: &str = "room";

/// The header of a KV put that carries its [`StateMark`].
pub const STATE_HEADER: &str = "Kryten-State";
/// The header of a published event that carries the epoch of the robot that published it.
pub const EPOCH_HEADER: &str = "Kryten-Epoch";

impl StateBucket {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Userlist, Self::Emotes, Self::Playlist, Self::State];

    /// The last part of the bucket's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Userlist => "userlist",
            Self::Emotes => "emotes",
            Self::Playlist => "playlist",
            Self::State => "state",
        }
    }

    /// The bucket's name on the wire: the channel exactly as configured, without the domain.
    ///
    /// ```
    /// use kryten_protocol::state::StateBucket;
    /// assert_eq!(StateBucket::Userlist.name("420Grindhouse"), "kryten_420Grindhouse_userlist");
    /// ```
    pub fn name(self, channel: &str) -> String {
        format!("kryten_{channel}_{}", self.suffix())
    }

    /// The names to try when reading, the wire's first: documents of the originals name others.
    pub fn names_to_try(self, domain: &str, channel: &str) -> Vec<String> {
        let suffix = self.suffix();
        let lower = channel.to_lowercase();
        let domain = domain.replace('.', "_");
        let mut names = vec![self.name(channel)];
        for name in [
            format!("kryten_{lower}_{suffix}"),
            format!("cytube_{domain}_{lower}_{suffix}"),
            format!("cytube_{domain}_{channel}_{suffix}"),
            format!("cytube_{lower}_{suffix}"),
        ] {
            if is_bucket_name(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The keys to try for the bucket's main list, the wire's first.
    pub fn list_keys_to_try(self) -> &'static [&'static str] {
        match self {
            Self::Userlist => &[USERS, "userlist"],
            Self::Emotes => &[EMOTES, "emotes"],
            Self::Playlist => &[ITEMS, "playlist"],
            Self::State => &[],
        }
    }

    /// The largest value that the originals allow in this bucket, in bytes.
    pub fn max_value_size(self) -> i32 {
        match self {
            Self::Playlist => 10 * 1024 * 1024,
            _ => 1024 * 1024,
        }
    }

    /// The description under which the originals create the bucket.
    pub fn description(self, channel: &str) -> String {
        match self {
            Self::Userlist => format!("Kryten {channel} users"),
            Self::Emotes => format!("Kryten {channel} emotes"),
            Self::Playlist => format!("Kryten {channel} playlist"),
            Self::State => format!("Kryten {channel} admin state"),
        }
    }
}

/// Whether NATS takes this as the name of a KV bucket.
pub fn is_bucket_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Says which event a KV value reflects: all events of the channel up to this sequence of this stream are in it.
///
/// Written as `<created>:<sequence>:<epoch>`, `created` in nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateMark {
    /// When the event stream was created, in nanoseconds since the Unix epoch; 0 without a stream.
    pub stream_created: i128,
    /// The stream sequence of the last event that is in the value.
    pub sequence: u64,
    /// The epoch of the writer; a higher one has taken over.
    pub epoch: u64,
}

/// The text is no [`StateMark`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a state mark (<stream created>:<sequence>:<epoch>)")]
pub struct StateMarkError(String);

impl fmt::Display for StateMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}",
            self.stream_created, self.sequence, self.epoch
        )
    }
}

impl FromStr for StateMark {
    type Err = StateMarkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':');
        let mark = (|| {
            Some(Self {
                stream_created: parts.next()?.parse().ok()?,
                sequence: parts.next()?.parse().ok()?,
                epoch: parts.next()?.parse().ok()?,
            })
        })();
        match (mark, parts.next()) {
            (Some(mark), None) => Ok(mark),
            _ => Err(StateMarkError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_of_every_document_are_tried_in_turn() {
        assert_eq!(
            StateBucket::Emotes.names_to_try("cytu.be", "420Grindhouse"),
            [
                "kryten_420Grindhouse_emotes",
                "kryten_420grindhouse_emotes",
                "cytube_cytu_be_420grindhouse_emotes",
                "cytube_cytu_be_420Grindhouse_emotes",
                "cytube_420grindhouse_emotes"
            ]
        );
        assert_eq!(
            StateBucket::State.names_to_try("localhost:1", "demo"),
            ["kryten_demo_state", "cytube_demo_state"]
        );
    }

    #[test]
    fn a_mark_reads_back() {
        let mark = StateMark {
            stream_created: 1_795_364_422_994_000_123,
            sequence: 17,
            epoch: 3,
        };
        assert_eq!(mark.to_string().parse(), Ok(mark));
        for bad in ["", "1:2", "1:2:3:4", "a:b:c", "1:-2:3"] {
            assert!(bad.parse::<StateMark>().is_err(), "{bad}");
        }
    }
}
