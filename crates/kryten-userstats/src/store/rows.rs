//! Multi-row statements.

use sqlx::query_builder::Separated;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

/// SQLite takes at most 32,766 values in a statement, and past some hundred rows longer ones are no faster.
const ROWS_PER_STATEMENT: usize = 250;

/// Runs `<head> VALUES (...), (...) <tail>` over all rows.
pub(super) async fn write<T>(
    connection: &mut SqliteConnection,
    head: &str,
    tail: &str,
    rows: &[T],
    mut bind: impl for<'b> FnMut(&mut Separated<'b, Sqlite, &'static str>, &T),
) -> sqlx::Result<()> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut builder = QueryBuilder::<Sqlite>::new(head);
        builder.push(" ");
        builder.push_values(rows, |mut separated, row| bind(&mut separated, row));
        builder.push(" ");
        builder.push(tail);
        // Their texts differ by the number of rows: caching them would only push others out.
        builder
            .build()
            .persistent(false)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
