//! A message on the command subject as a request, or the reply that says what is wrong with it. Pure.

use kryten_protocol::command::Reply;
use kryten_protocol::cytube::is_truthy;
use serde_json::{Map, Value};

/// The service that answers here.
pub(crate) const SERVICE: &str = "robot";

/// A request, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) command: String,
    /// The arguments of commands that act; empty if there are none.
    pub(crate) args: Map<String, Value>,
    /// All other top-level fields.
    pub(crate) fields: Map<String, Value>,
}

/// Which channel a request is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// Any, or the only one.
    Any,
    /// One of this name on any host.
    Channel(&'a str),
    /// One on one host; a robot without it keeps silent, since another one answers.
    Exactly { domain: &'a str, channel: &'a str },
}

impl Asked {
    /// Reads a message; of what is no request the reply comes back.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Box<Reply>> {
        let refused = |error: String| Box::new(Reply::failed(SERVICE, Some("unknown"), error));
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| refused(format!("Invalid JSON: {error}")))?;
        let Value::Object(mut fields) = value else {
            return Err(refused("a request must be a JSON object".to_owned()));
        };
        let command = match fields.shift_remove("command") {
            Some(Value::String(command)) if !command.is_empty() => command,
            Some(command) if is_truthy(&command) => {
                return Err(refused("command must be a text".to_owned()));
            }
            _ => return Err(refused("Missing 'command' field".to_owned())),
        };
        let failed = |error: String| Box::new(Reply::failed(SERVICE, Some(&command), error));
        if let Some(meant) = fields.shift_remove("service").filter(is_truthy) {
            let meant = meant
                .as_str()
                .map_or_else(|| meant.to_string(), str::to_owned);
            if meant != SERVICE && meant != "system" {
                return Err(failed(format!(
                    "Command intended for '{meant}', not '{SERVICE}'"
                )));
            }
        }
        let args = match fields.shift_remove("args") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(args)) => args,
            Some(_) => return Err(failed("args must be a JSON object".to_owned())),
        };
        Ok(Self {
            command,
            args,
            fields,
        })
    }

    pub(crate) fn target(&self) -> Target<'_> {
        let meta = self.fields.get("meta");
        let of_meta = |name: &str| meta.and_then(|meta| meta.get(name)).and_then(Value::as_str);
        let channel = of_meta("channel").or_else(|| self.fields.get("channel")?.as_str());
        match (of_meta("domain"), channel) {
            (Some(domain), Some(channel)) => Target::Exactly { domain, channel },
            (None, Some(channel)) => Target::Channel(channel),
            (_, None) => Target::Any,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> (Value, String) {
        let reply = Asked::read(body.as_bytes()).unwrap_err();
        assert_eq!(
            (reply.service.as_deref(), reply.success),
            (Some("robot"), false)
        );
        (reply.command.unwrap(), reply.error.unwrap())
    }

    #[test]
    fn what_is_no_request_is_answered_with_the_recorded_fields() {
        assert!(error("{not json").1.starts_with("Invalid JSON: "));
        assert_eq!(
            error(r#"{"service":"robot"}"#),
            ("unknown".into(), "Missing 'command' field".into())
        );
        assert_eq!(error("[1]").1, "a request must be a JSON object");
        assert_eq!(error(r#"{"command":["a"]}"#).1, "command must be a text");
        assert_eq!(
            error(r#"{"service":"userstats","command":"system.ping"}"#).1,
            "Command intended for 'userstats', not 'robot'"
        );
        assert_eq!(
            error(r#"{"command":"say","args":[1]}"#).1,
            "args must be a JSON object"
        );
    }

    #[test]
    fn a_request_says_which_channel_is_meant() {
        let read = |body: &str| Asked::read(body.as_bytes()).unwrap();
        let asked = read(r#"{"command":"say","service":"system","args":null,"meta":null}"#);
        assert_eq!((asked.target(), asked.args.len()), (Target::Any, 0));
        let asked = read(r#"{"command":"say","meta":{"domain":"d","channel":"c"}}"#);
        assert_eq!(
            asked.target(),
            Target::Exactly {
                domain: "d",
                channel: "c"
            }
        );
        let asked = read(r#"{"command":"say","channel":"c"}"#);
        assert_eq!(asked.target(), Target::Channel("c"));
        assert_eq!(
            read(r#"{"command":"say","meta":{"domain":"d"}}"#).target(),
            Target::Any
        );
    }
}
