//! The service: started, ready, stopped.

mod work;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kryten_client::ConnectError;
use kryten_client::log_levels::LogLevels;
use kryten_client::respond::RespondError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::config::{Config, ConfigError};
use crate::counting::{CountingError, Shared};
use crate::reads::Reads;
use crate::status::Status;
use crate::store::{Store, StoreError};
use crate::web::{self, WebState};

/// How long the end may take.
const STOP_LIMIT: Duration = Duration::from_secs(4);

/// Why the service could not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserstatsError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address of NATS cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Another program has the HTTP port.
    #[error("cannot listen on {address} for HTTP; choose another metrics.port")]
    Http {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Requests cannot be heard.
    #[error("requests cannot be heard")]
    Respond(#[from] RespondError),
    /// Counting ended.
    #[error(transparent)]
    Counting(#[from] CountingError),
}

/// The running service.
#[derive(Debug)]
pub struct Userstats {
    store: Store,
    shared: Shared,
    ready: watch::Receiver<bool>,
    ended: watch::Receiver<bool>,
    tasks: TaskTracker,
    failure: Arc<Mutex<Option<UserstatsError>>>,
    web: WebState,
    reads: Reads,
    http_address: Option<SocketAddr>,
}

impl Userstats {
    /// Checks the configuration, opens the database and starts everything in the background. An absent NATS server is
    /// waited for.
    ///
    /// # Errors
    /// [`UserstatsError`] for a wrong configuration, a database that cannot be opened, a taken HTTP port.
    pub async fn bind(config: Config) -> Result<Self, UserstatsError> {
        config.check()?;
        kryten_client::config::warn_of(&config.unknown_keys);
        let store = open_store(&config).await?;
        info!(database = store.place(), "the database is open");
        // One that is away is asked later.
        let open_visits = store.open_visit_count().await.unwrap_or(0);
        let (ready_tx, ready) = watch::channel(false);
        let (ended_tx, ended) = watch::channel(false);
        let shared = Shared {
            status: Arc::new(Status::default()),
            names_changed: Arc::default(),
            robot_started: Arc::default(),
            ready: Arc::new(ready_tx),
            log_levels: Arc::new(watch::Sender::new(LogLevels::new(config.log_level))),
            stop: CancellationToken::new(),
        };
        // What the last run knew holds until counting goes on, also while NATS is away.
        shared.status.set_position(0, open_visits, 0);
        let web = WebState::new(store.clone(), Arc::clone(&shared.status), &config);
        let reads = Reads::new(
            store.clone(),
            Arc::clone(&shared.status),
            &config,
            Arc::clone(&shared.names_changed),
        );
        let tasks = TaskTracker::new();
        let mut http_address = None;
        if let Some(address) = config.http {
            let failed = |source| UserstatsError::Http { address, source };
            let listener = tokio::net::TcpListener::bind(address)
                .await
                .map_err(failed)?;
            http_address = listener.local_addr().ok();
            info!(address = ?http_address, "health and metrics are served");
            let (router, stop) = (web::router(web.clone()), shared.stop.clone());
            tasks.spawn(async move {
                let serve = axum::serve(listener, router);
                let serve = serve.with_graceful_shutdown(async move { stop.cancelled().await });
                if let Err(error) = serve.await {
                    error!(%error, "HTTP is no longer served");
                }
            });
        }
        let failure = Arc::new(Mutex::new(None));
        let work = work::work(config, store.clone(), shared.clone());
        let end = End {
            outcome: Ok(()),
            failure: Arc::clone(&failure),
            shared: shared.clone(),
            ended: ended_tx,
        };
        tasks.spawn(async move {
            let mut end = end;
            end.outcome = work.await;
        });
        tasks.close();
        Ok(Self {
            store,
            shared,
            ready,
            ended,
            tasks,
            failure,
            web,
            reads,
            http_address,
        })
    }

    /// Waits until the channels' state is loaded, everything in the stream is counted and committed, and requests are
    /// answered. Returns at once where the service has ended.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + use<> {
        let (mut ready, mut ended) = (self.ready.clone(), self.ended.clone());
        async move {
            tokio::select! {
                // A sender that is gone has ended, too.
                _ = ready.wait_for(|ready| *ready) => {}
                _ = ended.wait_for(|ended| *ended) => {}
            }
        }
    }

    /// A function that tells how long counting, or the wait for NATS, has not come around, for a watchdog. While it is
    /// below a minute all is well, whatever NATS and the database do; `None` where there is nothing to count any more.
    pub fn silence(&self) -> impl Fn() -> Option<Duration> + Send + Sync + 'static {
        let pulse = self.shared.status.pulse.clone();
        move || pulse.silence()
    }

    /// Health and metrics as they are served on the original's port.
    pub fn router(&self) -> axum::Router {
        web::router(self.web.clone())
    }

    /// Health and metrics, to be put among other routes where there is no listener of our own.
    pub fn routes(&self) -> axum::Router {
        web::routes(self.web.clone())
    }

    /// What a page in the same process reads.
    pub fn reads(&self) -> Reads {
        self.reads.clone()
    }

    /// What the service is doing.
    pub fn status(&self) -> &Arc<Status> {
        &self.shared.status
    }

    /// The levels of the log, which `system.loglevel` may change.
    pub fn log_levels(&self) -> watch::Receiver<LogLevels> {
        self.shared.log_levels.subscribe()
    }

    /// Where HTTP is served, if it is.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// Whether the service has ended, by itself or since it was told to.
    pub fn has_ended(&self) -> bool {
        // A sender that is gone has ended, too.
        *self.ended.borrow() || self.ended.has_changed().is_err()
    }

    /// Waits until the service ends by itself.
    ///
    /// # Errors
    /// [`UserstatsError`] that ended it.
    pub async fn join(&self) -> Result<(), UserstatsError> {
        let mut ended = self.ended.clone();
        // A sender that is gone has ended, too.
        let _ = ended.wait_for(|ended| *ended).await;
        self.take_failure()
    }

    /// Commits what is counted, says goodbye and stops.
    ///
    /// # Errors
    /// [`UserstatsError`] when what was counted could not be committed; it is counted again at the next start.
    pub async fn shutdown(self) -> Result<(), UserstatsError> {
        self.shared.stop.cancel();
        if tokio::time::timeout(STOP_LIMIT, self.tasks.wait())
            .await
            .is_err()
        {
            warn!("not everything had ended in time");
        }
        self.store.close().await;
        self.take_failure()
    }

    fn take_failure(&self) -> Result<(), UserstatsError> {
        let mut failure = self
            .failure
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        failure.take().map_or(Ok(()), Err)
    }
}

/// Tells everybody that the work has ended, also where it broke down.
struct End {
    outcome: Result<(), UserstatsError>,
    failure: Arc<Mutex<Option<UserstatsError>>>,
    shared: Shared,
    ended: watch::Sender<bool>,
}

impl Drop for End {
    fn drop(&mut self) {
        let outcome = match std::thread::panicking() {
            true => Err(CountingError::Broke.into()),
            false => std::mem::replace(&mut self.outcome, Ok(())),
        };
        if let Err(error) = outcome {
            error!(
                error = &error as &dyn std::error::Error,
                "the statistics service ends"
            );
            let mut failure = self
                .failure
                .lock()
                .unwrap_or_else(|broken| broken.into_inner());
            *failure = Some(error);
        }
        self.shared.status.set_ended();
        self.shared.stop.cancel();
        // Nobody may be waiting.
        let _ = self.ended.send(true);
    }
}

/// Opens the database. One of PostgreSQL that is away is waited for, but what waiting does not mend is told at once.
async fn open_store(config: &Config) -> Result<Store, StoreError> {
    let Some(url) = &config.database_url else {
        return Store::open(&config.database).await;
    };
    let store = Store::connect(url);
    match store.prepare().await {
        Err(error) if !error.is_transient() => Err(error),
        _ => Ok(store),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_breaks_down_ends_the_service_with_an_error() {
        let shared = Shared {
            status: Arc::default(),
            names_changed: Arc::default(),
            robot_started: Arc::default(),
            ready: Arc::new(watch::Sender::new(false)),
            log_levels: Arc::new(watch::Sender::new(LogLevels::new("info"))),
            stop: CancellationToken::new(),
        };
        let (ended_tx, mut ended) = watch::channel(false);
        let failure = Arc::new(Mutex::new(None));
        let end = End {
            outcome: Ok(()),
            failure: Arc::clone(&failure),
            shared: shared.clone(),
            ended: ended_tx,
        };
        let work = tokio::spawn(async move {
            let _end = end;
            panic!("a defect of ours");
        });
        ended.wait_for(|ended| *ended).await.unwrap();
        assert!(work.await.unwrap_err().is_panic());
        assert!(shared.stop.is_cancelled());
        assert_eq!(
            shared.status.view().problem(),
            Some("counting has ended; the log says why")
        );
        let failure = failure.lock().unwrap().take();
        assert!(matches!(
            failure,
            Some(UserstatsError::Counting(CountingError::Broke))
        ));
    }
}
