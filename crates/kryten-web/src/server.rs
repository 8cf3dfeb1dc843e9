//! The page: bound, served, stopped.

use std::net::SocketAddr;
use std::time::Duration;

use kryten_client::{Client, ConnectError, NatsConfig};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::WebConfig;
use crate::error::BindError;
use crate::sources::{App, Sources};
use crate::{follow, router};

/// The pause between attempts to reach NATS.
const RETRY: Duration = Duration::from_secs(1);
/// How long answers that are on their way have when the page stops.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// The page's address, taken before there is anything to show.
#[derive(Debug)]
pub struct Bound {
    config: WebConfig,
    listener: TcpListener,
    address: SocketAddr,
}

/// The running page.
#[derive(Debug)]
pub struct Web {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Bound {
    /// Checks the settings and takes the address.
    ///
    /// # Errors
    /// [`BindError`].
    pub async fn bind(config: WebConfig) -> Result<Self, BindError> {
        config.check()?;
        let address = config.listen;
        let failed = |source| BindError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            config,
            listener,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves in the background until it is stopped.
    pub fn serve(self, sources: Sources) -> Web {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let router = start(&self.config, sources, &stop, &tasks);
        let stopped = stop.clone();
        tasks.spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            let serving = axum::serve(self.listener, service)
                .with_graceful_shutdown(stopped.clone().cancelled_owned());
            let too_late = async {
                stopped.cancelled().await;
                tokio::time::sleep(LAST_MOMENT).await;
            };
            tokio::select! {
                served = serving.into_future() => if let Err(error) = served {
                    tracing::error!(%error, "the web page ended");
                },
                () = too_late => {}
            }
        });
        tasks.close();
        Web {
            address: self.address,
            stop,
            tasks,
        }
    }
}

impl Web {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops; open live pages are closed.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Sources {
    /// All routes, to be served by others; what works behind them ends with `stop`.
    ///
    /// # Errors
    /// [`BindError::Config`].
    pub fn into_router(
        self,
        config: &WebConfig,
        stop: &CancellationToken,
    ) -> Result<axum::Router, BindError> {
        config.check()?;
        Ok(start(config, self, stop, &TaskTracker::new()))
    }
}

fn start(
    config: &WebConfig,
    sources: Sources,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> axum::Router {
    let app = App::new(config, sources.reads, sources.robot, stop.clone());
    if let Some(nats) = sources.nats {
        tasks.spawn(connect(app.clone(), nats));
    }
    for at in 0..app.channels().len() {
        tasks.spawn(follow::run(app.clone(), at));
    }
    router::router(app, sources.routes)
}

/// Tries until a server answers; a connection that once stood comes back by itself.
async fn connect(app: App, config: NatsConfig) {
    loop {
        let attempt = tokio::select! {
            attempt = Client::connect(&config) => attempt,
            () = app.stop.cancelled() => return,
        };
        match attempt {
            Ok(client) => {
                // Nobody else sets it.
                let _ = app.nats.set(client);
                return;
            }
            Err(error @ ConnectError::Setting(_)) => {
                tracing::error!(%error, "the page cannot read buckets");
                return;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = app.stop.cancelled() => return,
        }
    }
}
