//! `system.…`: what the service tells of itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kryten_protocol::command::Request;
use kryten_protocol::cytube::is_truthy;
use kryten_protocol::time::WireTime;
use kryten_protocol::token::normalize;
use serde_json::{Value, json};

use super::{Queries, QueryError, VERSION};
use crate::report::Report;
use crate::status::{Sharing, Source};

impl Queries {
    pub(super) fn system_ping(&self, now: WireTime) -> Value {
        let endpoint = self
            .metrics_port
            .map(|port| format!("http://localhost:{port}/metrics"));
        json!({
            "pong": true,
            "service": "userstats",
            "version": VERSION,
            "uptime_seconds": self.status.view().uptime_seconds,
            "timestamp": local_text(now, &TimeZone::system()),
            "metrics_endpoint": endpoint,
        })
    }

    /// `status` has the original's two words; `problem` and `counting` are ours.
    pub(super) async fn system_health(&self) -> Value {
        let view = self.status.view();
        let database = view.database_ok && self.store.check().await.is_ok();
        let mut health = json!({
            "service": "userstats",
            "status": if view.is_healthy() && database { "healthy" } else { "unhealthy" },
            "uptime_seconds": view.uptime_seconds,
            "database_connected": database,
            "nats_connected": view.nats_connected,
        });
        if !self.as_original {
            health["counting"] = json!(match view.source {
                Source::Waiting => "waiting",
                Source::Stream => "stream",
                Source::LiveOnly => "live only",
            });
            health["problem"] = json!(view.problem());
        }
        health
    }

    /// What comparing the robot's state with the events has shown; with `check` it is compared now.
    pub(super) async fn system_drift(&self, request: &Request) -> Result<Value, QueryError> {
        let check = request.parameters.get("check").is_some_and(is_truthy);
        if let Some(inputs) = self.inputs.as_ref().filter(|_| check) {
            inputs.refresh().await?;
        }
        self.drift().await
    }

    /// What comparing the robot's state with the events has shown in all channels, as `system.drift` tells it.
    ///
    /// # Errors
    /// [`QueryError::Store`] when other instances share the database, and it does not answer.
    pub async fn drift(&self) -> Result<Value, QueryError> {
        let sharing = self.status.view().sharing;
        let counted_by = |channel: &str| sharing.elsewhere.get(&normalize(channel)).cloned();
        let report = self.status.report(&self.configured);
        Ok(report.drift_of_all(&self.other_reports(&sharing).await?, counted_by))
    }

    /// What the other instances of the database tell of themselves.
    async fn other_reports(
        &self,
        sharing: &Sharing,
    ) -> Result<BTreeMap<String, Report>, QueryError> {
        if sharing.instances < 2 {
            return Ok(BTreeMap::new());
        }
        let reports = self.store.reports().await?.into_iter();
        let others = reports.filter(|(instance, _)| *instance != sharing.instance);
        // One of a later version may tell what is not understood here.
        let read = |report: &str| serde_json::from_str(report).unwrap_or_default();
        Ok(others
            .map(|(instance, report)| (instance, read(&report)))
            .collect())
    }

    /// Ours: until the next start.
    pub(super) fn system_loglevel(&self, request: &Request) -> Result<Value, QueryError> {
        let Some(log_levels) = &self.log_levels else {
            return Err(QueryError::Unknown(request.command.clone()));
        };
        let mut told = Ok(Value::Null);
        log_levels.send_if_modified(|levels| {
            let before = levels.clone();
            told = levels.command(&request.parameters);
            *levels != before
        });
        let levels = told.map_err(QueryError::Refused)?;
        tracing::info!(%levels, "the levels of the log were asked for");
        Ok(levels)
    }

    /// `total_kudos` is only the `++` kind, as in the original; the last five fields are ours.
    pub(super) async fn system_stats(&self) -> Result<Value, QueryError> {
        let (totals, view) = (self.store.totals().await?, self.status.view());
        let mut stats = json!({
            "total_users": totals.users,
            "total_messages": totals.messages,
            "total_pms": totals.pms,
            "total_kudos": totals.kudos_plusplus,
            "total_emotes": totals.emotes,
            "total_media_changes": totals.media_changes,
            "events_processed": view.counters.events,
            "commands_processed": view.commands,
            "active_sessions": view.open_visits,
        });
        if !self.as_original {
            stats["total_kudos_phrases"] = totals.kudos_phrases.into();
            stats["total_votes"] = totals.votes.into();
            let others = self.other_reports(&view.sharing).await?;
            let all = self.status.report(&[]).with(&others);
            stats["lag_events"] = all.lag.into();
            stats["position"] = all.position.into();
            stats["gaps"] = totals.gaps.into();
        }
        Ok(stats)
    }
}

/// Local time without a zone, as the original tells it: six digits of a second, or none.
fn local_text(now: WireTime, zone: &TimeZone) -> String {
    let timestamp = Timestamp::from_microsecond(now.micros()).unwrap_or_default();
    let ahead = i64::from(zone.to_offset(timestamp).seconds()) * 1_000_000;
    let local = WireTime::from_micros(now.micros() + ahead).to_string();
    local.trim_end_matches("+00:00").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_has_six_digits_of_a_second_or_none() {
        let zone = TimeZone::fixed(jiff::tz::offset(-3));
        for (utc, local) in [
            (
                "2026-11-22T16:13:24.943150+00:00",
                "2026-11-22T13:13:24.943150",
            ),
            (
                "2026-11-22T16:13:24.900000+00:00",
                "2026-11-22T13:13:24.900000",
            ),
            ("2026-11-22T01:13:24+00:00", "2026-11-21T22:13:24"),
        ] {
            assert_eq!(local_text(WireTime::parse(utc).unwrap(), &zone), local);
        }
    }
}
