//! What users do besides chatting: coming and going, AFK, private messages, the playlist, settings, polls.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::Actor;
use super::cast::{PLAIN, film_title};
use crate::room::{Media, Room};

/// The one who is shadow-muted; the fourth of the cast is the first without a rank.
const SHADOW: usize = 3;
/// The playlist is kept below this.
const MOST_ITEMS: usize = 30;

#[derive(Debug)]
pub(super) struct Others {
    random: StdRng,
    films: usize,
    changes: usize,
}

impl Others {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed ^ 0x6f74_6865_7273),
            films: 0,
            changes: 0,
        }
    }

    fn below(&mut self, end: usize) -> usize {
        if end == 0 {
            0
        } else {
            self.random.random_range(0..end)
        }
    }

    /// Now and then one thing.
    pub(super) fn step(&mut self, room: &mut Room, cast: &[Actor], now: i64) {
        let chance = self.below(1000);
        if cast.is_empty() || chance >= 260 {
            return;
        }
        let who = self.below(cast.len());
        let actor = &cast[who];
        let present = room.user(&actor.name).is_some();
        match chance {
            0..45 if present => self.message_bots(room, &actor.name, now),
            45..95 if present => toggle_afk(room, &actor.name),
            95..125 if present && who != SHADOW => self.leave(room, cast, actor),
            95..140 => room.join(&actor.name, actor.rank, now),
            140..150 => self.shadow(room, cast, now),
            150..170 => self.queue_a_film(room, now),
            170..200 => self.change_playlist(room, now),
            200..212 => self.change_emotes(room),
            212..222 => self.change_settings(room, cast, now),
            222..245 => self.polls(room, cast, actor, now),
            245..260 => self.rare(room, cast, actor, now),
            _ => {}
        }
    }

    fn message_bots(&mut self, room: &mut Room, from: &str, now: i64) {
        let text = match self.below(10) {
            0 => "system:help".to_owned(),
            1 => "system:about".to_owned(),
            _ => PLAIN[self.below(PLAIN.len())].to_owned(),
        };
        for (_, bot) in room.bots() {
            room.private_message(from, &bot, &text, now);
        }
    }

    /// Some always stay, so that there is somebody to talk.
    fn leave(&mut self, room: &mut Room, cast: &[Actor], actor: &Actor) {
        let present = room.users().iter().filter(|user| !user.is_client());
        if present.count() * 5 > cast.len() * 2 {
            room.leave(&actor.name);
        }
    }

    /// A shadow-muted user talks on and notices nothing.
    fn shadow(&mut self, room: &mut Room, cast: &[Actor], now: i64) {
        let Some(actor) = cast.get(SHADOW) else {
            return;
        };
        let Some(user) = room.user(&actor.name) else {
            return room.join(&actor.name, actor.rank, now);
        };
        if !user.shadow_muted {
            return room.type_chat(&cast[1].name, &format!("/smute {}", actor.name), None, now);
        }
        if self.below(4) == 0 {
            return room.type_chat(&cast[1].name, &format!("/unmute {}", actor.name), None, now);
        }
        room.say(&actor.name, "can anybody see this", None, now);
    }

    pub(super) fn queue_a_film(&mut self, room: &mut Room, now: i64) {
        if room.items.len() >= MOST_ITEMS {
            return;
        }
        let number = self.films;
        self.films += 1;
        let media = Media {
            id: format!("sim_{number}"),
            title: film_title(number),
            seconds: 60 + self.below(180) as u64,
            kind: "yt".to_owned(),
            meta: json!({}),
        };
        let by = room
            .users()
            .first()
            .map_or("owner", |user| &user.name)
            .to_owned();
        let next = self.below(4) == 0;
        let temp = self.below(3) == 0;
        room.add_film(media, next, temp, &by, now);
    }

    fn uid(&mut self, room: &Room) -> Value {
        let pick = self.below(room.items.len());
        room.items
            .get(pick)
            .map_or(Value::Null, |item| item.uid.into())
    }

    fn change_playlist(&mut self, room: &mut Room, now: i64) {
        let (uid, other) = (self.uid(room), self.uid(room));
        match self.below(20) {
            0..6 => {
                let after = match self.below(4) {
                    0 => json!("prepend"),
                    1 => json!("append"),
                    _ if uid != other => other,
                    _ => json!("append"),
                };
                moderator(
                    room,
                    "moveMedia",
                    &json!({"from": uid, "after": after}),
                    now,
                );
            }
            6..10 => {
                let temp = self.below(2) == 0;
                moderator(room, "setTemp", &json!({"uid": uid, "temp": temp}), now);
            }
            10..14 => moderator(room, "delete", &uid, now),
            14..16 => moderator(room, "jumpTo", &uid, now),
            16..18 => moderator(room, "shufflePlaylist", &json!({}), now),
            18 => moderator(room, "togglePlaylistLock", &json!({}), now),
            _ => {
                moderator(room, "clearPlaylist", &json!({}), now);
                for _ in 0..3 {
                    self.queue_a_film(room, now);
                }
            }
        }
        if room.items.is_empty() {
            self.queue_a_film(room, now);
        }
    }

    /// Only emotes that nobody types: what a line with one counts for must not depend on a moment.
    fn change_emotes(&mut self, room: &mut Room) {
        self.changes += 1;
        let name = format!("extra_{}", self.changes % 5);
        match self.changes % 4 {
            0 => room.remove_emote(&name),
            1 => {
                room.rename_emote(&name, &format!("renamed_{}", self.changes));
            }
            _ => {
                let image = format!("https://media.example.com/{}.gif", self.changes);
                room.update_emote(&name, &image);
            }
        }
    }

    fn change_settings(&mut self, room: &mut Room, cast: &[Actor], now: i64) {
        self.changes += 1;
        let number = self.changes;
        let owner = &cast[0].name;
        room.join(owner, cast[0].rank, now);
        let (event, payload) = match number % 5 {
            0 => (
                "setMotd",
                json!({"motd": format!("<b>Show {number}</b> tonight ☃")}),
            ),
            1 => (
                "setChannelCSS",
                json!({"css": format!("/* {number} */ body {{}}")}),
            ),
            2 => ("setChannelJS", json!({"js": format!("// {number}")})),
            3 => ("setOptions", json!({"afk_timeout": 600 + number})),
            _ => (
                "setPermissions",
                json!({"drink": if number.is_multiple_of(2) { 1 } else { 2 }}),
            ),
        };
        room.act(owner, event, &payload, now);
    }

    fn polls(&mut self, room: &mut Room, cast: &[Actor], actor: &Actor, now: i64) {
        let moderator = &cast[usize::from(cast.len() > 1)];
        match self.below(6) {
            0 => {
                room.join(&moderator.name, moderator.rank, now);
                let hidden = self.below(3) == 0;
                let poll = json!({"title": "Next film?", "opts": ["Lobster", "Toaster", "<Shrew>"], "obscured": hidden});
                room.act(&moderator.name, "newPoll", &poll, now);
            }
            1 => room.close_poll(),
            _ => {
                let option = self.below(3) as i64;
                if room.user(&actor.name).is_some() {
                    room.vote(&actor.name, option);
                }
            }
        }
    }

    fn rare(&mut self, room: &mut Room, cast: &[Actor], actor: &Actor, now: i64) {
        let moderator = &cast[usize::from(cast.len() > 1)];
        room.join(&moderator.name, moderator.rank, now);
        let present = room.user(&actor.name).is_some();
        match self.below(6) {
            0 if present => {
                let leader = if room.leader.is_some() {
                    ""
                } else {
                    &actor.name
                };
                room.act(
                    &moderator.name,
                    "assignLeader",
                    &json!({"name": leader}),
                    now,
                );
            }
            1 => {
                let leader = room.leader.clone();
                let playing = room.current_item().map(|item| item.media.id.clone());
                if let (Some(leader), Some(id)) = (leader, playing) {
                    let update =
                        json!({"id": id, "currentTime": 12.5, "paused": false, "type": "yt"});
                    room.act(&leader, "mediaUpdate", &update, now);
                    room.assign_leader("", now);
                }
            }
            2 => room.drink(1),
            3 if present => {
                self.changes += 1;
                let text = format!("film nut no. {}", self.changes);
                room.set_profile(&actor.name, "https://media.example.com/me.png", &text);
            }
            4 if present && actor.rank == 1.0 => {
                let rank = if room.user(&actor.name).is_some_and(|user| user.rank > 1.0) {
                    1.0
                } else {
                    2.0
                };
                room.set_rank(&actor.name, rank);
            }
            _ if present => room.vote_to_skip(&actor.name, now),
            _ => {}
        }
    }
}

fn toggle_afk(room: &mut Room, name: &str) {
    let afk = room.user(name).is_some_and(|user| user.afk);
    room.set_afk(name, !afk);
}

/// The first user of rank 2 or more does it, if one is there.
fn moderator(room: &mut Room, event: &str, payload: &Value, now: i64) {
    let name = room
        .users()
        .iter()
        .find(|user| user.rank >= 2.0 && !user.is_client())
        .map(|user| user.name.clone());
    if let Some(name) = name {
        room.act(&name, event, payload, now);
    }
}
