//! The Python side: a process that does with kryten-py what it is asked to.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kryten_python::PythonSide;
use kryten_servers::NatsServer;
use serde_json::{Value, json};

const SCRIPT: &str = concat!(
    include_str!("../python/surface.py"),
    include_str!("../python/agent.py"),
);
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Agent(PythonSide);

impl Agent {
    /// Starts the process and has it connect to the server.
    pub(crate) async fn start(python: &Path, server: &NatsServer) -> anyhow::Result<Self> {
        let login =
            json!({"url": server.url(), "user": server.user(), "password": server.password()});
        let side = PythonSide::start(python, SCRIPT, &login, PATIENCE).await;
        Ok(Self(side.context("the Python side cannot connect")?))
    }

    /// Asks for one thing.
    pub(crate) async fn ask(&mut self, request: Value) -> anyhow::Result<Value> {
        Ok(self.0.ask(&request).await?)
    }

    /// `kv_get`: bytes as bytes, everything else as JSON.
    pub(crate) async fn get(
        &mut self,
        bucket: &str,
        key: &str,
        default: Value,
        parse_json: bool,
    ) -> anyhow::Result<Value> {
        let request = json!({"do": "get", "bucket": bucket, "key": key, "default": default, "parse_json": parse_json});
        self.ask(request).await
    }

    /// `kv_put`.
    pub(crate) async fn put(
        &mut self,
        bucket: &str,
        key: &str,
        value: Value,
        as_json: bool,
    ) -> anyhow::Result<()> {
        let request =
            json!({"do": "put", "bucket": bucket, "key": key, "value": value, "as_json": as_json});
        match self.ask(request).await? {
            Value::Bool(true) => Ok(()),
            other => bail!("kv_put gave {other}"),
        }
    }
}

/// Bytes, as the Python side tells them.
pub(crate) fn bytes(bytes: &[u8]) -> Value {
    json!({"bytes": STANDARD.encode(bytes)})
}

/// Anything but bytes, as the Python side tells it.
pub(crate) fn plain(value: impl Into<Value>) -> Value {
    json!({"json": value.into()})
}
