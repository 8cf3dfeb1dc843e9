//! What played when.

use kryten_protocol::cytube::{CleanTitle, Media};
use kryten_protocol::time::WireTime;
use serde::{Deserialize, Serialize};

/// How many films are remembered for votes in replayed lines.
const REMEMBERED: usize = 20;

/// A film as statistics know it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Film {
    /// The cleaned title.
    pub title: String,
    /// The kind of source, such as `yt`.
    pub kind: String,
    /// The id at that source.
    pub id: String,
}

impl Film {
    /// From CyTube's media object.
    pub fn of(media: &Media) -> Self {
        Self {
            title: CleanTitle::new(&media.title).into_string(),
            kind: media.kind.clone(),
            id: media.id.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Showing {
    film: Film,
    start_micros: i64,
}

/// The last films of a channel and when each began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Films {
    shown: Vec<Showing>,
    newest_row: Option<Film>,
}

impl Films {
    /// A history whose newest logged film is known.
    pub fn after(newest_row: Option<Film>) -> Self {
        Self {
            shown: Vec::new(),
            newest_row,
        }
    }

    /// Notes what plays, seen at `at`; whether that is another film than before.
    pub fn play(&mut self, media: &Media, at: WireTime) -> bool {
        let film = Film::of(media);
        if self.current() == Some(&film) {
            return false;
        }
        // During the lead-in the position is negative, but votes already mean this film.
        let played = (media.current_time.max(0.0) * 1e6) as i64;
        let start_micros = at.micros().saturating_sub(played);
        self.shown.push(Showing { film, start_micros });
        if self.shown.len() > REMEMBERED {
            self.shown.remove(0);
        }
        true
    }

    /// The film to log for a `changeMedia`; `None` when the newest row is the same.
    pub fn log(&mut self, media: &Media) -> Option<Film> {
        let film = Film::of(media);
        if self.newest_row.as_ref() == Some(&film) {
            return None;
        }
        self.newest_row = Some(film.clone());
        Some(film)
    }

    /// What plays now.
    pub fn current(&self) -> Option<&Film> {
        self.shown.last().map(|showing| &showing.film)
    }

    /// Whether anything is known to have played.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// What played at a time: the film whose start is the last before it.
    pub fn playing_at(&self, time: WireTime) -> Option<&Film> {
        self.shown
            .iter()
            .rev()
            .find(|showing| showing.start_micros <= time.micros())
            .map(|showing| &showing.film)
    }
}
