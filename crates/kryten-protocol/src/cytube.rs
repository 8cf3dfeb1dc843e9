//! CyTube's payloads, read leniently: nothing is lost for an odd value.
//!
//! Types here are views of what a reader needs. State keeps the JSON itself, so that fields that a later CyTube adds
//! come through.

mod chat;
mod media;
mod users;

pub use chat::ChatMsg;
pub use media::{CleanTitle, Media, media_of_item};
pub use users::{User, UserName, fold_name};

use serde_json::Value;

/// The text in a field of an object; `None` when it is missing or no text.
pub fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get(field)?.as_str()
}

/// A number that may be written as a number or as text, cut to a whole one; `None` when it is neither.
pub fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            float.is_finite().then_some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(i64::from(*flag)),
        _ => None,
    }
}

/// What the Python originals take for true: everything but null, false, 0 and what is empty; the text "false" is true.
pub fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}
