//! `alias.…`: other names of users. To the original a refused change is still a success, whose text says otherwise.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use kryten_protocol::command::Request;
use serde_json::{Value, json};

use super::parameters::{python_type, required};
use super::{Queries, QueryError, json};
use crate::store::{AliasAdded, AliasDeleted, AliasUpdated};

impl Queries {
    pub(super) async fn alias_list(&self) -> Result<Value, QueryError> {
        let mut by_owner: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let rows = self.store.aliases().await?;
        let total = rows.len();
        for (owner, alias) in rows {
            by_owner.entry(owner).or_default().push(alias);
        }
        by_owner.values_mut().for_each(|aliases| aliases.sort());
        Ok(json!({
            "total_users": by_owner.len(),
            "total_aliases": total,
            "aliases": json(by_owner),
        }))
    }

    pub(super) async fn alias_get(&self, request: &Request) -> Result<Value, QueryError> {
        let user = required(request, "username")?;
        let aliases = match self.as_original {
            true => self.store.aliases_of(&user.text).await?,
            false => self.store.aliases_in_any_case(&user.text).await?,
        };
        Ok(json!({"username": user.echo, "count": aliases.len(), "aliases": json(aliases)}))
    }

    pub(super) async fn alias_find(&self, request: &Request) -> Result<Value, QueryError> {
        let alias = required(request, "alias")?;
        let owner = self.store.owner_of_alias(&alias.text).await?;
        Ok(json!({"alias": alias.echo, "found": owner.is_some(), "username": json(owner)}))
    }

    pub(super) async fn alias_add(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, alias) = (
            required(request, "username")?,
            self.text_alias(request, "alias")?,
        );
        let name = &user.text;
        let owner = self.owner_as_stored(name, alias).await?;
        let outcome = self.store.add_alias(&owner, alias).await?;
        let message = match &outcome {
            AliasAdded::Added => format!("Added alias '{alias}' for user '{name}'"),
            AliasAdded::AlreadyTheirs => {
                format!("Alias '{alias}' already exists for user '{name}'")
            }
            AliasAdded::Taken { owner } => {
                format!("Alias '{alias}' is already assigned to user '{owner}'")
            }
        };
        let added = outcome == AliasAdded::Added;
        self.tell(added, &message)?;
        Ok(json!({"username": user.echo, "alias": alias, "added": added, "message": message}))
    }

    pub(super) async fn alias_delete(&self, request: &Request) -> Result<Value, QueryError> {
        let (user, alias) = (
            required(request, "username")?,
            self.text_alias(request, "alias")?,
        );
        let name = &user.text;
        let owner = self.owner_as_stored(name, alias).await?;
        let outcome = self.store.delete_alias(&owner, alias).await?;
        let message = match &outcome {
            AliasDeleted::Deleted => format!("Deleted alias '{alias}' for user '{name}'"),
            AliasDeleted::NotFound => format!("Alias '{alias}' not found"),
            AliasDeleted::BelongsTo { owner } => {
                format!("Alias '{alias}' belongs to user '{owner}', not '{name}'")
            }
        };
        let deleted = outcome == AliasDeleted::Deleted;
        self.tell(deleted, &message)?;
        Ok(json!({"username": user.echo, "alias": alias, "deleted": deleted, "message": message}))
    }

    pub(super) async fn alias_update(&self, request: &Request) -> Result<Value, QueryError> {
        let old = self.text_alias(request, "old_alias")?;
        let new = self.text_alias(request, "new_alias")?;
        let outcome = self.store.update_alias(old, new).await?;
        let message = match &outcome {
            AliasUpdated::Updated { owner } => {
                format!("Updated alias '{old}' to '{new}' for user '{owner}'")
            }
            AliasUpdated::NotFound => format!("Alias '{old}' not found"),
            AliasUpdated::Taken { owner } => {
                format!("Alias '{new}' is already assigned to user '{owner}'")
            }
        };
        let updated = matches!(outcome, AliasUpdated::Updated { .. });
        self.tell(updated, &message)?;
        Ok(json!({"old_alias": old, "new_alias": new, "updated": updated, "message": message}))
    }

    /// The owner's name as stored, where the alias belongs to that user in another case.
    async fn owner_as_stored(&self, name: &str, alias: &str) -> Result<String, QueryError> {
        let owner = self.store.owner_of_alias(alias).await?;
        let same = owner.filter(|owner| !self.as_original && owner.eq_ignore_ascii_case(name));
        Ok(same.unwrap_or_else(|| name.to_owned()))
    }

    fn tell(&self, changed: bool, message: &str) -> Result<(), QueryError> {
        if changed {
            self.names_changed.store(true, Ordering::Relaxed);
        } else if !self.as_original {
            return Err(QueryError::Refused(message.to_owned()));
        }
        Ok(())
    }

    fn text_alias<'a>(
        &self,
        request: &'a Request,
        name: &'static str,
    ) -> Result<&'a str, QueryError> {
        let alias = required(request, name)?;
        alias.echo.as_str().ok_or_else(|| match self.as_original {
            true => {
                let kind = python_type(alias.echo);
                QueryError::AsOriginal(format!("'{kind}' object has no attribute 'lower'"))
            }
            false => QueryError::Unusable(name, "give a text"),
        })
    }
}
