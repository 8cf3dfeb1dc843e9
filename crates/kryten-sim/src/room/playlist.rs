//! The playlist: adding, deleting, moving, shuffling, clearing.

use serde_json::{Value, json};

use super::{ConnectionId, Room, To};

/// A film as a look-up found it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Media {
    pub(crate) id: String,
    pub(crate) title: String,
    /// 0 for a live stream.
    pub(crate) seconds: u64,
    pub(crate) kind: String,
    pub(crate) meta: Value,
}

/// An entry of the playlist.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) media: Media,
    pub(crate) uid: i64,
    pub(crate) temp: bool,
    pub(crate) queued_by: String,
}

/// Where to put an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    End,
    Next,
}

/// Next to which item to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    Start,
    End,
    Uid(i64),
}

impl After {
    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) if text == "prepend" => Some(Self::Start),
            Value::String(text) if text == "append" => Some(Self::End),
            other => other.as_i64().map(Self::Uid),
        }
    }

    fn json(self) -> Value {
        match self {
            Self::Start => "prepend".into(),
            Self::End => "append".into(),
            Self::Uid(uid) => uid.into(),
        }
    }
}

impl Media {
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "title": self.title, "seconds": self.seconds,
            "duration": duration(self.seconds), "type": self.kind, "meta": self.meta,
        })
    }
}

impl Item {
    pub(super) fn json(&self) -> Value {
        json!({
            "media": self.media.json(), "uid": self.uid, "temp": self.temp,
            "queueby": self.queued_by,
        })
    }
}

/// A length as CyTube writes it: `01:35`, `01:45:35`, `--:--` for a live stream.
pub(super) fn duration(seconds: u64) -> String {
    if seconds == 0 {
        return "--:--".to_owned();
    }
    clock(seconds)
}

fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours:02}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

impl Room {
    pub(super) fn item_list(&self) -> Value {
        self.items.iter().map(Item::json).collect()
    }

    pub(super) fn playlist_meta(&self) -> Value {
        let total: u64 = self.items.iter().map(|item| item.media.seconds).sum();
        json!({"count": self.items.len(), "rawTime": total, "time": clock(total)})
    }

    pub(super) fn tell_playlist_meta(&mut self, to: To) {
        let meta = self.playlist_meta();
        self.tell(to, "setPlaylistMeta", meta);
    }

    /// The list, its totals, and which item plays.
    pub(super) fn tell_playlist(&mut self, connection: ConnectionId) {
        let to = To::One(connection);
        if self.viewer_rank(connection) < self.permission("seeplaylist") {
            return;
        }
        self.tell_playlist_meta(to);
        let list = self.item_list();
        self.tell(to, "playlist", list);
        if let Some(uid) = self.current {
            self.tell(to, "setCurrent", uid.into());
        }
    }

    pub(super) fn index_of(&self, uid: i64) -> Option<usize> {
        self.items.iter().position(|item| item.uid == uid)
    }

    pub(crate) fn holds(&self, media: &Media) -> bool {
        self.items
            .iter()
            .any(|item| item.media.id == media.id && item.media.kind == media.kind)
    }

    /// Adds a film; the first one of an empty list starts.
    pub(crate) fn add(
        &mut self,
        media: Media,
        position: Position,
        temp: bool,
        by: &str,
        now: i64,
    ) -> i64 {
        if position == Position::Next
            && let Some(double) = self.items.iter().find(|item| item.media.id == media.id)
        {
            self.delete(double.uid, now);
        }
        let index = match self.current.and_then(|uid| self.index_of(uid)) {
            Some(current) if position == Position::Next => current + 1,
            _ => self.items.len(),
        };
        let after = match index.checked_sub(1) {
            Some(before) => After::Uid(self.items[before].uid),
            None => After::Start,
        };
        let uid = self.next_uid;
        self.next_uid += 1;
        let item = Item {
            media,
            uid,
            temp,
            queued_by: by.to_owned(),
        };
        let change = json!({"item": item.json(), "after": after.json()});
        self.items.insert(index, item);
        self.tell(To::All, "queue", change);
        self.tell_playlist_meta(To::All);
        if self.items.len() == 1 {
            self.start(Some(uid), now);
        }
        uid
    }

    /// A simulated user adds a film.
    pub(crate) fn add_film(&mut self, media: Media, next: bool, temp: bool, by: &str, now: i64) {
        let position = if next { Position::Next } else { Position::End };
        self.add(media, position, temp, by, now);
    }

    /// Deletes an item; if it plays, the next one starts.
    pub(crate) fn delete(&mut self, uid: i64, now: i64) -> bool {
        let Some(index) = self.index_of(uid) else {
            return false;
        };
        self.items.remove(index);
        self.tell(To::All, "delete", json!({"uid": uid}));
        self.tell_playlist_meta(To::All);
        if self.current == Some(uid) {
            let next = self.items.get(index).or(self.items.first());
            let next = next.map(|item| item.uid);
            self.start(next, now);
        }
        true
    }

    /// Moves an item. An unknown `after` loses it without a word: CyTube has this fault.
    pub(crate) fn shift(&mut self, uid: i64, after: After) -> bool {
        let Some(index) = self.index_of(uid).filter(|_| after != After::Uid(uid)) else {
            return false;
        };
        let item = self.items.remove(index);
        let index = match after {
            After::Start => Some(0),
            After::End => Some(self.items.len()),
            After::Uid(after) => self.index_of(after).map(|index| index + 1),
        };
        let Some(index) = index else {
            return false;
        };
        self.items.insert(index, item);
        let change = json!({"from": uid, "after": after.json()});
        self.tell(To::All, "moveVideo", change);
        true
    }

    pub(crate) fn set_temp(&mut self, uid: i64, temp: bool) -> bool {
        let Some(item) = self.items.iter_mut().find(|item| item.uid == uid) else {
            return false;
        };
        item.temp = temp;
        let media = item.media.clone();
        if !temp {
            self.cache(&media);
        }
        self.tell(To::All, "setTemp", json!({"uid": uid, "temp": temp}));
        true
    }

    /// The playing item first, the others in any order, and new uids for all.
    pub(crate) fn shuffle(&mut self, now: i64) {
        let playing = self.current.and_then(|uid| self.index_of(uid));
        let mut rest = std::mem::take(&mut self.items);
        let mut shuffled: Vec<Item> = playing
            .map(|index| rest.remove(index))
            .into_iter()
            .collect();
        while !rest.is_empty() {
            let pick = self.chance_below(rest.len());
            shuffled.push(rest.swap_remove(pick));
        }
        self.items = shuffled;
        self.number_anew();
        let list = self.item_list();
        self.tell(To::All, "playlist", list);
        if playing.is_some() {
            self.current = self.items.first().map(|item| item.uid);
            self.tell_current(To::All, now);
            self.tell_start_marks();
        }
    }

    fn number_anew(&mut self) {
        for item in &mut self.items {
            item.uid = self.next_uid;
            self.next_uid += 1;
        }
    }

    pub(crate) fn clear_playlist(&mut self) {
        self.items.clear();
        self.current = None;
        self.tell(To::All, "playlist", json!([]));
        self.tell_playlist_meta(To::All);
        self.stop_playing();
    }

    /// As after a server restart: uids from 0 in the order of the list.
    pub(crate) fn restart(&mut self) {
        let playing = self.current.and_then(|uid| self.index_of(uid));
        self.next_uid = 0;
        self.number_anew();
        self.current = playing.map(|index| self.items[index].uid);
        self.drinks = 0;
        self.leader = None;
        self.voters.clear();
        self.lookups = Default::default();
    }

    pub(crate) fn set_locked(&mut self, locked: bool) {
        self.is_locked = locked;
        self.tell(To::All, "setPlaylistLocked", locked.into());
    }
}
