//! `channel.…` and `stats.global`: what is known of a channel.

use kryten_protocol::command::Request;
use kryten_protocol::time::WireTime;
use serde_json::{Value, json};

use super::parameters::{before, optional, python_type, required};
use super::{Queries, QueryError, json};
use crate::store::Population;

const HOUR_SECONDS: f64 = 3600.0;
const DAY_SECONDS: f64 = 86_400.0;

impl Queries {
    pub(super) async fn stats_global(
        &self,
        request: &Request,
        now: WireTime,
    ) -> Result<Value, QueryError> {
        let channel = required(request, "channel")?;
        let name = self.channel_named(&channel.text);
        let domain = self.domain(request)?;
        let top = self.store.top_users(&name, &domain, 10).await?;
        let marks = self.marks(&name, &domain, None).await?;
        let (current, history) = self.population(&name, &domain, now, &24.into()).await?;
        Ok(json!({
            "channel": channel.echo,
            "domain": domain,
            "top_users": json(top),
            "watermarks": marks,
            "population": {"current": current, "history": history},
        }))
    }

    pub(super) async fn channel_population(
        &self,
        request: &Request,
        now: WireTime,
    ) -> Result<Value, QueryError> {
        let channel = required(request, "channel")?;
        let name = self.channel_named(&channel.text);
        let domain = self.domain(request)?;
        let default = Value::from(24);
        let hours = request.parameters.get("hours").unwrap_or(&default);
        let (current, history) = self.population(&name, &domain, now, hours).await?;
        Ok(json!({"channel": channel.echo, "current": current, "history": history}))
    }

    pub(super) async fn channel_media_history(
        &self,
        request: &Request,
    ) -> Result<Value, QueryError> {
        let channel = required(request, "channel")?;
        let name = self.channel_named(&channel.text);
        let domain = self.domain(request)?;
        let limit = self.limit(request.parameters.get("limit"), 50)?;
        let history = self.store.media_history(&name, &domain, limit).await?;
        Ok(json!({"channel": channel.echo, "history": json(history)}))
    }

    pub(super) async fn channel_watermarks(
        &self,
        request: &Request,
        now: WireTime,
    ) -> Result<Value, QueryError> {
        let channel = required(request, "channel")?;
        let name = self.channel_named(&channel.text);
        let domain = self.domain(request)?;
        let since = match request.parameters.get("days") {
            None | Some(Value::Null) => None,
            Some(days) => match before(now, days, DAY_SECONDS) {
                Some(since) => Some(since),
                None => return Ok(json!({"high": null, "low": null})),
            },
        };
        self.marks(&name, &domain, since).await
    }

    async fn marks(
        &self,
        channel: &str,
        domain: &str,
        since: Option<WireTime>,
    ) -> Result<Value, QueryError> {
        let mut marks = json(self.store.watermarks(channel, domain, since).await?);
        if !self.as_original {
            marks["exact"] = self.exact_marks(channel, domain, since).await?;
        }
        Ok(marks)
    }

    /// The marks of every join and leave, where those of the original are of samples.
    async fn exact_marks(
        &self,
        channel: &str,
        domain: &str,
        since: Option<WireTime>,
    ) -> Result<Value, QueryError> {
        let marks = self.store.exact_marks(channel, domain, since).await?;
        let [high, low] = marks.map(|mark| {
            mark.map(|mark| {
                let at = WireTime::from_micros(mark.at).to_string();
                json!({"timestamp": at, "total_users": mark.users})
            })
        });
        Ok(json!({"high": high, "low": low}))
    }

    pub(super) async fn channel_movie_votes(&self, request: &Request) -> Result<Value, QueryError> {
        let channel = required(request, "channel")?;
        let name = self.channel_named(&channel.text);
        let domain = self.domain(request)?;
        let title = optional(request, "media_title")?.map(|title| title.text);
        let mut votes = self
            .store
            .movie_votes(&name, &domain, title.as_deref())
            .await?;
        if title.is_none() {
            return Ok(json(votes));
        }
        if votes.is_empty() {
            return Ok(Value::Null);
        }
        let mut first = json(votes.swap_remove(0));
        if let Some(fields) = first.as_object_mut() {
            fields.shift_remove("last_vote");
        }
        Ok(first)
    }

    pub(super) async fn channel_all_stats(
        &self,
        request: &Request,
        now: WireTime,
    ) -> Result<Value, QueryError> {
        let channel = optional(request, "channel")?
            .map_or_else(|| self.default_channel.clone(), |channel| channel.text);
        let channel = self.channel_named(&channel);
        let domain = self.domain(request)?;
        let limits = match request.parameters.get("limits") {
            None => None,
            Some(limits) if limits.is_object() => Some(limits),
            Some(limits) if self.as_original => {
                let kind = python_type(limits);
                return Err(QueryError::AsOriginal(format!(
                    "'{kind}' object has no attribute 'get'"
                )));
            }
            Some(_) => return Err(QueryError::Unusable("limits", "give an object")),
        };
        let limit_of = |name: &str, default| self.limit(limits.and_then(|l| l.get(name)), default);
        let places = limit_of("leaderboards", 10)?;
        let (store, channel) = (&self.store, channel.as_str());
        let (current, history) = self.population(channel, &domain, now, &24.into()).await?;
        let top = store.top_users(channel, &domain, limit_of("top_users", 20)?);
        let media = store.media_history(channel, &domain, limit_of("media_history", 15)?);
        Ok(json!({
            "domain": domain,
            "system": {"health": self.system_health().await, "stats": self.system_stats().await?},
            "leaderboards": {
                "messages": json(store.top_users(channel, &domain, places).await?),
                "kudos": json(store.top_kudos(None, &domain, places).await?),
                "emotes": json(store.top_emotes(None, &domain, places).await?),
            },
            "channel": {
                "top_users": json(top.await?),
                "population": {"current": current, "history_24h": history},
                "watermarks": self.marks(channel, &domain, None).await?,
                "media_history": json(media.await?),
                "movie_votes": json(store.movie_votes(channel, &domain, None).await?),
            },
        }))
    }

    /// The newest snapshot and all of the last hours; an unusable number of hours gives none.
    async fn population(
        &self,
        channel: &str,
        domain: &str,
        now: WireTime,
        hours: &Value,
    ) -> Result<(Value, Value), QueryError> {
        let history: Vec<Population> = match before(now, hours, HOUR_SECONDS) {
            Some(since) => self.store.population(channel, domain, since).await?,
            None => Vec::new(),
        };
        Ok((json(history.first()), json(history)))
    }
}
