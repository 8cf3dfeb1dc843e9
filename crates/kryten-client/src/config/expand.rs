//! `${NAME}` inside text values.

use serde_json::Value;

use super::ConfigError;

/// Replaces `${NAME}` in every text value by what `variable` gives.
///
/// This is done after parsing, so that no character of a password can break the file; keys are left alone, what was
/// put in is not looked at again, and `$NAME` without braces is plain text.
pub(super) fn expand(
    value: &mut Value,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    expand_at(value, "", variable)
}

fn expand_at(
    value: &mut Value,
    key: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    match value {
        Value::String(text) => {
            if let Some(expanded) = expand_text(text, key, variable)? {
                *text = expanded;
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                expand_at(item, &format!("{key}[{index}]"), variable)?;
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let dot = if key.is_empty() { "" } else { "." };
                expand_at(field, &format!("{key}{dot}{name}"), variable)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

fn expand_text(
    text: &str,
    key: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, ConfigError> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        let value = variable(name).ok_or_else(|| ConfigError::Undefined {
            variable: name.to_owned(),
            key: key.to_owned(),
        })?;
        expanded.push_str(before);
        expanded.push_str(&value);
        rest = after;
    }
    if rest.len() == text.len() {
        return Ok(None);
    }
    expanded.push_str(rest);
    Ok(Some(expanded))
}
