//! What comparing the robot's state with the events has shown, for metrics and `system.drift`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use kryten_protocol::time::WireTime;
use serde_json::{Map, Value, json};

use crate::config::ChannelConfig;
use crate::tally::{Difference, StateKind};

/// So many names are told of each difference.
const NAMES_TOLD: usize = 50;

#[derive(Debug, Clone)]
struct Last {
    at: WireTime,
    difference: Difference,
    healed: bool,
    total: u64,
}

/// The last comparison of each kind in each channel, and the sums since the start.
#[derive(Debug, Default)]
pub(crate) struct DriftLog(Mutex<BTreeMap<(ChannelConfig, StateKind), Last>>);

impl DriftLog {
    /// Notes a comparison; returns in how many names it showed a difference.
    pub(crate) fn note(
        &self,
        channel: &ChannelConfig,
        differences: &[Difference],
        healed: bool,
        at: WireTime,
    ) -> u64 {
        let mut log = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        let mut sum = 0;
        for difference in differences {
            let size = difference.size() as u64;
            sum += size;
            let key = (channel.clone(), difference.kind);
            let total = log.get(&key).map_or(0, |last| last.total) + size;
            let last = Last {
                at,
                difference: difference.clone(),
                healed,
                total,
            };
            log.insert(key, last);
        }
        sum
    }

    /// The sums since the start: domain, channel, kind.
    pub(crate) fn totals(&self) -> Vec<(ChannelConfig, &'static str, u64)> {
        let log = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        log.iter()
            .map(|((channel, kind), last)| (channel.clone(), kind.as_str(), last.total))
            .collect()
    }

    /// The reply of `system.drift` for these channels.
    pub(crate) fn json(&self, channels: &[ChannelConfig]) -> Value {
        let log = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        let mut total = 0;
        let told: Vec<Value> = channels
            .iter()
            .map(|channel| {
                let mut kinds = Map::new();
                for kind in StateKind::ALL {
                    let last = log.get(&(channel.clone(), kind));
                    total += last.map_or(0, |last| last.total);
                    kinds.insert(
                        kind.as_str().to_owned(),
                        last.map_or(Value::Null, Last::json),
                    );
                }
                json!({"domain": channel.domain, "channel": channel.channel, "kinds": kinds})
            })
            .collect();
        json!({"total": total, "channels": told})
    }
}

impl Last {
    fn json(&self) -> Value {
        let first = |names: &[String]| names.iter().take(NAMES_TOLD).cloned().collect::<Vec<_>>();
        json!({
            "checked_at": self.at.to_string(),
            "differences": self.difference.size(),
            "missing": first(&self.difference.missing),
            "surplus": first(&self.difference.surplus),
            "healed": self.healed && !self.difference.is_empty(),
            "total": self.total,
        })
    }
}
