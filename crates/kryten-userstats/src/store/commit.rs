//! A batch becomes rows: one transaction for everything, the position in it.

use std::collections::BTreeMap;

use super::position::{self, Position};
use super::sql::{self, Transaction};
use super::{Store, StoreError, coverage, population, rows};
use crate::tally::{CountedLine, REMEMBERED_LINES, RoomKey, RoomSums, Seen, Sums};

/// What is to be added for one channel.
#[derive(Debug, Clone, Copy)]
pub struct ChannelBatch<'a> {
    /// The channel's subject token.
    pub token: &'a str,
    /// The epoch under which we hold it.
    pub epoch: i64,
    /// What the events change.
    pub sums: &'a Sums,
    /// Up to where they go; `None` where they come from no stream.
    pub position: Option<&'a Position>,
    /// Which of the robot's sealed events are counted with it, as JSON; `None` where that is as before.
    pub seals: Option<&'a str>,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// Tokens of channels that another holder has taken over: nothing of theirs was stored.
    pub lost: Vec<String>,
}

impl Store {
    /// Adds a batch, all of it or nothing, except what belongs to channels that are no longer ours.
    ///
    /// # Errors
    /// [`StoreError::Sql`]; then nothing was stored.
    pub async fn commit(&self, batches: &[ChannelBatch<'_>]) -> Result<Committed, StoreError> {
        let mut transaction = self.writer.begin_beside_others().await?;
        let mut committed = Committed::default();
        let mut held = Vec::new();
        for batch in batches {
            let done = self.ledger.done(batch.token, batch.epoch);
            let (token, epoch) = (batch.token, batch.epoch);
            let (position, seals) = (batch.position, batch.seals);
            if position::advance(&mut transaction, token, epoch, done, position, seals).await? {
                held.push(batch);
            } else {
                committed.lost.push(token.to_owned());
            }
        }
        let sums: Vec<&Sums> = held.iter().map(|batch| batch.sums).collect();
        write_users(&mut transaction, &sums).await?;
        for (key, sums) in sums.iter().flat_map(|sums| &sums.rooms) {
            write_counts(&mut transaction, key, sums).await?;
            write_films(&mut transaction, key, sums).await?;
            write_presence(&mut transaction, key, sums).await?;
            write_own(&mut transaction, key, sums).await?;
            coverage::write(&mut transaction, key, sums).await?;
        }
        transaction.commit().await?;
        for batch in held {
            self.ledger.committed(batch.token, batch.epoch);
        }
        Ok(committed)
    }

    /// What a commit that was reported as failed has come to; `None` where it was not done.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn outcome(
        &self,
        batches: &[ChannelBatch<'_>],
    ) -> Result<Option<Committed>, StoreError> {
        let mut committed = Committed::default();
        let mut held = Vec::new();
        for batch in batches {
            let stored = self.commits(batch.token, batch.epoch).await?;
            match (stored, self.ledger.done(batch.token, batch.epoch)) {
                (None, _) => committed.lost.push(batch.token.to_owned()),
                (Some(stored), Some(done)) if stored == done + 1 => held.push(batch),
                (Some(_), _) => return Ok(None),
            }
        }
        for batch in held {
            self.ledger.committed(batch.token, batch.epoch);
        }
        Ok(Some(committed))
    }
}

/// Users and private messages are shared by all channels: one statement each, in key order.
async fn write_users(connection: &mut Transaction, held: &[&Sums]) -> sqlx::Result<()> {
    let mut users: BTreeMap<&str, Seen> = BTreeMap::new();
    let mut pms: BTreeMap<&str, i64> = BTreeMap::new();
    for sums in held {
        for (name, seen) in &sums.users {
            let entry = users.entry(name).or_insert(*seen);
            entry.first = entry.first.min(seen.first);
            entry.last = entry.last.max(seen.last);
        }
        for (name, count) in &sums.pms {
            *pms.entry(name).or_default() += count;
        }
    }
    let users: Vec<(&str, Seen)> = users.into_iter().collect();
    rows::write(
        connection,
        "INSERT INTO users (username, first_seen_at, last_seen_at)",
        "ON CONFLICT (username) DO UPDATE SET first_seen_at = CASE
             WHEN excluded.first_seen_at < users.first_seen_at THEN excluded.first_seen_at
             ELSE users.first_seen_at END,
             last_seen_at = CASE
             WHEN excluded.last_seen_at > users.last_seen_at THEN excluded.last_seen_at
             ELSE users.last_seen_at END",
        &users,
        |row, (name, seen)| {
            row.push_bind((*name).to_owned())
                .push_bind(seen.first.to_string())
                .push_bind(seen.last.to_string());
        },
    )
    .await?;
    let pms: Vec<(&str, i64)> = pms.into_iter().collect();
    rows::write(
        connection,
        "INSERT INTO pm_counts (username, pm_count)",
        "ON CONFLICT (username) DO UPDATE SET pm_count = pm_counts.pm_count + excluded.pm_count",
        &pms,
        |row, (name, count)| {
            row.push_bind((*name).to_owned()).push_bind(*count);
        },
    )
    .await
}

async fn write_counts(
    connection: &mut Transaction,
    key: &RoomKey,
    sums: &RoomSums,
) -> sqlx::Result<()> {
    let (channel, domain) = (&key.channel, &key.domain);
    let lines = sums.senders.iter();
    let lines: Vec<_> = lines
        .filter_map(|sender| sums.messages.get_key_value(sender))
        .collect();
    let mut kudos: Vec<_> = sums.kudos.iter().collect();
    kudos.sort_unstable();
    for (table, column, counts) in [
        ("message_counts", "message_count", lines),
        ("kudos_plusplus", "kudos_count", kudos),
    ] {
        rows::write(
            connection,
            &format!("INSERT INTO {table} (username, channel, domain, {column})"),
            &format!(
                "ON CONFLICT (username, channel, domain)
                 DO UPDATE SET {column} = {table}.{column} + excluded.{column}"
            ),
            &counts,
            |row, (name, count)| {
                row.push_bind((*name).clone())
                    .push_bind(channel.clone())
                    .push_bind(domain.clone())
                    .push_bind(**count);
            },
        )
        .await?;
    }
    for (table, what, column, counts) in [
        ("kudos_phrases", "phrase", "kudos_count", &sums.phrases),
        ("emote_usage", "emote", "usage_count", &sums.emotes),
    ] {
        let mut counts: Vec<_> = counts.iter().collect();
        counts.sort_unstable();
        rows::write(
            connection,
            &format!("INSERT INTO {table} (username, channel, domain, {what}, {column})"),
            &format!(
                "ON CONFLICT (username, channel, domain, {what})
                 DO UPDATE SET {column} = {table}.{column} + excluded.{column}"
            ),
            &counts,
            |row, ((name, what), count)| {
                row.push_bind(name.clone())
                    .push_bind(channel.clone())
                    .push_bind(domain.clone())
                    .push_bind(what.clone())
                    .push_bind(**count);
            },
        )
        .await?;
    }
    Ok(())
}

async fn write_films(
    connection: &mut Transaction,
    key: &RoomKey,
    sums: &RoomSums,
) -> sqlx::Result<()> {
    rows::write(
        connection,
        "INSERT INTO media_changes (channel, domain, timestamp, media_title, media_type, media_id)",
        "",
        &sums.media,
        |row, change| {
            row.push_bind(key.channel.clone())
                .push_bind(key.domain.clone())
                .push_bind(change.at.to_string())
                .push_bind(change.film.title.clone())
                .push_bind(change.film.kind.clone())
                .push_bind(change.film.id.clone());
        },
    )
    .await?;
    let mut votes: Vec<_> = sums.votes.iter().collect();
    votes.sort_unstable_by_key(|(key, _)| *key);
    rows::write(
        connection,
        "INSERT INTO movie_votes
             (channel, domain, media_title, media_type, media_id, username, vote, timestamp)",
        "ON CONFLICT (channel, domain, media_title, username) DO UPDATE SET
             media_type = excluded.media_type, media_id = excluded.media_id,
             vote = excluded.vote, timestamp = excluded.timestamp
             WHERE excluded.timestamp >= movie_votes.timestamp",
        &votes,
        |row, ((title, voter), vote)| {
            row.push_bind(key.channel.clone())
                .push_bind(key.domain.clone())
                .push_bind(title.clone())
                .push_bind(vote.film.kind.clone())
                .push_bind(vote.film.id.clone())
                .push_bind(voter.clone())
                .push_bind(i64::from(vote.vote))
                .push_bind(vote.at.to_string());
        },
    )
    .await
}

async fn write_presence(
    connection: &mut Transaction,
    key: &RoomKey,
    sums: &RoomSums,
) -> sqlx::Result<()> {
    let mut activity: Vec<_> = sums.activity.iter().collect();
    activity.sort_unstable_by_key(|(name, _)| *name);
    rows::write(
        connection,
        "INSERT INTO user_activity
             (username, channel, domain, total_time_seconds, not_afk_time_seconds)",
        "ON CONFLICT (username, channel, domain) DO UPDATE SET
             total_time_seconds = user_activity.total_time_seconds + excluded.total_time_seconds,
             not_afk_time_seconds = user_activity.not_afk_time_seconds + excluded.not_afk_time_seconds",
        &activity,
        |row, (name, seconds)| {
            row.push_bind((*name).clone())
                .push_bind(key.channel.clone())
                .push_bind(key.domain.clone())
                .push_bind(seconds.total_seconds)
                .push_bind(seconds.not_afk_seconds);
        },
    )
    .await?;
    let visits: Vec<_> = sums.visits.iter().collect();
    rows::write(
        connection,
        "INSERT INTO kryten_visits
             (domain, channel, username, opened_at, closed_at, afk_since, afk_seconds)",
        "ON CONFLICT (domain, channel, username, opened_at) DO UPDATE SET
             closed_at = excluded.closed_at, afk_since = excluded.afk_since,
             afk_seconds = excluded.afk_seconds",
        &visits,
        |row, ((name, opened_at), change)| {
            row.push_bind(key.domain.clone())
                .push_bind(key.channel.clone())
                .push_bind(name.clone())
                .push_bind(*opened_at)
                .push_bind(change.closed_at.map(|at| at.micros()))
                .push_bind(change.visit.afk_since.map(|at| at.micros()))
                .push_bind(change.visit.afk_seconds);
        },
    )
    .await?;
    for snapshot in &sums.snapshots {
        population::insert(connection, key, snapshot).await?;
    }
    Ok(())
}

/// What only our own tables have: hours, gaps, and what counting remembers.
async fn write_own(
    connection: &mut Transaction,
    key: &RoomKey,
    sums: &RoomSums,
) -> sqlx::Result<()> {
    let hours: Vec<_> = sums.hours.iter().collect();
    rows::write(
        connection,
        "INSERT INTO kryten_hourly
             (domain, channel, hour, messages, pms, kudos_plusplus, kudos_phrases, emotes, votes, media,
              population_high, population_high_at, population_low, population_low_at)",
        "ON CONFLICT (domain, channel, hour) DO UPDATE SET
             messages = kryten_hourly.messages + excluded.messages,
             pms = kryten_hourly.pms + excluded.pms,
             kudos_plusplus = kryten_hourly.kudos_plusplus + excluded.kudos_plusplus,
             kudos_phrases = kryten_hourly.kudos_phrases + excluded.kudos_phrases,
             emotes = kryten_hourly.emotes + excluded.emotes,
             votes = kryten_hourly.votes + excluded.votes,
             media = kryten_hourly.media + excluded.media,
             population_high_at = CASE WHEN kryten_hourly.population_high IS NULL
                 OR excluded.population_high > kryten_hourly.population_high
                 THEN excluded.population_high_at ELSE kryten_hourly.population_high_at END,
             population_high = CASE WHEN kryten_hourly.population_high IS NULL
                 OR excluded.population_high > kryten_hourly.population_high
                 THEN excluded.population_high ELSE kryten_hourly.population_high END,
             population_low_at = CASE WHEN kryten_hourly.population_low IS NULL
                 OR excluded.population_low < kryten_hourly.population_low
                 THEN excluded.population_low_at ELSE kryten_hourly.population_low_at END,
             population_low = CASE WHEN kryten_hourly.population_low IS NULL
                 OR excluded.population_low < kryten_hourly.population_low
                 THEN excluded.population_low ELSE kryten_hourly.population_low END",
        &hours,
        |row, (hour, sum)| {
            row.push_bind(key.domain.clone())
                .push_bind(key.channel.clone())
                .push_bind(**hour)
                .push_bind(sum.messages)
                .push_bind(sum.pms)
                .push_bind(sum.kudos_plusplus)
                .push_bind(sum.kudos_phrases)
                .push_bind(sum.emotes)
                .push_bind(sum.votes)
                .push_bind(sum.media)
                .push_bind(sum.population.map(|extent| extent.high))
                .push_bind(sum.population.map(|extent| extent.high_at.micros()))
                .push_bind(sum.population.map(|extent| extent.low))
                .push_bind(sum.population.map(|extent| extent.low_at.micros()));
        },
    )
    .await?;
    rows::write(
        connection,
        "INSERT INTO kryten_gaps
             (domain, channel, began_at, ended_at, reason, chat_complete, lost)",
        "ON CONFLICT (domain, channel, began_at, ended_at, reason) DO NOTHING",
        &sums.gaps,
        |row, gap| {
            row.push_bind(key.domain.clone())
                .push_bind(key.channel.clone())
                .push_bind(gap.from.micros())
                .push_bind(gap.to.micros())
                .push_bind(gap.reason.as_str())
                .push_bind(gap.chat_complete)
                .push_bind(gap.lost.map(u64::cast_signed));
        },
    )
    .await?;
    write_lines(connection, key, &sums.lines).await?;
    if let Some(memory) = &sums.memory {
        sql::query(
            "INSERT INTO kryten_channel_state (domain, channel, emotes, memory)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (domain, channel) DO UPDATE SET
                 emotes = COALESCE(excluded.emotes, kryten_channel_state.emotes),
                 memory = excluded.memory",
        )
        .bind(&key.domain)
        .bind(&key.channel)
        .bind(memory.emotes.as_deref())
        .bind(&memory.memory)
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Remembers the last lines and forgets those before them. Those that CyTube replays have places from 1 upwards, the
/// others from -1 downwards, so that these push none of those out.
async fn write_lines(
    connection: &mut Transaction,
    key: &RoomKey,
    lines: &[CountedLine],
) -> sqlx::Result<()> {
    for (sign, furthest, forget) in [
        (
            1,
            "SELECT COALESCE(MAX(place), 0) FROM kryten_recent_lines
             WHERE domain = $1 AND channel = $2 AND place > 0",
            "DELETE FROM kryten_recent_lines
             WHERE domain = $1 AND channel = $2 AND place > 0 AND place <= $3",
        ),
        (
            -1,
            "SELECT COALESCE(MIN(place), 0) FROM kryten_recent_lines
             WHERE domain = $1 AND channel = $2 AND place < 0",
            "DELETE FROM kryten_recent_lines
             WHERE domain = $1 AND channel = $2 AND place < 0 AND place >= $3",
        ),
    ] {
        let of_sign = lines.iter().filter(|line| line.is_replayed == (sign > 0));
        let of_sign: Vec<&CountedLine> = of_sign.collect();
        if of_sign.is_empty() {
            continue;
        }
        let skipped = of_sign.len().saturating_sub(REMEMBERED_LINES);
        let last: i64 = sql::query_scalar(furthest)
            .bind(&key.domain)
            .bind(&key.channel)
            .fetch_one(&mut *connection)
            .await?;
        let places = (1..).map(|nth: i64| last + sign * nth);
        let places: Vec<(i64, &CountedLine)> =
            places.zip(of_sign.into_iter().skip(skipped)).collect();
        rows::write(
            &mut *connection,
            "INSERT INTO kryten_recent_lines (domain, channel, place, line_id, who)",
            "",
            &places,
            |row, (place, line)| {
                row.push_bind(key.domain.clone())
                    .push_bind(key.channel.clone())
                    .push_bind(*place)
                    .push_bind(line.id.clone())
                    .push_bind(line.who.clone());
            },
        )
        .await?;
        let newest = last + sign * places.len() as i64;
        sql::query(forget)
            .bind(&key.domain)
            .bind(&key.channel)
            .bind(newest - sign * REMEMBERED_LINES as i64)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
