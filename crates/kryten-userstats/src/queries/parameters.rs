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
        _ => return Err(QueryError::Unusable(name, "give a text")),
    };
    Ok(Some(Text { echo, text }))
}

/// A limit: whole numbers also as text or fraction-less number; below 0 is none.
pub(super) fn limit(value: Option<&Value>, default: i64) -> Result<i64, QueryError> {
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
    limit.ok_or(QueryError::Limit)
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

impl Queries {
    /// The domain that is meant: by default that of the first configured channel.
    pub(super) fn domain(&self, request: &Request) -> Result<String, QueryError> {
        let named = optional(request, "domain")?;
        Ok(named.map_or_else(|| self.default_domain.clone(), |domain| domain.text))
    }
}
