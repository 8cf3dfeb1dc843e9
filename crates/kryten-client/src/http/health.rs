//! What `/health` says, from what was found.

use serde_json::{Map, Value, json};

use super::check::{Checked, Need};
use super::reading::ReadingView;

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Findings {
    pub(super) service: String,
    pub(super) version: String,
    pub(super) uptime_seconds: f64,
    pub(super) nats_connected: bool,
    pub(super) checks: Vec<Checked>,
    pub(super) readers: Vec<(String, ReadingView)>,
    pub(super) own: Map<String, Value>,
}

impl Findings {
    /// Whether everything essential works.
    pub(super) fn works(&self) -> bool {
        self.problems().all(|(need, _)| need == Need::Helpful)
    }

    /// Whether everything works.
    pub(super) fn is_healthy(&self) -> bool {
        self.problems().next().is_none()
    }

    fn problems(&self) -> impl Iterator<Item = (Need, String)> {
        let away = "the NATS server is away".to_owned();
        let nats = (!self.nats_connected).then_some((Need::Essential, away));
        let readers = self.readers.iter().filter_map(|(name, reading)| {
            let problem = reading.problem(name)?;
            Some((Need::Essential, problem))
        });
        let checks = self.checks.iter().filter_map(|check| {
            let problem = check.found.clone().err()?;
            Some((check.need, problem))
        });
        nats.into_iter().chain(readers).chain(checks)
    }

    /// The fields that kryten-py's services have, in their order, then the service's own, then ours.
    pub(super) fn body(&self) -> Value {
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        set("service", self.service.as_str().into());
        set(
            "status",
            if self.is_healthy() {
                "healthy"
            } else {
                "degraded"
            }
            .into(),
        );
        set(
            "uptime_seconds",
            ((self.uptime_seconds * 100.0).round() / 100.0).into(),
        );
        set("nats_connected", self.nats_connected.into());
        // The essential ones first: one sentence is enough for whoever is woken up.
        let mut problems: Vec<_> = self.problems().collect();
        problems.sort_by_key(|(need, _)| *need == Need::Helpful);
        set(
            "problem",
            json!(problems.first().map(|(_, problem)| problem)),
        );
        set("version", self.version.as_str().into());
        let readers = self.readers.iter().map(|(name, reading)| {
            let age = reading.age.map(|age| age.as_secs_f64());
            (
                name.clone(),
                json!({"lag_events": reading.lag, "last_event_age_seconds": age}),
            )
        });
        set("readers", readers.collect::<Map<_, _>>().into());
        let checks = self.checks.iter().map(|check| {
            let found = json!({
                "ok": check.found.is_ok(),
                "essential": check.need == Need::Essential,
                "problem": check.found.as_ref().err(),
            });
            (check.name.clone(), found)
        });
        set("checks", checks.collect::<Map<_, _>>().into());
        for (name, value) in &self.own {
            body.entry(name).or_insert_with(|| value.clone());
        }
        body.into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn well() -> Findings {
        Findings {
            service: "greeter".to_owned(),
            version: "1.0".to_owned(),
            uptime_seconds: 1.23456,
            nats_connected: true,
            checks: Vec::new(),
            readers: Vec::new(),
            own: Map::from_iter([
                ("status".to_owned(), "splendid".into()),
                ("greeted".to_owned(), 3.into()),
            ]),
        }
    }

    fn check(need: Need, found: Result<(), &str>) -> Checked {
        Checked {
            name: "disk".to_owned(),
            need,
            found: found.map_err(str::to_owned),
        }
    }

    #[test]
    fn fields_of_the_service_replace_none_that_every_service_has() {
        let body = well().body();
        assert_eq!(
            body,
            json!({
                "service": "greeter", "status": "healthy", "uptime_seconds": 1.23, "nats_connected": true,
                "problem": null, "version": "1.0", "readers": {}, "checks": {}, "greeted": 3,
            })
        );
        assert!(well().works());
    }

    #[test]
    fn what_is_only_helpful_degrades_and_what_is_essential_ends() {
        let mut findings = well();
        findings.checks = vec![check(Need::Helpful, Err("the disk is slow"))];
        assert!(findings.works() && !findings.is_healthy());
        assert_eq!(findings.body()["status"], "degraded");
        findings
            .checks
            .push(check(Need::Essential, Err("the disk is full")));
        assert!(!findings.works());
        assert_eq!(findings.body()["problem"], "the disk is full");
        let mut away = well();
        away.nats_connected = false;
        assert!(!away.works());
        assert_eq!(away.body()["problem"], "the NATS server is away");
    }

    #[test]
    fn a_reader_beyond_its_limits_is_a_problem() {
        let view = |lag, seconds, lag_limit, age_limit| ReadingView {
            lag,
            age: Some(Duration::from_secs(seconds)),
            lag_limit,
            age_limit,
        };
        let minute = Some(Duration::from_secs(60));
        for (view, problem) in [
            (view(5, 900, None, None), Value::Null),
            (view(5, 10, Some(5), minute), Value::Null),
            (
                view(6, 10, Some(5), minute),
                "chat is 6 events behind; 5 may wait".into(),
            ),
            (
                view(0, 61, Some(5), minute),
                "chat has had no event for 61 s; 60 s may pass".into(),
            ),
        ] {
            let mut findings = well();
            findings.readers = vec![("chat".to_owned(), view)];
            assert_eq!(findings.body()["problem"], problem);
            assert_eq!(findings.works(), problem.is_null());
        }
    }
}
