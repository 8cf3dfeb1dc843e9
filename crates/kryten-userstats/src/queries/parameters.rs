//! Parameters of requests, read as the original reads them.

use kryten_protocol::command::Request;
use kryten_protocol::cytube::is_truthy;
use kryten_protocol::time::WireTime;
use serde_json::Value;

use super::{Queries, QueryError};

/// A parameter as it came, for the echo, and as the text that the database compares.
pub(super) struct Text<'a> {
    pub(super) echo: &'a Value,
    pub(super) text: String,
}

/// A required parameter: missing, empty, zero and null are all "missing".
pub(super) fn required<'a>(
    request: &'a Request,
    name: &'static str,
) -> Result<Text<'a>, QueryError> {
    optional(request, name)?.ok_or(QueryError::Missing(name))
}

/// A parameter that may be missing or empty.
pub(super) fn optional<'a>(
    request: &'a Request,
    name: &'static str,
) -> Result<Option<Text<'a>>, QueryError> {
    let Some(echo) = request.parameters.get(name).filter(|v| is_truthy(v)) else {
        return Ok(None);
    };
    let text = match echo {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(_) => "1".to_owned(),
        other => return Err(QueryError::NoText(name, python_type(other))),
    };
    Ok(Some(Text { echo, text }))
}

/// The moment that lies a number of units before now; `None` for what is no number.
pub(super) fn before(now: WireTime, count: &Value, unit_seconds: f64) -> Option<WireTime> {
    let count = match count {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        _ => return None,
    };
    let micros = count * unit_seconds * 1e6;
    let reachable = micros.is_finite() && micros.abs() < 6e16;
    reachable.then(|| WireTime::from_micros(now.micros().saturating_sub(micros as i64)))
}

/// What Python calls a value of this kind; some of the original's replies do.
pub(super) fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

impl Queries {
    /// A limit: whole numbers also as text or fraction-less number; below 0 is none.
    pub(super) fn limit(&self, value: Option<&Value>, default: i64) -> Result<i64, QueryError> {
        let Some(value) = value else {
            return Ok(default);
        };
        let limit = match value {
            Value::Number(number) => number.as_i64().or_else(|| {
                let float = number.as_f64()?;
                let whole = float.fract() == 0.0 && float.abs() < 9e15;
                whole.then_some(float as i64)
            }),
            Value::String(text) => text.trim().parse().ok(),
            Value::Bool(flag) => Some(i64::from(*flag)),
            _ => None,
        };
        limit.ok_or_else(|| match value {
            Value::Array(_) | Value::Object(_) if self.as_original => {
                let kind = python_type(value);
                let text = format!("Error binding parameter 3: type '{kind}' is not supported");
                QueryError::AsOriginal(text)
            }
            Value::Number(number)
                if self.as_original && number.as_f64().is_some_and(|n| n.fract() == 0.0) =>
            {
                let text = "Python int too large to convert to SQLite INTEGER";
                QueryError::AsOriginal(text.to_owned())
            }
            _ => QueryError::Limit,
        })
    }

    /// The configured spelling of a channel that is given in another case; to the original that is another channel.
    pub(super) fn channel_named(&self, name: &str) -> String {
        let known = &self.channels;
        let same = known.iter().find(|known| known.eq_ignore_ascii_case(name));
        match same {
            Some(known) if !self.as_original && !self.channels.iter().any(|n| n == name) => {
                known.clone()
            }
            _ => name.to_owned(),
        }
    }

    /// The domain that is meant: by default that of the first configured channel.
    pub(super) fn domain(&self, request: &Request) -> Result<String, QueryError> {
        let named = optional(request, "domain")?;
        Ok(named.map_or_else(|| self.default_domain.clone(), |domain| domain.text))
    }
}
