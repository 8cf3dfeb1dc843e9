//! A service: known to the robot and to others, answering commands, and ending in order.
//!
//! ```no_run
//! # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_client::service::{RestartPolicy, Service};
//!
//! #[derive(serde::Deserialize)]
//! struct Greet {
//!     name: String,
//! }
//!
//! let greeter = Service::builder("greeter", env!("CARGO_PKG_VERSION"))
//!     .command("greet", |greet: Greet| async move { Ok(format!("Good evening, {}!", greet.name)) })
//!     .restarts(RestartPolicy::from_initiators(["operator"]))
//!     .start(&client)
//!     .await?;
//! let cause = greeter.run_until_signal().await?;
//! println!("ended by {cause}");
//! # Ok(())
//! # }
//! ```
//!
//! A request `{"service": "greeter", "command": "greet", "name": "bob"}` on `kryten.greeter.command` has the reply
//! `{"service": "greeter", "command": "greet", "success": true, "data": "Good evening, bob!"}`. Each request is
//! answered once, by one of all instances of the service; what is no request, an unknown command, bad parameters and a
//! handler that panics have `"success": false` and an `error` of one sentence.
//!
//! While it runs, the service announces itself: `startup`, a `heartbeat` every 30 s, `startup` again for who polls, for
//! a robot that starts, and after a lost connection. With the feature `http` it serves `/health` and `/metrics`, too:
//! see the module `http`.

mod builder;
mod commands;
mod lifecycle;
mod listening;
mod restart;
mod signal;

use std::fmt;
use std::io;
use std::time::Duration;

use kryten_protocol::lifecycle::RestartNotice;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

use crate::respond::Responder;
use crate::round_trip::round_trip;
pub use builder::{ServiceBuilder, StartError};
pub use commands::NoParameters;
pub use lifecycle::{Identity, Lifecycle, NORMAL_SHUTDOWN, endpoints};
pub use listening::{HEARTBEAT, LifecycleEvent, Listener, Listening};
pub use restart::{LONGEST_DELAY, RestartPolicy, delay_of};
pub use signal::{Signal, Signals};

/// How long requests that were taken may hold up the end.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How long the last words may take to reach the server.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// Why a service ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StopCause {
    /// A signal asked for it.
    Signal(Signal),
    /// A group restart was asked for by somebody who is obeyed; its delay is over.
    Restart(RestartNotice),
}

impl fmt::Display for StopCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => signal.fmt(f),
            Self::Restart(notice) => write!(f, "a restart that {:?} asked for", notice.initiator),
        }
    }
}

/// A running service. When it is dropped it takes no more requests and falls silent; [`Service::stop`] ends it in
/// order.
#[derive(Debug)]
pub struct Service {
    lifecycle: Lifecycle,
    responder: Option<Responder>,
    listening: JoinHandle<()>,
    restart: watch::Receiver<Option<RestartNotice>>,
    stop: DropGuard,
    stop_limit: Duration,
    #[cfg(feature = "http")]
    http: Option<JoinHandle<()>>,
}

impl Service {
    /// A service of this name and version.
    pub fn builder(name: impl Into<String>, version: impl Into<String>) -> ServiceBuilder {
        ServiceBuilder::new(name.into(), version.into())
    }

    /// For announcements of one's own, such as [`Lifecycle::connected`].
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// How many requests were read as JSON, whatever became of them.
    pub fn requests(&self) -> u64 {
        self.responder.as_ref().map_or(0, Responder::requests)
    }

    /// Returns when a group restart was asked for by somebody who is obeyed and its delay is over. Ending the program
    /// is left to the caller, and starting it again to whatever started it.
    pub async fn restart_asked(&self) -> RestartNotice {
        let mut restart = self.restart.clone();
        let notice = match restart.wait_for(Option::is_some).await {
            Ok(notice) => notice.clone(),
            Err(_) => None,
        };
        match notice {
            Some(notice) => {
                tokio::time::sleep(delay_of(&notice)).await;
                notice
            }
            // The connection was closed for good: nothing is heard any more.
            None => std::future::pending().await,
        }
    }

    /// Runs until SIGINT, SIGTERM or a restart, then [stops](Service::stop).
    ///
    /// # Errors
    /// When the system gives no signals; the service is stopped then, too.
    pub async fn run_until_signal(self) -> io::Result<StopCause> {
        match Signals::listen() {
            Ok(signals) => Ok(self.run_until(signals).await),
            Err(error) => {
                self.stop(NORMAL_SHUTDOWN).await;
                Err(error)
            }
        }
    }

    /// As [`Service::run_until_signal`], with signals that were taken over before the service was started, so that
    /// none is missed.
    pub async fn run_until(self, mut signals: Signals) -> StopCause {
        let cause = tokio::select! {
            signal = signals.next() => StopCause::Signal(signal),
            notice = self.restart_asked() => StopCause::Restart(notice),
        };
        self.stop(NORMAL_SHUTDOWN).await;
        cause
    }

    /// Ends in order: takes no more requests, answers those taken, announces the shutdown, and sees to it that all of
    /// it has reached the server. The connection stays, since it is the caller's.
    pub async fn stop(self, reason: &str) {
        if let Some(responder) = self.responder
            && tokio::time::timeout(self.stop_limit, responder.stop())
                .await
                .is_err()
        {
            tracing::warn!("stopping although not all requests are answered");
        }
        drop(self.stop);
        // A task that panicked has ended, too.
        let _ = self.listening.await;
        self.lifecycle.shutdown(reason).await;
        let nats = self.lifecycle.client().nats();
        let arrived = round_trip(&nats);
        if !matches!(tokio::time::timeout(FLUSH_LIMIT, arrived).await, Ok(true)) {
            tracing::debug!("the NATS server is away: the shutdown was not announced");
        }
        #[cfg(feature = "http")]
        if let Some(http) = self.http {
            let _ = http.await;
        }
    }
}

/// The pages with the count of requests on them.
#[cfg(feature = "http")]
fn with_requests(
    pages: crate::http::Pages,
    requests: Option<std::sync::Arc<std::sync::atomic::AtomicU64>>,
) -> crate::http::Pages {
    use std::sync::atomic::Ordering;
    match requests {
        Some(requests) => pages.counter_of("commands_total", "Requests answered", move || {
            requests.load(Ordering::Relaxed)
        }),
        None => pages,
    }
}
