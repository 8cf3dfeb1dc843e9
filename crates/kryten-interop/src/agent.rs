//! The Python side: a process that does with kryten-py what it is asked to.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kryten_servers::NatsServer;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const SCRIPT: &str = concat!(
    include_str!("../python/surface.py"),
    include_str!("../python/agent.py"),
);
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Agent {
    _process: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Agent {
    /// Starts the process and has it connect to the server.
    pub(crate) async fn start(python: &Path, server: &NatsServer) -> anyhow::Result<Self> {
        let mut process = Command::new(python)
            .args(["-I", "-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot run the Python side")?;
        let requests = process.stdin.take().context("it has no standard input")?;
        let answers = process.stdout.take().context("it has no standard output")?;
        let mut agent = Self {
            _process: process,
            requests,
            answers: BufReader::new(answers).lines(),
        };
        let login =
            json!({"url": server.url(), "user": server.user(), "password": server.password()});
        agent
            .ask(login)
            .await
            .context("the Python side cannot connect")?;
        Ok(agent)
    }

    /// Asks for one thing.
    pub(crate) async fn ask(&mut self, request: Value) -> anyhow::Result<Value> {
        let line = format!("{request}\n");
        self.requests.write_all(line.as_bytes()).await?;
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer.context("the Python side does not answer")??;
        let mut answer: Value = serde_json::from_str(&answer.context("the Python side ended")?)?;
        if let Some(error) = answer.get("error") {
            bail!("Python: {}", error.as_str().unwrap_or_default());
        }
        Ok(answer["ok"].take())
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
