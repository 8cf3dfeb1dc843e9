//! `system.…`: what the service tells of itself.

use kryten_protocol::command::Request;
use kryten_protocol::cytube::is_truthy;
use kryten_protocol::time::WireTime;
use serde_json::{Value, json};

use super::{Queries, QueryError, VERSION};
use crate::status::Source;

impl Queries {
    /// The timestamp is local time without a zone, as the original's.
    pub(super) fn system_ping(&self, now: WireTime) -> Value {
        let zone = jiff::tz::TimeZone::system();
        let local = jiff::Timestamp::from_microsecond(now.micros())
            .map(|now| zone.to_datetime(now).to_string());
        let endpoint = self
            .metrics_port
            .map(|port| format!("http://localhost:{port}/metrics"));
        json!({
            "pong": true,
            "service": "userstats",
            "version": VERSION,
            "uptime_seconds": self.status.view().uptime_seconds,
            "timestamp": local.unwrap_or_default(),
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
        Ok(self.status.drift_report(&self.configured))
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
            stats["lag_events"] = view.lag.into();
            stats["position"] = view.sequence.into();
            stats["gaps"] = totals.gaps.into();
        }
        Ok(stats)
    }
}
