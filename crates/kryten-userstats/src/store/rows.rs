//! Statements for many rows.

use std::fmt::Write;

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, PgConnection, SqliteConnection};

use super::sql::{On, Transaction};
use super::value::Value;

/// How many rows a statement has in SQLite. To prepare one of many rows costs it as much as to run it, so there are a
/// few sizes only, whose statements stay prepared.
const ROWS_PER_STATEMENT: [usize; 4] = [128, 32, 8, 1];
/// PostgreSQL takes one array for each column; this only bounds the size of a message.
const ROWS_PER_ARRAY: usize = 10_000;

/// The cells of the rows of one statement, row after row.
pub(super) struct Cells<'q> {
    cells: Vec<Value<'q>>,
}

impl<'q> Cells<'q> {
    /// Adds the next cell of the row.
    pub(super) fn push_bind(&mut self, value: impl Into<Value<'q>>) -> &mut Self {
        self.cells.push(value.into());
        self
    }
}

/// Runs `<head> <all rows> <tail>`. With `ON CONFLICT` no two rows may have the same key.
pub(super) async fn write<'q, T>(
    transaction: &mut Transaction,
    head: &str,
    tail: &str,
    rows: &'q [T],
    mut bind: impl FnMut(&mut Cells<'q>, &'q T),
) -> sqlx::Result<()> {
    let mut on = On::from(transaction);
    let mut left = rows;
    while !left.is_empty() {
        let size = match on {
            On::Postgres(_) => ROWS_PER_ARRAY.min(left.len()),
            _ => portion(left.len()),
        };
        let (rows, after) = left.split_at(size);
        left = after;
        let mut cells = Cells { cells: Vec::new() };
        for row in rows {
            bind(&mut cells, row);
        }
        let cells = cells.cells;
        let width = cells.len() / rows.len();
        match &mut on {
            On::Sqlite(connection) => write_sqlite(connection, head, tail, cells, width).await?,
            On::Postgres(connection) => {
                write_postgres(connection, head, tail, cells, width).await?;
            }
            On::SqlitePool(_) | On::Readers(_) | On::PostgresPool(_) => {
                unreachable!("a transaction is no pool")
            }
        }
    }
    Ok(())
}

/// How many of so many rows the next statement of SQLite takes.
fn portion(rows: usize) -> usize {
    let fits = ROWS_PER_STATEMENT.iter().find(|size| **size <= rows);
    fits.copied().unwrap_or(1)
}

/// Writes rows of which none is cut, into PostgreSQL.
pub(super) async fn write_whole(
    transaction: &mut Transaction,
    head: &str,
    rows: &[Vec<Value<'_>>],
) -> sqlx::Result<()> {
    let Transaction::Postgres(connection) = transaction else {
        unreachable!("only PostgreSQL takes over what a file holds");
    };
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let cells: Vec<Value<'_>> = rows.iter().flatten().cloned().collect();
    insert_arrays(connection, head, "", &cells, first.len()).await
}

async fn write_sqlite(
    connection: &mut SqliteConnection,
    head: &str,
    tail: &str,
    cells: Vec<Value<'_>>,
    width: usize,
) -> sqlx::Result<()> {
    let rows = cells.len() / width;
    let mut sql = format!("{head} VALUES ");
    for row in 0..rows {
        let comma = if row == 0 { "" } else { ", " };
        // Writing into a text does not fail.
        let _ = write!(sql, "{comma}(?{})", ", ?".repeat(width - 1));
    }
    let _ = write!(sql, " {tail}");
    let mut arguments = SqliteArguments::default();
    for cell in cells {
        let added = cell.add_to_sqlite(&mut arguments);
        added.map_err(sqlx::Error::Encode)?;
    }
    let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
    query.execute(connection).await?;
    Ok(())
}

/// One array for each column, so the text is always the same and is prepared once.
async fn write_postgres(
    connection: &mut PgConnection,
    head: &str,
    tail: &str,
    mut cells: Vec<Value<'_>>,
    width: usize,
) -> sqlx::Result<()> {
    let mut fitted = false;
    for cell in &mut cells {
        fitted |= cell.fit_for_postgres();
    }
    // What was made to fit may be equal now, and no statement may change a row twice.
    let portion = match fitted {
        true => width,
        false => cells.len(),
    };
    for cells in cells.chunks(portion) {
        insert_arrays(connection, head, tail, cells, width).await?;
    }
    Ok(())
}

async fn insert_arrays(
    connection: &mut PgConnection,
    head: &str,
    tail: &str,
    cells: &[Value<'_>],
    width: usize,
) -> sqlx::Result<()> {
    let mut arguments = PgArguments::default();
    let mut columns = Vec::new();
    for place in 0..width {
        let column = cells.iter().skip(place).step_by(width);
        let (added, kind) = match cells[place] {
            Value::Text(_) => {
                let texts = column.map(|cell| match cell {
                    Value::Text(text) => text.as_deref(),
                    _ => None,
                });
                (arguments.add(texts.collect::<Vec<_>>()), "text")
            }
            Value::Int(_) => {
                let numbers = column.map(|cell| match cell {
                    Value::Int(number) => *number,
                    _ => None,
                });
                (arguments.add(numbers.collect::<Vec<_>>()), "bigint")
            }
            Value::Bool(_) => {
                let answers = column.map(|cell| matches!(cell, Value::Bool(true)));
                (arguments.add(answers.collect::<Vec<_>>()), "boolean")
            }
        };
        added.map_err(sqlx::Error::Encode)?;
        columns.push(format!("${}::{kind}[]", place + 1));
    }
    let columns = columns.join(", ");
    let sql = format!("{head} SELECT * FROM UNNEST({columns}) {tail}");
    sqlx::query_with(AssertSqlSafe(sql), arguments)
        .execute(&mut *connection)
        .await?;
    Ok(())
}
