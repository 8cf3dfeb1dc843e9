//! A Python process that is asked over its standard input and answers on its standard output.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Why the Python side gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SideError {
    /// The process could not be started or spoken to.
    #[error("cannot speak with the Python side: {0}")]
    Pipe(#[from] io::Error),
    /// It took too long.
    #[error("the Python side does not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The process has ended; what it said is on our standard error.
    #[error("the Python side ended; its words are above")]
    Ended,
    /// Its answer is no JSON object with `ok` or `error`.
    #[error("the Python side's answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// What was asked for failed there.
    #[error("Python: {0}")]
    Failed(String),
}

/// A running script; it is killed when this is dropped.
///
/// The script gets the login as its first line. To each line it answers with `{"ok": …}` or `{"error": "…"}`.
#[derive(Debug)]
pub struct PythonSide {
    _process: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    patience: Duration,
}

impl PythonSide {
    /// Starts a script and has it log in.
    ///
    /// # Errors
    /// [`SideError`] when it cannot be started, or says that it cannot log in.
    pub async fn start(
        interpreter: &Path,
        script: &str,
        login: &Value,
        patience: Duration,
    ) -> Result<Self, SideError> {
        let mut process = Command::new(interpreter)
            .args(["-I", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (requests, answers) = (process.stdin.take(), process.stdout.take());
        let mut side = Self {
            _process: process,
            requests: requests.ok_or(SideError::Ended)?,
            answers: BufReader::new(answers.ok_or(SideError::Ended)?).lines(),
            patience,
        };
        side.ask(login).await?;
        Ok(side)
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// [`SideError::Failed`] with Python's words when it failed there; else no answer came.
    pub async fn ask(&mut self, request: &Value) -> Result<Value, SideError> {
        let line = format!("{request}\n");
        self.requests.write_all(line.as_bytes()).await?;
        let answer = tokio::time::timeout(self.patience, self.answers.next_line()).await;
        let answer = answer.map_err(|_| SideError::TimedOut(self.patience))??;
        let mut answer: Value = serde_json::from_str(&answer.ok_or(SideError::Ended)?)?;
        if let Some(error) = answer.get("error") {
            return Err(SideError::Failed(
                error.as_str().unwrap_or_default().to_owned(),
            ));
        }
        Ok(answer["ok"].take())
    }
}
