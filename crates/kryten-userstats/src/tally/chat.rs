//! `chatMsg` and `pm`: what a line counts for.

use std::borrow::Cow;

use kryten_protocol::cytube::{ChatMsg, text};
use kryten_protocol::line::LineKey;
use kryten_protocol::time::WireTime;
use serde_json::Value;

use super::emotes::emote_uses_by;
use super::entities::decode_entities;
use super::event::EventView;
use super::names::{real_receiver, receiver};
use super::phrases::phrase_kudos;
use super::plusplus::plusplus;
use super::questions::Question;
use super::real_names::{is_user_name, thanked_names};
use super::room::ReplayedVote;
use super::sums::{CountedLine, Vote, add};
use super::vote::vote;
use super::{Film, Fold, Rules};

/// How old a line may be to show that its sender is there.
const LIVE_MICROS: i64 = 10_000_000;

impl Fold<'_> {
    /// Counts a chat line; nobody is exempt. `false` when the payload is no chat line.
    pub(super) fn chat_msg(&mut self, event: &EventView<'_>, payload: &Value) -> bool {
        let Some(mut line) = ChatMsg::read(payload) else {
            return false;
        };
        if !self.rules.counts(&line) || !self.is_first_sight(event, "chatMsg", &line) {
            return true;
        }
        self.note_question(&line, false);
        if self.privacy.hides(&line.username, self.said_at(&line)) {
            return true;
        }
        if self.rules.decode_entities {
            line.message = decode_entities(&line.message).into_owned();
        }
        let at = self.chat_time(&line);
        let sender = line.username.as_str();
        self.see(sender, at);
        if add(&mut self.room_sums.messages, sender) {
            self.room_sums.senders.push(sender.to_owned());
        }
        self.room_sums.hour(at).messages += 1;
        self.note_presence(&line);
        self.count_kudos(&line, at);
        self.count_emotes(&line, at);
        self.count_vote(&line, at);
        true
    }

    /// Counts a private message of its sender; the robot's own come back as events and count for it.
    pub(super) fn pm(&mut self, event: &EventView<'_>, payload: &Value) -> bool {
        let Some(line) = ChatMsg::read(payload) else {
            let name = text(payload, "from").or_else(|| text(payload, "username"));
            if let Some(name) = name.filter(|name| !name.is_empty())
                && !self.privacy.hides(name, self.told)
            {
                self.count_pm(name, self.now);
            }
            return name.is_some();
        };
        if !line.username.is_empty() && self.is_first_sight(event, "pm", &line) {
            self.note_question(&line, true);
            if self.privacy.hides(&line.username, self.said_at(&line)) {
                return true;
            }
            let at = self.chat_time(&line);
            self.count_pm(&line.username, at);
        }
        true
    }

    fn count_pm(&mut self, name: &str, at: WireTime) {
        self.see(name, at);
        add(self.pms, name);
        self.room_sums.hour(at).pms += 1;
    }

    /// Whether the line was not counted yet. A line without a time cannot be told from an equal one, so each counts.
    fn is_first_sight(&mut self, event: &EventView<'_>, name: &str, line: &ChatMsg) -> bool {
        let id: Cow<'_, str> = match event.line_id {
            Some(id) => id.into(),
            None if line.time == 0 => return true,
            None => LineKey {
                domain: &self.key.domain,
                channel: &self.key.channel,
                event: name,
                time: line.time,
                username: &line.username,
                message: &line.message,
                nth: 1,
            }
            .id()
            .into(),
        };
        if self.room.lines.contains(&id) {
            self.counters.repeated += 1;
            return false;
        }
        let id = id.into_owned();
        let is_replayed = name == "chatMsg" && line.is_replayed();
        self.room.lines.remember(id.clone(), is_replayed);
        let said_at = self.said_at(line);
        self.room.memory.coverage.line(said_at, self.room_sums);
        let who = self.privacy.who(&line.username);
        self.room_sums.lines.push(CountedLine {
            id,
            who,
            is_replayed,
        });
        true
    }

    /// When a line was said, by the clock that told it.
    fn said_at(&self, line: &ChatMsg) -> WireTime {
        match line.time {
            0 => self.told,
            time => WireTime::from_millis(time),
        }
    }

    /// Who opted out may still ask, or there would be no way back.
    fn note_question(&mut self, line: &ChatMsg, private: bool) {
        let replayed = !private && self.room.memory.is_joining(self.told);
        if !replayed && self.listening.hears(line, private) {
            let at = self.said_at(line);
            self.questions.push(Question {
                domain: self.key.domain.clone(),
                channel: self.key.channel.clone(),
                user: line.username.clone(),
                text: line.message.clone(),
                at,
                private,
            });
        }
    }

    /// The robot's time as CyTube's clock has it, which dates chat.
    pub(super) fn by_chats_clock(&self) -> WireTime {
        let ahead = self.room.memory.ahead_micros;
        WireTime::from_micros(self.told.micros().saturating_sub(ahead))
    }

    fn chat_time(&mut self, line: &ChatMsg) -> WireTime {
        if line.time == 0 {
            return self.now;
        }
        let time = WireTime::from_millis(line.time);
        if !self.room.memory.is_joining(self.told) {
            let ahead = self.told.micros().saturating_sub(time.micros());
            self.room.memory.ahead_micros = ahead;
        }
        let (at, backwards) = self.room.memory.chat_clock.advance(time);
        self.counters.backwards += u64::from(backwards);
        at
    }

    /// Where no user list is known, a line is the only sign that somebody is there.
    fn note_presence(&mut self, line: &ChatMsg) {
        let visits = &mut self.room.visits;
        if self.rules.as_original {
            visits.open_any(&line.username, None, self.now, self.room_sums);
            return;
        }
        let said = WireTime::from_millis(line.time);
        let is_live = line.time == 0 || self.now.micros() - said.micros() <= LIVE_MICROS;
        if !self.room.list_known() && is_live {
            let visits = &mut self.room.visits;
            visits.open(&line.username, None, self.now, self.room_sums);
        }
    }

    fn count_kudos(&mut self, line: &ChatMsg, at: WireTime) {
        let sender = line.username.as_str();
        let real = self.rules.real_names;
        let receiver = match real {
            true => real_receiver,
            false => receiver,
        };
        let thanked = match real {
            true => thanked_names(&line.message),
            false => plusplus(&line.message),
        };
        for name in thanked {
            if let Some(receiver) = receiver(name, sender, self.aliases, self.names) {
                add(&mut self.room_sums.kudos, receiver);
                self.room_sums.hour(at).kudos_plusplus += 1;
            }
        }
        for (name, phrase) in phrase_kudos(&line.message, self.phrases) {
            if real && !is_user_name(name) {
                continue;
            }
            if let Some(receiver) = receiver(name, sender, self.aliases, self.names) {
                let key = (receiver.to_owned(), phrase);
                *self.room_sums.phrases.entry(key).or_default() += 1;
                self.room_sums.hour(at).kudos_phrases += 1;
            }
        }
    }

    fn count_emotes(&mut self, line: &ChatMsg, at: WireTime) {
        let Some(emotes) = &self.room.emotes else {
            return;
        };
        let Rules {
            marked_emotes,
            bare_emotes,
            ..
        } = self.rules;
        for emote in emote_uses_by(&line.message, emotes, marked_emotes, bare_emotes) {
            let key = (line.username.clone(), emote);
            *self.room_sums.emotes.entry(key).or_default() += 1;
            self.room_sums.hour(at).emotes += 1;
        }
    }

    fn count_vote(&mut self, line: &ChatMsg, at: WireTime) {
        let Some(vote) = vote(&line.message) else {
            return;
        };
        let may_be_replayed = line.time != 0 && !self.rules.as_original;
        if may_be_replayed && self.room.memory.is_joining(self.told) {
            self.room.memory.replayed_votes.push_back(ReplayedVote {
                voter: line.username.clone(),
                vote,
                at,
                said_millis: line.time,
                received: self.told,
            });
            return;
        }
        self.settle_replayed_votes();
        if let Some(film) = self.room.films().current().cloned() {
            self.cast(&line.username, film, vote, at);
        }
    }

    /// Gives the votes in replayed lines to the films that played when they were said.
    pub(super) fn settle_replayed_votes(&mut self) {
        while let Some(replayed) = self.room.memory.replayed_votes.pop_front() {
            let said = WireTime::from_millis(replayed.said_millis);
            if let Some(film) = self.room.films().playing_at(said).cloned() {
                self.cast(&replayed.voter, film, replayed.vote, replayed.at);
            }
        }
    }

    fn cast(&mut self, voter: &str, film: Film, vote: i8, at: WireTime) {
        if self.privacy.hides(voter, at) {
            return;
        }
        let key = (film.title.clone(), voter.to_owned());
        self.room_sums.votes.insert(key, Vote { film, vote, at });
        self.room_sums.hour(at).votes += 1;
    }
}
