//! What all the names of one person have come to: one statement finds the names and reads everything that is asked, so
//! that an answer is of one moment and goes to the database once.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::{UserActivity, UserSeen};
use crate::store::sql;
use crate::store::value::Value;
use crate::store::{Store, StoreError};

/// Whom a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant<'a> {
    /// Exactly this name.
    Exactly(&'a str),
    /// Its owner where it is an alias, in any case of its letters, with all spellings and all aliases.
    Anyhow(&'a str),
}

/// What can be asked of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// When they were seen.
    Seen,
    /// Whether they are in this channel, or in any one of the domain.
    Present(Option<&'a str>),
    /// Chat lines.
    Messages,
    /// Private messages, of all domains.
    Pms,
    /// `++` kudos they got.
    PlusPlus,
    /// Kudos by phrase they got.
    Phrases,
    /// Emotes they used.
    Emotes,
    /// Ended visits.
    Activity,
}

/// What was asked of a person; what was not asked is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonCounts {
    /// When they were seen; `None` where there is no such user.
    pub seen: Option<UserSeen>,
    /// Whether they are there.
    pub present: bool,
    /// Chat lines by channel.
    pub messages: BTreeMap<String, i64>,
    /// Private messages.
    pub pms: i64,
    /// `++` kudos.
    pub plusplus: i64,
    /// Kudos by phrase.
    pub phrases: BTreeMap<String, i64>,
    /// Uses by emote.
    pub emotes: BTreeMap<String, i64>,
    /// Ended visits by channel.
    pub activity: BTreeMap<String, UserActivity>,
}

/// The names, where `$1` is meant exactly.
const EXACTLY: &str = "WITH names (name) AS (SELECT CAST($1 AS TEXT))";

/// The names, where `$1` is meant anyhow (SQLite takes the tables of a `CROSS JOIN` in their order; of others it may read
/// all rows of a table first, since it does not know how few names there are); `$2` is the name as aliases are stored.
const ANYHOW: &str = "WITH RECURSIVE owner (name) AS (
    SELECT COALESCE(
        (SELECT username FROM user_aliases WHERE alias = $2 ORDER BY id LIMIT 1),
        CAST($1 AS TEXT)
    )
), meant (name) AS (
    SELECT name FROM owner
    UNION
    SELECT a.alias FROM owner CROSS JOIN user_aliases AS a WHERE LOWER(a.username) = LOWER(owner.name)
), names (name) AS (
    SELECT name FROM meant
    WHERE NOT EXISTS (SELECT 1 FROM users AS u WHERE LOWER(u.username) = LOWER(meant.name))
    UNION
    SELECT u.username FROM meant CROSS JOIN users AS u WHERE LOWER(u.username) = LOWER(meant.name)
)";

const NONE: &str = "CAST(NULL AS TEXT)";

/// Place of the part among those that were asked, a key, another text, a count, another count.
type Row = (i64, Option<String>, Option<String>, i64, i64);

impl Part<'_> {
    fn is_of_a_domain(self) -> bool {
        !matches!(self, Self::Seen | Self::Pms)
    }

    /// The rows of all names, each with the part's place; domain and channel are the places of these values.
    fn sql(self, place: usize, domain: &str, channel: &str) -> String {
        let [key, other, count, more, from] = match self {
            Self::Seen => ["t.first_seen_at", "t.last_seen_at", "0", "0", "users"],
            Self::Present(None) => return anywhere(place, domain),
            Self::Present(Some(_)) => ["t.channel", NONE, "1", "0", "kryten_visits"],
            Self::Messages => ["t.channel", NONE, "t.message_count", "0", "message_counts"],
            Self::Pms => [NONE, NONE, "t.pm_count", "0", "pm_counts"],
            Self::PlusPlus => [NONE, NONE, "t.kudos_count", "0", "kudos_plusplus"],
            Self::Phrases => ["t.phrase", NONE, "t.kudos_count", "0", "kudos_phrases"],
            Self::Emotes => ["t.emote", NONE, "t.usage_count", "0", "emote_usage"],
            Self::Activity => [
                "t.channel",
                NONE,
                "t.total_time_seconds",
                "t.not_afk_time_seconds",
                "user_activity",
            ],
        };
        let columns = columns(place, key, other, count, more);
        let mut sql =
            format!("{columns} FROM names CROSS JOIN {from} AS t WHERE t.username = names.name");
        if self.is_of_a_domain() {
            sql += &format!(" AND t.domain = {domain}");
        }
        if let Self::Present(_) = self {
            sql += &format!(" AND t.channel = {channel} AND t.closed_at IS NULL");
        }
        sql
    }
}

/// Each channel in which there is somebody is found in the index after the one before it, and looked at for the
/// names: all others who are there are passed over.
fn anywhere(place: usize, domain: &str) -> String {
    let columns = columns(place, "rooms.channel", NONE, "1", "0");
    format!(
        "{columns} FROM names CROSS JOIN (
             WITH RECURSIVE found (channel) AS (
                 SELECT MIN(channel) FROM kryten_visits WHERE closed_at IS NULL AND domain = {domain}
                 UNION ALL
                 SELECT (
                     SELECT MIN(v.channel) FROM kryten_visits AS v WHERE v.closed_at IS NULL
                     AND v.domain = {domain} AND v.channel > found.channel
                 ) FROM found WHERE found.channel IS NOT NULL
             )
             SELECT channel FROM found
         ) AS rooms
         WHERE EXISTS (
             SELECT 1 FROM kryten_visits AS t WHERE t.closed_at IS NULL AND t.domain = {domain}
             AND t.channel = rooms.channel AND t.username = names.name
         )"
    )
}

fn columns(place: usize, key: &str, other: &str, count: &str, more: &str) -> String {
    format!(
        "SELECT CAST({place} AS BIGINT), {key}, {other}, CAST(COALESCE({count}, 0) AS BIGINT),
         CAST(COALESCE({more}, 0) AS BIGINT)"
    )
}

impl Store {
    /// What all the names that are meant have come to in a domain.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn person(
        &self,
        meant: Meant<'_>,
        domain: &str,
        parts: &[Part<'_>],
    ) -> Result<PersonCounts, StoreError> {
        let (text, values) = statement(meant, domain, parts);
        let mut query = sql::query_as(AssertSqlSafe(text));
        for value in values {
            query = query.bind(value);
        }
        let rows: Vec<Row> = query.fetch_all(&self.readers).await?;
        let mut counts = PersonCounts::default();
        for row in rows {
            let part = usize::try_from(row.0).ok().and_then(|at| parts.get(at));
            if let Some(part) = part {
                counts.add(*part, row);
            }
        }
        Ok(counts)
    }
}

/// The statement and its values, which are in the order of their places.
fn statement<'a>(
    meant: Meant<'a>,
    domain: &'a str,
    parts: &[Part<'a>],
) -> (String, Vec<Value<'a>>) {
    let mut values: Vec<Value<'_>> = Vec::new();
    let mut place = |value| {
        values.push(value);
        format!("${}", values.len())
    };
    let names = match meant {
        Meant::Exactly(name) => {
            place(name.into());
            EXACTLY
        }
        Meant::Anyhow(name) => {
            place(name.into());
            place(name.to_lowercase().into());
            ANYHOW
        }
    };
    // PostgreSQL takes no value that a statement has no place for.
    let of_a_domain = parts.iter().any(|part| part.is_of_a_domain());
    let domain = match of_a_domain {
        true => place(domain.into()),
        false => String::new(),
    };
    let channel = parts.iter().find_map(|part| match part {
        Part::Present(channel) => *channel,
        _ => None,
    });
    let channel = channel.map_or_else(String::new, |channel| place(channel.into()));
    let selects = parts.iter().enumerate();
    let selects = selects.map(|(place, part)| part.sql(place, &domain, &channel));
    let selects: Vec<String> = selects.collect();
    let text = format!("{names} {}", selects.join(" UNION ALL "));
    (text, values)
}

impl PersonCounts {
    fn add(&mut self, part: Part<'_>, (_, key, other, count, more): Row) {
        let key = key.unwrap_or_default();
        match part {
            Part::Seen => self.add_seen(key, other.unwrap_or_default()),
            Part::Present(_) => self.present = true,
            Part::Messages => *self.messages.entry(key).or_default() += count,
            Part::Pms => self.pms += count,
            Part::PlusPlus => self.plusplus += count,
            Part::Phrases => *self.phrases.entry(key).or_default() += count,
            Part::Emotes => *self.emotes.entry(key).or_default() += count,
            Part::Activity => {
                let sum = self.activity.entry(key).or_insert(UserActivity {
                    total_time_seconds: 0,
                    not_afk_time_seconds: 0,
                });
                sum.total_time_seconds += count;
                sum.not_afk_time_seconds += more;
            }
        }
    }

    fn add_seen(&mut self, first: String, last: String) {
        match &mut self.seen {
            None => {
                self.seen = Some(UserSeen {
                    first_seen_at: first,
                    last_seen_at: last,
                });
            }
            Some(seen) => {
                if first < seen.first_seen_at {
                    seen.first_seen_at = first;
                }
                if last > seen.last_seen_at {
                    seen.last_seen_at = last;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_table_is_read_from_its_begin_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("userstats.db"))
            .await
            .unwrap();
        let all = |channel| {
            [
                Part::Seen,
                Part::Present(channel),
                Part::Messages,
                Part::Pms,
                Part::PlusPlus,
                Part::Phrases,
                Part::Emotes,
                Part::Activity,
            ]
        };
        for meant in [Meant::Anyhow("bob"), Meant::Exactly("bob")] {
            for channel in [None, Some("Lounge")] {
                let (text, values) = statement(meant, "cytu.be", &all(channel));
                let plan = format!("EXPLAIN QUERY PLAN {text}");
                let mut query = sql::query_as(AssertSqlSafe(plan));
                for value in values {
                    query = query.bind(value);
                }
                let plan: Vec<(i64, i64, i64, String)> =
                    query.fetch_all(&store.readers).await.unwrap();
                let scanned = plan.iter().filter_map(|step| step.3.strip_prefix("SCAN "));
                let few = ["CONSTANT ROW", "owner", "meant", "names", "found"];
                let many: Vec<&str> = scanned.filter(|what| !few.contains(what)).collect();
                assert!(many.is_empty(), "{many:?} in {plan:#?}");
                assert!(
                    plan.iter().any(|step| step.3.contains("emote_usage")),
                    "the plan names its tables by their indexes: {plan:#?}"
                );
            }
        }
    }
}
