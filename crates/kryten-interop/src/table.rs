//! The table of docs/migration-python.md, against the library that is installed and against our sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::matrix::Compared;
use crate::names::{self, Names};

const TABLE: &str = include_str!("../../../docs/migration-python.md");

/// What becomes of a name of kryten-py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Done,
    Better,
    LeftOut,
}

struct Row {
    ours: String,
    status: Status,
    why: String,
}

/// Rows whose first cell names something of kryten-py, by that name.
fn rows() -> anyhow::Result<BTreeMap<String, Row>> {
    let mut rows = BTreeMap::new();
    for line in TABLE.lines().filter(|line| line.starts_with("| `")) {
        // A bar inside of a cell would be `\|`; the table needs none.
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, ours, status, why] = cells[..] else {
            // A table of another kind.
            continue;
        };
        let status = match status {
            "done" => Status::Done,
            "better" => Status::Better,
            "left out" => Status::LeftOut,
            other => bail!("{other:?} is no status: {line}"),
        };
        for name in backticked(name) {
            let row = Row {
                ours: ours.to_owned(),
                status,
                why: why.to_owned(),
            };
            ensure!(
                rows.insert(name.clone(), row).is_none(),
                "{name} is there twice"
            );
        }
    }
    Ok(rows)
}

/// What stands in backticks.
fn backticked(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// Every public name of the library has its row, and every row is about a public name.
pub(crate) fn is_complete(surface: &Value) -> anyhow::Result<usize> {
    let rows = rows()?;
    let names = surface.as_object().context("no names")?.values();
    let names = names.flat_map(|names| names.as_array().into_iter().flatten());
    let names: BTreeSet<&str> = names.filter_map(Value::as_str).collect();
    ensure!(names.len() > 200, "only {} names were found", names.len());
    let is_covered = |name: &&str| {
        // The stand-in for tests repeats the client's methods; one row says what takes their place.
        let of_client = name.strip_prefix("MockKrytenClient.");
        let repeated =
            of_client.is_some_and(|method| names.contains(&*format!("KrytenClient.{method}")));
        rows.contains_key(*name) || (repeated && rows.contains_key("MockKrytenClient"))
    };
    let missing: Vec<_> = names.iter().filter(|name| !is_covered(name)).collect();
    ensure!(missing.is_empty(), "without a row: {missing:?}");
    let unknown: Vec<_> = rows
        .keys()
        .filter(|name| !names.contains(name.as_str()))
        .collect();
    ensure!(unknown.is_empty(), "kryten-py has no {unknown:?}");
    Ok(names.len())
}

/// Every name of ours is there, and what is left out or better says why.
pub(crate) fn names_exist() -> anyhow::Result<usize> {
    let names = Names::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))?;
    let mut count = 0;
    let mut missing = Vec::new();
    for (name, row) in rows()? {
        let ours = backticked(&row.ours);
        match row.status {
            Status::LeftOut => ensure!(!row.why.is_empty(), "{name} is left out without a reason"),
            Status::Better => ensure!(!row.why.is_empty(), "{name} is better without saying how"),
            Status::Done => {}
        }
        ensure!(
            row.status == Status::LeftOut || !ours.is_empty(),
            "{name} has no counterpart"
        );
        for ours in ours.iter().filter(|ours| is_path(ours)) {
            count += 1;
            if !names.has(ours) {
                missing.push(format!("{ours} for {name}"));
            }
        }
    }
    ensure!(missing.is_empty(), "there is no {}", missing.join(", "));
    Ok(count)
}

/// Whether it is a name of ours: paths of other crates and things that are no paths are not looked up.
fn is_path(text: &str) -> bool {
    let foreign = ["async_nats::", "std::", "tracing::"];
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
        && !foreign
            .iter()
            .any(|crate_name| text.starts_with(crate_name))
}

/// Classes of which every method either has its wire compared, or touches none.
const ON_THE_WIRE: [&str; 2] = ["KrytenClient.", "LifecycleEventPublisher."];

/// Methods that send nothing, or nothing that has a counterpart, and why that is so.
const NOT_COMPARED: [(&str, &str); 29] = [
    ("KrytenClient.__aenter__", "connects"),
    ("KrytenClient.__aexit__", "disconnects"),
    (
        "KrytenClient.on",
        "local; what handlers are given is compared body by body",
    ),
    ("KrytenClient.run", "local"),
    ("KrytenClient.stop", "local"),
    ("KrytenClient.health", "local"),
    ("KrytenClient.is_connected", "local"),
    ("KrytenClient.channels", "local"),
    ("KrytenClient.lifecycle", "local"),
    (
        "KrytenClient.on_group_restart",
        "local; the notice is compared as publish_group_restart",
    ),
    ("KrytenClient.subscribe", "NATS's own"),
    ("KrytenClient.unsubscribe", "NATS's own"),
    (
        "KrytenClient.get_kv_store",
        "asks the server itself; the buckets are compared by what is read",
    ),
    ("KrytenClient.get_kv_bucket", "as get_kv_store"),
    ("KrytenClient.kv_get", "as get_kv_store"),
    ("KrytenClient.kv_keys", "as get_kv_store"),
    ("KrytenClient.kv_get_all", "as get_kv_store"),
    (
        "KrytenClient.set_emotes",
        "a command that no robot knows; ours is made of two that it does",
    ),
    ("LifecycleEventPublisher.is_running", "local"),
    (
        "LifecycleEventPublisher.set_metadata",
        "local; in the body of what is published",
    ),
    (
        "LifecycleEventPublisher.update_metadata",
        "local; as set_metadata",
    ),
    (
        "LifecycleEventPublisher.set_endpoints",
        "local; as set_metadata",
    ),
    (
        "LifecycleEventPublisher.start",
        "what it announces is compared as publish_startup",
    ),
    (
        "LifecycleEventPublisher.stop",
        "what it announces is compared as publish_shutdown",
    ),
    ("LifecycleEventPublisher.on_restart_notice", "local"),
    ("get_kv_store", "asks the server itself"),
    ("kv_get", "asks the server itself"),
    ("kv_keys", "asks the server itself"),
    ("kv_get_all", "asks the server itself"),
];

/// Everything that sends has a row in the matrix, and what differs there is called better in the table.
pub(crate) fn matches_the_matrix(surface: &Value, compared: &Compared) -> anyhow::Result<usize> {
    let rows = rows()?;
    let names = surface.as_object().context("no names")?.values();
    let names = names.flat_map(|names| names.as_array().into_iter().flatten());
    let on_the_wire = |name: &&str| {
        ON_THE_WIRE.iter().any(|class| name.starts_with(class))
            || name.starts_with("kv_")
            || name.ends_with("_kv_store")
    };
    let names: BTreeSet<&str> = names
        .filter_map(Value::as_str)
        .filter(on_the_wire)
        .collect();
    let apart: BTreeSet<&str> = NOT_COMPARED.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !compared.all.contains(**name) && !apart.contains(**name))
        .collect();
    ensure!(
        missing.is_empty(),
        "whose wire is not compared: {missing:?}"
    );
    let needless: Vec<_> = apart
        .iter()
        .filter(|name| compared.all.contains(**name))
        .collect();
    ensure!(needless.is_empty(), "compared after all: {needless:?}");
    for name in &compared.different {
        let row = rows
            .get(name)
            .with_context(|| format!("{name} has no row"))?;
        ensure!(
            row.status != Status::Done,
            "{name} differs on the wire and is called done"
        );
    }
    Ok(compared.all.len())
}

/// The number of the last weakness that is known.
const WEAKNESSES: usize = 35;

/// Every weakness has its row, in order, and every test that a row names is there.
pub(crate) fn tests_exist() -> anyhow::Result<usize> {
    let sources = names::text_of_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))?;
    let numbered = TABLE.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        Some((
            cells.first()?.parse::<usize>().ok()?,
            backticked(cells.last()?),
        ))
    });
    let mut count = 0;
    for (row, (number, tests)) in numbered.enumerate() {
        ensure!(number == row + 1, "weakness {} has no row", row + 1);
        ensure!(!tests.is_empty(), "nothing shows weakness {number}");
        for test in tests {
            let function = format!("fn {test}(");
            ensure!(
                sources.contains(&function),
                "weakness {number}: there is no {test}"
            );
        }
        count = number;
    }
    ensure!(count == WEAKNESSES, "{count} rows of {WEAKNESSES}");
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_ours_in_the_table_exists() {
        names_exist().unwrap();
    }

    #[test]
    fn every_weakness_has_a_test_that_exists() {
        tests_exist().unwrap();
    }

    #[test]
    fn cells_are_read() {
        assert_eq!(backticked("`a`, `b::c` and d"), ["a", "b::c"]);
        assert!(
            is_path("Robot::say") && !is_path("nats.servers") && !is_path("async_nats::Client")
        );
    }
}
