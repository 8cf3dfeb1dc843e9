//! The database's totals in the ledger's form, and what differs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use kryten_sim::Ledger;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};

/// What the statistics have counted so far.
pub(crate) async fn counted(database: &Path) -> anyhow::Result<Ledger> {
    let address = format!("sqlite://{}?mode=ro", database.display());
    let mut sqlite = SqliteConnection::connect(&address).await?;
    // All tables as of one moment.
    let mut sqlite = sqlite.begin().await?;
    let mut rows = async |sql: &'static str| sqlx::query(sql).fetch_all(&mut *sqlite).await;
    let mut totals = Ledger::default();
    for row in rows("SELECT username, message_count FROM message_counts").await? {
        totals.messages.insert(row.get(0), number(&row, 1)?);
    }
    for row in rows("SELECT username, pm_count FROM pm_counts").await? {
        totals.pms.insert(row.get(0), number(&row, 1)?);
    }
    for row in rows("SELECT username, kudos_count FROM kudos_plusplus").await? {
        totals.kudos_plusplus.insert(row.get(0), number(&row, 1)?);
    }
    for row in rows("SELECT username, phrase, kudos_count FROM kudos_phrases").await? {
        let of = totals.kudos_phrases.entry(row.get(0)).or_default();
        of.insert(row.get(1), number(&row, 2)?);
    }
    for row in rows("SELECT username, emote, usage_count FROM emote_usage").await? {
        let of = totals.emotes.entry(row.get(0)).or_default();
        of.insert(row.get(1), number(&row, 2)?);
    }
    for row in rows("SELECT media_title, username, vote FROM movie_votes").await? {
        let of = totals.movie_votes.entry(row.get(0)).or_default();
        of.insert(row.get(1), i8::try_from(row.get::<i64, _>(2))?);
    }
    Ok(totals)
}

fn number(row: &SqliteRow, at: usize) -> anyhow::Result<u64> {
    u64::try_from(row.get::<i64, _>(at)).context("a count is negative")
}

/// Each total that differs: ours, then the ledger's.
pub(crate) fn differences(
    ours: &Ledger,
    ledger: &Ledger,
) -> anyhow::Result<BTreeMap<String, [Value; 2]>> {
    let [mut counted, mut expected] = [BTreeMap::new(), BTreeMap::new()];
    flatten(String::new(), &serde_json::to_value(ours)?, &mut counted);
    flatten(String::new(), &serde_json::to_value(ledger)?, &mut expected);
    // Whether the script is over is nothing that is counted.
    counted.remove("/done");
    expected.remove("/done");
    let keys: BTreeSet<&String> = counted.keys().chain(expected.keys()).collect();
    let pair = |key: &String| {
        let get = |totals: &BTreeMap<String, Value>| totals.get(key).cloned().unwrap_or_default();
        [get(&counted), get(&expected)]
    };
    let pairs = keys.into_iter().map(|key| (key.clone(), pair(key)));
    Ok(pairs.filter(|(_, [ours, theirs])| ours != theirs).collect())
}

/// How many totals a ledger has.
pub(crate) fn count(ledger: &Ledger) -> anyhow::Result<usize> {
    let mut totals = BTreeMap::new();
    flatten(String::new(), &serde_json::to_value(ledger)?, &mut totals);
    totals.remove("/done");
    Ok(totals.len())
}

fn flatten(at: String, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                flatten(format!("{at}/{key}"), value, into);
            }
        }
        other => drop(into.insert(at, other.clone())),
    }
}
