//! The small facts: leader, poll, playlist lock and meta, counts, voteskip, drinks.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

#[derive(Debug, Clone, Serialize)]
pub(super) struct Room {
    /// Who leads; empty when nobody does.
    leader: String,
    /// The open poll, or null.
    poll: Value,
    /// Whether the playlist is locked.
    playlist_locked: bool,
    /// `count`, `rawTime` and `time` as CyTube counts them.
    playlist_meta: Value,
    /// All connections, anonymous ones too.
    usercount: Value,
    /// `count` and `need`, or null.
    voteskip: Value,
    drinks: Value,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            leader: String::new(),
            poll: Value::Null,
            playlist_locked: false,
            playlist_meta: Value::Null,
            usercount: Value::Null,
            voteskip: Value::Null,
            drinks: Value::Null,
        }
    }
}

impl Room {
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("JSON values can be written as JSON")
    }

    pub(super) fn leader(&self) -> &str {
        &self.leader
    }

    pub(super) fn playlist_is_locked(&self) -> bool {
        self.playlist_locked
    }

    pub(super) fn has_poll(&self) -> bool {
        !self.poll.is_null()
    }

    /// Whether the event changed anything; events of other kinds never do.
    pub(super) fn apply(&mut self, event: &str, payload: &RawValue) -> bool {
        let slot = match event {
            "setLeader" => return self.set_leader(payload),
            "setPlaylistLocked" => return self.set_locked(payload),
            "newPoll" | "updatePoll" => &mut self.poll,
            "closePoll" => return replace(&mut self.poll, Value::Null),
            "setPlaylistMeta" => &mut self.playlist_meta,
            "usercount" => &mut self.usercount,
            "voteskip" => &mut self.voteskip,
            "drinkCount" => &mut self.drinks,
            _ => return false,
        };
        serde_json::from_str(payload.get()).is_ok_and(|value| replace(slot, value))
    }

    fn set_leader(&mut self, payload: &RawValue) -> bool {
        match serde_json::from_str::<String>(payload.get()) {
            Ok(leader) => replace(&mut self.leader, leader),
            Err(_) => false,
        }
    }

    fn set_locked(&mut self, payload: &RawValue) -> bool {
        match serde_json::from_str::<bool>(payload.get()) {
            Ok(locked) => replace(&mut self.playlist_locked, locked),
            Err(_) => false,
        }
    }
}

fn replace<T: PartialEq>(slot: &mut T, value: T) -> bool {
    let changed = *slot != value;
    *slot = value;
    changed
}
