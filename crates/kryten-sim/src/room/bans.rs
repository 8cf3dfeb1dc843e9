//! Bans of names and of addresses.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{ConnectionId, Room, To};

/// What whoever is in the channel when banned is told; at the door it is [`AT_THE_DOOR`].
const INSIDE: &str = "You're banned!";
/// What a banned client that comes is told.
pub(super) const AT_THE_DOOR: &str = "You are banned from this channel.";

#[derive(Debug, Clone)]
pub(super) struct Ban {
    id: u64,
    /// As moderators see it; `*` for a ban of the name alone.
    ip: String,
    name: String,
    reason: String,
    by: String,
}

/// All bans of a channel.
#[derive(Debug, Default)]
pub(super) struct Bans {
    list: Vec<Ban>,
    last_id: u64,
}

impl Bans {
    pub(super) fn of_names(names: &[String]) -> Self {
        let mut bans = Self::default();
        for name in names {
            bans.add("*", name, "", "owner");
        }
        bans
    }

    fn add(&mut self, ip: &str, name: &str, reason: &str, by: &str) {
        self.last_id += 1;
        self.list.push(Ban {
            id: self.last_id,
            ip: ip.to_owned(),
            name: name.to_owned(),
            reason: reason.to_owned(),
            by: by.to_owned(),
        });
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.list.iter().map(|ban| ban.name.as_str()).collect()
    }
}

impl Room {
    pub(crate) fn is_banned(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let mut bans = self.bans.list.iter();
        bans.any(|ban| ban.ip == "*" && ban.name.to_lowercase() == name)
    }

    fn is_cloaked_banned(&self, cloaked: &str) -> bool {
        self.bans.list.iter().any(|ban| ban.ip == cloaked)
    }

    /// Whether a client may not come in, because of its name or its address.
    pub(super) fn turns_away(&self, connection: ConnectionId) -> bool {
        let Some(viewer) = self.viewers.get(&connection) else {
            return false;
        };
        let by_name = viewer.name.as_ref();
        by_name.is_some_and(|name| self.is_banned(name))
            || self.is_cloaked_banned(&cloak(&viewer.ip.to_string()))
    }

    /// Bans a name and kicks whoever has it.
    pub(crate) fn ban(&mut self, name: &str, reason: &str, by: &str, now: i64) {
        if !self.is_banned(name) {
            self.bans.add("*", name, reason, by);
        }
        self.server_line(&format!("{by} namebanned {name}"), None, now);
        self.kick(name, INSIDE, now);
    }

    /// Bans the address of a user, and the name, and kicks all who come from there; whether there is such a user.
    pub(crate) fn ban_address(&mut self, name: &str, reason: &str, by: &str, now: i64) -> bool {
        let Some(ip) = self.user(name).map(|user| user.ip.clone()) else {
            return false;
        };
        if !self.is_cloaked_banned(&ip) {
            self.bans.add(&ip, name, reason, by);
        }
        self.server_line(&format!("{by} banned {ip} ({name})"), None, now);
        let is_there = |address: IpAddr| cloak(&address.to_string()) == ip;
        let clients: Vec<ConnectionId> = self
            .viewers
            .iter()
            .filter(|(_, viewer)| is_there(viewer.ip))
            .map(|(id, _)| *id)
            .collect();
        for connection in clients {
            self.kick_client(connection, INSIDE, now);
        }
        self.ban(name, reason, by, now);
        true
    }

    /// What speaks against a ban that a user asks for.
    pub(super) fn ban_refusal(&self, by: &str, rank: f64, name: &str) -> Option<String> {
        let lower = name.to_lowercase();
        if rank < self.permission("ban") {
            Some("You do not have ban permissions on this channel".to_owned())
        } else if lower == by.to_lowercase() {
            Some("You cannot ban yourself".to_owned())
        } else if self.known_rank(name).is_some_and(|known| known >= rank) {
            Some(format!("You don't have permission to ban {lower}"))
        } else if self.is_banned(name) {
            Some(format!("{lower} is already banned"))
        } else {
            None
        }
    }

    /// Lifts the ban of that number, or without one those of the name.
    pub(crate) fn unban(&mut self, name: &str, id: Option<u64>, by: &str, now: i64) {
        let lower = name.to_lowercase();
        let hit = |ban: &Ban| id.map_or(ban.name.to_lowercase() == lower, |id| ban.id == id);
        let (lifted, left) = std::mem::take(&mut self.bans.list)
            .into_iter()
            .partition(hit);
        self.bans.list = left;
        let lifted: Vec<Ban> = lifted;
        let least = self.permission("ban");
        for ban in lifted {
            let removed = json!({"id": ban.id, "name": ban.name});
            self.tell(To::RankAtLeast(least), "banlistRemove", removed);
            self.server_line(&format!("{by} unbanned {}", ban.name), None, now);
        }
    }

    pub(super) fn ban_list(&self) -> Value {
        let bans = self.bans.list.iter();
        bans.map(|ban| {
            json!({"id": ban.id, "ip": ban.ip, "name": ban.name, "reason": ban.reason, "bannedby": ban.by})
        })
        .collect()
    }
}

/// An address, or a simulated user's name, as moderators see it: the same text always gives the same.
pub(super) fn cloak(text: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut part = || {
        let mut text = String::new();
        for _ in 0..3 {
            text.push(LETTERS[(hash % 62) as usize].into());
            hash = (hash / 62).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash.rotate_left(17);
        }
        text
    };
    [part(), part(), part(), part()].join(".")
}
