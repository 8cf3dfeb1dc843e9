//! Trigger phrases.

use super::{Store, StoreError, rows, sql};

/// What became of a phrase that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhraseAdded {
    /// It is new.
    Added,
    /// It is there already.
    AlreadyThere,
}

/// What became of a phrase that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhraseDeleted {
    /// It is gone.
    Deleted,
    /// It is not there.
    NotFound,
    /// It is the only one; without any the defaults would come back at the next start.
    Last,
}

impl Store {
    /// The trigger phrases as they are stored, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn phrases(&self) -> Result<Vec<String>, StoreError> {
        let select = "SELECT phrase FROM kudos_trigger_phrases ORDER BY id";
        Ok(sql::query_scalar(select).fetch_all(&self.readers).await?)
    }

    /// Adds a trigger phrase in lower case.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn add_phrase(&self, phrase: &str) -> Result<PhraseAdded, StoreError> {
        let phrase = phrase.to_lowercase();
        let mut transaction = self.writer.begin().await?;
        let select = "SELECT phrase FROM kudos_trigger_phrases";
        let stored: Vec<String> = sql::query_scalar(select)
            .fetch_all(&mut transaction)
            .await?;
        let added = match stored.iter().any(|other| other.to_lowercase() == phrase) {
            true => PhraseAdded::AlreadyThere,
            false => {
                sql::query("INSERT INTO kudos_trigger_phrases (phrase) VALUES ($1)")
                    .bind(&phrase)
                    .execute(&mut transaction)
                    .await?;
                PhraseAdded::Added
            }
        };
        transaction.commit().await?;
        Ok(added)
    }

    /// Removes a trigger phrase, in all cases in which it is stored.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn delete_phrase(&self, phrase: &str) -> Result<PhraseDeleted, StoreError> {
        let phrase = phrase.to_lowercase();
        let mut transaction = self.writer.begin().await?;
        let select = "SELECT phrase FROM kudos_trigger_phrases";
        let stored: Vec<String> = sql::query_scalar(select)
            .fetch_all(&mut transaction)
            .await?;
        let (meant, others): (Vec<_>, Vec<_>) = stored
            .into_iter()
            .partition(|other| other.to_lowercase() == phrase);
        let deleted = match (meant.is_empty(), others.is_empty()) {
            (true, _) => PhraseDeleted::NotFound,
            (false, true) => PhraseDeleted::Last,
            (false, false) => {
                for spelling in &meant {
                    sql::query("DELETE FROM kudos_trigger_phrases WHERE phrase = $1")
                        .bind(spelling)
                        .execute(&mut transaction)
                        .await?;
                }
                PhraseDeleted::Deleted
            }
        };
        transaction.commit().await?;
        Ok(deleted)
    }

    /// The trigger phrases; where there is none, the given ones are stored first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn phrases_or(&self, defaults: &[String]) -> Result<Vec<String>, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let select = "SELECT phrase FROM kudos_trigger_phrases ORDER BY id";
        let mut phrases: Vec<String> = sql::query_scalar(select)
            .fetch_all(&mut transaction)
            .await?;
        if phrases.is_empty() {
            rows::write(
                &mut transaction,
                "INSERT INTO kudos_trigger_phrases (phrase)",
                "ON CONFLICT (phrase) DO NOTHING",
                defaults,
                |row, phrase| {
                    row.push_bind(phrase.clone());
                },
            )
            .await?;
            phrases = sql::query_scalar(select)
                .fetch_all(&mut transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(phrases)
    }
}
