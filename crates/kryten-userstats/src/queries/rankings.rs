//! `leaderboard.…` and `channel.top_users`.

use kryten_protocol::command::Request;
use serde_json::{Value, json};

use super::parameters::{optional, required};
use super::{Queries, QueryError, json};

const PLACES: i64 = 10;

impl Queries {
    pub(super) async fn channel_top_users(&self, request: &Request) -> Result<Value, QueryError> {
        let channel = required(request, "channel")?;
        let name = self.channel_named(&channel.text);
        let domain = self.domain(request)?;
        let limit = self.limit(request.parameters.get("limit"), PLACES)?;
        let top = self.store.top_users(&name, &domain, limit).await?;
        Ok(json!({"channel": channel.echo, "top_users": json(top)}))
    }

    /// Per channel in spite of its name, as in the original.
    pub(super) async fn leaderboard_messages(
        &self,
        request: &Request,
    ) -> Result<Value, QueryError> {
        let channel = required(request, "channel")?;
        let name = self.channel_named(&channel.text);
        let domain = self.domain(request)?;
        let limit = self.limit(request.parameters.get("limit"), PLACES)?;
        let top = self.store.top_users(&name, &domain, limit).await?;
        Ok(json!({"channel": channel.echo, "leaderboard": json(top)}))
    }

    /// Over the whole domain; the original ignores `channel`, so ours to narrow it is `only_channel`.
    pub(super) async fn leaderboard_kudos(&self, request: &Request) -> Result<Value, QueryError> {
        let domain = self.domain(request)?;
        let channel =
            optional(request, "only_channel")?.map(|channel| self.channel_named(&channel.text));
        let limit = self.limit(request.parameters.get("limit"), PLACES)?;
        let top = self
            .store
            .top_kudos(channel.as_deref(), &domain, limit)
            .await?;
        Ok(json!({"leaderboard": json(top)}))
    }

    /// As [`Queries::leaderboard_kudos`].
    pub(super) async fn leaderboard_emotes(&self, request: &Request) -> Result<Value, QueryError> {
        let domain = self.domain(request)?;
        let channel =
            optional(request, "only_channel")?.map(|channel| self.channel_named(&channel.text));
        let limit = self.limit(request.parameters.get("limit"), PLACES)?;
        let top = self
            .store
            .top_emotes(channel.as_deref(), &domain, limit)
            .await?;
        Ok(json!({"leaderboard": json(top)}))
    }
}
