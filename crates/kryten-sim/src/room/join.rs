//! `joinChannel` and `login`: the frames of an entry, in CyTube's order.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::bans::AT_THE_DOOR;
use super::{ConnectionId, Outgoing, Place, Room, To, Viewer, rank_json};

impl Room {
    pub(super) fn viewer_rank(&self, connection: ConnectionId) -> f64 {
        self.viewers
            .get(&connection)
            .map_or(-1.0, |viewer| viewer.rank)
    }

    /// The channel rank of a name: as set, as configured, or the usual one.
    pub(super) fn rank_of(&self, name: &str) -> f64 {
        let lower = name.to_lowercase();
        if let Some(rank) = self.ranks.get(&lower) {
            return *rank;
        }
        let account = self
            .accounts
            .iter()
            .find(|a| a.name.to_lowercase() == lower);
        match account {
            Some(account) => account.rank,
            None => self.default_rank,
        }
    }

    /// `joinChannel`; only the first one of a connection counts, even if it is malformed.
    pub(super) fn join_channel(&mut self, connection: ConnectionId, payload: &Value, now: i64) {
        let Some(viewer) = self.viewers.get_mut(&connection) else {
            return;
        };
        if std::mem::replace(&mut viewer.join_is_used, true) {
            return;
        }
        let Some(name) = payload["name"].as_str() else {
            return;
        };
        let well_formed = (1..=30).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !well_formed {
            let error = json!({"msg": "Invalid channel name.  Channel names may consist of 1-30 characters in the set a-z, A-Z, 0-9, -, and _"});
            self.tell_even_outside(connection, "errorMsg", error);
            self.kick_client(connection, "Invalid channel name", now);
        } else if name.to_lowercase() != self.channel.to_lowercase() {
            self.enter_elsewhere(connection);
        } else {
            self.knock(connection, payload["pw"].as_str(), now);
        }
    }

    /// A channel that nobody has registered is empty and stays so.
    fn enter_elsewhere(&mut self, connection: ConnectionId) {
        if let Some(viewer) = self.viewers.get_mut(&connection) {
            viewer.place = Place::Elsewhere;
        }
        for (event, payload) in [
            (
                "setPermissions",
                Value::Object(super::defaults::permissions()),
            ),
            ("setPlaylistLocked", false.into()),
            ("emoteList", json!([])),
            ("playlist", json!([])),
            ("userlist", json!([])),
            ("usercount", 1.into()),
        ] {
            self.tell_even_outside(connection, event, payload);
        }
        let text = crate::packet::event("channelNotRegistered", None).into();
        self.outgoing.push(Outgoing::Frame(connection, text));
    }

    /// Asks for the password if there is one; moderators get in without.
    pub(super) fn knock(&mut self, connection: ConnectionId, given: Option<&str>, now: i64) {
        let Some(viewer) = self.viewers.get_mut(&connection) else {
            return;
        };
        let asked_before = viewer.place == Place::AtTheDoor;
        let right = match &self.password {
            Some(password) => given == Some(password) || viewer.rank >= 2.0,
            None => true,
        };
        if !right {
            viewer.place = Place::AtTheDoor;
            self.tell_even_outside(connection, "needPassword", given.is_some().into());
            return;
        }
        if asked_before {
            self.tell_even_outside(connection, "cancelNeedPassword", Value::Null);
        }
        self.enter(connection, now);
    }

    fn enter(&mut self, connection: ConnectionId, now: i64) {
        let Some(viewer) = self.viewers.get_mut(&connection) else {
            return;
        };
        let name = viewer.name.clone();
        if self.turns_away(connection) {
            self.kick_client(connection, AT_THE_DOOR, now);
            return;
        }
        if let Some(viewer) = self.viewers.get_mut(&connection) {
            viewer.place = Place::Inside;
            // The channel's rank comes after the join frames.
            viewer.rank = viewer.rank.min(1.0);
        }
        let to = To::One(connection);
        let permissions = Value::Object(self.permissions.clone());
        self.tell(to, "setPermissions", permissions);
        self.tell(to, "setPlaylistLocked", self.is_locked.into());
        let emotes = self.emote_list();
        self.tell(to, "emoteList", emotes);
        self.tell_history(connection);
        self.tell(to, "drinkCount", self.drinks.into());
        let style = self.style_and_script();
        self.tell(to, "channelCSSJS", style);
        self.tell(to, "setMotd", self.motd.as_str().into());
        let options = Value::Object(self.options.clone());
        self.tell(to, "channelOpts", options);
        self.tell_playlist(connection);
        self.tell_current(to, now);
        self.tell_poll_to(connection, "newPoll");
        self.tell_userlist(connection);
        if let Some(leader) = self.leader.clone() {
            self.tell(to, "setLeader", leader.into());
        }
        let count = self.user_count();
        self.tell(to, "usercount", count.into());
        self.count_is_due = true;
        self.count_told = now;
        if let Some(name) = name {
            self.appear(connection, &name, now);
        }
    }

    /// `login`; while logged in it is ignored.
    pub(super) fn login(&mut self, connection: ConnectionId, payload: &Value, now: i64) {
        let Some(viewer) = self.viewers.get(&connection) else {
            return;
        };
        if viewer.name.is_some() {
            return;
        }
        let name = payload["name"].as_str().unwrap_or_default();
        let result = match payload["pw"].as_str() {
            Some(password) if !password.is_empty() => self.check_account(name, password),
            _ => self
                .check_guest(name, viewer.ip, now)
                .map(|()| (name.to_owned(), 0.0)),
        };
        let (name, rank) = match result {
            Ok(account) => account,
            Err(error) => {
                let refusal = json!({"success": false, "error": error});
                self.tell_even_outside(connection, "login", refusal);
                return;
            }
        };
        let is_guest = rank < 1.0;
        let global = if rank >= 255.0 { rank } else { rank.min(1.0) };
        if let Some(viewer) = self.viewers.get_mut(&connection) {
            viewer.name = Some(name.clone());
            viewer.is_guest = is_guest;
            viewer.rank = global;
        }
        self.tell_even_outside(connection, "rank", rank_json(global));
        let mut answer = json!({"success": true, "name": name});
        if is_guest {
            answer["guest"] = true.into();
        }
        self.tell_even_outside(connection, "login", answer);
        match self.viewers.get(&connection).map(|viewer| viewer.place) {
            Some(Place::Inside) if self.is_banned(&name) => {
                self.kick_client(connection, AT_THE_DOOR, now);
                let notice = format!("{name} was kicked (name is banned)");
                self.server_line(&notice, None, now);
            }
            Some(Place::Inside) => self.appear(connection, &name, now),
            Some(Place::AtTheDoor) if rank >= 2.0 => {
                self.tell_even_outside(connection, "cancelNeedPassword", Value::Null);
                self.enter(connection, now);
            }
            _ => {}
        }
    }

    /// A named client becomes a user of the channel; an older login of the name is kicked.
    fn appear(&mut self, connection: ConnectionId, name: &str, now: i64) {
        if let Some(older) = self.user(name).and_then(|user| user.connection) {
            self.kick_client(older, "Duplicate login", now);
        } else if self.user(name).is_some() {
            self.leave(name);
        }
        let is_guest = self.viewers.get(&connection).is_some_and(|v| v.is_guest);
        let rank = if is_guest { 0.0 } else { self.rank_of(name) };
        self.arrive(name, rank, Some(connection), now);
    }

    /// Tells a client its rank, and what it may see by it.
    pub(super) fn promote(&mut self, connection: ConnectionId, rank: f64) {
        let Some(viewer) = self.viewers.get_mut(&connection) else {
            return;
        };
        let old = std::mem::replace(&mut viewer.rank, rank);
        self.tell(To::One(connection), "rank", rank_json(rank));
        if let Some(name) = self.viewers.get(&connection).and_then(|v| v.name.clone()) {
            let name = name.to_lowercase();
            for user in &mut self.users {
                if user.name.to_lowercase() == name {
                    user.rank = rank;
                }
            }
        }
        let crosses = |line: f64| (old < line) != (rank < line);
        if crosses(2.0) || crosses(255.0) {
            self.tell_userlist(connection);
        }
        self.tell_playlist(connection);
    }

    fn check_account(&self, name: &str, password: &str) -> Result<(String, f64), String> {
        check_name(name)?;
        let lower = name.to_lowercase();
        if self.accounts.is_empty() {
            return Ok((name.to_owned(), self.rank_of(name)));
        }
        let account = self
            .accounts
            .iter()
            .find(|a| a.name.to_lowercase() == lower);
        let account = account.ok_or("User does not exist")?;
        match &account.password {
            Some(right) if right != password => {
                Err("Invalid username/password combination".to_owned())
            }
            _ => Ok((account.name.clone(), self.rank_of(&account.name))),
        }
    }

    fn check_guest(&mut self, name: &str, ip: IpAddr, now: i64) -> Result<(), String> {
        check_name(name)?;
        let lower = name.to_lowercase();
        if self.accounts.iter().any(|a| a.name.to_lowercase() == lower) {
            return Err("That username is registered.".to_owned());
        }
        let waits = self
            .guest_logins
            .get(&ip)
            .is_some_and(|last| now - last < self.guest_delay_ms);
        if waits {
            let seconds = (self.guest_delay_ms + 999) / 1000;
            return Err(format!(
                "Guest logins are restricted to one per IP address per {seconds} seconds."
            ));
        }
        let is_taken = self.user(name).is_some()
            || self.viewers.values().any(|viewer: &Viewer| {
                viewer
                    .name
                    .as_ref()
                    .is_some_and(|name| name.to_lowercase() == lower)
            });
        if is_taken {
            return Err("That name is already in use on this channel.".to_owned());
        }
        self.guest_logins.insert(ip, now);
        Ok(())
    }
}

pub(super) fn check_name(name: &str) -> Result<(), String> {
    let well_formed = (1..=20).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if well_formed {
        return Ok(());
    }
    Err("Invalid username.  Usernames must be 1-20 characters long and consist only of characters a-z, A-Z, 0-9, -, or _.".to_owned())
}
