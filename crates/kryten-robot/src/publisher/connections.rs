//! The connections to NATS over which all channels of a robot publish.
//!
//! Channels share a few, so that what many of them have to say at a moment is written and acknowledged in one go. A
//! connection over which somebody failed is never handed out again.

use std::sync::{Arc, Weak};

use kryten_client::config::NatsConfig;
use kryten_client::one_life::OneLife;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How many there are at most.
const MOST: usize = 4;

#[derive(Debug)]
pub(crate) struct Connections {
    nats: NatsConfig,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Those in use.
    open: Vec<Weak<OneLife>>,
    /// How many there were, for their names.
    made: u64,
    /// When the last attempt failed, and why.
    failure: Option<(Instant, String)>,
}

impl Connections {
    pub(crate) fn new(nats: NatsConfig) -> Self {
        Self {
            nats,
            shared: Mutex::default(),
        }
    }

    /// One that stands: a new one while there are few, else the one with the fewest channels.
    ///
    /// # Errors
    /// Why there is none. Who waited while another attempt failed has its reason and makes none of his own.
    pub(crate) async fn take(&self) -> Result<Arc<OneLife>, String> {
        let asked = Instant::now();
        let mut shared = self.shared.lock().await;
        if let Some((failed, reason)) = &shared.failure
            && *failed >= asked
        {
            return Err(reason.clone());
        }
        let mut standing: Vec<Arc<OneLife>> =
            shared.open.iter().filter_map(Weak::upgrade).collect();
        standing.retain(|connection| !connection.has_ended());
        shared.open = standing.iter().map(Arc::downgrade).collect();
        if standing.len() >= MOST
            && let Some(least) = standing.into_iter().min_by_key(Arc::strong_count)
        {
            return Ok(least);
        }
        shared.made += 1;
        let name = format!("kryten-robot events {}", shared.made);
        match OneLife::connect(&self.nats.clone().named(name)).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                shared.open.push(Arc::downgrade(&connection));
                Ok(connection)
            }
            Err(error) => {
                let reason = error.to_string();
                shared.failure = Some((Instant::now(), reason.clone()));
                Err(reason)
            }
        }
    }

    /// Hands this one out no more; those who use it go on.
    pub(crate) async fn retire(&self, connection: &Arc<OneLife>) {
        let retired = Arc::downgrade(connection);
        let mut shared = self.shared.lock().await;
        shared.open.retain(|open| !open.ptr_eq(&retired));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use kryten_servers::NatsServer;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn channels_share_a_few_and_none_that_was_lost() {
        let server = NatsServer::ephemeral().await;
        let config = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
        let connections = Connections::new(config);
        let taken = join_all((0..3 * MOST).map(|_| connections.take())).await;
        let taken: Vec<_> = taken.into_iter().map(Result::unwrap).collect();
        for connection in &taken {
            assert_eq!(Arc::strong_count(connection), 3);
        }

        connections.retire(&taken[0]).await;
        let again = connections.take().await.unwrap();
        assert!(taken.iter().all(|before| !Arc::ptr_eq(before, &again)));
        assert!(!taken[0].has_ended(), "others may still use it");

        taken[1].end().await;
        taken[1].ended().await;
        let used = connections.take().await.unwrap();
        assert!(!used.has_ended());
        assert!(taken.iter().all(|before| !Arc::ptr_eq(before, &used)));

        drop((taken, again, used));
        let shared = connections.shared.lock().await;
        let left = shared.open.iter().filter_map(Weak::upgrade).count();
        assert_eq!(left, 0, "nobody keeps them open");
    }

    #[tokio::test]
    async fn who_waits_while_an_attempt_fails_makes_none_of_his_own() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let connections = Connections::new(NatsConfig::for_url(&url));
        let attempts = join_all((0..100).map(|_| connections.take()));
        let mut heard = 0;
        let answers = tokio::select! {
            answers = attempts => answers,
            () = async {
                loop {
                    // Accepted and closed: no server speaks.
                    drop(listener.accept().await.unwrap());
                    heard += 1;
                }
            } => unreachable!("it listens for ever"),
        };
        assert!(answers.iter().all(Result::is_err));
        assert!((1..10).contains(&heard), "{heard} attempts");
    }
}
