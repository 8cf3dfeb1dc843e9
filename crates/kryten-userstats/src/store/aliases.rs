//! Other names of users.

use super::sql::{self, On};
use super::{Store, StoreError};

/// What became of an alias that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AliasAdded {
    /// It is new.
    Added,
    /// The user has it already.
    AlreadyTheirs,
    /// Another user has it.
    Taken {
        /// That user.
        owner: String,
    },
}

/// What became of an alias that was to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AliasDeleted {
    /// It is gone.
    Deleted,
    /// Nobody has it.
    NotFound,
    /// Another user has it.
    BelongsTo {
        /// That user.
        owner: String,
    },
}

/// What became of an alias that was to be renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AliasUpdated {
    /// It has the new name.
    Updated {
        /// Whose it is.
        owner: String,
    },
    /// Nobody has the old one.
    NotFound,
    /// Somebody has the new one already.
    Taken {
        /// That user.
        owner: String,
    },
}

impl Store {
    /// All (owner, alias) rows, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn aliases(&self) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sql::query_as("SELECT username, alias FROM user_aliases ORDER BY id")
            .fetch_all(&self.readers)
            .await?;
        Ok(rows)
    }

    /// The aliases of a user, ascending.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn aliases_of(&self, owner: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT alias FROM user_aliases WHERE username = $1 ORDER BY alias";
        Ok(sql::query_scalar(sql)
            .bind(owner)
            .fetch_all(&self.readers)
            .await?)
    }

    /// The aliases of a user whose name is given in any case, ascending.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn aliases_in_any_case(&self, owner: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT alias FROM user_aliases WHERE LOWER(username) = $1 ORDER BY alias";
        Ok(sql::query_scalar(sql)
            .bind(owner.to_ascii_lowercase())
            .fetch_all(&self.readers)
            .await?)
    }

    /// Whose alias this is.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn owner_of_alias(&self, alias: &str) -> Result<Option<String>, StoreError> {
        Ok(owner_of(&self.readers, &alias.to_lowercase()).await?)
    }

    /// Gives a user an alias.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn add_alias(&self, user: &str, alias: &str) -> Result<AliasAdded, StoreError> {
        let alias = alias.to_lowercase();
        let mut transaction = self.writer.begin().await?;
        let added = match owner_of(&mut transaction, &alias).await? {
            Some(owner) if owner == user => AliasAdded::AlreadyTheirs,
            Some(owner) => AliasAdded::Taken { owner },
            None => {
                sql::query("INSERT INTO user_aliases (username, alias) VALUES ($1, $2)")
                    .bind(user)
                    .bind(&alias)
                    .execute(&mut transaction)
                    .await?;
                AliasAdded::Added
            }
        };
        transaction.commit().await?;
        Ok(added)
    }

    /// Takes an alias from a user.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn delete_alias(&self, user: &str, alias: &str) -> Result<AliasDeleted, StoreError> {
        let alias = alias.to_lowercase();
        let mut transaction = self.writer.begin().await?;
        let deleted = match owner_of(&mut transaction, &alias).await? {
            None => AliasDeleted::NotFound,
            Some(owner) if owner != user => AliasDeleted::BelongsTo { owner },
            Some(_) => {
                sql::query("DELETE FROM user_aliases WHERE username = $1 AND alias = $2")
                    .bind(user)
                    .bind(&alias)
                    .execute(&mut transaction)
                    .await?;
                AliasDeleted::Deleted
            }
        };
        transaction.commit().await?;
        Ok(deleted)
    }

    /// Renames an alias.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn update_alias(&self, old: &str, new: &str) -> Result<AliasUpdated, StoreError> {
        let (old, new) = (old.to_lowercase(), new.to_lowercase());
        let mut transaction = self.writer.begin().await?;
        let Some(owner) = owner_of(&mut transaction, &old).await? else {
            return Ok(AliasUpdated::NotFound);
        };
        if let Some(owner) = owner_of(&mut transaction, &new).await? {
            return Ok(AliasUpdated::Taken { owner });
        }
        sql::query("UPDATE user_aliases SET alias = $1 WHERE alias = $2")
            .bind(&new)
            .bind(&old)
            .execute(&mut transaction)
            .await?;
        transaction.commit().await?;
        Ok(AliasUpdated::Updated { owner })
    }
}

async fn owner_of(on: impl Into<On<'_>>, alias: &str) -> sqlx::Result<Option<String>> {
    sql::query_scalar("SELECT username FROM user_aliases WHERE alias = $1 ORDER BY id LIMIT 1")
        .bind(alias)
        .fetch_optional(on)
        .await
}
