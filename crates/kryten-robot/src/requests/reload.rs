//! `system.reload`: what a changed configuration changes while the robot runs, and what needs a restart. Pure.

use serde_json::{Map, Value, json};

use crate::channels::Reloaded;
use crate::config::RobotConfig;
use crate::office::Live;

/// What came of a new configuration.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) changes: Map<String, Value>,
    pub(super) errors: Vec<String>,
    /// The settings that are in force from now on.
    pub(super) live: Live,
}

impl Outcome {
    /// What became of the channels.
    pub(super) fn take(&mut self, channels: Reloaded) {
        for (name, list) in [
            ("channels.added", channels.added),
            ("channels.removed", channels.removed),
        ] {
            if !list.is_empty() {
                self.changes.insert(name.to_owned(), list.join(", ").into());
            }
        }
        self.errors.extend(channels.errors);
    }
}

/// Compares a new configuration with the one that the robot was started with and the settings in force.
pub(super) fn compare(old: &RobotConfig, now: &Live, new: &RobotConfig) -> Outcome {
    let mut changes = Map::new();
    let live = Live::of(new);
    let mut change = |what: &str, text: String| _ = changes.insert(what.to_owned(), text.into());
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
    if now.allowed != live.allowed {
        change("commands.allow", "updated".to_owned());
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
    Outcome {
        changes,
        errors: Vec::new(),
        live,
    }
}

/// The reply's data in the original's shape.
pub(super) fn reply(outcome: &Outcome) -> Value {
    let (success, message) = match outcome.errors.is_empty() {
        true => (true, "Configuration reloaded successfully"),
        false => (false, "Configuration reloaded in part"),
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
    fn changes_are_taken_over_and_told_and_what_needs_a_restart_says_so() {
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
        assert_eq!(outcome.live, Live::of(&new));
        assert_eq!(reply(&outcome)["success"], true);

        let mut outcome = compare(&new, &Live::of(&new), &new);
        assert!(outcome.changes.is_empty());
        outcome.take(Reloaded {
            added: vec!["a".to_owned(), "b".to_owned()],
            removed: Vec::new(),
            errors: vec!["c: cannot".to_owned()],
        });
        let reply = reply(&outcome);
        assert_eq!(reply["changes"]["channels.added"], "a, b");
        assert_eq!(reply["success"], false);
        assert_eq!(reply["errors"][0], "c: cannot");
    }
}
