//! What others ask of the state: single facts, without the JSON of the whole.

use serde_json::{Map, Value};

use super::ChannelState;

/// What is counted in lists; the lists themselves stay as they are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateCounting {
    /// Users who are away from the keyboard do not count.
    pub users_exclude_afk: bool,
    /// Users below this rank do not count.
    pub users_min_rank: f64,
    /// Temporary items do not count.
    pub playlist_exclude_temp: bool,
    /// Items of more seconds do not count; 0 for no limit.
    pub playlist_max_duration: f64,
    /// Emotes that are disabled do not count.
    pub emotes_only_enabled: bool,
}

/// How many of each there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateCounts {
    /// Users.
    pub users: usize,
    /// Items of the playlist.
    pub items: usize,
    /// Emotes.
    pub emotes: usize,
}

impl ChannelState {
    /// The bot's own name, as CyTube spelt it at the login.
    pub fn own_name(&self) -> Option<&str> {
        self.users.own_name()
    }

    /// A user's name as CyTube spells it, if somebody of that name is in the channel.
    pub fn spelling(&self, name: &str) -> Option<&str> {
        self.users.find(name)?.get("name")?.as_str()
    }

    /// The rank of a user who is in the channel.
    pub fn rank_of(&self, name: &str) -> Option<f64> {
        self.users.find(name)?.get("rank")?.as_f64()
    }

    /// Whether there is an item of this number in the playlist.
    pub fn has_item(&self, uid: i64) -> bool {
        self.playlist.has(uid)
    }

    /// Whether the playlist is empty, or we cannot see it.
    pub fn playlist_is_empty(&self) -> bool {
        self.playlist.len() == 0
    }

    /// What plays.
    pub fn current(&self) -> Option<&Map<String, Value>> {
        self.playlist.current()
    }

    /// Who leads; empty when nobody does.
    pub fn leader(&self) -> &str {
        self.room.leader()
    }

    /// Whether the playlist is locked, which changes the names of its permissions.
    pub fn playlist_is_locked(&self) -> bool {
        self.room.playlist_is_locked()
    }

    /// Whether a poll is open.
    pub fn has_poll(&self) -> bool {
        self.room.has_poll()
    }

    /// The rank that a permission asks for, if CyTube has told.
    pub fn permission(&self, node: &str) -> Option<f64> {
        let permissions: Map<String, Value> =
            serde_json::from_str(self.permissions.as_ref()?.get()).ok()?;
        permissions.get(node)?.as_f64()
    }

    /// An option of the channel, if CyTube has told.
    pub fn option(&self, name: &str) -> Option<Value> {
        let options: Map<String, Value> =
            serde_json::from_str(self.options.as_ref()?.get()).ok()?;
        options.get(name).cloned()
    }

    /// How many users, items and emotes count.
    pub fn count(&self, by: &StateCounting) -> StateCounts {
        let (users, items, emotes) = self.counts();
        if *by == StateCounting::default() {
            return StateCounts {
                users,
                items,
                emotes,
            };
        }
        let list = |json: String| serde_json::from_str::<Vec<Value>>(&json).unwrap_or_default();
        let user_counts = |user: &&Value| {
            let is_away = user["meta"]["afk"] == true;
            let rank = user["rank"].as_f64().unwrap_or(0.0);
            !(by.users_exclude_afk && is_away) && rank >= by.users_min_rank
        };
        let item_counts = |item: &&Value| {
            let is_temp = item["temp"] == true;
            let seconds = item["media"]["seconds"].as_f64().unwrap_or(0.0);
            let is_too_long = by.playlist_max_duration > 0.0 && seconds > by.playlist_max_duration;
            !(is_too_long || by.playlist_exclude_temp && is_temp)
        };
        let emote_counts = |emote: &&Value| {
            let is_off = emote
                .get("disabled")
                .is_some_and(kryten_protocol::cytube::is_truthy);
            !(by.emotes_only_enabled && is_off)
        };
        StateCounts {
            users: list(self.users.to_json())
                .iter()
                .filter(user_counts)
                .count(),
            items: list(self.playlist.items_to_json())
                .iter()
                .filter(item_counts)
                .count(),
            emotes: list(self.emotes.to_json())
                .iter()
                .filter(emote_counts)
                .count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;

    fn state() -> ChannelState {
        let mut state = ChannelState::default();
        for (event, payload) in [
            ("setPermissions", json!({"kick": 1.5})),
            ("login", json!({"success": true, "name": "Bot"})),
            ("rank", json!(3)),
            (
                "playlist",
                json!([
                    {"media": {"id": "a", "type": "yt", "seconds": 60}, "uid": 0, "temp": true},
                    {"media": {"id": "b", "type": "yt", "seconds": 9000}, "uid": 1, "temp": false},
                ]),
            ),
            (
                "userlist",
                json!([
                    {"name": "Bot", "rank": 3, "meta": {"afk": false}},
                    {"name": "Alice", "rank": 0, "meta": {"afk": true}},
                ]),
            ),
            (
                "emoteList",
                json!([{"name": "a"}, {"name": "b", "disabled": true}]),
            ),
        ] {
            state.apply(event, &to_raw_value(&payload).unwrap());
        }
        state
    }

    #[test]
    fn facts_are_found_without_regard_to_case() {
        let state = state();
        assert_eq!(state.own_name(), Some("Bot"));
        assert_eq!(state.spelling("aLICE"), Some("Alice"));
        assert_eq!(state.rank_of("bot"), Some(3.0));
        assert_eq!(state.spelling("nobody"), None);
        assert_eq!(
            (state.permission("kick"), state.permission("x")),
            (Some(1.5), None)
        );
        assert!(state.has_item(0) && !state.has_item(7) && !state.has_poll());
    }

    #[test]
    fn what_does_not_count_is_left_out_of_counts_only() {
        let state = state();
        let all = StateCounts {
            users: 2,
            items: 2,
            emotes: 2,
        };
        assert_eq!(state.count(&StateCounting::default()), all);
        let counting = StateCounting {
            users_exclude_afk: true,
            users_min_rank: 0.0,
            playlist_exclude_temp: true,
            playlist_max_duration: 100.0,
            emotes_only_enabled: true,
        };
        let few = StateCounts {
            users: 1,
            items: 0,
            emotes: 1,
        };
        assert_eq!(state.count(&counting), few);
        let by_rank = StateCounting {
            users_min_rank: 1.0,
            ..StateCounting::default()
        };
        assert_eq!(state.count(&by_rank).users, 1);
    }
}
