//! What others in the same process may read of the running service: what the page is made of.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::config::{ChannelConfig, Config, TimeZones};
use crate::queries::Queries;
use crate::status::Status;
use crate::store::Store;

/// The service's database and status, also while NATS is away; cheap to clone.
#[derive(Debug, Clone)]
pub struct Reads {
    /// The database.
    pub store: Store,
    /// Answers requests without NATS, as the service does.
    pub queries: Queries,
    /// What the service tells of itself.
    pub status: Arc<Status>,
    /// The channels that are counted.
    pub channels: Arc<[ChannelConfig]>,
    /// In which zones their hours are told.
    pub time_zones: TimeZones,
}

impl Reads {
    pub(crate) fn new(
        store: Store,
        status: Arc<Status>,
        config: &Config,
        aliases_changed: Arc<AtomicBool>,
    ) -> Self {
        Self {
            queries: Queries::new(store.clone(), Arc::clone(&status), config, aliases_changed),
            store,
            status,
            channels: config.channels.clone().into(),
            time_zones: config.time_zones.clone(),
        }
    }
}
