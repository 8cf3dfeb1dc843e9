//! What people wish: recorded and carried out in one transaction.

use kryten_protocol::cytube::fold_name;
use kryten_protocol::time::WireTime;
use serde_json::{Map, Value};
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, person};
use crate::tally::{Privacy, Wish};

/// What a wish did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WishDone {
    /// Rows that were taken away or brought back.
    pub rows: u64,
}

/// Who does not want to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptedOut {
    /// The name, in lower case.
    pub username: String,
    /// Since when.
    pub since: WireTime,
}

impl Store {
    /// All wishes; the first call makes the secret under which names are digested.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn privacy(&self) -> Result<Privacy, StoreError> {
        let secret = format!("{}{}", uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        sqlx::query(
            "INSERT INTO kryten_privacy_key (id, secret) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&secret)
        .execute(&self.writer)
        .await?;
        let secret: String =
            sqlx::query_scalar("SELECT secret FROM kryten_privacy_key WHERE id = 1")
                .fetch_one(&self.writer)
                .await?;
        let mut privacy = Privacy::new(secret);
        let rows =
            sqlx::query("SELECT who, wish, wished_at FROM kryten_privacy ORDER BY wished_at")
                .fetch_all(&self.writer)
                .await?;
        for row in rows {
            let wish: String = row.try_get("wish")?;
            let at = WireTime::from_micros(row.try_get("wished_at")?);
            if let Some(wish) = Wish::of(&wish) {
                privacy.add(row.try_get::<String, _>("who")?, wish, at);
            }
        }
        Ok(privacy)
    }

    /// How many wishes there are; they are never taken back, so another number means another one.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn wish_count(&self) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM kryten_privacy";
        Ok(sqlx::query_scalar(sql).fetch_one(&self.readers).await?)
    }

    /// How many were forgotten.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn forgotten_count(&self) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(DISTINCT who) FROM kryten_privacy WHERE wish = 'forget'";
        Ok(sqlx::query_scalar(sql).fetch_one(&self.readers).await?)
    }

    /// Who opted out and is known by name.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn opted_out(&self) -> Result<Vec<OptedOut>, StoreError> {
        let rows = sqlx::query(
            "SELECT username, wish, wished_at FROM kryten_privacy
             WHERE username IS NOT NULL ORDER BY username, wished_at",
        )
        .fetch_all(&self.readers)
        .await?;
        let mut out: Vec<OptedOut> = Vec::new();
        for row in rows {
            let (username, wish): (String, String) =
                (row.try_get("username")?, row.try_get("wish")?);
            let there = out.iter().position(|known| known.username == username);
            match (Wish::of(&wish), there) {
                (Some(Wish::OptOut), None) => out.push(OptedOut {
                    username,
                    since: WireTime::from_micros(row.try_get("wished_at")?),
                }),
                (Some(Wish::OptIn), Some(there)) => {
                    out.remove(there);
                }
                _ => {}
            }
        }
        Ok(out)
    }

    /// Records a wish of these names and carries it out, all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was done.
    pub async fn carry_out(
        &self,
        wish: Wish,
        names: &[String],
        privacy: &Privacy,
        at: WireTime,
    ) -> Result<WishDone, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let positions = positions(&mut transaction).await?;
        let mut done = WishDone::default();
        for name in names {
            let who = privacy.who(name);
            let is_new = match wish {
                Wish::OptOut => !privacy.is_out(name),
                Wish::OptIn => privacy.is_out(name),
                Wish::Forget => true,
            };
            if is_new {
                sqlx::query(
                    "INSERT INTO kryten_privacy (who, wish, wished_at, positions, username)
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (who, wished_at, wish) DO NOTHING",
                )
                .bind(&who)
                .bind(wish.as_str())
                .bind(at.micros())
                .bind(&positions)
                .bind((wish != Wish::Forget).then(|| fold_name(name)))
                .execute(&mut *transaction)
                .await?;
            }
            done.rows += match wish {
                Wish::OptOut => set_aside(&mut transaction, name, &who).await?,
                Wish::OptIn => bring_back(&mut transaction, &who).await?,
                Wish::Forget => forget(&mut transaction, name, &who).await?,
            };
        }
        transaction.commit().await?;
        Ok(done)
    }

    /// Takes away what another instance has stored of names that are not to be counted since.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was done.
    pub async fn sweep(&self, names: &[String], privacy: &Privacy) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for name in names {
            if privacy.is_out(name) {
                set_aside(&mut transaction, name, &privacy.who(name)).await?;
            } else {
                person::erase(&mut transaction, name).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Takes everything away and keeps it for the day of an opt-in.
async fn set_aside(
    connection: &mut SqliteConnection,
    name: &str,
    who: &str,
) -> Result<u64, StoreError> {
    let mut counted = person::read(&mut *connection, name).await?;
    if person::is_empty(&counted) {
        return Ok(0);
    }
    let rows = person::erase(&mut *connection, name).await?;
    let earlier: Option<String> =
        sqlx::query_scalar("SELECT counted FROM kryten_set_aside WHERE who = $1")
            .bind(who)
            .fetch_optional(&mut *connection)
            .await?;
    if let Some(earlier) = earlier {
        person::join(&mut counted, parse(&earlier)?);
    }
    sqlx::query(
        "INSERT INTO kryten_set_aside (who, username, counted) VALUES ($1, $2, $3)
         ON CONFLICT (who) DO UPDATE SET counted = excluded.counted",
    )
    .bind(who)
    .bind(name)
    .bind(Value::Object(counted).to_string())
    .execute(connection)
    .await?;
    Ok(rows)
}

async fn bring_back(connection: &mut SqliteConnection, who: &str) -> Result<u64, StoreError> {
    let counted: Option<String> =
        sqlx::query_scalar("SELECT counted FROM kryten_set_aside WHERE who = $1")
            .bind(who)
            .fetch_optional(&mut *connection)
            .await?;
    let Some(counted) = counted else {
        return Ok(0);
    };
    let rows = person::bring_back(&mut *connection, &parse(&counted)?).await?;
    take_aside_away(connection, who).await?;
    Ok(rows)
}

async fn forget(
    connection: &mut SqliteConnection,
    name: &str,
    who: &str,
) -> Result<u64, StoreError> {
    let mut rows = person::erase(&mut *connection, name).await?;
    for sql in [
        "DELETE FROM kryten_recent_lines WHERE who = $1",
        "UPDATE kryten_privacy SET username = NULL WHERE who = $1 AND username IS NOT NULL",
    ] {
        let done = sqlx::query(sql).bind(who).execute(&mut *connection).await?;
        rows += done.rows_affected();
    }
    rows += take_aside_away(connection, who).await?;
    Ok(rows)
}

async fn take_aside_away(connection: &mut SqliteConnection, who: &str) -> sqlx::Result<u64> {
    let done = sqlx::query("DELETE FROM kryten_set_aside WHERE who = $1")
        .bind(who)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// How far each channel was counted.
async fn positions(connection: &mut SqliteConnection) -> sqlx::Result<String> {
    let rows = sqlx::query("SELECT token, sequence FROM kryten_position ORDER BY token")
        .fetch_all(connection)
        .await?;
    let mut positions = Map::new();
    for row in rows {
        let sequence: i64 = row.try_get("sequence")?;
        positions.insert(row.try_get("token")?, sequence.into());
    }
    Ok(Value::Object(positions).to_string())
}

/// What was set aside.
pub(super) fn parse(counted: &str) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(counted).map_err(|source| StoreError::Memory {
        channel: "somebody who opted out".to_owned(),
        source,
    })
}
