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
            "/mute" | "/smute" if may("mute") => {
                self.mute(&name, rank, rest, command == "/smute", now)
            }
            "/unmute" if may("mute") => self.unmute(&name, rest, now),
            "/kick" if may("kick") => self.kick_by(&name, rank, rest, now),
            "/ban" if may("ban") => self.ban_by(&name, rank, rest, now),
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
            "/clear" | "/mute" | "/smute" | "/unmute" | "/kick" | "/ban" | "/poll" | "/hpoll"
            | "/rank" => {}
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

    /// The named user, if below `rank`.
    fn inferior(&self, rank: f64, name: &str) -> Option<String> {
        self.user(name)
            .filter(|user| user.rank < rank)
            .map(|user| user.name.clone())
    }

    fn mute(&mut self, by: &str, rank: f64, name: &str, shadow: bool, now: i64) {
        if let Some(name) = self.inferior(rank, name) {
            self.set_mute(&name, true, shadow);
            let verb = if shadow { "shadowmuted" } else { "muted" };
            self.server_line(&format!("{by} {verb} {name}"), None, now);
        }
    }

    fn unmute(&mut self, by: &str, name: &str, now: i64) {
        let name = self
            .user(name)
            .filter(|user| user.muted)
            .map(|user| user.name.clone());
        if let Some(name) = name {
            self.server_line(&format!("{by} unmuted {name}"), None, now);
            self.set_mute(&name, false, false);
        }
    }

    fn kick_by(&mut self, by: &str, rank: f64, rest: &str, now: i64) {
        let (name, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        if let Some(name) = self.inferior(rank, name) {
            self.kick(&name, reason, now);
            self.server_line(&format!("{by} kicked {name}"), None, now);
        }
    }

    fn ban_by(&mut self, by: &str, rank: f64, rest: &str, now: i64) {
        let (name, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_superior = self.user(name).is_some_and(|user| user.rank >= rank);
        if !name.is_empty() && !is_superior {
            self.ban(name, reason, by, now);
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
        let refusal = if self.user(target).is_some_and(|user| user.rank >= rank) {
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
