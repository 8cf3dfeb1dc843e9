//! The channel's library: what was ever on its playlist and is kept, and searches.

use serde_json::{Value, json};

use super::lookup::is_live;
use super::playlist::duration;
use super::{Media, Room};

/// How many results a search on YouTube has.
const FOUND: usize = 3;

impl Room {
    /// Keeps a film that was added for good.
    pub(super) fn cache(&mut self, media: &Media) {
        if !is_live(&media.kind) {
            self.library.insert(media.id.clone(), media.clone());
        }
    }

    pub(super) fn uncache(&mut self, id: &str) {
        self.library.remove(id);
    }

    /// What a search finds: in the library, or made up for `yt`.
    pub(super) fn search(&self, source: Option<&str>, query: &str) -> Value {
        if source == Some("yt") {
            return json!({"source": "yt", "results": made_up(query)});
        }
        let wanted = query.to_lowercase();
        let mut found: Vec<&Media> = self.library.values().collect();
        found.retain(|media| media.title.to_lowercase().contains(&wanted));
        found.sort_by_key(|media| media.title.to_lowercase());
        let results = found.into_iter().map(|media| {
            // The database keeps the meta as text, and nobody reads it back.
            json!({
                "id": media.id, "title": media.title, "seconds": media.seconds, "type": media.kind,
                "meta": media.meta.to_string(), "channel": self.channel,
                "duration": duration(media.seconds),
            })
        });
        json!({"source": "library", "results": results.collect::<Vec<_>>()})
    }
}

fn made_up(query: &str) -> Vec<Value> {
    let word: String = query.chars().filter(char::is_ascii_alphanumeric).collect();
    let results = (1..=FOUND).map(|number| {
        let seconds = 60 * number as u64 + word.len() as u64;
        json!({
            "id": format!("{word}-{number}"), "title": format!("{query} ({number})"), "seconds": seconds,
            "duration": duration(seconds), "type": "yt", "meta": {}, "currentTime": 0, "paused": false,
            "thumb": {"url": "https://i.ytimg.com/vi/x/default.jpg"},
        })
    });
    results.collect()
}
