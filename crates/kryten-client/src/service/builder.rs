//! What a service is like before it starts.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kryten_protocol::subject::SubjectError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::commands::Commands;
use super::lifecycle::{Identity, Lifecycle, endpoints};
use super::listening::{LifecycleEvent, Listening};
use super::restart::RestartPolicy;
use super::{STOP_LIMIT, Service};
use crate::connection::Client;
use crate::respond::{Refusal, RespondError, Responder};

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The name leaves no subject.
    #[error(transparent)]
    Name(#[from] SubjectError),
    /// Two commands have one name.
    #[error("the command {0:?} was added twice; give each a name of its own")]
    CommandTwice(String),
    /// Requests cannot be heard.
    #[error("requests cannot be heard")]
    Respond(#[from] RespondError),
    /// Lifecycle messages cannot be heard.
    #[error("the connection to NATS is closed")]
    Closed(#[source] Box<async_nats::SubscribeError>),
    /// The address of the HTTP listener is unknown.
    #[cfg(feature = "http")]
    #[error("the HTTP listener has no address")]
    Listener(#[source] std::io::Error),
}

type Hear = Box<dyn FnMut(LifecycleEvent) + Send>;

/// Settings of a [`Service`]; see [`Service::builder`].
pub struct ServiceBuilder {
    identity: Identity,
    listening: Listening,
    commands: Commands,
    hear: Hear,
    stop_limit: Duration,
    #[cfg(feature = "http")]
    http: Option<(tokio::net::TcpListener, crate::http::Pages)>,
}

impl ServiceBuilder {
    pub(super) fn new(name: String, version: String) -> Self {
        Self {
            identity: Identity::new(name, version),
            listening: Listening::default(),
            commands: Commands::default(),
            hear: Box::new(drop),
            stop_limit: STOP_LIMIT,
            #[cfg(feature = "http")]
            http: None,
        }
    }

    /// The host as others reach it; without this the system's own name.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.identity.hostname = hostname.into();
        self
    }

    /// Where others find health and metrics that this service does not serve itself: name, port and path of each.
    #[must_use]
    pub fn endpoints<'a>(
        mut self,
        served: impl IntoIterator<Item = (&'a str, u16, &'a str)>,
    ) -> Self {
        self.identity.fields.extend(endpoints(served));
        self
    }

    /// What every `startup` has beside the base fields.
    #[must_use]
    pub fn startup_fields(mut self, fields: Map<String, Value>) -> Self {
        if let Some(again) = &mut self.listening.for_robots {
            again.extend(fields.clone());
        }
        self.listening.startup.extend(fields);
        self
    }

    /// How often a heartbeat is sent; `None` for never. Without this every 30 s; the robot's registry calls a service
    /// stale after 90 s.
    #[must_use]
    pub fn heartbeat(mut self, period: Option<Duration>) -> Self {
        self.listening.heartbeat = period;
        self
    }

    /// Whether discovery polls are answered; without this they are.
    #[must_use]
    pub fn answers_discovery(mut self, answers: bool) -> Self {
        self.listening.answers_polls = answers;
        self
    }

    /// Whose group restarts are obeyed; without this nobody's.
    #[must_use]
    pub fn restarts(mut self, policy: RestartPolicy) -> Self {
        self.listening.restarts = policy;
        self
    }

    /// Takes a command: its name, and what gives the reply, which is sent as the reply's `data`. Parameters are read
    /// from the request's fields beside `command`; those that cannot be read are answered with what is wrong.
    ///
    /// ```no_run
    /// # fn demo(service: kryten_client::service::ServiceBuilder) {
    /// #[derive(serde::Deserialize)]
    /// struct Greet {
    ///     name: String,
    /// }
    ///
    /// service.command("greet", |greet: Greet| async move {
    ///     match greet.name.as_str() {
    ///         "" => Err("Nobody is to be greeted; give a name".into()),
    ///         name => Ok(format!("Good evening, {name}!")),
    ///     }
    /// })
    /// # ;
    /// # }
    /// ```
    #[must_use]
    pub fn command<P, R, H, F>(mut self, name: impl Into<String>, take: H) -> Self
    where
        P: DeserializeOwned,
        R: Serialize,
        H: Fn(P) -> F + Send + Sync + 'static,
        F: Future<Output = Result<R, Refusal>> + Send + 'static,
    {
        self.commands.add(name.into(), take);
        self
    }

    /// What is done when a robot has started, or a restart is asked for by somebody who is obeyed. Called between
    /// announcements, so it must not block.
    #[must_use]
    pub fn on_lifecycle(mut self, hear: impl FnMut(LifecycleEvent) + Send + 'static) -> Self {
        self.hear = Box::new(hear);
        self
    }

    /// How long [`Service::stop`] waits for requests that were taken; without this 10 s.
    #[must_use]
    pub fn stop_limit(mut self, limit: Duration) -> Self {
        self.stop_limit = limit;
        self
    }

    /// Serves `/health`, `/metrics` and what else is on the pages, and announces where.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn serve(mut self, listener: tokio::net::TcpListener, pages: crate::http::Pages) -> Self {
        self.http = Some((listener, pages));
        self
    }

    /// Starts: requests are answered first, then the service announces itself.
    ///
    /// # Errors
    /// [`StartError`]: a name that cannot be, a command added twice, the connection closed.
    pub async fn start(self, client: &Client) -> Result<Service, StartError> {
        if let Some(name) = self.commands.twice {
            return Err(StartError::CommandTwice(name));
        }
        #[cfg_attr(
            not(feature = "http"),
            expect(unused_mut, reason = "HTTP adds where it is served")
        )]
        let mut identity = self.identity;
        #[cfg(feature = "http")]
        if let Some((listener, _)) = &self.http {
            let port = listener.local_addr().map_err(StartError::Listener)?.port();
            let served = [
                ("health", port, crate::http::HEALTH),
                ("metrics", port, crate::http::METRICS),
            ];
            identity.fields.extend(endpoints(served));
        }
        let name = identity.service.clone();
        let lifecycle = Lifecycle::new(client, identity)?;
        let responder = match self.commands.is_empty() {
            true => None,
            false => {
                let commands = Arc::new(self.commands);
                let answer = move |request| {
                    let commands = Arc::clone(&commands);
                    async move { commands.answer(request).await }
                };
                Some(Responder::start(client, &name, answer).await?)
            }
        };
        let stop = CancellationToken::new();
        let listener = lifecycle.listen(self.listening.clone()).await;
        let listener = listener.map_err(|error| StartError::Closed(Box::new(error)))?;
        #[cfg(feature = "http")]
        let http = self.http.map(|(listener, pages)| {
            let requests = responder.as_ref().map(Responder::counter);
            let pages = super::with_requests(pages, requests);
            let router = pages.router(&lifecycle);
            tokio::spawn(crate::http::serve(listener, router, stop.clone()))
        });
        let (restart_tx, restart) = watch::channel(None);
        let mut hear = self.hear;
        let listening = listener.run(stop.clone(), move |event| {
            if let LifecycleEvent::Restart(notice) = &event {
                restart_tx.send_replace(Some(notice.clone()));
            }
            hear(event);
        });
        let listening = tokio::spawn(listening);
        lifecycle.startup(self.listening.startup).await;
        Ok(Service {
            lifecycle,
            responder,
            listening,
            restart,
            stop: stop.drop_guard(),
            stop_limit: self.stop_limit,
            #[cfg(feature = "http")]
            http,
        })
    }
}

impl fmt::Debug for ServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceBuilder")
            .field("identity", &self.identity)
            .field("listening", &self.listening)
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}
