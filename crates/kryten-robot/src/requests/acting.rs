//! Commands that act on CyTube: whether they may be done, and what is said of them.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;

use super::read::Asked;
use crate::channel_view::ChannelView;
use crate::commands::allowed;
use crate::commands::command::ChannelCommand;
use crate::commands::parse::{self, Action, Dialect, action_of};
use crate::commands::perform::{self, Begun};
use crate::office::Office;

/// A command under way, and how its reply is completed.
#[derive(Debug)]
pub(super) struct Acting {
    served: ChannelView,
    name: String,
    command: ChannelCommand,
    begun: Begun,
    _permit: OwnedSemaphorePermit,
}

/// Checks a command of the unified subject and queues its frames.
pub(super) fn begin(
    office: &Office,
    served: &ChannelView,
    asked: &Asked,
) -> Result<Acting, String> {
    let is_playlist = asked.command.starts_with("playlist.");
    // These have their parameters beside the command; some clients put them where all others are.
    let args = match is_playlist && asked.fields.contains_key("payload") {
        true => &asked.fields,
        false => &asked.args,
    };
    start(office, served, &asked.command, args, Dialect::Unified)
}

pub(super) fn start(
    office: &Office,
    served: &ChannelView,
    name: &str,
    args: &Map<String, Value>,
    dialect: Dialect,
) -> Result<Acting, String> {
    if let Some(audit) = &office.audit {
        audit.command(name, args);
    }
    let parsed = parse::parse(name, args, dialect);
    let command = parsed.ok_or_else(|| format!("Unknown command: {name}"))?;
    if !office.live().commands_enabled {
        return Err(
            "commands are switched off; set commands.enabled in the robot's configuration"
                .to_owned(),
        );
    }
    let allowed = office.live().allowed;
    if !allowed.allows(name) {
        return Err(allowed::refusal(name));
    }
    let command = command.map_err(|error| error.to_string())?;
    if !allowed.allows_command(&command) {
        return Err(allowed::refusal("what is typed there"));
    }
    let permit = Arc::clone(&served.under_way).try_acquire_owned();
    let permit = permit.map_err(|_| "too many commands are under way; send less".to_owned())?;
    Ok(Acting {
        served: served.clone(),
        name: name.to_owned(),
        command: command.clone(),
        begun: perform::begin(&served.desk, command),
        _permit: permit,
    })
}

impl Acting {
    /// Waits for the end and gives the `data` of the reply.
    pub(super) async fn finish(self, office: &Office) -> Value {
        let mut data = perform::finish(&self.served.desk, self.begun).await;
        if data["success"] != true {
            return data;
        }
        if let Some(audit) = &office.audit {
            audit.done(&self.command);
        }
        complete(&self.name, &self.command, &mut data);
        data
    }
}

/// What the original puts into the replies to some names of a command.
fn complete(name: &str, command: &ChannelCommand, data: &mut Value) {
    use kryten_protocol::event::playlist::After;
    let action = action_of(name);
    match (action, command) {
        (Some(Action::PlaylistMove), ChannelCommand::Move { uid, after }) => {
            data["status"] = "sent".into();
            data["from_uid"] = (*uid).into();
            data["after_uid"] = match after {
                After::Uid(after) => (*after).into(),
                After::Prepend => "prepend".into(),
                After::Append => "append".into(),
            };
        }
        (Some(Action::PlaylistQueue), ChannelCommand::Queue { title, .. }) => {
            data["status"] = "sent".into();
            data["title"] = title.clone().unwrap_or_else(|| "unknown".to_owned()).into();
        }
        (Some(Action::PlaylistDelete), ChannelCommand::Delete { uid }) => {
            data["status"] = "sent".into();
            data["uid"] = (*uid).into();
        }
        (Some(Action::Reconnect), _) if name.eq_ignore_ascii_case("restart") => {
            data["message"] = "Restarting connection".into();
        }
        _ => {}
    }
}
