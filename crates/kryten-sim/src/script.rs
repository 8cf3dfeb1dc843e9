//! The simulated users' behaviour: who says what, and what else they do. Pure: time and the channel come in.
//!
//! Lines and other doings draw from two sources of chance, so that the lines are the same whether or not the others
//! are held.

mod cast;
mod lines;
mod others;

use std::collections::HashSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::config::{ScriptConfig, Speed};
use crate::room::{Emote, Room};
use lines::Facts;
use others::Others;

#[derive(Debug)]
pub(crate) struct Script {
    config: ScriptConfig,
    lines: StdRng,
    others: Others,
    cast: Vec<Actor>,
    names: HashSet<String>,
    said: u64,
    /// Steps since the film on screen began, holds left out.
    steps_into_film: u64,
    starts: u64,
    /// How many films had begun when a bot was last in the channel.
    starts_bot_knows: u64,
}

/// A simulated user.
#[derive(Debug, Clone)]
struct Actor {
    name: String,
    rank: f64,
}

/// How long CyTube waits between two films, lead-in and tail together.
const BETWEEN_FILMS_SECONDS: f64 = 5.0;

impl Script {
    pub(crate) fn new(config: &ScriptConfig) -> Self {
        let cast = cast::actors(config.users);
        Self {
            lines: StdRng::seed_from_u64(config.seed ^ 0x006c_696e_6573),
            others: Others::new(config.seed),
            names: cast.iter().map(|actor| actor.name.clone()).collect(),
            cast,
            said: 0,
            steps_into_film: 0,
            starts: 0,
            starts_bot_knows: 0,
            config: config.clone(),
        }
    }

    /// Users, films, emotes and a few lines from before.
    pub(crate) fn set_the_stage(&mut self, room: &mut Room, now: i64) {
        if self.config.speed != Speed::Times(1.0) {
            // Faster than life there is no time for a lead-in.
            room.lead_in_ms = 0;
        }
        let present = self.cast.len().div_ceil(3) * 2;
        for actor in self.cast.iter().take(present) {
            room.seat(&actor.name, actor.rank);
        }
        for name in cast::EMOTES {
            let image = format!("https://media.example.com/emotes/{name}.png?v=1&s=2");
            room.emotes.push(Emote::new(name, &image));
        }
        for _ in 0..self.config.films {
            self.others.queue_a_film(room, now);
        }
        if present > 0 {
            for back in (1..=self.config.history as i64).rev() {
                let speaker = self.lines.random_range(0..present);
                let text = cast::PLAIN[self.lines.random_range(0..cast::PLAIN.len())];
                room.remember(&self.cast[speaker].name, text, now - back * 7000);
            }
        }
        self.starts = room.starts();
        self.starts_bot_knows = self.starts;
        // Nobody is there yet to be told.
        drop(room.take_outgoing());
    }

    pub(crate) fn is_done(&self) -> bool {
        self.config.lines.is_some_and(|lines| self.said >= lines)
    }

    pub(crate) fn lines_said(&self) -> u64 {
        self.said
    }

    /// One line, and now and then something else before it.
    pub(crate) fn step(&mut self, room: &mut Room, others: bool, now: i64) {
        if others {
            self.others.step(room, &self.cast, now);
            self.advance(room, now);
        }
        if room.starts() != self.starts {
            self.starts = room.starts();
            self.steps_into_film = 0;
        }
        if room.has_bot() {
            self.starts_bot_knows = self.starts;
        }
        self.speak(room, now);
    }

    /// Starts the next film when the one on screen has had its time.
    fn advance(&mut self, room: &mut Room, now: i64) {
        self.steps_into_film += 1;
        let Some(item) = room.current_item() else {
            return;
        };
        let seconds = self.steps_into_film as f64 / self.config.rate;
        if room.leader.is_none() && seconds > item.media.seconds as f64 + BETWEEN_FILMS_SECONDS {
            room.play_next(now);
        }
    }

    fn speak(&mut self, room: &mut Room, now: i64) {
        let speakers: Vec<&str> = room
            .users()
            .iter()
            .filter(|user| !user.muted && self.names.contains(&user.name))
            .map(|user| user.name.as_str())
            .collect();
        if speakers.is_empty() {
            return;
        }
        let speaker = speakers[self.lines.random_range(0..speakers.len())].to_owned();
        let facts = Facts {
            speaker: &speaker,
            thankable: room
                .users()
                .iter()
                .map(|user| user.name.as_str())
                .filter(|name| room.book.has_seen(name))
                .collect(),
            may_vote: self.may_vote(room),
        };
        let (text, intents) = lines::compose(&mut self.lines, &facts);
        room.say(&speaker, &text, Some(intents), now);
        self.said += 1;
    }

    /// A vote has to be clear: to a film that a bot knows, and not in its first moments, when a replay of the line
    /// could be taken for a vote to the film before.
    fn may_vote(&self, room: &Room) -> bool {
        let settled = if room.lead_in_ms > 0 {
            (4.0 * self.config.rate) as u64 + 1
        } else {
            5
        };
        room.current.is_some()
            && self.steps_into_film > settled
            && self.starts == self.starts_bot_knows
            && room
                .book
                .has_seen(self.cast.first().map_or("", |actor| &actor.name))
    }
}

#[cfg(test)]
mod tests;
