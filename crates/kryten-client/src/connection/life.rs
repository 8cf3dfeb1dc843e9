//! One life of the connection: from now until it is lost.

use std::time::Duration;

use tokio::sync::watch;

use super::Client;

/// How often the state is looked at besides: reports of it are dropped where they come too fast.
const LOOK: Duration = Duration::from_millis(250);
/// How long we wait to hear that the connection died of which a part is gone.
const WORD_OF_DEATH: Duration = Duration::from_secs(1);

/// The connection as it stood when this was made; what is sent on it has an answer while it stands, or never.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    client: Client,
    losses: watch::Receiver<u64>,
}

impl Client {
    /// Waits for the connection.
    pub(crate) async fn life(&self) -> Life {
        loop {
            // Before the look, so that no loss comes between.
            let losses = self.connection_events().losses();
            if self.is_connected() {
                let client = self.clone();
                return Life { client, losses };
            }
            self.connection_events().changed().await;
        }
    }
}

impl Life {
    /// Returns when this connection is lost, also where another one stands already. Cancel safe.
    pub(crate) async fn ended(&mut self) {
        loop {
            match tokio::time::timeout(LOOK, self.losses.changed()).await {
                Err(_) if self.client.is_connected() => {}
                // A sender that is gone has no connection either.
                _ => return,
            }
        }
    }

    /// Waits for the word that this connection is lost, which comes a moment after the library has let go of what
    /// belonged to it.
    pub(crate) async fn word_of_death(&mut self) {
        let _ = tokio::time::timeout(WORD_OF_DEATH, self.ended()).await;
    }
}
