//! The whole state for tests, in the shapes of the robot's KV.

use serde_json::{Value, json};

use super::{Line, Room};

impl Room {
    pub(crate) fn state(&self, now: i64) -> Value {
        let users: Vec<Value> = self.users.iter().map(|user| user.json(true)).collect();
        let current = self.current_item().map(|item| {
            let mut media = item.media.json();
            let (position, paused) = self.position(now);
            media["currentTime"] = json!(position);
            media["paused"] = paused.into();
            media["uid"] = item.uid.into();
            media
        });
        let muted = self.users.iter().filter(|user| user.muted);
        let muted: Vec<&str> = muted.map(|user| user.name.as_str()).collect();
        let bots: Vec<String> = self.bots().into_iter().map(|(_, name)| name).collect();
        json!({
            "users": users,
            "user_count": self.user_count(),
            "emotes": self.emote_list(),
            "items": self.item_list(),
            "current": current,
            "playlist_meta": self.playlist_meta(),
            "playlist_locked": self.is_locked,
            "options": self.options,
            "permissions": self.permissions,
            "motd": self.motd,
            "css": self.css,
            "js": self.js,
            "leader": self.leader,
            "poll": self.poll.as_ref().map(|poll| poll.json(true)),
            "drinks": self.drinks,
            "banned": self.bans.names(),
            "bans": self.ban_list(),
            "muted": muted,
            "library": self.library.keys().collect::<Vec<_>>(),
            "filters": self.filters,
            "bots": bots,
            "connections": self.viewers.len(),
            "chat_lines": self.tally.lines,
            "notices": self.tally.notices,
            "lost_lines": self.tally.lost_lines,
            "pms": self.tally.pms,
            "history": self.history.iter().map(Line::json).collect::<Vec<_>>(),
            "last_line": self.last_line().map(Line::json),
        })
    }
}
