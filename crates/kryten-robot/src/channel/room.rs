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
    #[serde(skip)]
    told: Told,
}

/// What this session has told of the facts that a join leaves out when there is nothing to say.
#[derive(Debug, Clone, Default)]
struct Told {
    /// The list that ends a join has come.
    joined: bool,
    leader: bool,
    poll: bool,
    voteskip: bool,
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
            told: Told::default(),
        }
    }
}

impl Room {
    pub(super) fn begin_session(&mut self) {
        self.told = Told::default();
    }

    /// The join is over: a poll, a leader or votes that it has not told of ended while we were away. Whether that
    /// changed anything.
    pub(super) fn end_join(&mut self) -> bool {
        let told = std::mem::replace(
            &mut self.told,
            Told {
                joined: true,
                ..Told::default()
            },
        );
        if told.joined {
            return false;
        }
        let poll = !told.poll && replace(&mut self.poll, Value::Null);
        let voteskip = !told.voteskip && replace(&mut self.voteskip, Value::Null);
        let leader = !told.leader && replace(&mut self.leader, String::new());
        poll || voteskip || leader
    }

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
        self.note_told(event);
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

    fn note_told(&mut self, event: &str) {
        match event {
            "setLeader" => self.told.leader = true,
            "newPoll" | "updatePoll" | "closePoll" => self.told.poll = true,
            "voteskip" => self.told.voteskip = true,
            _ => {}
        }
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
