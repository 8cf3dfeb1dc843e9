//! `user.…`: what is known of one user.

use kryten_protocol::command::Request;
use serde_json::{Value, json};

use super::parameters::{optional, required};
use super::{Queries, QueryError, json};
use crate::store::Part;

/// What `user.stats` and `user.profile` tell in the original.
const EVERYTHING: [Part<'_>; 6] = [
    Part::Messages,
    Part::Pms,
    Part::PlusPlus,
    Part::Phrases,
    Part::Emotes,
    Part::Activity,
];

impl Queries {
    /// `known`, `present` and `first_seen_at` are ours: the original answers with zeros for any name.
    pub(super) async fn user_stats(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let channel = channel.map(|channel| self.channel_named(&channel.text));
        let channel = channel.as_deref();
        let mut parts = EVERYTHING.to_vec();
        if !self.as_original {
            parts.extend([Part::Seen, Part::Present(channel)]);
        }
        let person = self.person(&user.text, &domain, &parts).await?;
        let mut data = json!({
            "username": user.echo,
            "messages": person.messages(channel),
            "all_messages": json(person.messages_by_channel()),
            "pms": person.0.pms,
            "kudos_plusplus": person.0.plusplus,
            "kudos_phrases": json(person.phrases()),
            "emotes": json(person.emotes()),
        });
        match channel {
            Some(channel) => data["activity"] = json(person.activity(channel)),
            None => data["all_activity"] = json(person.activity_by_channel()),
        }
        if self.as_original {
            return Ok(data);
        }
        let seen = person.0.seen;
        data["known"] = seen.is_some().into();
        data["present"] = person.0.present.into();
        data["first_seen_at"] = json(seen.map(|seen| seen.first_seen_at));
        Ok(data)
    }

    pub(super) async fn user_profile(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let person = self.person(&user.text, &domain, &EVERYTHING).await?;
        let channel = channel.map(|channel| self.channel_named(&channel.text));
        let channel = channel.as_deref();
        let activity = match channel {
            Some(channel) => json(person.activity(channel)),
            None => json(person.activity_by_channel()),
        };
        Ok(json!({
            "username": user.echo,
            "messages": person.messages(channel),
            "all_messages": json(person.messages_by_channel()),
            "pms": person.0.pms,
            "kudos": {
                "plusplus": person.0.plusplus,
                "phrases": json(person.phrases()),
            },
            "emotes": json(person.emotes()),
            "activity": activity,
        }))
    }

    pub(super) async fn user_messages(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let person = self.person(&user.text, &domain, &[Part::Messages]).await?;
        Ok(match channel {
            Some(channel) => json!({
                "username": user.echo,
                "channel": channel.echo,
                "message_count": person.messages(Some(&self.channel_named(&channel.text))),
            }),
            None => json!({
                "username": user.echo,
                "channels": json(person.messages_by_channel()),
            }),
        })
    }

    pub(super) async fn user_activity(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, channel) = (
            required(request, "username")?,
            optional(request, "channel")?,
        );
        let domain = self.domain(request)?;
        let person = self.person(&user.text, &domain, &[Part::Activity]).await?;
        Ok(match channel {
            Some(channel) => json!({
                "username": user.echo,
                "channel": channel.echo,
                "activity": json(person.activity(&self.channel_named(&channel.text))),
            }),
            None => json!({
                "username": user.echo,
                "all_activity": json(person.activity_by_channel()),
            }),
        })
    }

    pub(super) async fn user_kudos(&self, request: &Request) -> Result<Value, QueryError> {
        let user = required(request, "username")?;
        let domain = self.domain(request)?;
        let parts = [Part::PlusPlus, Part::Phrases];
        let person = self.person(&user.text, &domain, &parts).await?;
        Ok(json!({
            "username": user.echo,
            "plusplus": person.0.plusplus,
            "phrases": json(person.phrases()),
        }))
    }
}
