//! Sections of the file: those in which the original takes anything, so that what makes no sense has no effect, and ours.

use std::time::Duration;

use kryten_client::config::lenient::number_of;
use kryten_protocol::cytube::is_truthy;
use serde_json::{Map, Value};

use crate::audit::AuditConfig;
use crate::channel::StateCounting;
use crate::config::{RobotConfigError, VerifyTimes};

/// `state_counting`.
pub(super) fn counting(section: Option<&Value>) -> StateCounting {
    let field = |name: &str| section.and_then(|section| section.get(name));
    let flag = |name: &str| field(name).is_some_and(is_truthy);
    let number = |name: &str| field(name).and_then(Value::as_f64).unwrap_or(0.0);
    StateCounting {
        users_exclude_afk: flag("users_exclude_afk"),
        users_min_rank: number("users_min_rank"),
        playlist_exclude_temp: flag("playlist_exclude_temp"),
        playlist_max_duration: number("playlist_max_duration"),
        emotes_only_enabled: flag("emotes_only_enabled"),
    }
}

/// `logging`.
pub(super) fn audit(section: Option<&Value>) -> AuditConfig {
    let usual = AuditConfig::default();
    let text = |name: &str, usual: String| {
        let found = section.and_then(|section| section.get(name)?.as_str());
        found.map_or(usual, str::to_owned)
    };
    AuditConfig {
        base_path: text("base_path", usual.base_path.display().to_string()).into(),
        admin_operations: text("admin_operations", usual.admin_operations),
        playlist_operations: text("playlist_operations", usual.playlist_operations),
        chat_messages: text("chat_messages", usual.chat_messages),
        command_audit: text("command_audit", usual.command_audit),
        connection_events: text("connection_events", usual.connection_events),
    }
}

/// Ours: `verify.enabled`, `verify.minutes` between two comparisons of the state, and `verify.look_minutes` between two
/// looks through a second connection.
pub(super) fn verify(section: &Map<String, Value>) -> Result<VerifyTimes, RobotConfigError> {
    let mut usual = VerifyTimes::default();
    if let Some(minutes) = section.get("look_minutes") {
        let wait = number_of(minutes).and_then(in_minutes);
        let wait = wait.ok_or(RobotConfigError::BadValue {
            key: "verify.look_minutes",
            wanted: "a number of minutes, or 0 for never",
        })?;
        usual.look_every = (!wait.is_zero()).then_some(wait);
    }
    if !section.get("enabled").is_none_or(is_truthy) {
        return Ok(VerifyTimes {
            every: None,
            ..usual
        });
    }
    let Some(minutes) = section.get("minutes") else {
        return Ok(usual);
    };
    let wait = number_of(minutes)
        .and_then(in_minutes)
        .filter(|wait| !wait.is_zero());
    let every = wait.ok_or(RobotConfigError::BadValue {
        key: "verify.minutes",
        wanted: "a number of minutes above 0",
    })?;
    Ok(VerifyTimes {
        every: Some(every),
        ..usual
    })
}

fn in_minutes(minutes: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(minutes * 60.0).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sections_that_are_none_leave_the_defaults() {
        for section in [None, Some(&json!(7)), Some(&json!({"users_min_rank": "x"}))] {
            assert_eq!(counting(section), StateCounting::default());
            assert_eq!(audit(section), AuditConfig::default());
        }
        let section = json!({"users_exclude_afk": 1, "playlist_max_duration": 60.5, "connection_events": "c.log"});
        let counting = counting(Some(&section));
        assert!(counting.users_exclude_afk && counting.playlist_max_duration == 60.5);
        assert_eq!(audit(Some(&section)).connection_events, "c.log");
    }

    #[test]
    fn how_often_the_state_is_compared_is_read() {
        let every = |section: Value| {
            let times = verify(section.as_object().unwrap()).map_err(|error| error.to_string());
            times.map(|times| times.every.map(|every| every.as_secs()))
        };
        assert_eq!(every(json!({})), Ok(Some(900)));
        assert_eq!(every(json!({"minutes": 0.5})), Ok(Some(30)));
        assert_eq!(every(json!({"minutes": "0.5"})), Ok(Some(30)));
        assert_eq!(every(json!({"enabled": false, "minutes": 3})), Ok(None));
        for wrong in [json!(0), json!(-1), json!("x"), json!(1e300)] {
            let error = every(json!({ "minutes": wrong })).unwrap_err();
            assert_eq!(error, "verify.minutes must be a number of minutes above 0");
        }
    }

    #[test]
    fn how_often_a_second_connection_looks_is_read() {
        let every = |section: Value| {
            let times = verify(section.as_object().unwrap()).map_err(|error| error.to_string());
            times.map(|times| times.look_every.map(|every| every.as_secs()))
        };
        assert_eq!(every(json!({"enabled": false})), Ok(Some(3600)));
        assert_eq!(every(json!({"look_minutes": 0})), Ok(None));
        assert_eq!(every(json!({"look_minutes": 90.0})), Ok(Some(5400)));
        for wrong in [json!(-1), json!("x"), json!(null)] {
            let error = every(json!({ "look_minutes": wrong })).unwrap_err();
            assert!(error.starts_with("verify.look_minutes must be"), "{error}");
        }
    }
}
