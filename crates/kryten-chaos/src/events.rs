//! What is published, the same for each seed, and the ledger of it.

use std::collections::BTreeSet;

use kryten_protocol::time::WireTime;
use kryten_sim::Ledger;
use kryten_sim::ledger::intents_of;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

pub(crate) const DOMAIN: &str = "kills.invalid";
const EMOTES: u32 = 20;
const START: i64 = 1_795_364_000_000;

/// An event on its way to the stream.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) channel: String,
    pub(crate) name: &'static str,
    pub(crate) body: String,
}

/// So many events, one after the other.
#[derive(Debug)]
pub(crate) struct Events {
    random: StdRng,
    emotes: BTreeSet<String>,
    channels: Vec<String>,
    /// How many people there are in each channel.
    people: u32,
    /// What plays in each channel.
    titles: Vec<String>,
    first: Vec<Event>,
    left: u64,
    number: i64,
    ledger: Ledger,
}

impl Events {
    /// Of channels whose names are no beginnings of one another.
    pub(crate) fn new(seed: u64, count: u64, channels: Vec<String>, people: u32) -> Self {
        let mut events = Self {
            random: StdRng::seed_from_u64(seed),
            emotes: (0..EMOTES).map(|number| format!("emote{number}")).collect(),
            titles: channels
                .iter()
                .map(|channel| format!("Overture {channel}"))
                .collect(),
            channels,
            people,
            first: Vec::new(),
            left: count,
            number: 0,
            ledger: Ledger::default(),
        };
        events.introduce();
        events
    }

    /// What the events so far mean.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// So many more.
    pub(crate) fn add(&mut self, count: u64) {
        self.left += count;
    }

    /// Who and what there is, before the first line: kudos reach only who was seen.
    fn introduce(&mut self) {
        let mut first = Vec::new();
        let emotes: Vec<Value> = self
            .emotes
            .iter()
            .map(|e| json!({"name": format!("#{e}")}))
            .collect();
        for at in 0..self.channels.len() {
            let film = film(&self.titles[at]);
            first.push(self.event(at, "emoteList", json!(emotes)));
            first.push(self.event(at, "changeMedia", film));
            for number in 0..self.people {
                let name = person(&self.channels[at], number);
                let user = json!({"name": name, "rank": 1, "meta": {"afk": false}});
                first.push(self.event(at, "addUser", user));
            }
        }
        first.reverse();
        self.first = first;
    }

    fn event(&mut self, at: usize, name: &'static str, payload: Value) -> Event {
        self.number += 1;
        let channel = self.channels[at].clone();
        let moment = WireTime::from_millis(START + self.number * 40);
        let body = json!({
            "event_name": name, "payload": payload, "channel": channel, "domain": DOMAIN,
            "timestamp": moment.to_string(), "correlation_id": self.number.to_string(),
        });
        Event {
            channel,
            name,
            body: body.to_string(),
        }
    }

    fn random_event(&mut self) -> Event {
        let at = self.random.random_range(0..self.channels.len());
        let user = self.somebody(at);
        match self.random.random_range(0..20) {
            0 => self.event(at, "addUser", json!({"name": user, "meta": {"afk": false}})),
            1 => self.event(at, "userLeave", json!({"name": user})),
            2 => {
                let afk = self.random.random_bool(0.5);
                self.event(at, "setAFK", json!({"name": user, "afk": afk}))
            }
            3 => {
                let time = self.next_time();
                *self.ledger.pms.entry(user.clone()).or_default() += 1;
                let pm = json!({"username": user, "msg": "psst", "to": "bot", "time": time});
                self.event(at, "pm", pm)
            }
            4 => {
                let number = self.random.random_range(0..8);
                self.titles[at] = format!("Film {number} {}", self.channels[at]);
                let film = film(&self.titles[at]);
                self.event(at, "changeMedia", film)
            }
            _ => self.line(at, &user),
        }
    }

    fn line(&mut self, at: usize, user: &str) -> Event {
        let other = self.somebody(at);
        let text = match self.random.random_range(0..10) {
            0 => format!("{other}++"),
            1 => format!("thanks to ++{other} and lol"),
            2 => format!("haha {other}"),
            3 | 4 => {
                let emote = self.random.random_range(0..EMOTES + 5);
                format!("#emote{emote} #EMOTE3 yes")
            }
            5 => "movie++".to_owned(),
            6 => "film-".to_owned(),
            _ => "just talking".to_owned(),
        };
        self.count(at, user, &text);
        let time = self.next_time();
        let line = json!({"username": user, "msg": text, "meta": {}, "time": time});
        self.event(at, "chatMsg", line)
    }

    fn count(&mut self, at: usize, user: &str, text: &str) {
        let intents = intents_of(text, &self.emotes);
        let (channel, people) = (&self.channels[at], self.people);
        let ledger = &mut self.ledger;
        *ledger.messages.entry(user.to_owned()).or_default() += 1;
        let is_other = |name: &String| name != user && is_person(channel, people, name);
        for name in intents.kudos.into_iter().filter(is_other) {
            *ledger.kudos_plusplus.entry(name).or_default() += 1;
        }
        for (name, phrase) in intents.phrases {
            if is_other(&name) {
                let of = ledger.kudos_phrases.entry(name).or_default();
                *of.entry(phrase).or_default() += 1;
            }
        }
        for emote in intents.emotes {
            let of = ledger.emotes.entry(user.to_owned()).or_default();
            *of.entry(emote).or_default() += 1;
        }
        if let Some(vote) = intents.vote {
            let of = ledger
                .movie_votes
                .entry(self.titles[at].clone())
                .or_default();
            of.insert(user.to_owned(), vote);
        }
    }

    fn somebody(&mut self, at: usize) -> String {
        let number = self.random.random_range(0..self.people);
        person(&self.channels[at], number)
    }

    /// When CyTube would say the next event happened; no two lines are alike.
    fn next_time(&self) -> i64 {
        START + (self.number + 1) * 40
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.left = self.left.checked_sub(1)?;
        Some(match self.first.pop() {
            Some(event) => event,
            None => self.random_event(),
        })
    }
}

fn person(channel: &str, number: u32) -> String {
    format!("{channel}{number}")
}

fn is_person(channel: &str, people: u32, name: &str) -> bool {
    let number = name
        .strip_prefix(channel)
        .and_then(|number| number.parse().ok());
    number.is_some_and(|number: u32| number < people)
}

fn film(title: &str) -> Value {
    json!({"title": title, "type": "yt", "id": title.replace(' ', ""), "currentTime": 0})
}
