//! The event stream of a robot; one that was started while JetStream was off looks for it until it is there.
//!
//! nats-server switches JetStream off when its disk is full, and on when it is started again.

use std::time::Duration;

use kryten_client::Client;
use kryten_client::stream::EventStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::debug;

/// How often it is looked at the least.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How soon it is looked after a new connection: a server that has just been started has JetStream a moment later.
const FIRST_LOOK: Duration = Duration::from_millis(500);

/// `None` until there is a stream; it never goes again.
#[derive(Debug)]
pub(crate) struct HouseStream(watch::Sender<Option<EventStream>>);

/// Tells when there is a stream.
#[derive(Debug, Clone)]
pub(crate) struct StreamWatch(watch::Receiver<Option<EventStream>>);

impl StreamWatch {
    pub(crate) async fn found(&mut self) {
        // The robot, and the sender with it, goes after those who wait.
        let _ = self.0.wait_for(Option::is_some).await;
    }
}

impl HouseStream {
    pub(crate) fn new(stream: Option<EventStream>) -> Self {
        Self(watch::Sender::new(stream))
    }

    pub(crate) fn get(&self) -> Option<EventStream> {
        self.0.borrow().clone()
    }

    /// Waits until there is one.
    pub(crate) async fn found(&self) {
        self.watch().found().await;
    }

    /// For a task that waits until there is one.
    pub(crate) fn watch(&self) -> StreamWatch {
        StreamWatch(self.0.subscribe())
    }

    /// Looks until there is one: soon after each new connection, and ever more rarely as long as it stands.
    pub(crate) async fn look_for(&self, client: &Client) {
        let mut connections = client.connections();
        let mut wait = FIRST_LOOK;
        let mut due = Instant::now() + wait;
        while self.0.borrow().is_none() {
            sleep(FIRST_LOOK).await;
            let is_new = std::mem::replace(&mut connections, client.connections()) != connections;
            if is_new {
                wait = FIRST_LOOK;
            } else if Instant::now() < due {
                continue;
            }
            match EventStream::open_or_create(client).await {
                Ok(stream) => {
                    self.0.send_replace(Some(stream));
                }
                Err(error) => debug!(%error, "there is still no event stream"),
            }
            due = Instant::now() + wait;
            wait = (wait * 2).min(LOOK_AGAIN);
        }
    }
}
