//! The lines of the audit logs, in the original's form. Pure.

use serde_json::{Map, Value};

use super::Log;
use crate::commands::command::ChannelCommand;
use crate::commands::parse::after_json;

/// A command as it came: who is meant, and its arguments; what is a password is not told, however deep it stands.
pub fn command(name: &str, args: &Map<String, Value>) -> String {
    let user = ["username", "name"]
        .iter()
        .find_map(|field| args.get(*field)?.as_str())
        .unwrap_or("system");
    let args: Vec<String> = args
        .iter()
        .map(|(name, value)| format!("{name}={}", text(&masked(name, value))))
        .collect();
    let (name, user) = (one_line(name), one_line(user));
    format!(
        "[NATS] command={name} user={user} args=({})",
        args.join(" ")
    )
}

/// What was done, and in which log it stands; `None` for what the original does not note.
pub fn operation(command: &ChannelCommand) -> Option<(Log, String)> {
    use ChannelCommand as C;
    let (log, operation, target, details) = match command {
        C::Ban { username, .. } => (Log::Admin, "ban", username.as_str(), Vec::new()),
        C::SetMotd { motd } => admin("setMotd", vec![("length", motd.chars().count().into())]),
        C::SetCss { css } => admin("setChannelCSS", vec![("size_bytes", css.len().into())]),
        C::SetJs { js } => admin("setChannelJS", vec![("size_bytes", js.len().into())]),
        C::SetOptions { options } => {
            admin("setOptions", vec![("option_count", options.len().into())])
        }
        C::SetPermissions { permissions } => admin(
            "setPermissions",
            vec![("permission_count", permissions.len().into())],
        ),
        C::UpdateEmote { name, image } => (
            Log::Admin,
            "updateEmote",
            name.as_str(),
            vec![("image", image.as_str().into())],
        ),
        C::RemoveEmote { name } => (Log::Admin, "removeEmote", name.as_str(), Vec::new()),
        C::AddFilter(filter) | C::UpdateFilter(filter) => {
            let operation = match command {
                C::AddFilter(_) => "addFilter",
                _ => "updateFilter",
            };
            let details = vec![
                ("source", filter.source.as_str().into()),
                ("flags", filter.flags.as_str().into()),
                ("replace", filter.replace.as_str().into()),
            ];
            (Log::Admin, operation, filter.name.as_str(), details)
        }
        C::RemoveFilter { name } => (Log::Admin, "removeFilter", name.as_str(), Vec::new()),
        C::NewPoll { title, options, .. } => admin(
            "newPoll",
            vec![
                ("title", title.as_str().into()),
                ("options", options.len().into()),
            ],
        ),
        C::ClosePoll => admin("closePoll", Vec::new()),
        C::SetChannelRank { username, rank } => (
            Log::Admin,
            "setChannelRank",
            username.as_str(),
            vec![("rank", (*rank).into())],
        ),
        C::Queue {
            media, next, temp, ..
        } => playlist(
            "queue",
            vec![
                ("type", media.kind.as_str().into()),
                ("id", media.id.as_str().into()),
                ("pos", if *next { "next" } else { "end" }.into()),
                ("temp", (*temp).into()),
            ],
        ),
        C::Delete { uid } => playlist("delete", vec![("uid", (*uid).into())]),
        C::Move { uid, after } => playlist(
            "moveMedia",
            vec![("from", (*uid).into()), ("after", after_json(*after))],
        ),
        C::Jump { uid } => playlist("jumpTo", vec![("uid", (*uid).into())]),
        C::Clear => playlist("clearPlaylist", Vec::new()),
        C::Shuffle => playlist("shufflePlaylist", Vec::new()),
        C::SetTemp { uid, temp } => playlist(
            "setTemp",
            vec![("uid", (*uid).into()), ("temp", (*temp).into())],
        ),
        _ => return None,
    };
    let mut line = format!("[{operation}]");
    if !target.is_empty() {
        line.push_str(&format!(" target={}", one_line(target)));
    }
    for (name, value) in details {
        line.push_str(&format!(" {name}={}", text(&value)));
    }
    Some((log, line))
}

type Details = Vec<(&'static str, Value)>;

fn admin(operation: &'static str, details: Details) -> (Log, &'static str, &'static str, Details) {
    (Log::Admin, operation, "", details)
}

fn playlist(
    operation: &'static str,
    details: Details,
) -> (Log, &'static str, &'static str, Details) {
    (Log::Playlist, operation, "", details)
}

/// What would end a line is a blank in it.
pub fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

/// A value as the original writes it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(text),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => "None".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(whole) if whole.fract() == 0.0 && number.is_f64() => format!("{whole:.0}"),
            _ => number.to_string(),
        },
        other => one_line(&other.to_string()),
    }
}

fn masked(name: &str, value: &Value) -> Value {
    if name.to_lowercase().contains("password") {
        return "***".into();
    }
    match value {
        Value::Object(fields) => {
            let fields = fields.iter();
            Value::Object(
                fields
                    .map(|(name, value)| (name.clone(), masked(name, value)))
                    .collect(),
            )
        }
        Value::Array(values) => values.iter().map(|value| masked("", value)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn commands_are_noted_without_passwords_and_in_one_line() {
        let args = json!({"options": {"password": "swordfish", "maxlength": 3}, "temp": true, "name": "a\nb"});
        assert_eq!(
            command("setOptions", args.as_object().unwrap()),
            r#"[NATS] command=setOptions user=a b args=(options={"password":"***","maxlength":3} temp=True name=a b)"#
        );
        assert_eq!(
            command("clear", &Map::new()),
            "[NATS] command=clear user=system args=()"
        );
    }

    #[test]
    fn operations_stand_in_the_log_of_their_kind() {
        let ban = ChannelCommand::Ban {
            username: "bob".into(),
            reason: "x".into(),
        };
        assert_eq!(
            operation(&ban),
            Some((Log::Admin, "[ban] target=bob".to_owned()))
        );
        let temp = ChannelCommand::SetTemp {
            uid: 3,
            temp: false,
        };
        assert_eq!(
            operation(&temp),
            Some((Log::Playlist, "[setTemp] uid=3 temp=False".to_owned()))
        );
        let rank = ChannelCommand::SetChannelRank {
            username: "bob".into(),
            rank: 2.0,
        };
        assert_eq!(
            operation(&rank),
            Some((Log::Admin, "[setChannelRank] target=bob rank=2".to_owned()))
        );
        assert_eq!(operation(&ChannelCommand::PlayNext), None);
    }
}
