//! Who leads in a channel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EmoteCount, NameCount, Votes, named, rows};
use crate::error::PageError;
use crate::sources::App;

const USUAL_PLACES: i64 = 25;
/// Nobody reads further.
pub(crate) const MOST_PLACES: i64 = 500;

/// How many places are wanted.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct HowMany {
    limit: Option<i64>,
}

impl HowMany {
    pub(crate) fn places(&self) -> i64 {
        self.limit.unwrap_or(USUAL_PLACES).clamp(1, MOST_PLACES)
    }
}

/// Who leads in a channel, of all time.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Leaderboards {
    pub(crate) domain: String,
    pub(crate) channel: String,
    /// Chat lines.
    pub(crate) messages: Vec<NameCount>,
    /// Kudos of both kinds.
    pub(crate) kudos: Vec<NameCount>,
    pub(crate) emotes: Vec<EmoteCount>,
    /// Films by their votes, best first.
    pub(crate) films: Vec<Votes>,
}

pub(crate) async fn read(
    app: &App,
    at: usize,
    how_many: &HowMany,
) -> Result<Leaderboards, PageError> {
    let channel = &app.channels()[at];
    let (name, domain) = (channel.channel.as_str(), channel.domain.as_str());
    let (store, places) = (&app.reads.store, how_many.places());
    let mut films = store.movie_votes(name, domain, None).await?;
    films.truncate(usize::try_from(places).unwrap_or_default());
    Ok(Leaderboards {
        domain: domain.to_owned(),
        channel: name.to_owned(),
        messages: named(store.top_users(name, domain, places).await?, domain),
        kudos: named(store.top_kudos(Some(name), domain, places).await?, domain),
        emotes: rows(store.top_emotes(Some(name), domain, places).await?),
        films: rows(films),
    })
}
