//! The browser's own protocol (Chrome DevTools): commands with answers, and events of each tab, over one websocket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;

/// A browser that does not answer in this time never does.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a tab has told, in order: the event's name and its parameters.
pub(crate) type Told = Arc<Mutex<Vec<(String, Value)>>>;

/// The connection to the browser.
pub(crate) struct Devtools {
    ids: AtomicU64,
    commands: mpsc::Sender<String>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    tabs: Mutex<HashMap<String, Told>>,
}

impl Devtools {
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Arc<Self>> {
        let (socket, _) = tokio_tungstenite::connect_async(url).await?;
        let (mut out, mut from) = socket.split();
        let (commands, mut queue) = mpsc::channel::<String>(64);
        let shared = Arc::<Shared>::default();
        tokio::spawn(async move {
            while let Some(command) = queue.recv().await {
                if out.send(Message::text(command)).await.is_err() {
                    return;
                }
            }
        });
        let heard = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Some(Ok(message)) = from.next().await {
                if let Ok(text) = message.to_text()
                    && let Ok(message) = serde_json::from_str(text)
                {
                    heard.take(message);
                }
            }
            // Whoever still waits learns that nothing will come.
            heard
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
        });
        Ok(Arc::new(Self {
            ids: AtomicU64::new(1),
            commands,
            shared,
        }))
    }

    /// Remembers the events of a tab.
    pub(crate) fn listen(&self, session: &str) -> Told {
        let told = Told::default();
        let tabs = self.shared.tabs.lock();
        let mut tabs = tabs.unwrap_or_else(PoisonError::into_inner);
        tabs.insert(session.to_owned(), Arc::clone(&told));
        told
    }

    /// Sends a command, to the browser or to a tab, and waits for its answer.
    pub(crate) async fn ask(
        &self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
    ) -> anyhow::Result<Value> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        let (answer_tx, answer) = oneshot::channel();
        let waiting = self.shared.waiting.lock();
        waiting
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, answer_tx);
        self.commands.send(command.to_string()).await?;
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        let answer = answer.with_context(|| format!("the browser does not answer {method}"))??;
        if let Some(error) = answer.get("error") {
            bail!("the browser refuses {method}: {error}");
        }
        Ok(answer["result"].clone())
    }
}

impl Shared {
    fn take(&self, message: Value) {
        if let Some(id) = message["id"].as_u64() {
            let waiting = self.waiting.lock();
            let waiting = waiting.unwrap_or_else(PoisonError::into_inner).remove(&id);
            if let Some(waiting) = waiting {
                // Nobody may be waiting any more.
                let _ = waiting.send(message);
            }
            return;
        }
        let (Some(session), Some(method)) =
            (message["sessionId"].as_str(), message["method"].as_str())
        else {
            return;
        };
        let tabs = self.tabs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = tabs.get(session) {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.push((method.to_owned(), message["params"].clone()));
        }
    }
}
