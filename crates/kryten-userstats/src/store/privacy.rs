//! What people wish: recorded and carried out in one transaction.

use super::sql::{self, Transaction};
use super::{Store, StoreError, person};
use crate::tally::{Privacy, Wish};
use kryten_protocol::cytube::fold_name;
use kryten_protocol::time::WireTime;
use serde_json::{Map, Value};

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
        sql::query(
            "INSERT INTO kryten_privacy_key (id, secret) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&secret)
        .execute(&self.writer)
        .await?;
        let secret: String =
            sql::query_scalar("SELECT secret FROM kryten_privacy_key WHERE id = 1")
                .fetch_one(&self.writer)
                .await?;
        let mut privacy = Privacy::new(secret);
        let rows: Vec<(String, String, i64)> =
            sql::query_as("SELECT who, wish, wished_at FROM kryten_privacy ORDER BY wished_at")
                .fetch_all(&self.writer)
                .await?;
        for (who, wish, at) in rows {
            if let Some(wish) = Wish::of(&wish) {
                privacy.add(who, wish, WireTime::from_micros(at));
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
        Ok(sql::query_scalar(sql).fetch_one(&self.readers).await?)
    }

    /// How many were forgotten.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn forgotten_count(&self) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(DISTINCT who) FROM kryten_privacy WHERE wish = 'forget'";
        Ok(sql::query_scalar(sql).fetch_one(&self.readers).await?)
    }

    /// Who opted out and is known by name.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn opted_out(&self) -> Result<Vec<OptedOut>, StoreError> {
        let rows: Vec<(String, String, i64)> = sql::query_as(
            "SELECT username, wish, wished_at FROM kryten_privacy
             WHERE username IS NOT NULL ORDER BY username, wished_at",
        )
        .fetch_all(&self.readers)
        .await?;
        let mut out: Vec<OptedOut> = Vec::new();
        for (username, wish, at) in rows {
            let there = out.iter().position(|known| known.username == username);
            match (Wish::of(&wish), there) {
                (Some(Wish::OptOut), None) => out.push(OptedOut {
                    username,
                    since: WireTime::from_micros(at),
                }),
                (Some(Wish::OptIn), Some(there)) => {
                    out.remove(there);
                }
                _ => {}
            }
        }
        Ok(out)
    }

    /// Records a wish of these names and carries it out, all of it or nothing. It comes after the earlier ones also where
    /// the clock was set back meanwhile.
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
        let mut transaction = self.writer.begin().await?;
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
                let wished_at = after_earlier(&mut transaction, &who, wish, at).await?;
                sql::query(
                    "INSERT INTO kryten_privacy (who, wish, wished_at, positions, username)
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (who, wished_at, wish) DO NOTHING",
                )
                .bind(&who)
                .bind(wish.as_str())
                .bind(wished_at)
                .bind(&positions)
                .bind((wish != Wish::Forget).then(|| fold_name(name)))
                .execute(&mut transaction)
                .await?;
            }
            done.rows += match wish {
                Wish::OptOut => set_aside(&mut transaction, name, &who, at).await?,
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
        let mut transaction = self.writer.begin().await?;
        for name in names {
            if let Some(since) = privacy.out_since(name) {
                set_aside(&mut transaction, name, &privacy.who(name), since).await?;
            } else {
                person::erase(&mut transaction, name).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// When a wish counts as made: its moment, or the next one after the last wish that it could be about. Opting out and in
/// follow each other, and of forgetting only the last counts; but to be forgotten until a moment of the future because an
/// opt-in has one would lose what comes.
async fn after_earlier(
    transaction: &mut Transaction,
    who: &str,
    wish: Wish,
    at: WireTime,
) -> sqlx::Result<i64> {
    let of_its_kind = match wish {
        Wish::Forget => {
            "SELECT MAX(wished_at) FROM kryten_privacy WHERE who = $1 AND wish = 'forget'"
        }
        Wish::OptOut | Wish::OptIn => {
            "SELECT MAX(wished_at) FROM kryten_privacy WHERE who = $1 AND wish <> 'forget'"
        }
    };
    let newest: Option<i64> = sql::query_scalar(of_its_kind)
        .bind(who)
        .fetch_one(transaction)
        .await?;
    Ok(newest.map_or(at.micros(), |newest| at.micros().max(newest + 1)))
}

/// Takes everything away and keeps it for the day of an opt-in. Visits end with the wish: nobody would end those that
/// came back open.
async fn set_aside(
    transaction: &mut Transaction,
    name: &str,
    who: &str,
    at: WireTime,
) -> Result<u64, StoreError> {
    let mut counted = person::read(&mut *transaction, name).await?;
    if person::is_empty(&counted) {
        return Ok(0);
    }
    person::end_visits(&mut counted, at.micros());
    let rows = person::erase(&mut *transaction, name).await?;
    let earlier: Option<String> =
        sql::query_scalar("SELECT counted FROM kryten_set_aside WHERE who = $1")
            .bind(who)
            .fetch_optional(&mut *transaction)
            .await?;
    if let Some(earlier) = earlier {
        person::join(&mut counted, parse(&earlier)?);
    }
    sql::query(
        "INSERT INTO kryten_set_aside (who, username, counted) VALUES ($1, $2, $3)
         ON CONFLICT (who) DO UPDATE SET counted = excluded.counted",
    )
    .bind(who)
    .bind(name)
    .bind(Value::Object(counted).to_string())
    .execute(transaction)
    .await?;
    Ok(rows)
}

async fn bring_back(transaction: &mut Transaction, who: &str) -> Result<u64, StoreError> {
    let counted: Option<String> =
        sql::query_scalar("SELECT counted FROM kryten_set_aside WHERE who = $1")
            .bind(who)
            .fetch_optional(&mut *transaction)
            .await?;
    let Some(counted) = counted else {
        return Ok(0);
    };
    let rows = person::bring_back(&mut *transaction, &parse(&counted)?).await?;
    take_aside_away(transaction, who).await?;
    Ok(rows)
}

async fn forget(transaction: &mut Transaction, name: &str, who: &str) -> Result<u64, StoreError> {
    let mut rows = person::erase(&mut *transaction, name).await?;
    for statement in [
        "DELETE FROM kryten_recent_lines WHERE who = $1",
        "UPDATE kryten_privacy SET username = NULL WHERE who = $1 AND username IS NOT NULL",
    ] {
        rows += sql::query(statement)
            .bind(who)
            .execute(&mut *transaction)
            .await?;
    }
    rows += take_aside_away(transaction, who).await?;
    Ok(rows)
}

async fn take_aside_away(transaction: &mut Transaction, who: &str) -> sqlx::Result<u64> {
    sql::query("DELETE FROM kryten_set_aside WHERE who = $1")
        .bind(who)
        .execute(transaction)
        .await
}

/// How far each channel was counted.
async fn positions(transaction: &mut Transaction) -> sqlx::Result<String> {
    let rows: Vec<(String, i64)> =
        sql::query_as("SELECT token, sequence FROM kryten_position ORDER BY token")
            .fetch_all(transaction)
            .await?;
    let mut positions = Map::new();
    for (token, sequence) in rows {
        positions.insert(token, sequence.into());
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
