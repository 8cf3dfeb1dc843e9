//! Emotes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::chat::escape;
use super::{ConnectionId, Room, To};

#[derive(Debug, Clone)]
pub(crate) struct Emote {
    pub(crate) name: String,
    image: String,
}

impl Emote {
    pub(crate) fn new(name: &str, image: &str) -> Self {
        Self {
            name: name.to_owned(),
            image: escape(image),
        }
    }

    fn json(&self) -> Value {
        let mut source = "(^|\\s)".to_owned();
        for c in self.name.chars() {
            if "\\^$.|?*+()[]{}".contains(c) {
                source.push('\\');
            }
            source.push(c);
        }
        source.push_str("(?!\\S)");
        json!({"name": self.name, "image": self.image, "source": source})
    }
}

impl Room {
    pub(super) fn emote_list(&self) -> Value {
        self.emotes.iter().map(Emote::json).collect()
    }

    /// The names as statistics compare them.
    pub(super) fn emote_names(&self) -> BTreeSet<String> {
        self.emotes
            .iter()
            .map(|emote| emote.name.trim_start_matches('#').to_lowercase())
            .collect()
    }

    /// Adds an emote, or gives it another image.
    pub(crate) fn update_emote(&mut self, name: &str, image: &str) {
        let emote = Emote::new(name, image);
        let change = emote.json();
        match self.emotes.iter_mut().find(|emote| emote.name == name) {
            Some(existing) => *existing = emote,
            None => self.emotes.push(emote),
        }
        self.tell(To::All, "updateEmote", change);
    }

    /// Takes an emote away; told even if there was none.
    pub(crate) fn remove_emote(&mut self, name: &str) {
        self.emotes.retain(|emote| emote.name != name);
        self.tell(To::All, "removeEmote", json!({"name": name}));
    }

    pub(crate) fn rename_emote(&mut self, old: &str, name: &str) -> bool {
        if old != name && self.emotes.iter().any(|emote| emote.name == name) {
            return false;
        }
        let Some(emote) = self.emotes.iter_mut().find(|emote| emote.name == old) else {
            return false;
        };
        name.clone_into(&mut emote.name);
        let mut change = emote.json();
        change["old"] = old.into();
        self.tell(To::All, "renameEmote", change);
        true
    }

    pub(super) fn request_emotes(
        &mut self,
        connection: ConnectionId,
        event: &str,
        payload: &Value,
    ) {
        let text = |field: &str| payload[field].as_str().unwrap_or_default();
        let (name, image) = (text("name"), text("image"));
        match event {
            "updateEmote" if !name.is_empty() && !image.is_empty() => {
                self.update_emote(name, image)
            }
            "removeEmote" if !name.is_empty() => self.remove_emote(name),
            "renameEmote" if !name.is_empty() && !self.rename_emote(text("old"), name) => {
                let error = json!({"msg": "Emote already exists.", "alert": true});
                self.tell(To::One(connection), "errorMsg", error);
            }
            "importEmotes" => {
                let list = payload.as_array().cloned().unwrap_or_default();
                self.emotes = list
                    .iter()
                    .filter_map(|e| Some(Emote::new(e["name"].as_str()?, e["image"].as_str()?)))
                    .collect();
                let list = self.emote_list();
                self.tell(To::All, "emoteList", list);
            }
            // Nobody is told of a new order.
            "moveEmote" => {
                let place = |field: &str| usize::try_from(payload[field].as_u64()?).ok();
                if let (Some(from), Some(to)) = (place("from"), place("to"))
                    && from < self.emotes.len()
                    && to < self.emotes.len()
                {
                    let emote = self.emotes.remove(from);
                    self.emotes.insert(to, emote);
                }
            }
            _ => {}
        }
    }
}
