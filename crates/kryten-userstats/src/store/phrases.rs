//! Trigger phrases.

use super::{Store, StoreError, rows, sql};

impl Store {
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
