//! The service: started, ready, stopped.

use crate::config::Config;

/// The running service.
#[derive(Debug)]
pub struct Userstats {}

/// Why the service could not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserstatsError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
}

impl Userstats {
    /// Checks the configuration, opens the database and starts everything in the background. An absent NATS server is
    /// waited for.
    ///
    /// # Errors
    /// [`UserstatsError`] for a wrong configuration, a database that cannot be opened, a taken HTTP port.
    pub async fn bind(config: Config) -> Result<Self, UserstatsError> {
        config.check()?;
        unimplemented!()
    }

    /// Waits until the channels' state is loaded, everything in the stream is counted and committed, and queries are
    /// answered. Returns at once where the service has ended.
    pub async fn ready(&self) {
        unimplemented!()
    }

    /// The page, health and metrics, to be mounted where there is no listener of our own.
    pub fn router(&self) -> axum::Router {
        unimplemented!()
    }

    /// Waits until the service ends by itself.
    ///
    /// # Errors
    /// [`UserstatsError`] that ended it.
    pub async fn join(&self) -> Result<(), UserstatsError> {
        unimplemented!()
    }

    /// Commits what is counted, says goodbye and stops.
    ///
    /// # Errors
    /// [`UserstatsError`] when what was counted could not be committed; it is counted again at the next start.
    pub async fn shutdown(self) -> Result<(), UserstatsError> {
        unimplemented!()
    }
}
