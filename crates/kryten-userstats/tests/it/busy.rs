//! A busy channel: what it sends, the same at each run.

use kryten_protocol::subject;
use serde_json::{Value, json};

use crate::bench::{Bench, CHANNEL, at, envelope, line};

/// Numbers that are the same at each run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What a busy channel sends.
pub(crate) fn busy_channel(seed: u64, count: i64) -> Vec<(i64, &'static str, Value)> {
    let mut dice = Dice(seed);
    let emotes: Vec<Value> = (0..30)
        .map(|n| json!({"name": format!("#emote{n}")}))
        .collect();
    let mut events = vec![(0, "emoteList", json!(emotes)), (0, "drinkCount", json!(0))];
    for second in 1..count {
        let user = format!("user{}", dice.roll(50));
        let other = dice.roll(50);
        let event = match dice.roll(20) {
            0 => ("addUser", json!({"name": user, "meta": {"afk": false}})),
            1 => ("userLeave", json!({"name": user})),
            2 => ("setAFK", json!({"name": user, "afk": dice.roll(2) == 0})),
            3 => (
                "pm",
                json!({"username": user, "msg": "psst", "to": "bot", "time": at(second).millis()}),
            ),
            4 => {
                let title = format!("Film.{}.mkv", dice.roll(8));
                (
                    "changeMedia",
                    json!({"title": title, "type": "yt", "id": title, "currentTime": 0}),
                )
            }
            5 => ("mediaUpdate", json!({"currentTime": 5.5, "paused": false})),
            6 => (
                "chatMsg",
                line(second, &user, &format!("USER{other}++ movie++")),
            ),
            7 => (
                "chatMsg",
                line(second, &user, &format!("lol user{other} haha")),
            ),
            8 | 9 => (
                "chatMsg",
                line(
                    second,
                    &user,
                    &format!("#emote{other} #emote{} film-", other % 7),
                ),
            ),
            _ => ("chatMsg", line(second, &user, "just talking")),
        };
        events.push((second, event.0, event.1));
    }
    events
}

pub(crate) async fn publish(bench: &Bench, events: &[(i64, &'static str, Value)]) {
    let mut acks = Vec::new();
    for (second, name, payload) in events {
        let subject = subject::event(CHANNEL, name).unwrap();
        let body = envelope(*second, name, payload);
        let ack = bench.client.jetstream().publish(subject, body.into()).await;
        acks.push(ack.unwrap());
        if acks.len() == 256 {
            for ack in acks.drain(..) {
                ack.await.unwrap();
            }
        }
    }
    for ack in acks {
        ack.await.unwrap();
    }
}
