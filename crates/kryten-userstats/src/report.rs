//! What an instance tells the others that share its database, so that any of them answers for all. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a process knows and the database does not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Report {
    /// The last committed sequence of the stream.
    pub(crate) position: u64,
    /// Events of the stream that are not committed yet.
    pub(crate) lag: u64,
    /// What `system.drift` says of its channels.
    pub(crate) drift: Value,
}

impl Report {
    /// This one and the others: how far the furthest is, and what all of them have yet to count.
    pub(crate) fn with(mut self, others: &BTreeMap<String, Report>) -> Self {
        for other in others.values() {
            self.position = self.position.max(other.position);
            self.lag += other.lag;
        }
        self
    }

    /// The reply of `system.drift`: of each channel what the instance that counts it has found.
    pub(crate) fn drift_of_all(
        &self,
        others: &BTreeMap<String, Report>,
        counted_by: impl Fn(&str) -> Option<String>,
    ) -> Value {
        let channels = self.drift["channels"].as_array();
        let told = channels.into_iter().flatten().map(|ours| {
            let holder = counted_by(ours["channel"].as_str().unwrap_or_default());
            let report = holder.and_then(|holder| others.get(&holder));
            let theirs = report.and_then(|report| {
                let channels = report.drift["channels"].as_array()?;
                channels.iter().find(|theirs| {
                    theirs["domain"] == ours["domain"] && theirs["channel"] == ours["channel"]
                })
            });
            theirs.unwrap_or(ours).clone()
        });
        let told: Vec<Value> = told.collect();
        let kinds = told
            .iter()
            .filter_map(|channel| channel["kinds"].as_object());
        let totals =
            kinds.flat_map(|kinds| kinds.values().filter_map(|kind| kind["total"].as_u64()));
        json!({"total": totals.sum::<u64>(), "channels": told})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(position: u64, lag: u64, totals: [Option<u64>; 2]) -> Report {
        let channel = |name: &str, total: Option<u64>| {
            let users = total.map(|total| json!({"total": total}));
            json!({"domain": "cytu.be", "channel": name, "kinds": {"users": users, "media": null}})
        };
        let drift =
            json!({"total": 0, "channels": [channel("A", totals[0]), channel("b", totals[1])]});
        Report {
            position,
            lag,
            drift,
        }
    }

    #[test]
    fn the_furthest_position_and_all_lag_are_told() {
        let others = BTreeMap::from([("x".to_owned(), report(9, 2, [None, None]))]);
        let all = report(7, 1, [None, None]).with(&others);
        assert_eq!((all.position, all.lag), (9, 3));
    }

    #[test]
    fn drift_of_a_channel_is_told_by_who_counts_it() {
        let others = BTreeMap::from([("x".to_owned(), report(0, 0, [Some(50), Some(2)]))]);
        let counted_by = |channel: &str| (channel == "b").then(|| "x".to_owned());
        let all = report(0, 0, [Some(1), None]).drift_of_all(&others, counted_by);
        assert_eq!(all["total"], 3);
        assert_eq!(all["channels"][0]["kinds"]["users"]["total"], 1);
        assert_eq!(all["channels"][1]["kinds"]["users"]["total"], 2);
        // One that has just begun has told nothing yet.
        let silent = BTreeMap::from([("x".to_owned(), Report::default())]);
        let alone = report(0, 0, [Some(1), None]).drift_of_all(&silent, counted_by);
        assert_eq!(alone["total"], 1);
        assert!(alone["channels"][1]["kinds"]["users"].is_null());
    }
}
