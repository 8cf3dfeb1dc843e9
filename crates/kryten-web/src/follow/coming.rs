//! What comes next: the robot's playlist in KV, looked at when somebody asks and it has changed.

use std::time::{Duration, Instant};

use kryten_client::channel_state::ChannelState;
use kryten_client::state::StateError;
use kryten_client::{Client, KvBucket};
use kryten_protocol::event::media::{ChangeMedia, Media};
use kryten_protocol::event::playlist::Item;
use kryten_protocol::state::StateBucket;
use kryten_userstats::ChannelConfig;
use schemars::JsonSchema;
use serde::Serialize;

/// So many films are shown.
const SHOWN: usize = 5;
/// Asked more often than this, the last answer is given again.
const FRESH: Duration = Duration::from_millis(400);
/// A server that does not answer in time is away.
const PATIENCE: Duration = Duration::from_secs(2);

/// What comes next in a channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Coming {
    /// The next films, first one first.
    pub(crate) films: Vec<NextFilm>,
    /// How many films are in the playlist.
    pub(crate) playlist_length: usize,
    /// How long the film that plays is, as CyTube writes it.
    pub(crate) current_duration: Option<String>,
    /// Whether the robot's playlist could be read just now; else this is what was known last.
    pub(crate) is_current: bool,
}

/// A film in the playlist.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct NextFilm {
    pub(crate) title: String,
    /// As CyTube writes it, such as `01:35`.
    pub(crate) duration: String,
}

/// What is known of a channel's playlist.
#[derive(Default)]
pub(crate) struct Shelf {
    state: Option<(ChannelState, KvBucket)>,
    revision: u64,
    looked_at: Option<Instant>,
    coming: Coming,
}

impl Shelf {
    pub(super) async fn look(&mut self, nats: Option<&Client>, channel: &ChannelConfig) -> Coming {
        if self
            .looked_at
            .is_some_and(|looked| looked.elapsed() < FRESH)
        {
            return self.coming.clone();
        }
        self.looked_at = Some(Instant::now());
        let read = async {
            match nats {
                Some(client) => self.read(client, channel).await.is_ok(),
                None => false,
            }
        };
        let read = tokio::time::timeout(PATIENCE, read).await;
        self.coming.is_current = read == Ok(true);
        // Patience begins when the answer was given.
        self.looked_at = Some(Instant::now());
        self.coming.clone()
    }

    async fn read(&mut self, client: &Client, channel: &ChannelConfig) -> Result<(), StateError> {
        if self.state.is_none() {
            let state = client.channel_state(&channel.domain, &channel.channel);
            let bucket = StateBucket::Playlist.name(&channel.channel);
            self.state = Some((state, KvBucket::open(client, &bucket).await?));
        }
        let Some((state, bucket)) = &self.state else {
            return Ok(());
        };
        let revision = match bucket.info().await {
            Ok(info) => info.last_revision,
            Err(error) => {
                // A bucket that was made anew is opened anew.
                (self.state, self.revision) = (None, 0);
                return Err(error.into());
            }
        };
        if revision == self.revision {
            return Ok(());
        }
        let (items, current) = (state.playlist().await?, state.current_media().await?);
        self.coming = coming(&items, current.as_ref());
        self.revision = revision;
        Ok(())
    }
}

/// The films after the one that plays; at the end the list begins again.
fn coming(items: &[Item], current: Option<&ChangeMedia>) -> Coming {
    let plays = current.and_then(|current| {
        let by_uid = items.iter().position(|item| Some(item.uid) == current.uid);
        let is_it =
            |media: &Media| (&media.kind, &media.id) == (&current.media.kind, &current.media.id);
        by_uid.or_else(|| items.iter().position(|item| is_it(&item.media)))
    });
    let (first, others) = match plays {
        Some(at) => (at + 1, items.len().saturating_sub(1)),
        None => (0, items.len()),
    };
    let films = items.iter().cycle().skip(first).take(others.min(SHOWN));
    Coming {
        films: films
            .map(|item| NextFilm {
                title: item.media.title.clone(),
                duration: item.media.duration.clone(),
            })
            .collect(),
        playlist_length: items.len(),
        current_duration: current.map(|current| current.media.duration.clone()),
        is_current: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(id: &str) -> Media {
        Media {
            kind: "yt".to_owned(),
            id: id.to_owned(),
            title: format!("film {id}"),
            seconds: 95.0,
            duration: "01:35".to_owned(),
            meta: serde_json::Map::new(),
        }
    }

    fn items(ids: &[&str]) -> Vec<Item> {
        let item = |(uid, id): (usize, &&str)| Item {
            media: media(id),
            uid: uid as i64,
            temp: true,
            queueby: "ann".to_owned(),
        };
        ids.iter().enumerate().map(item).collect()
    }

    fn titles(coming: &Coming) -> Vec<&str> {
        coming
            .films
            .iter()
            .map(|film| film.title.as_str())
            .collect()
    }

    #[test]
    fn the_films_after_the_current_one_come_next() {
        let plays = |id: &str, uid| ChangeMedia {
            media: media(id),
            current_time: 0.0,
            paused: false,
            uid,
        };
        let list = items(&["a", "b", "c", "b"]);
        let next = |current: Option<ChangeMedia>| coming(&list, current.as_ref());
        assert_eq!(
            titles(&next(Some(plays("b", Some(3))))),
            ["film a", "film b", "film c"]
        );
        assert_eq!(
            titles(&next(Some(plays("b", None)))),
            ["film c", "film b", "film a"]
        );
        assert_eq!(
            titles(&next(None)),
            ["film a", "film b", "film c", "film b"]
        );
        assert_eq!(titles(&next(Some(plays("gone", Some(9))))).len(), 4);
        let alone = items(&["a"]);
        assert!(coming(&alone, Some(&plays("a", Some(0)))).films.is_empty());
        assert!(coming(&[], None).films.is_empty());
    }
}
