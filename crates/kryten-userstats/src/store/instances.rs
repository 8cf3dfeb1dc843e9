//! The rows of instances that share the channels, and who holds which.

use std::collections::BTreeSet;

use super::position::{self, Claim};
use super::{Store, StoreError, sql};

/// An instance's row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct InstanceRow {
    /// The running instance, by an id of its own.
    pub instance: String,
    /// Its process, as JSON.
    pub process: String,
    /// The subject tokens that it would count, as a JSON array.
    pub channels: String,
    /// A number that moves on while it lives.
    pub beat: i64,
}

impl Store {
    /// Writes an instance's row anew.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn beat(&self, row: &InstanceRow) -> Result<(), StoreError> {
        sql::query(
            "INSERT INTO kryten_instances (instance, process, channels, beat) VALUES ($1, $2, $3, $4)
             ON CONFLICT (instance) DO UPDATE SET
                 process = excluded.process, channels = excluded.channels, beat = excluded.beat",
        )
        .bind(row.instance.as_str())
        .bind(row.process.as_str())
        .bind(row.channels.as_str())
        .bind(row.beat)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// All instances.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn instances(&self) -> Result<Vec<InstanceRow>, StoreError> {
        let sql = "SELECT instance, process, channels, beat FROM kryten_instances";
        Ok(sql::query_as(sql).fetch_all(&self.readers).await?)
    }

    /// Writes what an instance tells of itself into its row.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn tell(&self, instance: &str, report: &str) -> Result<(), StoreError> {
        sql::query("UPDATE kryten_instances SET report = $2 WHERE instance = $1")
            .bind(instance)
            .bind(report)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// What all instances tell of themselves: instance and report.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn reports(&self) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT instance, report FROM kryten_instances";
        Ok(sql::query_as(sql).fetch_all(&self.readers).await?)
    }

    /// Who holds which channel: token and instance.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn leases(&self) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT token, instance FROM kryten_leases ORDER BY token";
        Ok(sql::query_as(sql).fetch_all(&self.readers).await?)
    }

    /// Takes channels that nobody holds, or that the named instance holds; returns those of which nobody else was
    /// first.
    ///
    /// # Errors
    /// [`StoreError::Sql`]; then none is taken.
    pub async fn take_leases(
        &self,
        channels: &[(String, Option<String>)],
        instance: &str,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut taken = BTreeSet::new();
        if channels.is_empty() {
            return Ok(taken);
        }
        let mut transaction = self.writer.begin().await?;
        for (token, from) in channels {
            let changed = sql::query(
                "INSERT INTO kryten_leases (token, instance) VALUES ($1, $2)
                 ON CONFLICT (token) DO UPDATE SET instance = excluded.instance
                 WHERE kryten_leases.instance = $3",
            )
            .bind(token)
            .bind(instance)
            .bind(from.as_deref().unwrap_or_default())
            .execute(&mut transaction)
            .await?;
            if changed == 1 {
                taken.insert(token.clone());
            }
        }
        transaction.commit().await?;
        Ok(taken)
    }

    /// Gives a channel up.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn release_lease(&self, token: &str, instance: &str) -> Result<(), StoreError> {
        sql::query("DELETE FROM kryten_leases WHERE token = $1 AND instance = $2")
            .bind(token)
            .bind(instance)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Removes a dead instance that has not moved since this beat; `false` when it has, or another one was first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn remove_instance(&self, instance: &str, beat: i64) -> Result<bool, StoreError> {
        let sql = "DELETE FROM kryten_instances WHERE instance = $1 AND beat = $2";
        let removed = sql::query(sql)
            .bind(instance)
            .bind(beat)
            .execute(&self.writer)
            .await?;
        if removed == 1 {
            self.release_all(instance).await?;
        }
        Ok(removed == 1)
    }

    /// An instance leaves by itself: its channels are free.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn leave(&self, instance: &str) -> Result<(), StoreError> {
        self.release_all(instance).await?;
        sql::query("DELETE FROM kryten_instances WHERE instance = $1")
            .bind(instance)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn release_all(&self, instance: &str) -> Result<(), StoreError> {
        sql::query("DELETE FROM kryten_leases WHERE instance = $1")
            .bind(instance)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// As [`Store::claim`], for those of the channels (by subject token) whose lease this instance holds.
    ///
    /// # Errors
    /// [`StoreError::Sql`]; then none is taken over.
    pub async fn claim_as(
        &self,
        tokens: &BTreeSet<String>,
        instance: &str,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let held: Vec<String> =
            sql::query_scalar("SELECT token FROM kryten_leases WHERE instance = $1 ORDER BY token")
                .bind(instance)
                .fetch_all(&mut transaction)
                .await?;
        let counted = position::counted(&mut transaction).await?;
        let mut claims = Vec::new();
        for token in held.into_iter().filter(|token| tokens.contains(token)) {
            claims.push(position::claim(&mut transaction, token, &counted).await?);
        }
        transaction.commit().await?;
        for claim in &claims {
            self.ledger.claimed(&claim.token, claim.epoch);
        }
        Ok(claims)
    }
}
