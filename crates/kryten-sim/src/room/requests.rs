//! What clients and simulated users ask for, and whether CyTube would do it.

use serde_json::{Value, json};

use super::lookup::{self, Failure};
use super::playlist::{After, Position};
use super::{ConnectionId, Room, To};

/// A request by someone with a name and a rank.
struct Asker<'a> {
    name: &'a str,
    rank: f64,
    connection: Option<ConnectionId>,
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
        let list = if self.is_locked {
            "playlist"
        } else {
            "oplaylist"
        };
        let on_list = |node: &str| allowed(&format!("{list}{node}"));
        match event {
            "chatMsg" if allowed("chat") && !asker.name.is_empty() => {
                self.chat(asker, payload, now)
            }
            "pm" if !asker.name.is_empty() => self.pm(asker, payload, now),
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
                let name = payload["name"].as_str().unwrap_or_default();
                self.unban(name, payload["id"].as_u64(), asker.name, now);
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
                let results = json!({"source": payload["source"], "results": []});
                self.reply(asker, "searchResults", results);
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
            let reason = format!("Attempted {event} with insufficient permission");
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
                if let Some(name) = text("name") {
                    self.assign_leader(name, now);
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

    fn reply(&mut self, asker: &Asker<'_>, event: &str, payload: Value) {
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
        if !self.may_chat(asker, now) {
            return self.reply(asker, "cooldown", 1000.into());
        }
        let flair = payload["meta"]["modflair"].as_f64();
        self.type_chat(asker.name, msg, flair, now);
    }

    fn pm(&mut self, asker: &Asker<'_>, payload: &Value, now: i64) {
        let (Some(to), Some(msg)) = (payload["to"].as_str(), payload["msg"].as_str()) else {
            let error = json!({"msg": "Unexpected error for message pm: Missing key: string:to"});
            return self.reply(asker, "errorMsg", error);
        };
        if !self.may_chat(asker, now) {
            return self.reply(asker, "cooldown", 1000.into());
        }
        if !self.private_message(asker.name, to, msg, now) {
            let error = json!({"msg": format!("User {to} is not in this channel.")});
            self.reply(asker, "errorMsg", error);
        }
    }

    /// 20 lines at once, 10 a second for long.
    fn may_chat(&mut self, asker: &Asker<'_>, now: i64) -> bool {
        let limited = self.flood_limits;
        match asker.connection.and_then(|id| self.viewers.get_mut(&id)) {
            Some(viewer) if limited => viewer.chat_bucket.take(20.0, 10.0, now),
            _ => true,
        }
    }

    fn may_queue(&mut self, asker: &Asker<'_>, now: i64) -> bool {
        let limited = self.flood_limits;
        let (burst, per_second) = if asker.rank >= 2.0 {
            (10.0, 2.0)
        } else {
            (3.0, 1.0)
        };
        match asker.connection.and_then(|id| self.viewers.get_mut(&id)) {
            Some(viewer) if limited => viewer.queue_bucket.take(burst, per_second, now),
            _ => true,
        }
    }

    fn queue(&mut self, asker: &Asker<'_>, payload: &Value, now: i64) {
        for key in ["id", "type", "pos"] {
            if !payload[key].is_string() {
                let msg = format!("Unexpected error for message queue: Missing key: string:{key}");
                return self.reply(asker, "errorMsg", json!({"msg": msg}));
            }
        }
        let text = |field: &str| payload[field].as_str().unwrap_or_default();
        let (id, kind) = (text("id"), text("type"));
        let next = text("pos") == "next";
        let result = self.try_queue(asker, kind, id, next, payload, now);
        if let Err(Failure { msg }) = result {
            let fail = json!({"msg": msg, "link": lookup::link(kind, id), "id": id});
            self.reply(asker, "queueFail", fail);
        }
    }

    fn try_queue(
        &mut self,
        asker: &Asker<'_>,
        kind: &str,
        id: &str,
        next: bool,
        payload: &Value,
        now: i64,
    ) -> Result<(), Failure> {
        let fail = |msg: &str| {
            Err(Failure {
                msg: msg.to_owned(),
            })
        };
        let list = if self.is_locked {
            "playlist"
        } else {
            "oplaylist"
        };
        let may = |node: &str| asker.rank >= self.permission(node);
        if !may(&format!("{list}add")) || (next && !may(&format!("{list}next"))) {
            return fail("You don't have permission to add videos to this playlist");
        }
        if kind == "cu" && !may("playlistaddcustom") {
            return fail("You don't have permission to add custom embeds");
        }
        if matches!(kind, "fi" | "cm") && !may("playlistaddrawfile") {
            return fail("You don't have permission to add raw video files");
        }
        if lookup::is_live(kind) && !may("playlistaddlive") {
            return fail("You don't have permission to add live media");
        }
        let temp = payload["temp"].as_bool().unwrap_or(false) || !may("addnontemp");
        if !self.may_queue(asker, now) {
            return fail("You are adding videos too quickly");
        }
        let media = lookup::look_up(kind, id, payload["title"].as_str())?;
        let longest = self.options["maxlength"].as_u64().unwrap_or(0);
        if longest > 0 && media.seconds > longest && asker.rank < self.permission("exceedmaxlength")
        {
            return fail(&format!(
                "Video exceeds the maximum length set by the channel admin: {longest} seconds"
            ));
        }
        let allows_doubles = self.options["allow_dupes"].as_bool().unwrap_or(false);
        let position = if next { Position::Next } else { Position::End };
        if position == Position::End && !allows_doubles && self.holds(&media) {
            return fail("This item is already on the playlist");
        }
        self.add(media, position, temp, asker.name, now);
        Ok(())
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

    fn rank_list(&self) -> Value {
        self.users()
            .iter()
            .filter(|user| user.rank >= 2.0)
            .map(|user| json!({"name": user.name, "rank": super::rank_json(user.rank), "channel": self.channel}))
            .collect()
    }
}
