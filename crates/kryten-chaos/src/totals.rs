//! What differs between the totals that were counted and the ledger. Pure.

use std::collections::{BTreeMap, BTreeSet};

use kryten_sim::Ledger;
use serde_json::Value;

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
