//! Users: arriving, leaving, ranks, AFK, mutes, bans.

use rand::RngExt;
use serde_json::{Value, json};

use super::bans::cloak;
use super::{ConnectionId, Room, To, rank_json};

/// The number of users is told at most this often.
const COUNT_EVERY_MS: i64 = 10_000;

/// A named user in the channel.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) rank: f64,
    pub(crate) afk: bool,
    pub(crate) muted: bool,
    pub(crate) shadow_muted: bool,
    image: String,
    text: String,
    pub(super) ip: String,
    /// Set for clients; simulated users have none.
    pub(super) connection: Option<ConnectionId>,
}

impl User {
    pub(crate) fn is_client(&self) -> bool {
        self.connection.is_some()
    }

    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        self.connection
    }

    fn profile(&self) -> Value {
        json!({"image": self.image, "text": self.text})
    }

    fn meta(&self, for_moderator: bool) -> Value {
        if for_moderator {
            json!({
                "afk": self.afk, "muted": self.muted, "smuted": self.shadow_muted,
                "aliases": [self.name], "ip": self.ip,
            })
        } else {
            json!({"afk": self.afk, "muted": self.muted && !self.shadow_muted})
        }
    }

    pub(super) fn json(&self, for_moderator: bool) -> Value {
        json!({
            "name": self.name, "rank": rank_json(self.rank),
            "profile": self.profile(), "meta": self.meta(for_moderator),
        })
    }
}

impl Room {
    pub(crate) fn users(&self) -> &[User] {
        &self.users
    }

    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        let name = name.to_lowercase();
        self.users
            .iter()
            .find(|user| user.name.to_lowercase() == name)
    }

    fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        let name = name.to_lowercase();
        self.users
            .iter_mut()
            .find(|user| user.name.to_lowercase() == name)
    }

    /// A simulated user arrives: rank 0 is a guest, all others are registered.
    pub(crate) fn join(&mut self, name: &str, rank: f64, now: i64) {
        if self.user(name).is_none() {
            self.arrive(name, rank, None, now);
        }
    }

    /// Users who are there before any client is; nobody is told.
    pub(crate) fn seat(&mut self, name: &str, rank: f64) {
        let user = self.new_user(name, rank, None);
        self.users.push(user);
    }

    fn new_user(&mut self, name: &str, rank: f64, connection: Option<ConnectionId>) -> User {
        // Simulated users have no address, but one each.
        let address = connection.and_then(|id| Some(self.viewers.get(&id)?.ip.to_string()));
        let ip = cloak(address.as_deref().unwrap_or(name));
        let text = if rank >= 1.0 {
            format!("{name} was here")
        } else {
            String::new()
        };
        let muted = self.muted.get(&name.to_lowercase()).copied();
        User {
            name: name.to_owned(),
            rank,
            afk: false,
            muted: muted.is_some(),
            shadow_muted: muted.unwrap_or(false),
            image: String::new(),
            text,
            ip,
            connection,
        }
    }

    /// The frames of an arrival, in CyTube's order; a client's own frames in between are [`Room::promote`]'s part.
    pub(super) fn arrive(
        &mut self,
        name: &str,
        rank: f64,
        connection: Option<ConnectionId>,
        now: i64,
    ) {
        let mut user = self.new_user(name, rank.min(1.0), connection);
        if rank >= 255.0 {
            user.rank = 255.0;
        }
        let (plain, full) = (user.json(false), user.json(true));
        self.users.push(user);
        self.count_is_due = true;
        if self.tell_by_rank("addUser", plain, full) {
            self.book.see(name);
        }
        let notice = format!("{name} joined (aliases: {name})");
        self.server_line(&notice, connection, now);
        if self.is_muted(name) {
            self.tell_meta(name);
        }
        if rank < 1.0 {
            return;
        }
        if let Some(connection) = connection {
            self.promote(connection, rank);
        }
        if let Some(user) = self.user_mut(name) {
            user.rank = rank;
        }
        let change = json!({"name": name, "rank": rank_json(rank)});
        self.tell(To::All, "setUserRank", change);
    }

    /// A simulated user leaves; whether there was one.
    pub(crate) fn leave(&mut self, name: &str) -> bool {
        let name = name.to_lowercase();
        let Some(index) = self
            .users
            .iter()
            .position(|user| user.name.to_lowercase() == name)
        else {
            return false;
        };
        let user = self.users.remove(index);
        self.forget_leader(&user.name);
        self.voters.remove(&name);
        self.count_is_due = true;
        self.tell(To::All, "userLeave", json!({"name": user.name}));
        self.tell_voteskip();
        true
    }

    pub(super) fn remove_user_of(&mut self, connection: ConnectionId, name: &str, _now: i64) {
        if self
            .user(name)
            .is_some_and(|user| user.connection == Some(connection))
        {
            self.leave(name);
        }
    }

    /// Kicks a user: a client is told, a simulated user just leaves.
    pub(crate) fn kick(&mut self, name: &str, reason: &str, now: i64) -> bool {
        let Some(user) = self.user(name) else {
            return false;
        };
        match user.connection {
            Some(connection) => self.kick_client(connection, reason, now),
            None => {
                self.leave(name);
            }
        }
        true
    }

    pub(crate) fn set_afk(&mut self, name: &str, afk: bool) {
        let Some(user) = self.user_mut(name).filter(|user| user.afk != afk) else {
            return;
        };
        user.afk = afk;
        let (name, connection) = (user.name.clone(), user.connection);
        if let (true, Some(connection)) = (afk, connection) {
            self.tell_bare(To::One(connection), "clearVoteskipVote");
        }
        if afk {
            self.voters.remove(&name.to_lowercase());
        }
        self.tell_meta(&name);
        self.tell(To::All, "setAFK", json!({"name": name, "afk": afk}));
        self.tell_voteskip();
    }

    /// Mutes a name or lifts that; it is kept for when the user is there again.
    pub(crate) fn set_mute(&mut self, name: &str, muted: bool, shadow: bool) {
        let lower = name.to_lowercase();
        if muted {
            self.muted.insert(lower, shadow);
        } else {
            self.muted.remove(&lower);
        }
        if let Some(user) = self.user_mut(name) {
            user.muted = muted;
            user.shadow_muted = muted && shadow;
            let name = user.name.clone();
            self.tell_meta(&name);
        }
    }

    pub(super) fn is_muted(&self, name: &str) -> bool {
        self.muted.contains_key(&name.to_lowercase())
    }

    fn tell_meta(&mut self, name: &str) {
        let Some(user) = self.user(name) else {
            return;
        };
        let about = |meta: Value| json!({"name": user.name, "meta": meta});
        let (plain, full) = (about(user.meta(false)), about(user.meta(true)));
        self.tell_by_rank("setUserMeta", plain, full);
    }

    pub(crate) fn set_profile(&mut self, name: &str, image: &str, text: &str) {
        if let Some(user) = self.user_mut(name) {
            image.clone_into(&mut user.image);
            text.clone_into(&mut user.text);
            let change = json!({"name": user.name, "profile": user.profile()});
            self.tell(To::All, "setUserProfile", change);
        }
    }

    /// The rank that a name is known to have here, present or not.
    pub(super) fn known_rank(&self, name: &str) -> Option<f64> {
        let lower = name.to_lowercase();
        let present = self.user(name).map(|user| user.rank);
        let set = || self.ranks.get(&lower).copied();
        let account = || {
            let mut accounts = self.accounts.iter();
            accounts.find(|account| account.name.to_lowercase() == lower)
        };
        present
            .or_else(set)
            .or_else(|| account().map(|account| account.rank))
    }

    /// A rank from before the start; nobody is told.
    pub(crate) fn know_rank(&mut self, name: &str, rank: f64) {
        self.ranks.insert(name.to_lowercase(), rank);
    }

    /// Sets a user's rank; absent ones are told of too, as CyTube does, under the name as typed.
    pub(crate) fn set_rank(&mut self, typed: &str, rank: f64) {
        self.ranks.insert(typed.to_lowercase(), rank);
        let mut connection = None;
        if let Some(user) = self.user_mut(typed) {
            user.rank = rank;
            connection = user.connection;
        }
        if let Some(connection) = connection {
            self.promote(connection, rank);
        }
        let change = json!({"name": typed, "rank": rank_json(rank)});
        self.tell(To::All, "setUserRank", change);
    }

    /// A rank for a while, as a leader has it; nothing is stored.
    pub(super) fn lend_rank(&mut self, name: &str, rank: f64) {
        let Some(user) = self.user_mut(name) else {
            return;
        };
        user.rank = rank;
        let (name, connection) = (user.name.clone(), user.connection);
        if let Some(viewer) = connection.and_then(|id| self.viewers.get_mut(&id)) {
            viewer.rank = rank;
        }
        if let Some(connection) = connection {
            self.tell(To::One(connection), "rank", rank_json(rank));
        }
        self.tell_rank(&name, rank);
    }

    pub(super) fn tell_rank(&mut self, name: &str, rank: f64) {
        let change = json!({"name": name, "rank": rank_json(rank)});
        self.tell(To::All, "setUserRank", change);
    }

    pub(super) fn tell_by_rank(&mut self, event: &str, plain: Value, full: Value) -> bool {
        let ids: Vec<(ConnectionId, bool)> = self
            .viewers
            .iter()
            .map(|(id, viewer)| (*id, viewer.rank >= 2.0))
            .collect();
        let mut told = false;
        for (id, is_moderator) in ids {
            let payload = if is_moderator {
                full.clone()
            } else {
                plain.clone()
            };
            told |= self.tell(To::One(id), event, payload);
        }
        told
    }

    pub(super) fn tell_userlist(&mut self, connection: ConnectionId) {
        let full = self
            .viewers
            .get(&connection)
            .is_some_and(|viewer| viewer.rank >= 2.0);
        let list: Vec<Value> = self.users.iter().map(|user| user.json(full)).collect();
        for user in &self.users {
            self.book.see(&user.name);
        }
        self.tell(To::One(connection), "userlist", list.into());
    }

    /// Every client and every simulated user counts.
    pub(super) fn user_count(&self) -> usize {
        let simulated = self.users.iter().filter(|user| user.connection.is_none());
        let clients = self
            .viewers
            .values()
            .filter(|viewer| viewer.place == super::Place::Inside);
        simulated.count() + clients.count()
    }

    /// When the number of users is to be told, if it changed.
    pub(crate) fn count_at(&self) -> Option<i64> {
        (self.count_is_due && !self.viewers.is_empty()).then_some(self.count_told + COUNT_EVERY_MS)
    }

    /// Tells the number of users, at most once in ten seconds.
    pub(crate) fn tell_count_if_due(&mut self, now: i64) {
        if self.count_at().is_some_and(|at| at <= now) {
            self.count_is_due = false;
            self.count_told = now;
            let count = self.user_count();
            self.tell(To::All, "usercount", count.into());
        }
    }

    /// A number below `end`, by the channel's own chance.
    pub(super) fn chance_below(&mut self, end: usize) -> usize {
        if end == 0 {
            0
        } else {
            self.random.random_range(0..end)
        }
    }
}
