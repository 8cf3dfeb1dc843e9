//! The arguments of a request, read leniently: numbers may be texts, and what the originals take for true is true.

use kryten_protocol::cytube::{is_truthy, whole_number};
use kryten_protocol::event::playlist::After;
use serde_json::{Map, Value};

/// Why a request is no command; one sentence for the one who asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

impl ParseError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl<T: Into<String>> From<T> for ParseError {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

pub(super) struct Args<'a>(&'a Map<String, Value>);

impl<'a> Args<'a> {
    pub(super) fn new(fields: &'a Map<String, Value>) -> Self {
        Self(fields)
    }

    /// A field that is there and not null.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn first(&self, names: &[&str]) -> Option<(&'a Value, String)> {
        names
            .iter()
            .find_map(|name| Some((self.value(name)?, (*name).to_owned())))
    }

    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.first(names)
            .is_some_and(|(value, _)| value.as_str() != Some(""))
    }

    pub(super) fn payload(&self, missing: &str) -> Result<Args<'a>, ParseError> {
        match self.value("payload") {
            Some(Value::Object(fields)) => Ok(Args(fields)),
            _ => Err(missing.into()),
        }
    }

    /// A text, empty if missing. Numbers are taken for texts, since ids often are numbers.
    pub(super) fn text(&self, names: &[&str]) -> Result<String, ParseError> {
        match self.first(names) {
            None => Ok(String::new()),
            Some((Value::String(text), _)) => Ok(text.clone()),
            Some((Value::Number(number), _)) => Ok(number.to_string()),
            Some((_, name)) => Err(format!("{name} must be a text").into()),
        }
    }

    /// A text that is more than white space; the first of the names that has one.
    pub(super) fn words(&self, names: &[&str], missing: &str) -> Result<String, ParseError> {
        for name in names {
            let text = self.text(&[name])?;
            if !text.trim().is_empty() {
                return Ok(text);
            }
        }
        Err(missing.into())
    }

    pub(super) fn username(&self, names: &[&str], missing: &str) -> Result<String, ParseError> {
        username(self.words(names, missing)?.trim())
    }

    pub(super) fn username_or_none(&self, names: &[&str]) -> Result<String, ParseError> {
        match self.text(names)?.trim() {
            "" => Ok(String::new()),
            name => username(name),
        }
    }

    /// A reason: what would end the line is white space in it.
    pub(super) fn one_line(&self, name: &str) -> String {
        one_line(&self.text(&[name]).unwrap_or_default())
    }

    /// A text of at most so many characters, as CyTube counts them: one beyond U+FFFF is two.
    pub(super) fn limited_text(&self, name: &str, most: usize) -> Result<String, ParseError> {
        let text = self.text(&[name])?;
        match text.encode_utf16().count() {
            length if length <= most => Ok(text),
            length => Err(format!(
                "{name} has {length} characters, but CyTube takes at most {most}"
            )
            .into()),
        }
    }

    pub(super) fn whole(&self, names: &[&str], missing: &str) -> Result<i64, ParseError> {
        let (value, name) = self.first(names).ok_or(missing)?;
        whole_number(value)
            .filter(|_| !value.is_boolean())
            .ok_or_else(|| format!("{name} must be a whole number").into())
    }

    pub(super) fn whole_or(&self, name: &str, otherwise: i64) -> Result<i64, ParseError> {
        match self.value(name) {
            None => Ok(otherwise),
            Some(_) => self.whole(&[name], ""),
        }
    }

    /// The number of a playlist item; 0 is one.
    pub(super) fn uid(&self, names: &[&str], missing: &str) -> Result<i64, ParseError> {
        match self.whole(names, missing)? {
            uid if uid >= 0 => Ok(uid),
            _ => Err("uid must be a number of an item of the playlist".into()),
        }
    }

    pub(super) fn number(&self, name: &str, missing: &str) -> Result<f64, ParseError> {
        let number = match self.value(name).ok_or(missing)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| format!("{name} must be a number").into())
    }

    pub(super) fn seconds(&self, name: &str, missing: &str) -> Result<f64, ParseError> {
        match self.number(name, missing)? {
            seconds if seconds >= 0.0 => Ok(seconds),
            _ => Err(format!("{name} must be a number of seconds from 0").into()),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            value => Some(is_truthy(value)),
        }
    }

    pub(super) fn after(&self, name: &str, missing: &str) -> Result<After, ParseError> {
        let value = self.value(name).ok_or(missing)?;
        match value.as_str().map(str::trim) {
            Some("") => Err(missing.into()),
            Some("prepend") => Ok(After::Prepend),
            Some("append") => Ok(After::Append),
            _ => whole_number(value)
                .filter(|uid| *uid >= 0 && !value.is_boolean())
                .map(After::Uid)
                .ok_or_else(|| {
                    format!("{name} must be the uid of an item, \"prepend\" or \"append\"").into()
                }),
        }
    }

    /// Whether "next" is meant.
    pub(super) fn position(&self, names: &[&str]) -> Result<bool, ParseError> {
        match self.text(names)?.as_str() {
            "" | "end" => Ok(false),
            "next" => Ok(true),
            other => Err(format!("pos must be \"end\" or \"next\", not {other:?}").into()),
        }
    }

    pub(super) fn object(
        &self,
        name: &str,
        missing: &str,
    ) -> Result<Map<String, Value>, ParseError> {
        match self.value(name) {
            Some(Value::Object(fields)) if !fields.is_empty() => Ok(fields.clone()),
            _ => Err(missing.into()),
        }
    }

    pub(super) fn texts(&self, names: &[&str], missing: &str) -> Result<Vec<String>, ParseError> {
        let Some((Value::Array(values), name)) = self.first(names) else {
            return Err(missing.into());
        };
        if values.is_empty() {
            return Err(missing.into());
        }
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(ParseError(format!("{name} must be a list of texts"))),
        };
        values.iter().map(text).collect()
    }

    pub(super) fn emotes(&self, name: &str, missing: &str) -> Result<Vec<Value>, ParseError> {
        let Some(Value::Array(values)) = self.value(name) else {
            return Err(missing.into());
        };
        let is_emote = |value: &Value| value["name"].is_string() && value["image"].is_string();
        match values.iter().all(is_emote) {
            true => Ok(values.clone()),
            false => Err("emotes must be a list of objects with name and image".into()),
        }
    }
}

/// A CyTube name. Whatever else stands there would be taken for more arguments of a typed command.
pub(super) fn username(name: &str) -> Result<String, ParseError> {
    const LONGEST: usize = 20;
    let is_name = name.len() <= LONGEST
        && !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    match is_name {
        true => Ok(name.to_owned()),
        false => Err(format!(
            "{name:?} is no CyTube name; these have 1 to {LONGEST} letters, digits, '-' or '_'"
        )
        .into()),
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
