//! The tally as of the stored position.

use std::collections::BTreeMap;

use kryten_protocol::time::WireTime;
use sqlx::FromRow;

use super::{Store, StoreError, sql};
use crate::tally::{
    Aliases, EmoteSet, Film, Films, KnownNames, Memory, Phrases, RecentLines, Room, RoomKey, Tally,
    Visit, Visits,
};

/// Rows of `users` that may be committed after newer ones.
const OVERLAP: i64 = 1000;

impl Store {
    /// Everything that counting needs to go on from the stored position.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn load(&self, phrases: &[String]) -> Result<Tally, StoreError> {
        let mut names = KnownNames::default();
        let users: Vec<String> = sql::query_scalar("SELECT username FROM users")
            .fetch_all(&self.readers)
            .await?;
        for name in &users {
            names.insert(name);
        }
        let aliases = Aliases::new(self.aliases().await?);
        let mut tally = Tally::new(names, aliases, Phrases::new(phrases));
        for (key, room) in self.rooms().await? {
            tally.restore(key, room);
        }
        Ok(tally)
    }

    /// The number of the newest row of `users`.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn newest_user(&self) -> Result<i64, StoreError> {
        let sql = "SELECT COALESCE(MAX(id), 0) FROM users";
        Ok(sql::query_scalar(sql).fetch_one(&self.readers).await?)
    }

    /// Users of newer rows, and of some older ones: rows are numbered before they are committed.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn users_after(&self, row: i64) -> Result<Vec<(i64, String)>, StoreError> {
        let sql = "SELECT id, username FROM users WHERE id > $1";
        let users = sql::query_as(sql).bind(row - OVERLAP);
        Ok(users.fetch_all(&self.readers).await?)
    }

    async fn rooms(&self) -> Result<BTreeMap<RoomKey, Room>, StoreError> {
        let mut lines = self.recent_lines().await?;
        let mut visits = self.open_visits().await?;
        let mut rooms = BTreeMap::new();
        let rows: Vec<StateRow> =
            sql::query_as("SELECT domain, channel, emotes, memory FROM kryten_channel_state")
                .fetch_all(&self.readers)
                .await?;
        for row in rows {
            let unreadable = |source| StoreError::Memory {
                channel: row.channel.clone(),
                source,
            };
            let emotes = row
                .emotes
                .as_deref()
                .map(serde_json::from_str::<Vec<String>>)
                .transpose()
                .map_err(unreadable)?
                .map(EmoteSet::new);
            let memory: Memory = serde_json::from_str(&row.memory).map_err(unreadable)?;
            let key = key(row.domain, row.channel);
            let room = Room::new(
                emotes,
                RecentLines::new(lines.remove(&key).unwrap_or_default()),
                Visits::new(visits.remove(&key).unwrap_or_default()),
                memory,
            );
            rooms.insert(key, room);
        }
        for (key, film) in self.newest_films().await? {
            rooms.entry(key).or_insert_with(|| {
                let memory = Memory::after(Films::after(Some(film)));
                Room::new(None, RecentLines::default(), Visits::default(), memory)
            });
        }
        Ok(rooms)
    }

    async fn recent_lines(&self) -> Result<BTreeMap<RoomKey, Vec<(String, bool)>>, StoreError> {
        let rows: Vec<(String, String, String, i64)> = sql::query_as(
            "SELECT domain, channel, line_id, place FROM kryten_recent_lines ORDER BY ABS(place)",
        )
        .fetch_all(&self.readers)
        .await?;
        let mut lines: BTreeMap<RoomKey, Vec<(String, bool)>> = BTreeMap::new();
        for (domain, channel, id, place) in rows {
            let lines = lines.entry(key(domain, channel)).or_default();
            lines.push((id, place > 0));
        }
        Ok(lines)
    }

    async fn open_visits(&self) -> Result<BTreeMap<RoomKey, Vec<(String, Visit)>>, StoreError> {
        let rows: Vec<VisitRow> = sql::query_as(
            "SELECT domain, channel, username, opened_at, afk_since, afk_seconds
             FROM kryten_visits WHERE closed_at IS NULL",
        )
        .fetch_all(&self.readers)
        .await?;
        let mut visits: BTreeMap<RoomKey, Vec<(String, Visit)>> = BTreeMap::new();
        for row in rows {
            let visit = Visit {
                opened_at: WireTime::from_micros(row.opened_at),
                afk_since: row.afk_since.map(WireTime::from_micros),
                afk_seconds: row.afk_seconds,
            };
            let open = visits.entry(key(row.domain, row.channel)).or_default();
            open.push((row.username, visit));
        }
        Ok(visits)
    }

    /// The film of each channel's newest row: shown again, it adds none.
    async fn newest_films(&self) -> Result<Vec<(RoomKey, Film)>, StoreError> {
        let channels: Vec<(String, String)> =
            sql::query_as("SELECT DISTINCT domain, channel FROM media_changes")
                .fetch_all(&self.readers)
                .await?;
        let mut films = Vec::new();
        for (domain, channel) in channels {
            let (title, kind, id): (String, Option<String>, Option<String>) = sql::query_as(
                "SELECT media_title, media_type, media_id FROM media_changes
                 WHERE channel = $1 AND domain = $2 ORDER BY timestamp DESC, id DESC LIMIT 1",
            )
            .bind(&channel)
            .bind(&domain)
            .fetch_one(&self.readers)
            .await?;
            let film = Film {
                title,
                kind: kind.unwrap_or_default(),
                id: id.unwrap_or_default(),
            };
            films.push((key(domain, channel), film));
        }
        Ok(films)
    }
}

#[derive(FromRow)]
struct StateRow {
    domain: String,
    channel: String,
    emotes: Option<String>,
    memory: String,
}

#[derive(FromRow)]
struct VisitRow {
    domain: String,
    channel: String,
    username: String,
    opened_at: i64,
    afk_since: Option<i64>,
    afk_seconds: i64,
}

fn key(domain: String, channel: String) -> RoomKey {
    RoomKey { domain, channel }
}
