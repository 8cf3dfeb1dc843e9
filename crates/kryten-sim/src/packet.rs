//! Engine.IO 4 and Socket.IO text, as far as a server of one namespace needs it.

use serde_json::Value;

/// A packet of a client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Packet {
    Ping(String),
    Pong,
    Connect,
    Disconnect,
    Event {
        name: String,
        args: Vec<Value>,
        ack: Option<u64>,
    },
    Close,
    /// Valid, but without meaning here.
    Other,
}

/// Reads a packet; `None` for what makes CyTube close the connection at once.
pub(crate) fn parse(text: &str) -> Option<Packet> {
    let mut chars = text.chars();
    Some(match chars.next()? {
        '1' => Packet::Close,
        '2' => Packet::Ping(chars.as_str().to_owned()),
        '3' => Packet::Pong,
        '4' => match chars.next()? {
            '0' => Packet::Connect,
            '1' => Packet::Disconnect,
            '2' => event_of(chars.as_str())?,
            '3' => Packet::Other,
            _ => return None,
        },
        '5' | '6' => Packet::Other,
        _ => return None,
    })
}

fn event_of(text: &str) -> Option<Packet> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let ack = text[..digits].parse().ok();
    let mut args: Vec<Value> = serde_json::from_str(&text[digits..]).ok()?;
    if args.is_empty() {
        return None;
    }
    let name = args.remove(0).as_str()?.to_owned();
    Some(Packet::Event { name, args, ack })
}

/// An event; without a payload it has no argument, which is not the same as `null`.
pub(crate) fn event(name: &str, payload: Option<&Value>) -> String {
    let name = Value::from(name);
    match payload {
        Some(payload) => format!("42[{name},{payload}]"),
        None => format!("42[{name}]"),
    }
}

/// The answer to an event that asked for one.
pub(crate) fn ack(id: u64, payload: &Value) -> String {
    format!("43{id}[{payload}]")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_argument_is_not_null() {
        assert_eq!(event("closePoll", None), r#"42["closePoll"]"#);
        assert_eq!(
            event("closePoll", Some(&Value::Null)),
            r#"42["closePoll",null]"#
        );
        assert_eq!(ack(3, &json!({})), "433[{}]");
    }

    #[test]
    fn client_packets_are_read() {
        assert_eq!(
            parse(r#"421["newPoll", {"title": "x"}]"#),
            Some(Packet::Event {
                name: "newPoll".into(),
                args: vec![json!({"title": "x"})],
                ack: Some(1),
            })
        );
        for bad in ["", "4", "42", "42{", "42[]", "42[1]", "9", "45"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
