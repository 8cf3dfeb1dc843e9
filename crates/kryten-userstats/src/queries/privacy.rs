//! `privacy.…`: what people wish of what is known of them. All of it is ours.

use kryten_protocol::command::Request;
use kryten_protocol::cytube::is_truthy;
use serde_json::{Map, Value, json};

use super::parameters::required;
use super::{Queries, QueryError};
use crate::counting::now;
use crate::store::WishDone;
use crate::tally::Wish;

impl Queries {
    pub(super) async fn privacy_wish(
        &self,
        request: &Request,
        wish: Wish,
    ) -> Result<Value, QueryError> {
        let user = required(request, "username")?;
        let names = self.names_meant(request, &user.text).await?;
        let done = self.carry_out(wish, names.clone()).await?;
        Ok(json!({
            "username": user.echo,
            "names": names,
            "wish": wish.as_str(),
            "rows": done.rows,
        }))
    }

    pub(super) async fn privacy_export(&self, request: &Request) -> Result<Value, QueryError> {
        let user = required(request, "username")?;
        let names = self.names_meant(request, &user.text).await?;
        let privacy = self.store.privacy().await?;
        let out = names.iter().any(|name| privacy.is_out(name));
        let counted = self.export(&names).await?;
        Ok(json!({
            "username": user.echo,
            "names": names,
            "exported_at": now().to_string(),
            "opted_out": out,
            "counted": counted,
        }))
    }

    /// Who was forgotten is not told, since nobody knows their names any more.
    pub(super) async fn privacy_list(&self) -> Result<Value, QueryError> {
        let out = self.store.opted_out().await?;
        let out: Vec<Value> = out
            .iter()
            .map(|out| json!({"username": out.username, "since": out.since.to_string()}))
            .collect();
        Ok(json!({"opted_out": out, "forgotten": self.store.forgotten_count().await?}))
    }

    /// Carries a wish out between two batches.
    pub(crate) async fn carry_out(
        &self,
        wish: Wish,
        names: Vec<String>,
    ) -> Result<WishDone, QueryError> {
        let inputs = self.inputs.as_ref().ok_or(crate::counting::NotNow)?;
        Ok(inputs.wish(wish, names).await??)
    }

    /// Everything that is stored of these names.
    pub(crate) async fn export(&self, names: &[String]) -> Result<Map<String, Value>, QueryError> {
        let privacy = self.store.privacy().await?;
        Ok(self.store.export(names, |name| privacy.who(name)).await?)
    }

    /// The name alone, in any case of its letters; with `aliases` also those that are the same person's.
    async fn names_meant(&self, request: &Request, name: &str) -> Result<Vec<String>, QueryError> {
        let mut names = vec![name.to_owned()];
        if request.parameters.get("aliases").is_some_and(is_truthy) {
            let owner = self.store.owner_of_alias(name).await?;
            let owner = owner.unwrap_or_else(|| name.to_owned());
            names = self.store.aliases_in_any_case(&owner).await?;
            names.insert(0, owner);
        }
        Ok(names)
    }
}
