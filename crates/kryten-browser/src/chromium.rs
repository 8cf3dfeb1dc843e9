//! The browser: found, started with a folder of its own, stopped.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use chromiumoxide::browser::{Browser, BrowserConfig, HeadlessMode};
use futures_util::StreamExt;
use tokio::task::JoinHandle;

use crate::tab::Tab;

/// Where it is looked for.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A running browser.
pub(crate) struct Chromium {
    browser: Browser,
    events: JoinHandle<()>,
    _profile: tempfile::TempDir,
}

impl Chromium {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("kryten-browser-")
            .tempdir()?;
        let config = BrowserConfig::builder()
            .chrome_executable(find()?)
            .headless_mode(HeadlessMode::New)
            .no_sandbox()
            .user_data_dir(profile.path())
            .launch_timeout(Duration::from_secs(60))
            .request_timeout(Duration::from_secs(60))
            .viewport(None)
            .window_size(1280, 900)
            .args([
                "disable-gpu",
                "disable-quic",
                "disable-component-update",
                "disable-extensions",
                "hide-scrollbars",
                "no-default-browser-check",
            ])
            .build()
            .map_err(|why| anyhow::anyhow!("Chromium cannot be set up: {why}"))?;
        let (browser, mut handler) = Browser::launch(config)
            .await
            .context("Chromium cannot be started")?;
        let events = tokio::spawn(async move {
            // Messages that a newer browser has and the library does not know are passed over.
            while handler.next().await.is_some() {}
        });
        Ok(Self {
            browser,
            events,
            _profile: profile,
        })
    }

    /// A new tab, in which nothing has happened yet.
    pub(crate) async fn tab(&self) -> anyhow::Result<Tab> {
        Tab::new(self.browser.new_page("about:blank").await?).await
    }

    pub(crate) async fn stop(mut self) {
        // One that does not close is killed when it is dropped.
        let _ = self.browser.close().await;
        let _ = self.browser.wait().await;
        self.events.abort();
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
