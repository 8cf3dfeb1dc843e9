//! Requests on `kryten.userstats.command`: each reads the store and answers in the original's form.

mod aliases;
mod backfill;
mod channels;
mod parameters;
mod person;
mod phrases;
mod privacy;
mod rankings;
mod system;
mod timeseries;
mod users;

pub(crate) use backfill::past_source;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_util::future::BoxFuture;
use kryten_client::log_levels::LogLevels;
use kryten_protocol::command::Request;
use kryten_protocol::time::WireTime;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::config::{ChannelConfig, Config, TimeZones};
use crate::counting::{Inputs, NotNow};
use crate::status::Status;
use crate::store::{Store, StoreError};
use crate::tally::Wish;

/// The version that replies and lifecycle messages name.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a request is refused; the text is the reply's `error`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// No such command.
    #[error("Unknown command: {0}")]
    Unknown(String),
    /// A parameter is missing.
    #[error("{0} required")]
    Missing(&'static str),
    /// A parameter is of a kind that the database cannot compare.
    #[error("{0}: {1}")]
    Unusable(&'static str, &'static str),
    /// A parameter is no text, but of this kind of Python's.
    #[error("{0}: give a text")]
    NoText(&'static str, &'static str),
    /// A change of aliases or phrases that cannot be made.
    #[error("{0}")]
    Refused(String),
    /// The words of the original, or of what it was written with.
    #[error("{0}")]
    AsOriginal(String),
    /// A limit is no whole number.
    #[error("datatype mismatch")]
    Limit,
    /// The database cannot answer.
    #[error("the database is away; try again later")]
    Store(#[from] StoreError),
    /// Counting cannot do it now.
    #[error("{0}")]
    NotNow(&'static str),
}

/// Answers requests.
#[derive(Debug, Clone)]
pub struct Queries {
    store: Store,
    status: Arc<Status>,
    default_domain: String,
    default_channel: String,
    channels: Vec<String>,
    configured: Vec<ChannelConfig>,
    inputs: Option<Inputs>,
    backfill_folder: Option<PathBuf>,
    privacy_by_command: bool,
    as_original: bool,
    time_zones: TimeZones,
    metrics_port: Option<u16>,
    names_changed: Arc<AtomicBool>,
    log_levels: Option<Arc<watch::Sender<LogLevels>>>,
}

impl Queries {
    /// Answers from a store; `names_changed` is set when aliases or phrases were changed.
    pub fn new(
        store: Store,
        status: Arc<Status>,
        config: &Config,
        names_changed: Arc<AtomicBool>,
    ) -> Self {
        let first = config.channels.first();
        Self {
            store,
            status,
            default_domain: first.map(|c| c.domain.clone()).unwrap_or_default(),
            default_channel: first.map(|c| c.channel.clone()).unwrap_or_default(),
            channels: config.channels.iter().map(|c| c.channel.clone()).collect(),
            configured: config.channels.clone(),
            inputs: None,
            privacy_by_command: config.privacy_by_command,
            backfill_folder: config.backfill_folder.clone(),
            as_original: config.rules.as_original,
            time_zones: config.time_zones.clone(),
            metrics_port: config
                .http
                .map(|address| address.port())
                .or(config.metrics_endpoint.as_ref().map(|e| e.port)),
            names_changed,
            log_levels: None,
        }
    }

    /// Hands on what only counting can do.
    pub(crate) fn with_inputs(mut self, inputs: Inputs) -> Self {
        self.inputs = Some(inputs);
        self
    }

    /// Lets `system.loglevel` change the levels of the log.
    pub(crate) fn with_log_levels(mut self, log_levels: Arc<watch::Sender<LogLevels>>) -> Self {
        self.log_levels = Some(log_levels);
        self
    }

    /// Answers a request: the reply's `data`.
    ///
    /// Boxed, so that all commands are compiled once, and not again in every crate that asks.
    ///
    /// # Errors
    /// [`QueryError`], whose text is the reply's `error`.
    pub fn answer<'a>(
        &'a self,
        request: &'a Request,
        now: WireTime,
    ) -> BoxFuture<'a, Result<Value, QueryError>> {
        Box::pin(async move {
            let answer = self.answer_to(request, now).await;
            answer.map_err(|error| match error {
                QueryError::NoText(_, kind) if self.as_original => QueryError::AsOriginal(format!(
                    "Error binding parameter 1: type '{kind}' is not supported"
                )),
                other => other,
            })
        })
    }

    async fn answer_to(&self, request: &Request, now: WireTime) -> Result<Value, QueryError> {
        match request.command.as_str() {
            "user.stats" => self.user_stats(request).await,
            "user.profile" => self.user_profile(request).await,
            "user.messages" => self.user_messages(request).await,
            "user.activity" => self.user_activity(request).await,
            "user.kudos" => self.user_kudos(request).await,
            "stats.global" => self.stats_global(request, now).await,
            "channel.top_users" => self.channel_top_users(request).await,
            "channel.population" => self.channel_population(request, now).await,
            "channel.media_history" => self.channel_media_history(request).await,
            "channel.watermarks" => self.channel_watermarks(request, now).await,
            "channel.movie_votes" => self.channel_movie_votes(request).await,
            "channel.all_stats" => self.channel_all_stats(request, now).await,
            "leaderboard.messages" => self.leaderboard_messages(request).await,
            "leaderboard.kudos" => self.leaderboard_kudos(request).await,
            "leaderboard.emotes" => self.leaderboard_emotes(request).await,
            "timeseries.messages" => self.timeseries_messages(request).await,
            "timeseries.channel" if !self.as_original => self.timeseries_channel(request).await,
            "timeseries.kudos" => self.timeseries_kudos(request).await,
            "system.loglevel" if !self.as_original => self.system_loglevel(request),
            "system.ping" => Ok(self.system_ping(now)),
            "system.health" => Ok(self.system_health().await),
            "system.stats" => self.system_stats().await,
            "system.drift" if !self.as_original => self.system_drift(request).await,
            name if name.starts_with("privacy.") && !self.privacy_by_command => {
                Err(QueryError::Refused(NOT_BY_COMMAND.to_owned()))
            }
            "privacy.opt_out" => self.privacy_wish(request, Wish::OptOut).await,
            "privacy.opt_in" => self.privacy_wish(request, Wish::OptIn).await,
            "privacy.forget" => self.privacy_wish(request, Wish::Forget).await,
            "privacy.export" => self.privacy_export(request).await,
            "privacy.list" => self.privacy_list().await,
            "backfill.run" => self.backfill_run(request).await,
            "alias.list" => self.alias_list().await,
            "alias.get" => self.alias_get(request).await,
            "alias.find" => self.alias_find(request).await,
            "alias.add" => self.alias_add(request).await,
            "alias.delete" => self.alias_delete(request).await,
            "alias.update" => self.alias_update(request).await,
            "phrase.list" if !self.as_original => self.phrase_list().await,
            "phrase.add" if !self.as_original => self.phrase_add(request).await,
            "phrase.delete" if !self.as_original => self.phrase_delete(request).await,
            other => Err(QueryError::Unknown(other.to_owned())),
        }
    }
}

impl From<NotNow> for QueryError {
    fn from(_: NotNow) -> Self {
        Self::NotNow("counting is waiting for NATS or the database; try again later")
    }
}

const NOT_BY_COMMAND: &str =
    "privacy.by_command is false here; people say `!privacy` to the bot in a private message";

/// Rows as JSON.
fn json(rows: impl Serialize) -> Value {
    serde_json::to_value(rows).expect("rows are texts and whole or finite numbers")
}
