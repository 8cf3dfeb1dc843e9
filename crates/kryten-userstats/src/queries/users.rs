//! `user.…`: what is known of one user.

use kryten_protocol::command::Request;
use serde_json::{Value, json};

use super::parameters::{optional, required};
use super::{Queries, QueryError, json};

impl Queries {
    /// `known`, `present` and `first_seen_at` are ours: the original answers with zeros for any name.
    pub(super) async fn user_stats(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let (name, store) = (user.text.as_str(), &self.store);
        let channel = channel.as_ref().map(|channel| channel.text.as_str());
        let mut data = json!({
            "username": user.echo,
            "messages": self.messages_in(name, channel, &domain).await?,
            "all_messages": json(store.messages_by_channel(name, &domain).await?),
            "pms": store.pms_of(name).await?,
            "kudos_plusplus": store.plusplus_of(name, &domain).await?,
            "kudos_phrases": json(store.phrases_of(name, &domain).await?),
            "emotes": json(store.emotes_of(name, &domain).await?),
        });
        match channel {
            Some(channel) => {
                data["activity"] = json(store.activity_of(name, channel, &domain).await?);
            }
            None => {
                data["all_activity"] = json(store.activity_by_channel(name, &domain).await?);
            }
        }
        let seen = store.user_seen(name).await?;
        data["known"] = seen.is_some().into();
        data["present"] = store.is_present(name, channel, &domain).await?.into();
        data["first_seen_at"] = json(seen.map(|seen| seen.first_seen_at));
        Ok(data)
    }

    pub(super) async fn user_profile(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let (name, store) = (user.text.as_str(), &self.store);
        let channel = channel.as_ref().map(|channel| channel.text.as_str());
        let activity = match channel {
            Some(channel) => json(store.activity_of(name, channel, &domain).await?),
            None => json(store.activity_by_channel(name, &domain).await?),
        };
        Ok(json!({
            "username": user.echo,
            "messages": self.messages_in(name, channel, &domain).await?,
            "all_messages": json(store.messages_by_channel(name, &domain).await?),
            "pms": store.pms_of(name).await?,
            "kudos": {
                "plusplus": store.plusplus_of(name, &domain).await?,
                "phrases": json(store.phrases_of(name, &domain).await?),
            },
            "emotes": json(store.emotes_of(name, &domain).await?),
            "activity": activity,
        }))
    }

    pub(super) async fn user_messages(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let name = user.text.as_str();
        Ok(match channel {
            Some(channel) => json!({
                "username": user.echo,
                "channel": channel.echo,
                "message_count": self.store.messages_of(name, &channel.text, &domain).await?,
            }),
            None => json!({
                "username": user.echo,
                "channels": json(self.store.messages_by_channel(name, &domain).await?),
            }),
        })
    }

    pub(super) async fn user_activity(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let name = user.text.as_str();
        Ok(match channel {
            Some(channel) => json!({
                "username": user.echo,
                "channel": channel.echo,
                "activity": json(self.store.activity_of(name, &channel.text, &domain).await?),
            }),
            None => json!({
                "username": user.echo,
                "all_activity": json(self.store.activity_by_channel(name, &domain).await?),
            }),
        })
    }

    pub(super) async fn user_kudos(&self, request: &Request) -> Result<Value, QueryError> {
        let user = required(request, "username")?;
        let domain = self.domain(request)?;
        Ok(json!({
            "username": user.echo,
            "plusplus": self.store.plusplus_of(&user.text, &domain).await?,
            "phrases": json(self.store.phrases_of(&user.text, &domain).await?),
        }))
    }

    /// Without a channel the original says 0.
    async fn messages_in(
        &self,
        user: &str,
        channel: Option<&str>,
        domain: &str,
    ) -> Result<i64, QueryError> {
        Ok(match channel {
            Some(channel) => self.store.messages_of(user, channel, domain).await?,
            None => 0,
        })
    }
}
