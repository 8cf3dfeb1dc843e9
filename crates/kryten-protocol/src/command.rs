//! Requests to services on `kryten.{service}.command`, and their replies.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A request: the command's name and whatever else the sender put beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The command, such as `user.stats`.
    pub command: String,
    /// The service that is meant; may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// All other top-level fields: parameters of queries, `args` and `meta` of robot commands.
    #[serde(flatten)]
    pub parameters: Map<String, Value>,
}

impl Request {
    /// A request to a service, without parameters.
    pub fn new(service: &str, command: &str) -> Self {
        Self {
            command: command.to_owned(),
            service: Some(service.to_owned()),
            parameters: Map::new(),
        }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }
}

/// A reply of a service: either data or an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The service that answers; missing where the request was not even JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The command as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Value>,
    /// Whether the command was done.
    #[serde(default)]
    pub success: bool,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// What went wrong, one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Reply {
    /// A success.
    pub fn done(service: &str, command: &str, data: Value) -> Self {
        Self {
            service: Some(service.to_owned()),
            command: Some(command.into()),
            success: true,
            data: Some(data),
            error: None,
        }
    }

    /// A failure.
    pub fn failed(service: &str, command: Option<&str>, error: impl Into<String>) -> Self {
        Self {
            service: Some(service.to_owned()),
            command: command.map(Value::from),
            success: false,
            data: None,
            error: Some(error.into()),
        }
    }
}
