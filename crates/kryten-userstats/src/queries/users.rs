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
        let person = self.person(&user.text).await?;
        let channel = channel.map(|channel| self.channel_named(&channel.text));
        let channel = channel.as_deref();
        let mut data = json!({
            "username": user.echo,
            "messages": person.messages(channel, &domain).await?,
            "all_messages": json(person.messages_by_channel(&domain).await?),
            "pms": person.pms().await?,
            "kudos_plusplus": person.plusplus(&domain).await?,
            "kudos_phrases": json(person.phrases(&domain).await?),
            "emotes": json(person.emotes(&domain).await?),
        });
        match channel {
            Some(channel) => {
                data["activity"] = json(person.activity(channel, &domain).await?);
            }
            None => {
                data["all_activity"] = json(person.activity_by_channel(&domain).await?);
            }
        }
        if self.as_original {
            return Ok(data);
        }
        let seen = person.seen().await?;
        data["known"] = seen.is_some().into();
        data["present"] = person.is_present(channel, &domain).await?.into();
        data["first_seen_at"] = json(seen.map(|seen| seen.first_seen_at));
        Ok(data)
    }

    pub(super) async fn user_profile(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let person = self.person(&user.text).await?;
        let channel = channel.map(|channel| self.channel_named(&channel.text));
        let channel = channel.as_deref();
        let activity = match channel {
            Some(channel) => json(person.activity(channel, &domain).await?),
            None => json(person.activity_by_channel(&domain).await?),
        };
        Ok(json!({
            "username": user.echo,
            "messages": person.messages(channel, &domain).await?,
            "all_messages": json(person.messages_by_channel(&domain).await?),
            "pms": person.pms().await?,
            "kudos": {
                "plusplus": person.plusplus(&domain).await?,
                "phrases": json(person.phrases(&domain).await?),
            },
            "emotes": json(person.emotes(&domain).await?),
            "activity": activity,
        }))
    }

    pub(super) async fn user_messages(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let person = self.person(&user.text).await?;
        Ok(match channel {
            Some(channel) => json!({
                "username": user.echo,
                "channel": channel.echo,
                "message_count": person.messages(Some(&self.channel_named(&channel.text)), &domain).await?,
            }),
            None => json!({
                "username": user.echo,
                "channels": json(person.messages_by_channel(&domain).await?),
            }),
        })
    }

    pub(super) async fn user_activity(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let person = self.person(&user.text).await?;
        Ok(match channel {
            Some(channel) => json!({
                "username": user.echo,
                "channel": channel.echo,
                "activity": json(person.activity(&self.channel_named(&channel.text), &domain).await?),
            }),
            None => json!({
                "username": user.echo,
                "all_activity": json(person.activity_by_channel(&domain).await?),
            }),
        })
    }

    pub(super) async fn user_kudos(&self, request: &Request) -> Result<Value, QueryError> {
        let user = required(request, "username")?;
        let domain = self.domain(request)?;
        let person = self.person(&user.text).await?;
        Ok(json!({
            "username": user.echo,
            "plusplus": person.plusplus(&domain).await?,
            "phrases": json(person.phrases(&domain).await?),
        }))
    }
}
