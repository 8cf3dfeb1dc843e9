//! Users, media and emotes: what the other events change.

use kryten_protocol::cytube::{Media, User, text};
use serde_json::Value;

use super::Fold;
use super::emotes::{EmoteSet, emote_name};
use super::sums::MediaChange;
use super::visits::Absence;

impl Fold<'_> {
    pub(super) fn add_user(&mut self, payload: &Value) -> bool {
        let name = match payload.get("name") {
            None if payload.is_object() => "",
            Some(Value::String(name)) => name,
            _ => return false,
        };
        if self.privacy.hides(name, self.told) {
            return true;
        }
        self.see(name, self.now);
        let visits = &mut self.room.visits;
        if self.rules.as_original {
            visits.begin_anew(name, self.now, self.room_sums);
        } else {
            visits.open(name, afk_of_meta(payload), self.now, self.room_sums);
        }
        true
    }

    pub(super) fn user_leave(&mut self, payload: &Value) -> bool {
        let Some(name) = text(payload, "name") else {
            return false;
        };
        self.room.visits.close(name, self.now, self.room_sums);
        true
    }

    pub(super) fn userlist(&mut self, payload: &Value) -> bool {
        let Some(items) = payload.as_array() else {
            return false;
        };
        let users: Vec<User> = items.iter().filter_map(User::read).collect();
        self.room.memory.joining_since = None;
        let absence = self.room.memory.attendance.end_by_join(self.now);
        self.take_users(&users, absence);
        true
    }

    /// Makes the users known and their visits agree; returns in how many names the visits had differed.
    pub(super) fn take_users(&mut self, users: &[User], absence: Option<Absence>) -> usize {
        let counted: Vec<User>;
        let users = match users.iter().any(|user| self.passes_over(&user.name)) {
            true => {
                let counts = |user: &&User| !self.passes_over(&user.name);
                counted = users.iter().filter(counts).cloned().collect();
                &counted
            }
            false => users,
        };
        for user in users {
            self.see(&user.name, self.now);
        }
        let awake: Vec<User>;
        let users = match self.rules.as_original {
            true => {
                let awake_of = |user: &User| User {
                    afk: false,
                    ..user.clone()
                };
                awake = users.iter().map(awake_of).collect();
                &awake
            }
            false => users,
        };
        self.room.memory.attendance.list_known = true;
        self.room.memory.headcount.tell();
        let visits = &mut self.room.visits;
        visits.reconcile(users, absence, self.now, self.room_sums)
    }

    /// `setAFK` has `afk` at the top, `setUserMeta` within `meta`. An empty name is nobody.
    pub(super) fn set_afk(&mut self, payload: &Value) -> bool {
        let Some(name) = text(payload, "name") else {
            return false;
        };
        let afk = payload.get("afk").and_then(Value::as_bool);
        let Some(afk) = afk.or_else(|| afk_of_meta(payload)) else {
            return payload.get("meta").is_some();
        };
        if self.passes_over(name) {
            return true;
        }
        let list_known = self.room.list_known();
        let visits = &mut self.room.visits;
        if self.rules.as_original {
            if !name.is_empty() && !visits.set_afk(name, afk, self.now, self.room_sums) {
                visits.open_any(name, Some(afk), self.now, self.room_sums);
            }
            return true;
        }
        if !visits.set_afk(name, afk, self.now, self.room_sums) && !list_known {
            visits.open(name, Some(afk), self.now, self.room_sums);
        }
        true
    }

    pub(super) fn change_media(&mut self, payload: &Value) -> bool {
        let Some(media) = Media::read(payload) else {
            return false;
        };
        let at = self.by_chats_clock();
        let films = &mut self.room.memory.films;
        films.play(&media, at);
        if let Some(film) = films.log(&media) {
            let at = self.now;
            self.room_sums.media.push(MediaChange { film, at });
            self.room_sums.hour(at).media += 1;
        }
        self.settle_replayed_votes();
        true
    }

    /// CyTube sends the whole list only to those who join; its replay of chat follows.
    pub(super) fn emote_list(&mut self, payload: &Value) -> bool {
        self.room.memory.joining_since = Some(self.told);
        match EmoteSet::read(payload) {
            // An emptied list leaves the original with the old one.
            Some(emotes) if emotes.is_empty() && self.rules.as_original => {}
            Some(emotes) => self.room.set_emotes(emotes),
            None => return false,
        }
        true
    }

    pub(super) fn update_emote(&mut self, payload: &Value) -> bool {
        let Some(name) = emote_name(payload) else {
            return false;
        };
        self.change_emotes(|emotes| emotes.insert(name));
        true
    }

    pub(super) fn rename_emote(&mut self, payload: &Value) -> bool {
        let Some(name) = emote_name(payload) else {
            return false;
        };
        let old = text(payload, "old");
        self.change_emotes(|emotes| {
            if let Some(old) = old {
                emotes.remove(old);
            }
            emotes.insert(name);
        });
        true
    }

    pub(super) fn remove_emote(&mut self, payload: &Value) -> bool {
        let Some(name) = emote_name(payload) else {
            return false;
        };
        self.change_emotes(|emotes| {
            emotes.remove(name);
        });
        true
    }

    /// Changes the emotes where they are known; a set of only what changed would be taken for all of them.
    fn change_emotes(&mut self, change: impl FnOnce(&mut EmoteSet)) {
        if let Some(mut emotes) = self.room.emotes.take() {
            change(&mut emotes);
            self.room.set_emotes(emotes);
        }
    }
}

fn afk_of_meta(payload: &Value) -> Option<bool> {
    payload.get("meta")?.get("afk")?.as_bool()
}
