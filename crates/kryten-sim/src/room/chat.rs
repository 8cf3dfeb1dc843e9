//! Chat lines, their replay, and private messages.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{ConnectionId, Room, To};
use crate::ledger::{Intents, Said, intents_of};

/// How many lines CyTube keeps and replays.
const HISTORY: usize = 15;
/// How long a line may be, in characters, before it is escaped.
const LONGEST: usize = 320;

/// A line that was said.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) username: String,
    pub(crate) msg: String,
    meta: Value,
    pub(crate) time: i64,
    intents: Intents,
    title: Option<String>,
    /// Whether a client has received it.
    is_counted: bool,
}

impl Line {
    pub(crate) fn json(&self) -> Value {
        json!({"username": self.username, "msg": self.msg, "meta": self.meta, "time": self.time})
    }

    fn said(&self) -> Said<'_> {
        Said {
            username: &self.username,
            intents: &self.intents,
            title: self.title.as_deref(),
        }
    }
}

/// Who hears a line, and whether it is kept.
enum Kind {
    /// Everybody, and it is replayed.
    Said,
    /// Everybody, once.
    Notice,
    /// Moderators, once.
    ForModerators(Option<ConnectionId>),
    /// Moderators and the sender, once.
    Shadow(Option<ConnectionId>),
}

impl Room {
    /// A user says something, as typed; commands are obeyed by the caller.
    pub(crate) fn say(&mut self, name: &str, typed: &str, intents: Option<Intents>, now: i64) {
        let text = format_text(typed);
        if text.is_empty() {
            return;
        }
        let mut meta = Map::new();
        if typed.starts_with('>') {
            meta.insert("addClass".into(), "greentext".into());
        }
        self.say_with(name, text, meta, intents, now);
    }

    /// A line with its class, already HTML.
    pub(super) fn say_with(
        &mut self,
        name: &str,
        msg: String,
        mut meta: Map<String, Value>,
        intents: Option<Intents>,
        now: i64,
    ) {
        let Some(user) = self.user(name) else {
            return;
        };
        let (username, connection) = (user.name.clone(), user.connection);
        let (muted, shadow) = (user.muted, user.shadow_muted);
        if user.afk {
            self.set_afk(name, false);
        }
        if muted && !shadow {
            if let Some(connection) = connection {
                let refusal =
                    json!({"action": "chat", "msg": "You have been muted on this channel."});
                self.tell(To::One(connection), "noflood", refusal);
            }
            return;
        }
        let kind = if shadow {
            meta.insert("shadow".into(), true.into());
            Kind::Shadow(connection)
        } else {
            Kind::Said
        };
        self.publish(&username, msg, meta.into(), intents, kind, now);
    }

    /// A notice of the server to moderators.
    pub(super) fn server_line(&mut self, msg: &str, except: Option<ConnectionId>, now: i64) {
        let kind = Kind::ForModerators(except);
        self.publish("[server]", msg.to_owned(), whisper(), None, kind, now);
    }

    /// A notice of the server to all, which is not replayed.
    pub(super) fn voteskip_line(&mut self, msg: &str, now: i64) {
        self.publish(
            "[voteskip]",
            msg.to_owned(),
            whisper(),
            None,
            Kind::Notice,
            now,
        );
    }

    fn publish(
        &mut self,
        username: &str,
        msg: String,
        meta: Value,
        intents: Option<Intents>,
        kind: Kind,
        now: i64,
    ) {
        let intents = intents.unwrap_or_else(|| intents_of(&msg, &self.emote_names()));
        let mut line = Line {
            username: username.to_owned(),
            msg,
            meta,
            time: self.next_time(now),
            intents,
            title: self.last_media.as_ref().map(|media| media.title.clone()),
            is_counted: false,
        };
        let payload = line.json();
        line.is_counted = match kind {
            Kind::Said | Kind::Notice => self.tell(To::All, "chatMsg", payload),
            Kind::ForModerators(except) => {
                self.tell(To::ModeratorsExcept(except), "chatMsg", payload)
            }
            Kind::Shadow(sender) => {
                let told = self.tell(To::ModeratorsExcept(sender), "chatMsg", payload.clone());
                match sender {
                    Some(sender) => self.tell(To::One(sender), "chatMsg", payload) || told,
                    None => told,
                }
            }
        };
        if line.is_counted {
            self.book.count_line(&line.said());
        }
        if matches!(kind, Kind::Said) {
            self.keep(line);
        } else if line.is_counted {
            self.tally.notices += 1;
        }
    }

    fn keep(&mut self, line: Line) {
        self.tally.lines += 1;
        self.history.push_back(line);
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
            && !oldest.is_counted
        {
            self.tally.lost_lines += 1;
        }
    }

    /// CyTube's clock: never the same millisecond twice.
    fn next_time(&mut self, now: i64) -> i64 {
        self.last_time = now.max(self.last_time + 1);
        self.last_time
    }

    /// A line from before the start.
    pub(crate) fn remember(&mut self, name: &str, msg: &str, time: i64) {
        let time = self.next_time(time);
        let line = Line {
            username: name.to_owned(),
            msg: format_text(msg),
            meta: json!({}),
            time,
            intents: Intents::default(),
            title: None,
            is_counted: false,
        };
        self.keep(line);
    }

    /// Replays the last lines to a client that joins.
    pub(super) fn tell_history(&mut self, connection: ConnectionId) {
        for index in 0..self.history.len() {
            let line = &mut self.history[index];
            let first = !std::mem::replace(&mut line.is_counted, true);
            let line = line.clone();
            self.tell(To::One(connection), "chatMsg", line.json());
            if first {
                self.book.count_line(&line.said());
            }
        }
    }

    /// The ledger with the lines that the next join will offer.
    pub(crate) fn ledger(&self) -> crate::ledger::Ledger {
        let mut book = self.book.clone();
        for line in self.history.iter().filter(|line| !line.is_counted) {
            book.count_line(&line.said());
        }
        book.ledger
    }

    pub(crate) fn last_line(&self) -> Option<&Line> {
        self.history.back()
    }

    pub(super) fn clear_chat(&mut self, by: &str, now: i64) {
        // Lines that nobody was offered are gone with it.
        self.tally.lost_lines += self.history.iter().filter(|line| !line.is_counted).count() as u64;
        self.history.clear();
        self.tell(To::All, "clearchat", json!({"clearedBy": by}));
        self.server_line(&format!("{by} cleared chat."), None, now);
    }

    /// A private message: to the receiver, and echoed to the sender; whether it found the receiver.
    pub(crate) fn private_message(&mut self, from: &str, to: &str, typed: &str, now: i64) -> bool {
        let (Some(sender), Some(receiver)) = (self.user(from), self.user(to)) else {
            return false;
        };
        let (from, to) = (sender.name.clone(), receiver.name.clone());
        let clients = [receiver.connection, sender.connection];
        let msg = format_text(typed);
        if msg.is_empty() {
            return true;
        }
        let mut meta = Map::new();
        if typed.starts_with('>') {
            meta.insert("addClass".into(), "greentext".into());
        }
        let time = self.next_time(now);
        let payload = json!({"username": from, "msg": msg, "meta": meta, "time": time, "to": to});
        let mut told = false;
        for client in clients.into_iter().flatten().collect::<BTreeSet<_>>() {
            told |= self.tell(To::One(client), "pm", payload.clone());
        }
        if told && self.book.count_pm(&from, &msg) {
            self.tally.pms += 1;
        }
        true
    }
}

fn whisper() -> Value {
    json!({"addClass": "server-whisper", "addClassToNameAndTimestamp": true})
}

/// What CyTube makes of typed text: no control characters, at most 320 characters, HTML escaped, links marked.
pub(crate) fn format_text(typed: &str) -> String {
    let text: String = typed
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    if text.trim().is_empty() {
        return String::new();
    }
    let words: Vec<String> = escape(&text).split(' ').map(link).collect();
    words.join(" ")
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn link(word: &str) -> String {
    if word.starts_with("https://") || word.starts_with("http://") {
        format!("<a href=\"{word}\" target=\"_blank\" rel=\"noopener noreferrer\">{word}</a>")
    } else {
        word.to_owned()
    }
}
