//! `timeseries.…`: what happened in each hour.

use std::collections::BTreeMap;

use kryten_protocol::command::Request;
use kryten_protocol::time::WireTime;
use serde_json::{Value, json};

use super::parameters::{optional, required};
use super::{Queries, QueryError, json};

/// Moments, both included, where they are given.
type Bounds = [Option<WireTime>; 2];

impl Queries {
    /// `avg_active_users` is all that the original gives: no message is counted in it.
    pub(super) async fn timeseries_messages(&self, request: &Request) -> Result<Value, QueryError> {
        let channel = required(request, "channel")?;
        let domain = self.domain(request)?;
        let Some([from, to]) = bounds(request)? else {
            return Ok(json!({"channel": channel.echo, "data": []}));
        };
        let name = self.channel_named(&channel.text);
        let store = &self.store;
        let means = store.population_means(&name, &domain, from, to).await?;
        if self.as_original {
            return Ok(json!({"channel": channel.echo, "data": json(means)}));
        }
        let mut hours: BTreeMap<String, (Option<f64>, i64)> = BTreeMap::new();
        for mean in means {
            hours.insert(mean.hour, (Some(mean.avg_active_users), 0));
        }
        for hour in store.hours_between(&name, &domain, from, to).await? {
            hours.entry(label(hour.hour)).or_default().1 += hour.messages;
        }
        let data = hours.into_iter().map(
            |(hour, (mean, messages))| json!({"hour": hour, "messages": messages, "avg_active_users": mean}),
        );
        Ok(json!({"channel": channel.echo, "data": data.collect::<Vec<_>>()}))
    }

    /// The original never has any.
    pub(super) async fn timeseries_kudos(&self, request: &Request) -> Result<Value, QueryError> {
        if self.as_original {
            return Ok(json!({"data": []}));
        }
        let channel = optional(request, "channel")?;
        let channel = channel.map_or_else(|| self.default_channel.clone(), |channel| channel.text);
        let domain = self.domain(request)?;
        let Some([from, to]) = bounds(request)? else {
            return Ok(json!({"data": []}));
        };
        let name = self.channel_named(&channel);
        let hours = self.store.hours_between(&name, &domain, from, to).await?;
        let data = hours.into_iter().map(|hour| {
            let (plusplus, phrases) = (hour.kudos_plusplus, hour.kudos_phrases);
            json!({
                "hour": label(hour.hour),
                "kudos": plusplus + phrases,
                "plusplus": plusplus,
                "phrases": phrases,
            })
        });
        Ok(json!({"data": data.collect::<Vec<_>>()}))
    }
}

/// `start_time` and `end_time`; `None` where one is no time.
fn bounds(request: &Request) -> Result<Option<Bounds>, QueryError> {
    let mut bounds = [None, None];
    for (bound, name) in bounds.iter_mut().zip(["start_time", "end_time"]) {
        let Some(text) = optional(request, name)? else {
            continue;
        };
        let Some(time) = WireTime::parse(&text.text) else {
            return Ok(None);
        };
        *bound = Some(time);
    }
    Ok(Some(bounds))
}

/// An hour as the original writes it, `2026-11-22 16:00:00`.
fn label(hour: i64) -> String {
    const HOUR_MICROS: i64 = 3_600_000_000;
    let begins = WireTime::from_micros(hour.saturating_mul(HOUR_MICROS)).to_string();
    begins.get(..19).unwrap_or(&begins).replace('T', " ")
}
