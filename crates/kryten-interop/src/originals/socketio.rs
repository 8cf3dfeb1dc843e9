//! python-socketio, by polls, by a websocket, and by polls that a websocket takes over from.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use super::{ATTIC, Stage};
use crate::checks::{Report, same};

const SCRIPT: &str = include_str!("../../python/socketio_client.py");
const PATIENCE: Duration = Duration::from_secs(60);

/// The transports to name, and the one that is in use at the end.
const WAYS: [(&str, &[&str], &str); 3] = [
    ("polls", &["polling"], "polling"),
    ("a websocket", &["websocket"], "websocket"),
    ("an upgrade", &[], "websocket"),
];

pub(super) async fn run(client: &str, python: &Path, stage: &Stage, report: &mut Report) {
    for (number, (way, transports, last)) in WAYS.iter().enumerate() {
        let name = format!("Sock{number}");
        let entered = enter(python, stage, &name, transports, last).await;
        report.add(&format!("{client} enters over https by {way}"), entered);
    }
}

async fn enter(
    python: &Path,
    stage: &Stage,
    name: &str,
    transports: &[&str],
    last: &str,
) -> anyhow::Result<()> {
    let run = Command::new(python)
        .args(["-I", "-c", SCRIPT, &stage.secure_url()?])
        .arg(&stage.ca_file)
        .args([ATTIC, name])
        .args(transports)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, run).await??;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let cause = stderr.lines().last().unwrap_or_default();
    ensure!(output.status.success(), "{cause}");
    let told: Value = serde_json::from_slice(&output.stdout)?;
    same(&told["login"]["name"], &json!(name))?;
    same(&told["rank"], &json!(3))?;
    same(&told["heard"], &json!(true))?;
    same(&told["acknowledged"], &json!({}))?;
    same(&told["transport"], &json!(last))
}
