//! The browser: found, started with a folder of its own, stopped.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::devtools::Devtools;
use crate::tab::Tab;

/// Where it is looked for.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Nothing of its own over the network, nothing asked at the first start; as root there is no sandbox.
const ARGUMENTS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
];
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running browser; killed on drop.
pub(crate) struct Chromium {
    devtools: Arc<Devtools>,
    child: Child,
    _profile: tempfile::TempDir,
}

impl Chromium {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("kryten-browser-")
            .tempdir()?;
        let mut child = Command::new(find()?)
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("Chromium cannot be started")?;
        let told = child.stderr.take().context("Chromium says nothing")?;
        let mut lines = BufReader::new(told).lines();
        let address = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, url)) = line.split_once("DevTools listening on ") {
                    return Ok(url.trim().to_owned());
                }
            }
            anyhow::bail!("Chromium ended without saying where it listens")
        };
        let address = tokio::time::timeout(START_LIMIT, address)
            .await
            .context("Chromium does not get ready")??;
        // A pipe that nobody empties would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            devtools: Devtools::connect(&address).await?,
            child,
            _profile: profile,
        })
    }

    /// A new tab, in which nothing has happened yet.
    pub(crate) async fn tab(&self) -> anyhow::Result<Tab> {
        Tab::new(Arc::clone(&self.devtools)).await
    }

    pub(crate) async fn stop(mut self) {
        // One that does not close is killed when it is dropped.
        let _ = self.devtools.ask(None, "Browser.close", json!({})).await;
        let _ = tokio::time::timeout(STOP_LIMIT, self.child.wait()).await;
    }
}

fn find() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Ok(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut candidates = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|candidate| candidate.is_file()).context(
        "there is no Chromium; install it with `apt-get install chromium`, or name it with CHROMIUM",
    )
}
