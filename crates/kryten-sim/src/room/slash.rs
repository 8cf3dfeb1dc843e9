//! Commands that are typed as chat.

use serde_json::{Map, Value, json};

use super::chat::format_text;
use super::{Room, To};

impl Room {
    /// What a user types: a command if it is one, else a line. Whoever may not use a command gets no answer.
    pub(crate) fn type_chat(&mut self, name: &str, typed: &str, flair: Option<f64>, now: i64) {
        let Some(user) = self.user(name) else {
            return;
        };
        let (name, rank) = (user.name.clone(), user.rank);
        let (command, rest) = match typed.split_once(' ') {
            Some((command, rest)) => (command, rest.trim()),
            None => (typed, ""),
        };
        let may = |node: &str| rank >= self.permission(node);
        match command {
            "/me" => self.classed(
                &name,
                rest,
                json!({"addClass": "action", "action": true}),
                now,
            ),
            "/sp" => self.classed(&name, rest, json!({"addClass": "spoiler"}), now),
            "/say" if rank >= 1.5 => {
                let class = json!({"addClass": "shout", "addClassToNameAndTimestamp": true, "forceShowName": true});
                self.classed(&name, rest, class, now);
            }
            "/afk" => {
                let away = self.user(&name).is_some_and(|user| user.afk);
                self.set_afk(&name, !away);
            }
            "/clear" if may("chatclear") => self.clear_chat(&name, now),
            "/mute" | "/smute" if may("mute") => self.mute(&name, rank, command, rest, now),
            "/unmute" if may("mute") => self.unmute(&name, rest, now),
            "/kick" if may("kick") => self.kick_by(&name, rank, rest, now),
            "/kickanons" if may("kick") => {
                self.kick_anonymous(now);
                self.server_line(&format!("{name} kicked anonymous users"), None, now);
            }
            "/ban" | "/ipban" | "/banip" => self.ban_by(&name, rank, command, rest, now),
            "/poll" | "/hpoll" if may("pollctl") => {
                let mut parts = rest.split(',').map(str::to_owned);
                let title = parts.next().unwrap_or_default();
                let options: Vec<String> = parts.collect();
                self.open_poll(&title, &options, command == "/hpoll", &name, now);
            }
            "/rank" if rank >= 3.0 => {
                if let Some((target, value)) = rest.split_once(' ')
                    && let Ok(value) = value.trim().parse::<f64>()
                {
                    self.rank_by(&name, rank, target, value, None, now);
                }
            }
            drink if is_drink(drink) && may("drink") => {
                let count = drink[2..].parse().unwrap_or(1_u64).clamp(1, 1000);
                self.drink(count);
                let mut text = format!("{rest} drink!");
                if count > 1 {
                    text.push_str(&format!(" (x{count})"));
                }
                let class = json!({"addClass": "drink", "forceShowName": true});
                self.classed(&name, &text, class, now);
            }
            "/clean" | "/cleantitle" if may("playlistdelete") => {
                self.clean(&name, rest, command == "/cleantitle", now);
            }
            "/clear" | "/mute" | "/smute" | "/unmute" | "/kick" | "/kickanons" | "/poll"
            | "/hpoll" | "/rank" | "/clean" | "/cleantitle" => {}
            _ => self.plain(
                &name,
                typed,
                flair.filter(|flair| *flair == rank && rank >= 2.0),
                now,
            ),
        }
    }

    fn plain(&mut self, name: &str, typed: &str, flair: Option<f64>, now: i64) {
        match flair {
            None => self.say(name, typed, None, now),
            Some(flair) => {
                let text = format_text(typed);
                let meta = Map::from_iter([("modflair".to_owned(), super::rank_json(flair))]);
                if !text.is_empty() {
                    self.say_with(name, text, meta, None, now);
                }
            }
        }
    }

    fn classed(&mut self, name: &str, typed: &str, class: Value, now: i64) {
        let text = format_text(typed);
        if let (Value::Object(meta), false) = (class, text.is_empty()) {
            self.say_with(name, text, meta, None, now);
        }
    }

    /// Tells the one who typed why nothing happens.
    fn refuse(&mut self, to: &str, msg: String) {
        if let Some(connection) = self.user(to).and_then(super::User::connection) {
            self.tell(To::One(connection), "errorMsg", json!({"msg": msg}));
        }
    }

    fn mute(&mut self, by: &str, rank: f64, command: &str, rest: &str, now: i64) {
        let target = first_word(rest).to_lowercase();
        let found = self.user(&target);
        let found = found.map(|user| (user.name.clone(), user.rank));
        match found {
            _ if target.is_empty() => self.refuse(by, format!("{command} requires a target name")),
            None => {
                let msg = format!("{command} target {target} not present in channel.");
                self.refuse(by, msg);
            }
            Some((name, its)) if its >= rank => {
                let msg = format!("{command} failed - {name} has equal or higher rank than you.");
                self.refuse(by, msg);
            }
            Some((name, _)) => {
                let shadow = command == "/smute";
                self.set_mute(&name, true, shadow);
                let verb = if shadow { "shadowmuted" } else { "muted" };
                self.server_line(&format!("{by} {verb} {name}"), None, now);
            }
        }
    }

    fn unmute(&mut self, by: &str, rest: &str, now: i64) {
        let target = first_word(rest).to_lowercase();
        if target.is_empty() {
            return self.refuse(by, "/unmute requires a target name".to_owned());
        }
        if !self.is_muted(&target) {
            return self.refuse(by, format!("{target} is not muted."));
        }
        let name = self.user(&target).map(|user| user.name.clone());
        if let Some(name) = name {
            self.server_line(&format!("{by} unmuted {name}"), None, now);
        }
        self.set_mute(&target, false, false);
    }

    fn kick_by(&mut self, by: &str, rank: f64, rest: &str, now: i64) {
        let (name, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        if name.is_empty() {
            let msg = "No kick target specified.  If you're trying to kick anonymous users, use /kickanons";
            return self.refuse(by, msg.to_owned());
        }
        let found = self.user(name);
        match found.map(|user| (user.name.clone(), user.rank)) {
            // Nobody is told that there is no such user.
            None => {}
            Some((name, its)) if its >= rank => {
                self.refuse(by, format!("You do not have permission to kick {name}"));
            }
            Some((name, _)) => {
                self.kick(&name, reason, now);
                self.server_line(&format!("{by} kicked {name}"), None, now);
            }
        }
    }

    fn ban_by(&mut self, by: &str, rank: f64, command: &str, rest: &str, now: i64) {
        let (name, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        if name.is_empty() {
            return self.refuse(by, "No ban target specified.".to_owned());
        }
        match self.ban_refusal(by, rank, name) {
            Some(msg) => {
                if name.to_lowercase() == by.to_lowercase()
                    && let Some(own) = self.user(by).and_then(super::User::connection)
                {
                    let joke = json!({"msg": "You can't ban yourself"});
                    self.tell(To::One(own), "costanza", joke);
                }
                self.refuse(by, msg);
            }
            None => {
                // An address is known of those who are there alone.
                let by_address = command != "/ban" && self.ban_address(name, reason, by, now);
                if !by_address {
                    self.ban(&name.to_lowercase(), reason, by, now);
                }
            }
        }
    }

    /// Deletes what a user queued, or what has the words in its title: CyTube reads a regular expression there, this the
    /// plain words.
    fn clean(&mut self, by: &str, wanted: &str, by_title: bool, now: i64) {
        if wanted.is_empty() {
            let msg = "No target given. Usage: /clean <username> or /cleantitle <title>";
            return self.refuse(by, msg.to_owned());
        }
        let wanted = wanted.to_lowercase();
        let hits: Vec<i64> = self
            .items
            .iter()
            .filter(|item| {
                let text = if by_title {
                    &item.media.title
                } else {
                    &item.queued_by
                };
                text.to_lowercase().contains(&wanted)
            })
            .map(|item| item.uid)
            .collect();
        for uid in hits {
            self.delete(uid, now);
        }
    }

    /// `setChannelRank` and `/rank`: below the own rank only.
    pub(super) fn rank_by(
        &mut self,
        by: &str,
        rank: f64,
        target: &str,
        value: f64,
        asker: Option<super::ConnectionId>,
        now: i64,
    ) {
        let refusal = if self.known_rank(target).is_some_and(|known| known >= rank) {
            "You can't promote or demote someone who has equal or higher rank than yourself"
        } else if value >= rank {
            "You can't promote someone to a rank equal or higher than yourself"
        } else if value < 1.0 {
            "You can't set someone's rank below 1"
        } else {
            self.set_rank(target, value);
            if asker.is_none() {
                let notice = format!("{by} set {target}'s rank to {}", super::rank_json(value));
                self.server_line(&notice, None, now);
            }
            return;
        };
        if let Some(asker) = asker {
            let fail = json!({"msg": format!("Updating user rank failed: {refusal}")});
            self.tell(To::One(asker), "channelRankFail", fail);
        }
    }
}

fn is_drink(command: &str) -> bool {
    command
        .strip_prefix("/d")
        .is_some_and(|count| count.bytes().all(|b| b.is_ascii_digit()))
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}
