//! Chat of many people as the robot publishes it, and what it must come to.

use std::collections::BTreeMap;

use async_nats::HeaderMap;
use bytes::Bytes;
use kryten_protocol::line::LINE_ID_PREFIX;
use kryten_protocol::subject;
use kryten_protocol::time::WireTime;
use serde_json::{Value, json};

pub(crate) const CHANNEL: &str = "bench";
pub(crate) const DOMAIN: &str = "cytu.be";
/// Says nothing but private messages, which tell that all before them is counted.
pub(crate) const MARKER: &str = "marker";
const FILM: &str = "The Film";
/// Where films change: after so many lines.
const LINES_OF_A_FILM: u64 = 2_000;
const EMOTE: &str = "kappa";

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing to be found in it.
    Plain,
    /// Of twenty lines two give ++ kudos, one a phrase's, two have an emote, one is a vote.
    Mixed,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Mixed => "mixed",
        }
    }
}

/// A message to be published.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Who talks, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Talk {
    pub(crate) people: u64,
    pub(crate) kind: Kind,
    /// The time of line 0, in milliseconds since the Unix epoch, and the time from line to line.
    pub(crate) begin: i64,
    pub(crate) step: i64,
    /// Whether another film begins now and then.
    pub(crate) films: bool,
}

/// A line: who says it, and what is to be found in it.
struct Line {
    who: u64,
    text: String,
    found: Found,
}

enum Found {
    Nothing,
    Kudos(u64),
    Phrase(u64),
    Emote,
    Vote(i64),
}

/// What one person has come to.
#[derive(Debug, Clone, Default)]
struct Person {
    messages: u64,
    kudos: u64,
    phrases: u64,
    emotes: u64,
}

/// What everything has come to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    people: BTreeMap<u64, Person>,
    votes: BTreeMap<u64, i64>,
}

pub(crate) fn person(number: u64) -> String {
    format!("user{number}")
}

impl Talk {
    /// Talk that ends now.
    pub(crate) fn until_now(people: u64, kind: Kind, lines: u64) -> Self {
        let step = 10;
        let length = i64::try_from(lines).unwrap_or(i64::MAX / step) * step;
        Self {
            people,
            kind,
            begin: jiff::Timestamp::now().as_millisecond() - length,
            step,
            films: false,
        }
    }

    /// What comes before the first line: emotes, the film, and everybody joins. It is a minute before, since lines just
    /// after a robot's join may be replayed ones.
    pub(crate) fn opening(&self) -> Vec<Event> {
        let time = self.begin - 60_000;
        let emotes = json!([{"name": format!("#{EMOTE}"), "image": "https://example.org/k.png"}]);
        let mut events = vec![
            event("emoteList", time, None, &emotes),
            event("changeMedia", time, None, &film(FILM)),
        ];
        for number in 0..self.people {
            let user = json!({"name": person(number), "rank": 1, "profile": {"image": "", "text": ""}, "meta": {"afk": false}});
            events.push(event("addUser", time, None, &user));
        }
        events
    }

    /// The line of this number.
    pub(crate) fn line(&self, number: u64) -> Event {
        let line = self.said(number);
        let time = self.time(number);
        let body =
            json!({"username": person(line.who), "msg": line.text, "meta": {}, "time": time});
        event("chatMsg", time, Some(number), &body)
    }

    /// As [`Talk::line`], and before some of them another film begins.
    pub(crate) fn lines(&self, number: u64) -> impl Iterator<Item = Event> {
        let change = (self.films && number.is_multiple_of(LINES_OF_A_FILM)).then(|| {
            let title = format!("Film {}", number / LINES_OF_A_FILM);
            event("changeMedia", self.time(number) - 1, None, &film(&title))
        });
        change.into_iter().chain([self.line(number)])
    }

    /// A private message of the marker, after so many lines.
    pub(crate) fn mark(&self, lines: u64) -> Event {
        let time = self.time(lines);
        let body = json!({"username": MARKER, "msg": lines.to_string(), "meta": {}, "time": time, "to": "KrytenBot"});
        event("pm", time, None, &body)
    }

    fn time(&self, number: u64) -> i64 {
        self.begin + self.step * number.cast_signed()
    }

    fn said(&self, number: u64) -> Line {
        let who = number * 7919 % self.people;
        // Never the one who speaks.
        let other = (who + 1 + number % (self.people - 1)) % self.people;
        let (text, found) = match (self.kind, number % 20) {
            (Kind::Mixed, 0 | 1) => (
                format!("thanks {}++ you are great {number}", person(other)),
                Found::Kudos(other),
            ),
            (Kind::Mixed, 2) => (
                format!("lol {} that was good {number}", person(other)),
                Found::Phrase(other),
            ),
            (Kind::Mixed, 3 | 4) => (format!("well #{EMOTE} then {number}"), Found::Emote),
            (Kind::Mixed, 5) => match number % 60 {
                5 => (format!("{number} a bad movie--"), Found::Vote(-1)),
                _ => (format!("{number} a great movie++"), Found::Vote(1)),
            },
            _ => (
                format!("some ordinary talk about the film that runs, nothing to see, {number}"),
                Found::Nothing,
            ),
        };
        Line { who, text, found }
    }

    /// Counts the lines of these numbers.
    pub(crate) fn count(&self, numbers: std::ops::Range<u64>, ledger: &mut Ledger) {
        for number in numbers {
            let line = self.said(number);
            let speaker = ledger.people.entry(line.who).or_default();
            speaker.messages += 1;
            match line.found {
                Found::Nothing => {}
                Found::Emote => speaker.emotes += 1,
                Found::Kudos(other) => ledger.people.entry(other).or_default().kudos += 1,
                Found::Phrase(other) => ledger.people.entry(other).or_default().phrases += 1,
                Found::Vote(vote) => {
                    ledger.votes.insert(line.who, vote);
                }
            }
        }
    }
}

impl Ledger {
    /// In the form that [`crate::clerk::Clerk::totals`] has.
    pub(crate) fn totals(&self, people: u64) -> Value {
        let mut all = serde_json::Map::new();
        let list = |what: &str, name: &str, count: u64| match count {
            0 => json!([]),
            _ => json!([{what: name, "count": count}]),
        };
        for number in 0..people {
            let seen = self.people.get(&number).cloned().unwrap_or_default();
            let totals = json!({
                "messages": seen.messages, "kudos_plusplus": seen.kudos,
                "kudos_phrases": list("phrase", "lol", seen.phrases),
                "emotes": list("emote", EMOTE, seen.emotes),
            });
            all.insert(person(number), totals);
        }
        let sum = |sign: i64| self.votes.values().filter(|vote| **vote == sign).count();
        if !self.votes.is_empty() {
            let votes = json!({"media_title": FILM, "upvotes": sum(1), "downvotes": sum(-1)});
            all.insert("votes".to_owned(), json!([votes]));
        } else {
            all.insert("votes".to_owned(), json!([]));
        }
        Value::Object(all)
    }
}

fn film(title: &str) -> Value {
    json!({"id": "video01", "title": title, "seconds": 600, "duration": "10:00", "type": "yt", "currentTime": 0, "paused": false})
}

fn event(name: &str, millis: i64, line: Option<u64>, payload: &Value) -> Event {
    let time = WireTime::from_millis(millis).to_string();
    let body = json!({
        "event_name": name, "payload": payload, "channel": CHANNEL, "domain": DOMAIN, "timestamp": time,
        "correlation_id": "5f0c2f1e-7a0b-4b58-9a53-0d8f2f3b7c11",
    });
    let mut headers = HeaderMap::new();
    if let Some(number) = line {
        headers.insert("Nats-Msg-Id", format!("{LINE_ID_PREFIX}{number:032x}"));
    }
    Event {
        // Only a channel without a letter or digit has none.
        subject: subject::event(CHANNEL, name).unwrap_or_default(),
        headers,
        body: body.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_kudos_to_oneself_and_everything_is_found() {
        let talk = Talk::until_now(10, Kind::Mixed, 200);
        for number in 0..200 {
            let line = talk.said(number);
            if let Found::Kudos(other) | Found::Phrase(other) = line.found {
                assert_ne!(line.who, other);
            }
        }
        let mut ledger = Ledger::default();
        talk.count(0..200, &mut ledger);
        let sum = |pick: fn(&Person) -> u64| ledger.people.values().map(pick).sum::<u64>();
        assert_eq!(sum(|person| person.messages), 200);
        assert_eq!(sum(|person| person.kudos), 20);
        assert_eq!(sum(|person| person.phrases), 10);
        assert_eq!(sum(|person| person.emotes), 20);
        assert!(!ledger.votes.is_empty());
    }
}
