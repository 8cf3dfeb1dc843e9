//! Connections of one life that many share.
//!
//! What several have to say at a moment is then written, and acknowledged, in one go. A connection over which somebody
//! failed is never handed out again.

use std::sync::{Arc, Weak};

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::NatsConfig;
use crate::connection::ConnectError;
use crate::one_life::OneLife;

/// Some connections for many.
#[derive(Debug)]
pub struct SharedLives {
    nats: NatsConfig,
    most: usize,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Those in use.
    open: Vec<Weak<OneLife>>,
    /// How many there were, for their names.
    made: u64,
    /// When the last attempt failed, and why.
    failure: Option<(Instant, Arc<ConnectError>)>,
}

impl SharedLives {
    /// At most so many, each with a number after the name of the configuration.
    pub fn new(nats: NatsConfig, most: usize) -> Self {
        Self {
            nats,
            most,
            shared: Mutex::default(),
        }
    }

    /// One that stands: a new one while there are few, else the one with the fewest users.
    ///
    /// # Errors
    /// Why there is none. Who waited while another attempt failed has its error and makes no attempt of his own.
    pub async fn take(&self) -> Result<Arc<OneLife>, Arc<ConnectError>> {
        let asked = Instant::now();
        let mut shared = self.shared.lock().await;
        let mut standing: Vec<Arc<OneLife>> =
            shared.open.iter().filter_map(Weak::upgrade).collect();
        standing.retain(|connection| !connection.has_ended());
        shared.open = standing.iter().map(Arc::downgrade).collect();
        if standing.len() >= self.most
            && let Some(least) = standing.into_iter().min_by_key(Arc::strong_count)
        {
            return Ok(least);
        }
        let connection = self.connect(&mut shared, asked).await?;
        shared.open.push(Arc::downgrade(&connection));
        Ok(connection)
    }

    /// A new one that nobody else is given.
    ///
    /// # Errors
    /// As [`SharedLives::take`].
    pub async fn take_alone(&self) -> Result<Arc<OneLife>, Arc<ConnectError>> {
        let asked = Instant::now();
        let mut shared = self.shared.lock().await;
        self.connect(&mut shared, asked).await
    }

    async fn connect(
        &self,
        shared: &mut Shared,
        asked: Instant,
    ) -> Result<Arc<OneLife>, Arc<ConnectError>> {
        if let Some((failed, error)) = &shared.failure
            && *failed >= asked
        {
            return Err(Arc::clone(error));
        }
        shared.made += 1;
        let name = self.nats.name.as_deref().unwrap_or("kryten");
        let name = format!("{name} {}", shared.made);
        match OneLife::connect(&self.nats.clone().named(name)).await {
            Ok(connection) => Ok(Arc::new(connection)),
            Err(error) => {
                let error = Arc::new(error);
                shared.failure = Some((Instant::now(), Arc::clone(&error)));
                Err(error)
            }
        }
    }

    /// Hands this one out no more; those who use it go on.
    pub async fn retire(&self, connection: &Arc<OneLife>) {
        let retired = Arc::downgrade(connection);
        let mut shared = self.shared.lock().await;
        shared.open.retain(|open| !open.ptr_eq(&retired));
    }
}
