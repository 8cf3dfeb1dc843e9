//! The real kryten-userstats as a process, and questions to it.

use std::process::Stdio;

use anyhow::{bail, ensure};
use kryten_client::Client;
use kryten_python::USERSTATS;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::wait;

/// It runs until this is dropped.
pub(super) struct Original {
    nats: Client,
    _folder: TempDir,
    _process: Child,
}

impl Original {
    /// Starts it for one channel, and waits until it answers.
    pub(super) async fn start(
        nats: &Client,
        nats_url: &str,
        (domain, channel): (&str, &str),
    ) -> anyhow::Result<Self> {
        let python = USERSTATS.python().await?;
        let folder = tempfile::tempdir()?;
        let config = json!({
            "service": {"name": "userstats", "enable_lifecycle": true},
            "nats": {"servers": [nats_url], "reconnect_time_wait": 1},
            "channels": [{"domain": domain, "channel": channel}],
            "database": {"path": folder.path().join("userstats.db")},
            "metrics": {"port": free_port()?},
        });
        let file = folder.path().join("config.json");
        std::fs::write(&file, config.to_string())?;
        let log_file = folder.path().join("log");
        let log = std::fs::File::create(&log_file)?;
        let process = Command::new(python)
            .args(["-I", "-m", "userstats", "--config"])
            .arg(&file)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let up = wait("it answers no ping", async || {
            ask(nats, "system.ping", &json!({})).await.is_ok()
        });
        if let Err(error) = up.await {
            let log = std::fs::read_to_string(log_file)?;
            bail!("{error}: {}", log.lines().last().unwrap_or_default());
        }
        Ok(Self {
            nats: nats.clone(),
            _folder: folder,
            _process: process,
        })
    }

    pub(super) async fn ask(&self, command: &str, fields: &Value) -> anyhow::Result<Value> {
        ask(&self.nats, command, fields).await
    }
}

/// Asks whichever statistics service is on this server.
pub(super) async fn ask(nats: &Client, command: &str, fields: &Value) -> anyhow::Result<Value> {
    let mut request = json!({"service": "userstats", "command": command});
    for (name, value) in fields.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    let subject = "kryten.userstats.command";
    let reply = nats
        .nats()
        .request(subject, request.to_string().into())
        .await?;
    let reply: Value = serde_json::from_slice(&reply.payload)?;
    ensure!(reply["success"] == true, "{reply}");
    Ok(reply["data"].clone())
}

/// The original takes no port 0.
fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}
