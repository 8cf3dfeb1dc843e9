//! What clients and simulated users ask for, and whether CyTube would do it.

use serde_json::{Value, json};

use super::join::check_name;
use super::playlist::After;
use super::{ConnectionId, Room, To};

/// A request by someone with a name and a rank.
pub(super) struct Asker<'a> {
    pub(super) name: &'a str,
    pub(super) rank: f64,
    pub(super) connection: Option<ConnectionId>,
}

impl Room {
    /// A client's event.
    pub(crate) fn receive(
        &mut self,
        connection: ConnectionId,
        event: &str,
        args: &[Value],
        ack: Option<u64>,
        now: i64,
    ) {
        let payload = args.first().unwrap_or(&Value::Null);
        if !self.may_send(connection, now) {
            return self.kick_client(connection, "Rate limit exceeded", now);
        }
        match event {
            "joinChannel" => return self.join_channel(connection, payload, now),
            "login" => return self.login(connection, payload, now),
            "channelPassword" => return self.knock(connection, payload.as_str(), now),
            _ => {}
        }
        let Some(viewer) = self.viewers.get(&connection) else {
            return;
        };
        if viewer.place != super::Place::Inside {
            return;
        }
        let name = viewer.name.clone().unwrap_or_default();
        let asker = Asker {
            name: &name,
            rank: viewer.rank,
            connection: Some(connection),
        };
        if event == "newPoll" {
            self.ask_for_poll(&asker, payload, ack, now);
        } else {
            self.ask(&asker, event, payload, now);
        }
    }

    /// A simulated user does what a client's event would do.
    pub(crate) fn act(&mut self, name: &str, event: &str, payload: &Value, now: i64) {
        let Some(user) = self.user(name) else {
            return;
        };
        let (name, rank) = (user.name.clone(), user.rank);
        let asker = Asker {
            name: &name,
            rank,
            connection: None,
        };
        if event == "newPoll" {
            self.ask_for_poll(&asker, payload, None, now);
        } else {
            self.ask(&asker, event, payload, now);
        }
    }

    fn ask(&mut self, asker: &Asker<'_>, event: &str, payload: &Value, now: i64) {
        let rank = asker.rank;
        let allowed = |node: &str| rank >= self.permission(node);
        let list = self.list_permissions();
        let on_list = |node: &str| allowed(&format!("{list}{node}"));
        match event {
            "chatMsg" if allowed("chat") && !asker.name.is_empty() => {
                self.chat(asker, payload, now)
            }
            "pm" => self.pm(asker, payload, now),
            "playerReady" => {
                if let Some(connection) = asker.connection {
                    self.tell_current(To::One(connection), now);
                }
            }
            "queue" => self.queue(asker, payload, now),
            "delete" if on_list("delete") => {
                if let Some(uid) = payload.as_i64() {
                    self.delete(uid, now);
                }
            }
            "moveMedia" if on_list("move") => {
                if let (Some(uid), Some(after)) =
                    (payload["from"].as_i64(), After::read(&payload["after"]))
                {
                    self.shift(uid, after);
                }
            }
            "jumpTo" if on_list("jump") => {
                if let Some(uid) = payload.as_i64() {
                    self.jump(uid, now);
                }
            }
            "playNext" if on_list("jump") => self.play_next(now),
            "setTemp" if allowed("settemp") => {
                if let (Some(uid), Some(temp)) =
                    (payload["uid"].as_i64(), payload["temp"].as_bool())
                {
                    self.set_temp(uid, temp);
                }
            }
            "shufflePlaylist" if allowed("playlistshuffle") => self.shuffle(now),
            "clearPlaylist" if allowed("playlistclear") => self.clear_playlist(),
            "togglePlaylistLock" if allowed("playlistlock") => self.set_locked(!self.is_locked),
            "requestPlaylist" => self.request_playlist(asker, now),
            "voteskip" if allowed("voteskip") => self.vote_to_skip(asker.name, now),
            "mediaUpdate" if self.leader.as_deref() == Some(asker.name) => self.lead(payload),
            "vote" if allowed("pollvote") => {
                if let Some(option) = payload["option"].as_i64() {
                    self.vote(asker.name, option);
                }
            }
            "closePoll" if allowed("pollctl") => self.close_poll(),
            "updateEmote" | "removeEmote" | "renameEmote" | "importEmotes" | "moveEmote"
                if allowed("emoteedit") =>
            {
                let connection = asker.connection.unwrap_or_default();
                self.request_emotes(connection, event, payload);
            }
            "setChannelRank" if rank >= 3.0 => {
                if let (Some(name), Some(value)) =
                    (payload["name"].as_str(), payload["rank"].as_f64())
                {
                    self.rank_by(asker.name, rank, name, value, asker.connection, now);
                }
            }
            "unban" if allowed("ban") => {
                // The name is for the notice alone.
                if let Some(id) = payload["id"].as_u64() {
                    let name = payload["name"].as_str().unwrap_or_default();
                    self.unban(name, Some(id), asker.name, now);
                }
            }
            "requestBanlist" if allowed("ban") => {
                let bans = self.ban_list();
                self.reply(asker, "banlist", bans);
            }
            "requestChannelRanks" if rank >= 3.0 => {
                let ranks = self.rank_list();
                self.reply(asker, "channelRanks", ranks);
            }
            "requestChatFilters" if allowed("filteredit") => {
                let filters = Value::Array(self.filters.clone());
                self.reply(asker, "chatFilters", filters);
            }
            "addFilter" | "updateFilter" | "removeFilter" if allowed("filteredit") => {
                self.filter(asker, event, payload);
            }
            "searchMedia" => {
                if let Some(query) = payload["query"].as_str() {
                    let results = self.search(payload["source"].as_str(), query);
                    self.reply(asker, "searchResults", results);
                }
            }
            "uncache" if allowed("deletefromchannellib") => {
                if let Some(id) = payload["id"].as_str() {
                    self.uncache(id);
                }
            }
            "listPlaylists" if !asker.name.is_empty() => {
                self.reply(asker, "listPlaylists", json!([]));
            }
            "assignLeader" | "setMotd" | "setOptions" | "setPermissions" | "setChannelCSS"
            | "setChannelJS" | "readChanLog" => self.strict(asker, event, payload, now),
            _ => {}
        }
    }

    /// Requests that get a client kicked when its rank is too low.
    fn strict(&mut self, asker: &Asker<'_>, event: &str, payload: &Value, now: i64) {
        let least = match event {
            "assignLeader" => self.permission("leaderctl"),
            "setMotd" => self.permission("motdedit"),
            "setOptions" => 2.0,
            _ => 3.0,
        };
        if asker.rank < least {
            let word = if event == "assignLeader" {
                "without sufficient"
            } else {
                "with insufficient"
            };
            let reason = format!("Attempted {event} {word} permission");
            match asker.connection {
                Some(connection) => self.kick_client(connection, &reason, now),
                None => {
                    self.leave(asker.name);
                }
            }
            return;
        }
        let text = |field: &str| payload[field].as_str();
        match event {
            "assignLeader" => {
                if let Some(name) = text("name")
                    && !self.assign_leader(name, now)
                {
                    let msg = format!("Unable to assign leader: could not find user {name}");
                    self.reply(asker, "errorMsg", json!({"msg": msg}));
                }
            }
            "setMotd" => {
                if let Some(motd) = text("motd") {
                    self.set_motd(motd);
                }
            }
            "setChannelCSS" => {
                if let Some(css) = text("css") {
                    self.set_css(css);
                }
            }
            "setChannelJS" => {
                if let Some(js) = text("js") {
                    self.set_js(js);
                }
            }
            "setOptions" => self.set_options(asker.connection, payload),
            "setPermissions" => self.set_permissions(payload),
            _ => self.reply(
                asker,
                "readChanLog",
                json!({"success": true, "data": "[simulated] no log\n"}),
            ),
        }
    }

    pub(super) fn reply(&mut self, asker: &Asker<'_>, event: &str, payload: Value) {
        if let Some(connection) = asker.connection {
            self.tell(To::One(connection), event, payload);
        }
    }

    fn chat(&mut self, asker: &Asker<'_>, payload: &Value, now: i64) {
        let Some(msg) = payload["msg"].as_str() else {
            let error =
                json!({"msg": "Unexpected error for message chatMsg: Missing key: string:msg"});
            return self.reply(asker, "errorMsg", error);
        };
        if let Some(cooldown) = self.chat_cooldown(asker, true, now) {
            return self.reply(asker, "cooldown", cooldown);
        }
        let flair = payload["meta"]["modflair"].as_f64();
        self.type_chat(asker.name, msg, flair, now);
    }

    fn pm(&mut self, asker: &Asker<'_>, payload: &Value, now: i64) {
        let (Some(to), Some(msg)) = (payload["to"].as_str(), payload["msg"].as_str()) else {
            let error = json!({"msg": "Unexpected error for message pm: Missing key: string:to"});
            return self.reply(asker, "errorMsg", error);
        };
        let lower = to.to_lowercase();
        let refusal = if asker.name.is_empty() {
            Some("You must be signed in to send PMs".to_owned())
        } else if lower == asker.name.to_lowercase() {
            Some("You can't PM yourself!".to_owned())
        } else if check_name(to).is_err() {
            Some(format!("PM failed: {lower} isn't a valid username."))
        } else {
            None
        };
        if let Some(msg) = refusal {
            return self.reply(asker, "errorMsg", json!({"msg": msg}));
        }
        if let Some(cooldown) = self.chat_cooldown(asker, false, now) {
            return self.reply(asker, "cooldown", cooldown);
        }
        if !self.private_message(asker.name, to, msg, now) {
            let msg = format!("PM failed: {lower} isn't connected to this channel.");
            self.reply(asker, "errorMsg", json!({"msg": msg}));
        }
    }

    /// Counts a line; how long to wait if it was one too many. Everybody has 20 lines at once and 10 a second for long,
    /// users below moderators what the channel grants where it does.
    fn chat_cooldown(&mut self, asker: &Asker<'_>, is_line: bool, now: i64) -> Option<Value> {
        if !self.flood_limits {
            return None;
        }
        let params = &self.options["chat_antiflood_params"];
        let by_channel = self.options["chat_antiflood"] == true && asker.rank < 2.0 && is_line;
        let granted = (params["burst"].as_f64(), params["sustained"].as_f64());
        let (burst, sustained) = match granted {
            (Some(burst), Some(sustained)) if by_channel && sustained > 0.0 => (burst, sustained),
            _ => (20.0, 10.0),
        };
        let viewer = self.viewers.get_mut(&asker.connection?)?;
        let has_passed = viewer.chat_bucket.take(burst, sustained, now);
        (!has_passed).then(|| super::rank_json(1000.0 / sustained))
    }

    fn request_playlist(&mut self, asker: &Asker<'_>, now: i64) {
        const EVERY_MS: i64 = 60_000;
        let Some(connection) = asker.connection else {
            return;
        };
        let Some(viewer) = self.viewers.get_mut(&connection) else {
            return;
        };
        let too_soon = viewer.playlist_asked.is_some_and(|at| now - at < EVERY_MS);
        if too_soon {
            let error = json!({
                "msg": "Get Playlist URLs is limited to 1 usage every 60 seconds.  Please try again later.",
                "code": "REQ_PLAYLIST_LIMIT_REACHED",
            });
            return self.reply(asker, "errorMsg", error);
        }
        viewer.playlist_asked = Some(now);
        self.tell_playlist(connection);
    }

    /// `newPoll`, the one event that is answered when the client asks for an answer.
    fn ask_for_poll(&mut self, asker: &Asker<'_>, payload: &Value, ack: Option<u64>, now: i64) {
        if asker.rank < self.permission("pollctl") {
            return;
        }
        let result = self.request_poll(payload, asker.name, now);
        let Some(connection) = asker.connection else {
            return;
        };
        match (result, ack) {
            (Ok(()), Some(id)) => self.answer(connection, id, &json!({})),
            (Err(message), Some(id)) => {
                self.answer(connection, id, &json!({"error": {"message": message}}));
            }
            (Err(message), None) => self.reply(asker, "errorMsg", json!({"msg": message})),
            (Ok(()), None) => {}
        }
    }

    fn filter(&mut self, asker: &Asker<'_>, event: &str, payload: &Value) {
        let Some(name) = payload["name"].as_str() else {
            return;
        };
        self.filters.retain(|filter| filter["name"] != name);
        let moderators = To::RankAtLeast(3.0);
        if event == "removeFilter" {
            self.tell(moderators, "deleteChatFilter", json!({"name": name}));
            return;
        }
        self.filters.push(payload.clone());
        if let (Some(connection), "addFilter") = (asker.connection, event) {
            self.tell_bare(To::One(connection), "addFilterSuccess");
        }
        self.tell(moderators, "updateChatFilter", payload.clone());
    }

    /// All who have a rank of the channel's own, present or not.
    fn rank_list(&self) -> Value {
        let mut ranks: Vec<(String, f64)> = Vec::new();
        let accounts = self.accounts.iter();
        let accounts = accounts.map(|account| (account.name.clone(), self.rank_of(&account.name)));
        let present = self.users().iter();
        let present = present.map(|user| (user.name.clone(), user.rank));
        let set = self.ranks.iter().map(|(name, rank)| (name.clone(), *rank));
        for (name, rank) in present.chain(accounts).chain(set) {
            let lower = name.to_lowercase();
            if rank >= 2.0 && !ranks.iter().any(|(known, _)| known.to_lowercase() == lower) {
                ranks.push((name, rank));
            }
        }
        let ranks = ranks.into_iter().map(|(name, rank)| {
            json!({"name": name, "rank": super::rank_json(rank), "channel": self.channel})
        });
        ranks.collect()
    }
}
