//! Everything that is stored of one person: read, taken away, brought back.

use serde_json::{Map, Value};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow, Row};

use super::sql::{self, On, Transaction};
use super::{Store, StoreError};

/// A table with rows that belong to a person.
struct Table {
    name: &'static str,
    /// What exports call it.
    told: &'static str,
    texts: &'static [&'static str],
    numbers: &'static [&'static str],
    /// What makes a row one of its kind.
    key: &'static str,
    /// What is done where a row of this kind is there already; the first `{}` is the table.
    merge: &'static [(&'static str, Merge)],
}

#[derive(Clone, Copy)]
enum Merge {
    Add,
    Least,
    Most,
}

const TABLES: [Table; 10] = [
    Table {
        name: "users",
        told: "seen",
        texts: &["username", "first_seen_at", "last_seen_at"],
        numbers: &[],
        key: "username",
        merge: &[
            ("first_seen_at", Merge::Least),
            ("last_seen_at", Merge::Most),
        ],
    },
    Table {
        name: "user_aliases",
        told: "aliases",
        texts: &["username", "alias"],
        numbers: &[],
        key: "username, alias",
        merge: &[],
    },
    Table {
        name: "message_counts",
        told: "messages",
        texts: &["username", "channel", "domain"],
        numbers: &["message_count"],
        key: "username, channel, domain",
        merge: &[("message_count", Merge::Add)],
    },
    Table {
        name: "pm_counts",
        told: "private_messages",
        texts: &["username"],
        numbers: &["pm_count"],
        key: "username",
        merge: &[("pm_count", Merge::Add)],
    },
    Table {
        name: "user_activity",
        told: "activity",
        texts: &["username", "channel", "domain"],
        numbers: &["total_time_seconds", "not_afk_time_seconds"],
        key: "username, channel, domain",
        merge: &[
            ("total_time_seconds", Merge::Add),
            ("not_afk_time_seconds", Merge::Add),
        ],
    },
    Table {
        name: "emote_usage",
        told: "emotes",
        texts: &["username", "channel", "domain", "emote"],
        numbers: &["usage_count"],
        key: "username, channel, domain, emote",
        merge: &[("usage_count", Merge::Add)],
    },
    Table {
        name: "kudos_plusplus",
        told: "kudos_plusplus_received",
        texts: &["username", "channel", "domain"],
        numbers: &["kudos_count"],
        key: "username, channel, domain",
        merge: &[("kudos_count", Merge::Add)],
    },
    Table {
        name: "kudos_phrases",
        told: "kudos_phrases_received",
        texts: &["username", "channel", "domain", "phrase"],
        numbers: &["kudos_count"],
        key: "username, channel, domain, phrase",
        merge: &[("kudos_count", Merge::Add)],
    },
    Table {
        name: "movie_votes",
        told: "votes",
        texts: &[
            "channel",
            "domain",
            "media_title",
            "media_type",
            "media_id",
            "username",
            "timestamp",
        ],
        numbers: &["vote"],
        key: "channel, domain, media_title, username",
        merge: &[],
    },
    Table {
        name: "kryten_visits",
        told: "visits",
        texts: &["domain", "channel", "username"],
        numbers: &["opened_at", "closed_at", "afk_since", "afk_seconds"],
        key: "domain, channel, username, opened_at",
        merge: &[],
    },
];

/// A row of texts and whole numbers, whatever its columns are.
struct Cells(Vec<Value>);

macro_rules! cells_of {
    ($row:ty) => {
        impl FromRow<'_, $row> for Cells {
            fn from_row(row: &$row) -> sqlx::Result<Self> {
                let cell = |at: usize| match row.try_get::<Option<i64>, _>(at) {
                    Ok(number) => Ok(number.into()),
                    Err(_) => row.try_get::<Option<String>, _>(at).map(Value::from),
                };
                (0..row.len()).map(cell).collect::<Result<_, _>>().map(Self)
            }
        }
    };
}
cells_of!(SqliteRow);
cells_of!(PgRow);

impl Table {
    /// An alias belongs to its owner and to whoever has that name.
    fn condition(&self) -> &'static str {
        match self.name {
            "user_aliases" => {
                "LOWER(username) = $1 OR username = $2 OR alias = $1 OR alias = LOWER($2)"
            }
            _ => "LOWER(username) = $1 OR username = $2",
        }
    }

    async fn read(&self, on: impl Into<On<'_>>, name: &str) -> sqlx::Result<Vec<Value>> {
        let columns: Vec<&str> = self.texts.iter().chain(self.numbers).copied().collect();
        let sql = format!(
            "SELECT {} FROM {} WHERE {} ORDER BY {}",
            columns.join(", "),
            self.name,
            self.condition(),
            self.key
        );
        let rows: Vec<Cells> = sql::query_as(AssertSqlSafe(sql))
            .bind(name.to_ascii_lowercase())
            .bind(name)
            .fetch_all(on)
            .await?;
        let named = |row: Cells| {
            let fields = columns.iter().map(|column| (*column).to_owned());
            Value::Object(fields.zip(row.0).collect())
        };
        Ok(rows.into_iter().map(named).collect())
    }

    async fn erase(&self, transaction: &mut Transaction, name: &str) -> sqlx::Result<u64> {
        let sql = format!("DELETE FROM {} WHERE {}", self.name, self.condition());
        sql::query(AssertSqlSafe(sql))
            .bind(name.to_ascii_lowercase())
            .bind(name)
            .execute(transaction)
            .await
    }

    async fn bring_back(&self, transaction: &mut Transaction, row: &Value) -> sqlx::Result<()> {
        let columns: Vec<&str> = self.texts.iter().chain(self.numbers).copied().collect();
        let places: Vec<String> = (1..=columns.len()).map(|at| format!("${at}")).collect();
        let table = self.name;
        let merged: Vec<String> = self
            .merge
            .iter()
            .map(|(column, merge)| match merge {
                Merge::Add => format!("{column} = {table}.{column} + excluded.{column}"),
                Merge::Least => format!(
                    "{column} = CASE WHEN excluded.{column} < {table}.{column}
                     THEN excluded.{column} ELSE {table}.{column} END"
                ),
                Merge::Most => format!(
                    "{column} = CASE WHEN excluded.{column} > {table}.{column}
                     THEN excluded.{column} ELSE {table}.{column} END"
                ),
            })
            .collect();
        let then = match merged.is_empty() {
            true => "DO NOTHING".to_owned(),
            false => format!("DO UPDATE SET {}", merged.join(", ")),
        };
        let sql = format!(
            "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT ({}) {then}",
            columns.join(", "),
            places.join(", "),
            self.key
        );
        let mut query = sql::query(AssertSqlSafe(sql));
        for column in self.texts {
            query = query.bind(row[*column].as_str().map(str::to_owned));
        }
        for column in self.numbers {
            query = query.bind(row[*column].as_i64());
        }
        query.execute(transaction).await?;
        Ok(())
    }
}

/// Everything of a name in any case, by what exports call the tables.
pub(super) async fn read(
    transaction: &mut Transaction,
    name: &str,
) -> sqlx::Result<Map<String, Value>> {
    let mut counted = Map::new();
    for table in &TABLES {
        let rows = table.read(&mut *transaction, name).await?;
        counted.insert(table.told.to_owned(), rows.into());
    }
    Ok(counted)
}

/// Takes everything of a name away; how many rows that were.
pub(super) async fn erase(transaction: &mut Transaction, name: &str) -> sqlx::Result<u64> {
    let mut rows = 0;
    for table in &TABLES {
        rows += table.erase(&mut *transaction, name).await?;
    }
    Ok(rows)
}

/// Adds what was read before to what is there; how many rows that were.
pub(super) async fn bring_back(
    transaction: &mut Transaction,
    counted: &Map<String, Value>,
) -> sqlx::Result<u64> {
    let mut rows = 0;
    for table in &TABLES {
        let told = counted.get(table.told).and_then(Value::as_array);
        for row in told.into_iter().flatten() {
            table.bring_back(&mut *transaction, row).await?;
            rows += 1;
        }
    }
    Ok(rows)
}

/// Adds the rows of one collection to another.
pub(super) fn join(into: &mut Map<String, Value>, more: Map<String, Value>) {
    for (told, rows) in more {
        match (into.get_mut(&told).and_then(Value::as_array_mut), rows) {
            (Some(there), Value::Array(rows)) => there.extend(rows),
            (_, rows) => {
                into.insert(told, rows);
            }
        }
    }
}

/// Ends what visits are open, in rows that were read.
pub(super) fn end_visits(counted: &mut Map<String, Value>, at: i64) {
    let visits = counted.get_mut("visits").and_then(Value::as_array_mut);
    for visit in visits.into_iter().flatten() {
        if visit["closed_at"].is_null() {
            let opened_at = visit["opened_at"].as_i64();
            visit["closed_at"] = opened_at.map_or(at, |opened_at| opened_at.max(at)).into();
        }
    }
}

/// Whether there is any row.
pub(super) fn is_empty(counted: &Map<String, Value>) -> bool {
    counted
        .values()
        .all(|rows| rows.as_array().is_none_or(Vec::is_empty))
}

impl Store {
    /// Everything that is stored of these names, what is set aside for those who opted out included.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn export(
        &self,
        names: &[String],
        who: impl Fn(&str) -> String,
    ) -> Result<Map<String, Value>, StoreError> {
        let mut all = Map::new();
        for name in names {
            for table in &TABLES {
                let rows = table.read(&self.readers, name).await?;
                join(
                    &mut all,
                    Map::from_iter([(table.told.to_owned(), rows.into())]),
                );
            }
            let aside: Option<String> =
                sql::query_scalar("SELECT counted FROM kryten_set_aside WHERE who = $1")
                    .bind(who(name))
                    .fetch_optional(&self.readers)
                    .await?;
            if let Some(aside) = aside {
                join(&mut all, super::privacy::parse(&aside)?);
            }
        }
        Ok(all)
    }
}
