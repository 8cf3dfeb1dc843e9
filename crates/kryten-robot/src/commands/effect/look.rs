//! Signs in CyTube's frames that something was done.

use kryten_protocol::cytube::fold_name;
use serde_json::Value;

use crate::commands::command::MediaId;

/// One sign.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// An event of this name, sent to everybody.
    Event(&'static str),
    /// An event of this name, sent to us alone as an answer.
    Answer(&'static str),
    /// An event whose field is this name, in any case.
    Named {
        /// The event.
        event: &'static str,
        /// The field.
        field: &'static str,
        /// The name.
        name: String,
    },
    /// An event with exactly this payload.
    Exactly {
        /// The event.
        event: &'static str,
        /// The payload; numbers are compared as numbers.
        payload: Value,
    },
    /// An event with these fields among others.
    Fields {
        /// The event.
        event: &'static str,
        /// Names and values.
        fields: Vec<(&'static str, Value)>,
    },
    /// A user's `meta` says so.
    Muted {
        /// Who.
        name: String,
        /// Whether muted, by either kind.
        muted: bool,
    },
    /// A line of CyTube to moderators that has this in it, in any case.
    Notice(String),
    /// Our own line.
    Line {
        /// Who we are.
        own: String,
        /// What was said.
        said: Said,
    },
    /// Our own private message, which CyTube sends back to us.
    Pm {
        /// Who we are.
        own: String,
        /// The receiver.
        to: String,
        /// What was said.
        said: Said,
    },
    /// An item that we queued.
    Item {
        /// Who we are.
        own: String,
        /// Which.
        media: MediaId,
    },
}

/// How well an event fits a sign; the better one is the greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    No,
    /// Ours by kind, though not as it was asked for: CyTube changes texts and ids.
    Perhaps,
    /// Ours.
    Own,
    /// What anybody may see, and everybody who waits for it.
    Shared,
}

impl Look {
    pub(super) fn event(&self) -> &'static str {
        match self {
            Self::Event(event)
            | Self::Answer(event)
            | Self::Named { event, .. }
            | Self::Exactly { event, .. }
            | Self::Fields { event, .. } => event,
            Self::Muted { .. } => "setUserMeta",
            Self::Notice(_) | Self::Line { .. } => "chatMsg",
            Self::Pm { .. } => "pm",
            Self::Item { .. } => "queue",
        }
    }

    pub(super) fn see(&self, event: &str, payload: &Value) -> Fit {
        if event != self.event() {
            return Fit::No;
        }
        match self {
            Self::Event(_) => Fit::Shared,
            Self::Answer(_) => Fit::Own,
            Self::Named { field, name, .. } => shared(is_name(&payload[*field], name)),
            Self::Exactly { payload: right, .. } => shared(is_equal(payload, right)),
            Self::Fields { fields, .. } => {
                let mut fields = fields.iter();
                shared(fields.all(|(field, right)| is_equal(&payload[*field], right)))
            }
            Self::Muted { name, muted } => {
                let is_muted =
                    payload["meta"]["muted"] == true || payload["meta"]["smuted"] == true;
                shared(is_name(&payload["name"], name) && is_muted == *muted)
            }
            Self::Notice(part) => {
                let text = payload["msg"].as_str().unwrap_or_default().to_lowercase();
                let is_notice = payload["username"] == "[server]";
                shared(is_notice && ends_with_word(&text, &part.to_lowercase()))
            }
            Self::Line { own, said } => match is_name(&payload["username"], own) {
                true => said.fit(&payload["msg"]),
                false => Fit::No,
            },
            Self::Pm { own, to, said } => {
                match is_name(&payload["username"], own) && is_name(&payload["to"], to) {
                    true => said.fit(&payload["msg"]),
                    false => Fit::No,
                }
            }
            Self::Item { own, media } => {
                let item = &payload["item"];
                if !is_name(&item["queueby"], own) {
                    return Fit::No;
                }
                let found = &item["media"];
                match found["id"] == media.id.as_str() && found["type"] == media.kind.as_str() {
                    true => Fit::Own,
                    false => Fit::Perhaps,
                }
            }
        }
    }
}

fn shared(fits: bool) -> Fit {
    match fits {
        true => Fit::Shared,
        false => Fit::No,
    }
}

fn is_name(value: &Value, name: &str) -> bool {
    value
        .as_str()
        .is_some_and(|other| fold_name(other) == fold_name(name))
}

/// CyTube writes 5 where 5.0 was sent.
fn is_equal(value: &Value, right: &Value) -> bool {
    match (value.as_f64(), right.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-6,
        _ => value == right,
    }
}

/// `owner namebanned bob` is about bob, and not about bo.
fn ends_with_word(text: &str, part: &str) -> bool {
    text.strip_suffix(part)
        .is_some_and(|before| before.is_empty() || before.ends_with(' '))
}

/// A text as we typed it, to be found again in what CyTube makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said(String);

impl Said {
    /// What a line shows of a typed text: a command's word is not in it.
    pub fn new(typed: &str) -> Self {
        let shown = match typed
            .strip_prefix('/')
            .and_then(|rest| rest.split_once(' '))
        {
            Some((_, rest)) => rest,
            None => typed,
        };
        Self(plain(shown))
    }

    /// The same text is ours; another one may be, since the channel's filters change texts.
    fn fit(&self, msg: &Value) -> Fit {
        let Some(msg) = msg.as_str() else {
            return Fit::No;
        };
        match plain(&unescape(&without_tags(msg))) == self.0 {
            true => Fit::Own,
            false => Fit::Perhaps,
        }
    }
}

/// White space and control characters do not count, since CyTube changes them.
fn plain(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut is_inside = false;
    for c in html.chars() {
        match c {
            '<' => is_inside = true,
            '>' if is_inside => is_inside = false,
            c if !is_inside => text.push(c),
            _ => {}
        }
    }
    text
}

/// The text of CyTube's HTML without its escapes.
pub(super) fn unescape(html: &str) -> String {
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#40;", "(")
        .replace("&#41;", ")")
        .replace("&amp;", "&")
}
