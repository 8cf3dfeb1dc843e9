//! The service: started, ready, stopped.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kryten_client::log_levels::LogLevels;
use kryten_client::respond::{Refusal, RespondError, Responder};
use kryten_client::{Client, ConnectError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::config::{Config, ConfigError};
use crate::counting::{self, Counting, CountingError, Inputs, Shared, now};
use crate::lifecycle::Lifecycle;
use crate::queries::Queries;
use crate::status::Status;
use crate::store::{Store, StoreError};
use crate::web::{self, WebState};

/// The pause between attempts to reach NATS.
const RETRY: Duration = Duration::from_secs(1);
/// Requests are answered from now on, even where a long backlog is still being counted.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);
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
            aliases_changed: Arc::default(),
            robot_started: Arc::default(),
            ready: Arc::new(ready_tx),
            log_levels: Arc::new(watch::Sender::new(LogLevels::new(config.log_level))),
            stop: CancellationToken::new(),
        };
        // What the last run knew holds until counting goes on, also while NATS is away.
        shared.status.set_position(0, open_visits, 0);
        let web = WebState::new(store.clone(), Arc::clone(&shared.status), &config);
        let tasks = TaskTracker::new();
        let mut http_address = None;
        if let Some(address) = config.http {
            let failed = |source| UserstatsError::Http { address, source };
            let listener = tokio::net::TcpListener::bind(address)
                .await
                .map_err(failed)?;
            http_address = listener.local_addr().ok();
            info!(address = ?http_address, "health and metrics are served");
            let (router, stop) = (web::health_router(web.clone()), shared.stop.clone());
            tasks.spawn(async move {
                let serve = axum::serve(listener, router);
                let serve = serve.with_graceful_shutdown(async move { stop.cancelled().await });
                if let Err(error) = serve.await {
                    error!(%error, "HTTP is no longer served");
                }
            });
        }
        let failure = Arc::new(Mutex::new(None));
        let work = work(config, store.clone(), shared.clone());
        let (told, stop) = (Arc::clone(&failure), shared.stop.clone());
        tasks.spawn(async move {
            if let Err(error) = work.await {
                error!(
                    error = &error as &dyn std::error::Error,
                    "the statistics service ends"
                );
                *told.lock().unwrap_or_else(|broken| broken.into_inner()) = Some(error);
            }
            stop.cancel();
            // Nobody may be waiting.
            let _ = ended_tx.send(true);
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

    /// The page, health and metrics, to be mounted where there is no listener of our own.
    pub fn router(&self) -> axum::Router {
        web::router(self.web.clone())
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

/// Everything that needs NATS.
async fn work(config: Config, store: Store, shared: Shared) -> Result<(), UserstatsError> {
    let Some(client) = connect(&config, &shared).await? else {
        return Ok(());
    };
    shared.status.connected(client.clone());
    info!("connected to NATS");
    let (inputs, asked) = Inputs::new();
    let queries = Queries::new(
        store.clone(),
        Arc::clone(&shared.status),
        &config,
        Arc::clone(&shared.aliases_changed),
    )
    .with_inputs(inputs)
    .with_log_levels(Arc::clone(&shared.log_levels));
    let lifecycle = Lifecycle::new(&client, &config).map_err(RespondError::from)?;
    let announcing = tokio::spawn(
        lifecycle
            .clone()
            .run(Arc::clone(&shared.robot_started), shared.stop.clone()),
    );
    let (counted_tx, counted) = watch::channel(false);
    let counting_shared = Shared {
        ready: Arc::new(counted_tx),
        ..shared.clone()
    };
    let book = loop {
        let began = async {
            store.prepare().await?;
            counting::take_over(&store, &config).await
        };
        match began.await {
            Ok(book) => break book,
            Err(error) if error.is_transient() => {
                if shared.status.database_is_away() {
                    error!(
                        error = &error as &dyn std::error::Error,
                        "the database cannot be used now; trying again until it can"
                    );
                }
            }
            Err(error) => {
                shared.stop.cancel();
                return Err(error.into());
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = shared.stop.cancelled() => return Ok(()),
        }
    };
    shared.status.database_is_there();
    let counting = Counting::new(client.clone(), store, &config, counting_shared, asked, book);
    let guard = shared.stop.clone().drop_guard();
    let counting = tokio::spawn(async move {
        // Whatever ends counting ends the service.
        let _guard = guard;
        counting.run().await
    });
    let responder = answer(&client, queries, &shared, counted).await;
    if responder.is_err() {
        shared.stop.cancel();
    }
    // What had been folded is not committed then, and is read again at the next start.
    let counted = counting.await.unwrap_or(Err(CountingError::Broke));
    shared.stop.cancel();
    if let Some(responder) = responder?.and_then(Arc::into_inner) {
        responder.stop().await;
    }
    let _ = announcing.await;
    lifecycle.shutdown("Normal shutdown").await;
    let _ = tokio::time::timeout(RETRY, client.nats().flush()).await;
    Ok(counted?)
}

/// Answers requests once the backlog is counted, and says so.
async fn answer(
    client: &Client,
    queries: Queries,
    shared: &Shared,
    mut counted: watch::Receiver<bool>,
) -> Result<Option<Arc<Responder>>, RespondError> {
    tokio::select! {
        // Where counting has ended there is still something to read.
        _ = counted.wait_for(|counted| *counted) => {}
        () = tokio::time::sleep(LONGEST_SILENCE) => {}
        () = shared.stop.cancelled() => return Ok(None),
    }
    let responder = Responder::start(client, "userstats", move |request| {
        let queries = queries.clone();
        async move {
            let answer = queries.answer(&request, now()).await;
            answer.map_err(|error| {
                if let crate::queries::QueryError::Store(error) = &error {
                    warn!(
                        command = request.command,
                        error = error as &dyn std::error::Error,
                        "a request failed"
                    );
                }
                Refusal(error.to_string())
            })
        }
    })
    .await?;
    let responder = Arc::new(responder);
    shared.status.answers_with(&responder);
    info!("answering requests on kryten.userstats.command");
    tokio::select! {
        counted = counted.wait_for(|counted| *counted) => {
            if counted.is_ok() {
                shared.ready.send_replace(true);
            }
        }
        () = shared.stop.cancelled() => {}
    }
    Ok(Some(responder))
}

/// Tries until a server answers; `None` when told to stop meanwhile.
async fn connect(config: &Config, shared: &Shared) -> Result<Option<Client>, UserstatsError> {
    let mut told = false;
    loop {
        shared.status.pulse.beat();
        let attempt = tokio::select! {
            attempt = Client::connect(&config.nats) => attempt,
            () = shared.stop.cancelled() => return Ok(None),
        };
        match attempt {
            Ok(client) => return Ok(Some(client)),
            Err(error @ ConnectError::Setting(_)) => return Err(error.into()),
            Err(error) if !told => {
                told = true;
                warn!("{error}; trying again until it answers");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = shared.stop.cancelled() => return Ok(None),
        }
    }
}
