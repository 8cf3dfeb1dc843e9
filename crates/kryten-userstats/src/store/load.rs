//! The tally as of the stored position.

use std::collections::BTreeMap;

use kryten_protocol::time::WireTime;
use sqlx::Row;

use super::{Store, StoreError};
use crate::tally::{
    Aliases, EmoteSet, Film, Films, KnownNames, Memory, Phrases, RecentLines, Room, RoomKey, Tally,
    Visit, Visits,
};

impl Store {
    /// Everything that counting needs to go on from the stored position.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn load(&self, phrases: &[String]) -> Result<Tally, StoreError> {
        let mut names = KnownNames::default();
        let users: Vec<String> = sqlx::query_scalar("SELECT username FROM users")
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

    async fn rooms(&self) -> Result<BTreeMap<RoomKey, Room>, StoreError> {
        let mut lines = self.recent_lines().await?;
        let mut visits = self.open_visits().await?;
        let mut rooms = BTreeMap::new();
        let rows = sqlx::query("SELECT domain, channel, emotes, memory FROM kryten_channel_state")
            .fetch_all(&self.readers)
            .await?;
        for row in rows {
            let key = key(&row)?;
            let unreadable = |source| StoreError::Memory {
                channel: key.channel.clone(),
                source,
            };
            let emotes = row
                .try_get::<Option<String>, _>("emotes")?
                .map(|names| serde_json::from_str::<Vec<String>>(&names))
                .transpose()
                .map_err(unreadable)?
                .map(EmoteSet::new);
            let memory: Memory =
                serde_json::from_str(row.try_get("memory")?).map_err(unreadable)?;
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

    async fn recent_lines(&self) -> Result<BTreeMap<RoomKey, Vec<String>>, StoreError> {
        let sql = "SELECT domain, channel, line_id FROM kryten_recent_lines ORDER BY place";
        let mut lines: BTreeMap<RoomKey, Vec<String>> = BTreeMap::new();
        for row in sqlx::query(sql).fetch_all(&self.readers).await? {
            let ids = lines.entry(key(&row)?).or_default();
            ids.push(row.try_get("line_id")?);
        }
        Ok(lines)
    }

    async fn open_visits(&self) -> Result<BTreeMap<RoomKey, Vec<(String, Visit)>>, StoreError> {
        let sql = "SELECT domain, channel, username, opened_at, afk_since, afk_seconds
                   FROM kryten_visits WHERE closed_at IS NULL";
        let mut visits: BTreeMap<RoomKey, Vec<(String, Visit)>> = BTreeMap::new();
        for row in sqlx::query(sql).fetch_all(&self.readers).await? {
            let visit = Visit {
                opened_at: WireTime::from_micros(row.try_get("opened_at")?),
                afk_since: row
                    .try_get::<Option<i64>, _>("afk_since")?
                    .map(WireTime::from_micros),
                afk_seconds: row.try_get("afk_seconds")?,
            };
            let open = visits.entry(key(&row)?).or_default();
            open.push((row.try_get("username")?, visit));
        }
        Ok(visits)
    }

    /// The film of each channel's newest row: shown again, it adds none.
    async fn newest_films(&self) -> Result<Vec<(RoomKey, Film)>, StoreError> {
        let channels = sqlx::query("SELECT DISTINCT channel, domain FROM media_changes")
            .fetch_all(&self.readers)
            .await?;
        let mut films = Vec::new();
        for channel in channels {
            let key = key(&channel)?;
            let row = sqlx::query(
                "SELECT media_title, media_type, media_id FROM media_changes
                 WHERE channel = $1 AND domain = $2 ORDER BY timestamp DESC, id DESC LIMIT 1",
            )
            .bind(&key.channel)
            .bind(&key.domain)
            .fetch_one(&self.readers)
            .await?;
            let film = Film {
                title: row.try_get("media_title")?,
                kind: row
                    .try_get::<Option<String>, _>("media_type")?
                    .unwrap_or_default(),
                id: row
                    .try_get::<Option<String>, _>("media_id")?
                    .unwrap_or_default(),
            };
            films.push((key, film));
        }
        Ok(films)
    }
}

fn key(row: &sqlx::sqlite::SqliteRow) -> sqlx::Result<RoomKey> {
    Ok(RoomKey {
        domain: row.try_get("domain")?,
        channel: row.try_get("channel")?,
    })
}
