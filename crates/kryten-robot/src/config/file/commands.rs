//! The section `commands`.

use kryten_client::config::lenient::number_of;
use serde_json::{Map, Value};

use super::{RobotConfigError, seconds};
use crate::commands::allowed::AllowedCommands;
use crate::config::{CommandTimes, PmRanks};
use crate::system_pm::PmCommand;

/// Ours: the rank for each `system:` private message.
pub(super) fn pm_ranks(commands: &Map<String, Value>) -> Result<PmRanks, RobotConfigError> {
    let usual = PmRanks::default();
    let rank = |key: &'static str, usual: f64| match commands.get(key) {
        None => Ok(usual),
        Some(value) => number_of(value).ok_or(RobotConfigError::BadValue {
            key,
            wanted: "a rank, such as 2",
        }),
    };
    let mut ranks = usual;
    ranks.ask = rank("pm_rank", usual.ask)?;
    ranks.control = rank("pm_control_rank", usual.control)?;
    let wrong = RobotConfigError::BadValue {
        key: "commands.pm_ranks",
        wanted: "an object of ranks by about, help, health, reconnect, reload and shutdown",
    };
    match commands.get("pm_ranks") {
        None | Some(Value::Null) => {}
        Some(Value::Object(each)) => {
            for (name, rank) in each {
                match (PmCommand::named(name), number_of(rank)) {
                    (Some(command), Some(rank)) => ranks.set(command, rank),
                    _ => return Err(wrong),
                }
            }
        }
        Some(_) => return Err(wrong),
    }
    Ok(ranks)
}

/// Ours: `commands.allow` and `commands.deny`.
pub(super) fn allowed(commands: &Map<String, Value>) -> Result<AllowedCommands, RobotConfigError> {
    let list = |name: &str, key: &'static str| -> Result<Option<Vec<String>>, RobotConfigError> {
        let wrong = RobotConfigError::BadValue {
            key,
            wanted: "a list of command names, such as [\"say\", \"playlist.*\"]",
        };
        let texts = match commands.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(entries)) => entries.iter().map(|entry| entry.as_str()),
            Some(_) => return Err(wrong),
        };
        let texts: Option<Vec<String>> = texts.map(|text| text.map(str::to_owned)).collect();
        texts.map(Some).ok_or(wrong)
    };
    let allow = list("allow", "commands.allow")?;
    let deny = list("deny", "commands.deny")?.unwrap_or_default();
    Ok(AllowedCommands::read(allow.as_deref(), &deny)?)
}

/// How long commands wait.
pub(super) fn times(commands: &Map<String, Value>) -> Result<CommandTimes, RobotConfigError> {
    let usual = CommandTimes::default();
    Ok(CommandTimes {
        effect: seconds(commands, "effect_seconds", usual.effect)?,
        look_up: seconds(commands, "look_up_seconds", usual.look_up)?,
        chat_expiry: seconds(commands, "chat_expiry_seconds", usual.chat_expiry)?,
        expiry: seconds(commands, "expiry_seconds", usual.expiry)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::from_value;
    use super::*;

    #[test]
    fn who_may_send_which_commands_is_read_and_a_slip_of_the_pen_is_told() {
        let with = |commands: Value| {
            let file = json!({
                "cytube": {"domain": "d", "channel": "c"}, "nats": {"url": "nats://x"}, "commands": commands,
            });
            from_value(&file, |_| None).map_err(|error| error.to_string())
        };
        let config = with(
            json!({"allow": ["say", "state.*"], "deny": ["state.all"], "pm_ranks": {"health": 2}}),
        );
        let config = config.unwrap();
        assert!(config.allowed.allows("chat") && !config.allowed.allows("state.all"));
        assert!(PmCommand::Health.is_allowed(Some(2.0), config.pm_ranks));
        assert!(!PmCommand::Reload.is_allowed(Some(2.0), config.pm_ranks));
        for (commands, error) in [
            (
                json!({"deny": ["kik"]}),
                "in commands.allow or commands.deny \"kik\" stands for no command; write a name such as kick, a \
                 beginning such as playlist.*, or /* for what is typed",
            ),
            (
                json!({"allow": "say"}),
                "commands.allow must be a list of command names, such as [\"say\", \"playlist.*\"]",
            ),
            (
                json!({"pm_ranks": {"halt": 2}}),
                "commands.pm_ranks must be an object of ranks by about, help, health, reconnect, reload and shutdown",
            ),
        ] {
            assert_eq!(with(commands).unwrap_err(), error);
        }
    }
}
