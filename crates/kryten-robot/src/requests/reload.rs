//! `system.reload`: what a changed configuration changes while the robot runs, and what it cannot. Pure.

use serde_json::{Map, Value, json};

use crate::config::RobotConfig;
use crate::office::Live;

/// What came of a new configuration.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) changes: Map<String, Value>,
    pub(super) errors: Vec<String>,
    /// The settings to take over; `None` if none may be.
    pub(super) live: Option<Live>,
}

/// Compares a new configuration with the one that the robot was started with and the settings in force.
pub(super) fn compare(old: &RobotConfig, now: &Live, new: &RobotConfig) -> Outcome {
    let mut outcome = Outcome::default();
    let names = |config: &RobotConfig| -> Vec<(String, String, Option<String>)> {
        let channels = config.channels.iter();
        channels
            .map(|channel| {
                (
                    channel.domain.clone(),
                    channel.channel.clone(),
                    channel.user.clone(),
                )
            })
            .collect()
    };
    let (was, is) = (names(old), names(new));
    let mut refuse = |what: &str| {
        outcome
            .errors
            .push(format!("Cannot change cytube.{what} without restart"));
    };
    if was.len() != is.len() {
        refuse("channels");
    }
    for (was, is) in was.iter().zip(&is) {
        if was.0 != is.0 {
            refuse("domain");
        }
        if was.1 != is.1 {
            refuse("channel");
        }
        if was.2 != is.2 {
            refuse("user");
        }
    }
    if !outcome.errors.is_empty() {
        return outcome;
    }
    let live = Live::of(new);
    let mut change =
        |what: &str, text: String| _ = outcome.changes.insert(what.to_owned(), text.into());
    if now.log_level != live.log_level {
        change(
            "log_level",
            format!("{} -> {}", now.log_level, live.log_level),
        );
    }
    for (what, was, is) in [
        (
            "commands.enabled",
            now.commands_enabled,
            live.commands_enabled,
        ),
        (
            "commands.remote_shutdown",
            now.remote_shutdown,
            live.remote_shutdown,
        ),
    ] {
        if was != is {
            change(what, format!("{was} -> {is}"));
        }
    }
    if now.pm_ranks != live.pm_ranks {
        change("commands.pm_rank", "updated".to_owned());
    }
    if now.counting != live.counting {
        change("state_counting", "updated".to_owned());
    }
    if old.nats.addresses() != new.nats.addresses() {
        change("nats.servers", "needs a restart".to_owned());
    }
    if old.nats.user != new.nats.user {
        change("nats.credentials", "needs a restart".to_owned());
    }
    outcome.live = Some(live);
    outcome
}

/// The reply's data in the original's shape.
pub(super) fn reply(outcome: &Outcome) -> Value {
    let (success, message) = match outcome.errors.is_empty() {
        true => (true, "Configuration reloaded successfully"),
        false => (false, "Configuration validation failed"),
    };
    json!({"success": success, "message": message, "changes": outcome.changes, "errors": outcome.errors})
}

pub(super) fn failure(error: String) -> Value {
    json!({
        "success": false, "message": "Configuration reload failed", "changes": {}, "errors": [error],
    })
}

#[cfg(test)]
mod tests {
    use kryten_client::NatsConfig;

    use super::*;
    use crate::config::ChannelConfig;

    fn config(channel: &str) -> RobotConfig {
        let nats = NatsConfig::for_url("nats://localhost:4222");
        RobotConfig::new(nats, vec![ChannelConfig::new("cytu.be", channel)])
    }

    #[test]
    fn safe_changes_are_taken_over_and_told_and_others_refused() {
        let old = config("lounge");
        let now = Live::of(&old);
        let mut new = config("lounge");
        new.log_level = "DEBUG".to_owned();
        new.commands_enabled = true;
        new.nats = NatsConfig::for_url("nats://elsewhere:4222");
        let outcome = compare(&old, &now, &new);
        assert_eq!(outcome.changes["log_level"], "INFO -> DEBUG");
        assert_eq!(outcome.changes["commands.enabled"], "false -> true");
        assert_eq!(outcome.changes["nats.servers"], "needs a restart");
        assert_eq!(outcome.live, Some(Live::of(&new)));
        assert_eq!(reply(&outcome)["success"], true);

        let outcome = compare(&old, &now, &config("other"));
        assert_eq!(
            outcome.errors,
            ["Cannot change cytube.channel without restart"]
        );
        assert_eq!(outcome.live, None);
        assert_eq!(
            reply(&outcome)["message"],
            "Configuration validation failed"
        );
    }
}
