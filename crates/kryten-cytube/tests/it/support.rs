//! A client and its items, with a limit on every wait.

use std::time::Duration;

use kryten_cytube::{
    CytubeClient, CytubeConfig, CytubeHandle, CytubeItem, DisconnectReason, Login,
};
use kryten_sim::SimHandle;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longer than anything here takes; ends a test that hangs.
const LIMIT: Duration = Duration::from_secs(50);

pub(crate) struct Client {
    pub(crate) handle: CytubeHandle,
    pub(crate) items: mpsc::Receiver<CytubeItem>,
}

/// Settings for the simulator: an account named Bot, quick attempts.
pub(crate) fn config(sim: &SimHandle) -> CytubeConfig {
    let mut config = CytubeConfig::new("sim.invalid", "Lounge");
    config.url = Some(sim.url());
    config.login = Login::Account {
        name: "Bot".to_owned(),
        password: "secret".into(),
    };
    config.reconnect_base = Duration::from_millis(20);
    config.reconnect_max = Duration::from_millis(100);
    config
}

pub(crate) fn guest(name: &str) -> Login {
    Login::Guest {
        name: name.to_owned(),
    }
}

impl Client {
    pub(crate) fn start(config: CytubeConfig) -> Self {
        let (handle, items) = CytubeClient::spawn(config);
        Self { handle, items }
    }

    /// The next item.
    pub(crate) async fn next(&mut self) -> CytubeItem {
        timeout(LIMIT, self.items.recv())
            .await
            .expect("an item in time")
            .expect("an item before the end")
    }

    /// The next item of a kind; the others are passed over.
    pub(crate) async fn until<T>(&mut self, mut pick: impl FnMut(CytubeItem) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.next().await) {
                return found;
            }
        }
    }

    pub(crate) async fn joined(&mut self) -> (Option<String>, bool) {
        self.until(|item| match item {
            CytubeItem::Joined { name, guest, .. } => Some((name, guest)),
            CytubeItem::Stopped { reason } => panic!("stopped: {reason}"),
            _ => None,
        })
        .await
    }

    /// The payload of the next event of that name.
    pub(crate) async fn event(&mut self, wanted: &str) -> Value {
        self.until(|item| match item {
            CytubeItem::Event { name, payload, .. } if name == wanted => {
                Some(serde_json::from_str(payload.get()).unwrap())
            }
            CytubeItem::Stopped { reason } => panic!("stopped: {reason}"),
            _ => None,
        })
        .await
    }

    pub(crate) async fn disconnected(&mut self) -> (DisconnectReason, Option<Duration>) {
        self.until(|item| match item {
            CytubeItem::Disconnected {
                reason,
                will_retry_in,
                ..
            } => Some((reason, will_retry_in)),
            _ => None,
        })
        .await
    }

    /// Why the client stopped; nothing follows.
    pub(crate) async fn stopped(&mut self) -> DisconnectReason {
        let reason = self
            .until(|item| match item {
                CytubeItem::Stopped { reason } => Some(reason),
                _ => None,
            })
            .await;
        assert!(timeout(LIMIT, self.items.recv()).await.unwrap().is_none());
        reason
    }
}
