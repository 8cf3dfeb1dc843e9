//! Engine.IO 4 and Socket.IO text to and from [`Frame`].
//!
//! One websocket text message is one Engine.IO packet, and a Socket.IO packet is the rest of an Engine.IO message
//! (`4…`). Only text and the default namespace exist on CyTube; binary attachments are refused as errors.

mod surrogates;

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One packet.
#[derive(Debug, Clone)]
pub enum Frame {
    /// `0{…}`: the server introduces itself.
    Open(Open),
    /// `1`: the server closes the transport.
    Close,
    /// `2`: asks for a [`Frame::Pong`] with the same text.
    Ping(String),
    /// `3`: answers a ping.
    Pong(String),
    /// `40`: asks for the namespace, or grants it.
    Connect(Option<Box<RawValue>>),
    /// `41`: the Socket.IO session is over.
    Disconnect,
    /// `42["name",…]`: an event.
    Event {
        /// The event's name.
        name: String,
        /// Its arguments, byte for byte but for half characters (`\ud83d` alone), which are `\ufffd`: CyTube cuts texts
        /// in the middle of one, and nobody who wants text could read the whole event.
        args: Vec<Box<RawValue>>,
        /// Set if the sender wants an answer.
        ack: Option<u64>,
    },
    /// `43id[…]`: answers an event.
    Ack {
        /// The event's id.
        id: u64,
        /// The answer's arguments, as those of an event.
        args: Vec<Box<RawValue>>,
    },
    /// `44…`: the namespace is refused.
    ConnectError(Option<Box<RawValue>>),
    /// `6`: nothing.
    Noop,
}

/// What the server says of itself in the first packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    /// The transport's id.
    pub sid: String,
    /// How often the server pings, in milliseconds.
    pub ping_interval: u64,
    /// How long it waits for the answer, in milliseconds.
    pub ping_timeout: u64,
    /// The largest frame that the server takes, in bytes.
    #[serde(default)]
    pub max_payload: Option<u64>,
}

/// A text that is no packet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Nothing at all.
    #[error("the frame is empty")]
    Empty,
    /// A packet type that does not exist, or that only other transports use.
    #[error("the frame has an unknown packet type {0:?}")]
    UnknownType(String),
    /// A packet with binary attachments.
    #[error("the frame announces binary attachments, which CyTube does not use")]
    Binary,
    /// A packet of another namespace than the default one.
    #[error("the frame belongs to the namespace {0:?}")]
    Namespace(String),
    /// What follows the type is not the JSON that belongs there.
    #[error("the frame's JSON cannot be read: {0}")]
    Json(String),
    /// An event without a name.
    #[error("the event has no name")]
    NoName,
    /// An answer without an id.
    #[error("the answer has no id")]
    NoId,
}

impl Frame {
    /// Reads one websocket text message.
    ///
    /// # Errors
    /// When the text is no packet; the connection is fine nevertheless.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        let kind = text.chars().next().ok_or(FrameError::Empty)?;
        let rest = &text[kind.len_utf8()..];
        match kind {
            '0' => Ok(Self::Open(json(rest)?)),
            '1' => Ok(Self::Close),
            '2' => Ok(Self::Ping(rest.to_owned())),
            '3' => Ok(Self::Pong(rest.to_owned())),
            '4' => parse_message(&surrogates::repaired(rest)),
            '6' => Ok(Self::Noop),
            other => Err(FrameError::UnknownType(other.to_string())),
        }
    }

    /// Writes the packet as one websocket text message.
    pub fn encode(&self) -> String {
        match self {
            Self::Open(open) => {
                // Plain numbers and text always serialise.
                format!("0{}", serde_json::to_string(open).unwrap_or_default())
            }
            Self::Close => "1".to_owned(),
            Self::Ping(text) => format!("2{text}"),
            Self::Pong(text) => format!("3{text}"),
            Self::Connect(data) => with_data("40", data.as_deref()),
            Self::Disconnect => "41".to_owned(),
            Self::Event { name, args, ack } => {
                let mut text = "42".to_owned();
                if let Some(id) = ack {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "{id}");
                }
                text.push('[');
                text.push_str(&serde_json::Value::from(name.as_str()).to_string());
                for arg in args {
                    text.push(',');
                    text.push_str(arg.get());
                }
                text.push(']');
                text
            }
            Self::Ack { id, args } => {
                let args: Vec<&str> = args.iter().map(|arg| arg.get()).collect();
                format!("43{id}[{}]", args.join(","))
            }
            Self::ConnectError(data) => with_data("44", data.as_deref()),
            Self::Noop => "6".to_owned(),
        }
    }
}

/// An event's arguments as one value: none is `null`, one is itself byte for byte, several are an array.
pub fn payload(mut args: Vec<Box<RawValue>>) -> Box<RawValue> {
    match args.len() {
        0 => RawValue::NULL.to_owned(),
        1 => args.swap_remove(0),
        _ => {
            let parts: Vec<&str> = args.iter().map(|arg| arg.get()).collect();
            let array = format!("[{}]", parts.join(","));
            RawValue::from_string(array).expect("values joined by commas are an array")
        }
    }
}

fn parse_message(text: &str) -> Result<Frame, FrameError> {
    let kind = text.chars().next().ok_or(FrameError::Empty)?;
    let rest = default_namespace(&text[kind.len_utf8()..])?;
    match kind {
        '0' => Ok(Frame::Connect(optional(rest)?)),
        '1' => Ok(Frame::Disconnect),
        '2' => {
            let (ack, rest) = leading_id(rest);
            let mut args = json::<Vec<Box<RawValue>>>(rest)?;
            if args.is_empty() {
                return Err(FrameError::NoName);
            }
            let name = args.remove(0);
            let name = serde_json::from_str(name.get()).map_err(|_| FrameError::NoName)?;
            Ok(Frame::Event { name, args, ack })
        }
        '3' => {
            let (id, rest) = leading_id(rest);
            Ok(Frame::Ack {
                id: id.ok_or(FrameError::NoId)?,
                args: json(rest)?,
            })
        }
        '4' => Ok(Frame::ConnectError(optional(rest)?)),
        '5' | '6' => Err(FrameError::Binary),
        other => Err(FrameError::UnknownType(format!("4{other}"))),
    }
}

/// Takes off `/,`, the default namespace written out.
fn default_namespace(text: &str) -> Result<&str, FrameError> {
    if !text.starts_with('/') {
        return Ok(text);
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    match namespace.split_once('?').map_or(namespace, |split| split.0) {
        "/" => Ok(rest),
        other => Err(FrameError::Namespace(other.to_owned())),
    }
}

fn leading_id(text: &str) -> (Option<u64>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (text[..digits].parse().ok(), &text[digits..])
}

fn optional(text: &str) -> Result<Option<Box<RawValue>>, FrameError> {
    if text.is_empty() {
        return Ok(None);
    }
    json(text).map(Some)
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, FrameError> {
    serde_json::from_str(text).map_err(|error| FrameError::Json(error.to_string()))
}

fn with_data(kind: &str, data: Option<&RawValue>) -> String {
    format!("{kind}{}", data.map_or("", RawValue::get))
}

#[cfg(test)]
mod tests;
