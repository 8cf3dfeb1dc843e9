//! From a file of SQLite to PostgreSQL: all or nothing, and every sum compared before it counts as done.

use std::path::Path;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use super::sql::{self, Transaction};
use super::value::Value;
use super::{Place, Store, StoreError, maintain, rows};

/// How many rows are on their way at a time.
const PORTION: i64 = 5_000;
/// Sums of times would leave 64 bits; counts are below it, so their sums are the true ones.
const MODULUS: i64 = 1_000_000_007;
/// Tables that belong to a database and not to its contents.
const NOT_COPIED: [&str; 3] = ["kryten_migrations", "kryten_instances", "kryten_leases"];

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The table that is copied.
    pub table: &'a str,
    /// Rows copied of all tables.
    pub done: u64,
    /// Rows of all tables.
    pub total: u64,
}

/// What was copied of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transferred {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// Its columns, each with the sum of its numbers, or of the lengths of its texts, that is the same in both.
    pub sums: Vec<(String, i64)>,
}

struct Column {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Int,
    Bool,
}

struct Table {
    name: String,
    columns: Vec<Column>,
    rows: u64,
}

impl Store {
    /// Copies everything of a file into this database of PostgreSQL, which must be empty. Until all is copied and
    /// compared nothing of it is visible, so whoever interrupts it may begin again.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read, this database is not empty, or a sum differs.
    pub async fn take_from(
        &self,
        file: &Path,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Vec<Transferred>, StoreError> {
        if let Place::File(path) = &self.place {
            return Err(StoreError::NoServer { path: path.clone() });
        }
        self.prepare().await?;
        let mut source = maintain::read_only(file).await?;
        // One moment of the source, though a service may go on with it.
        let mut source = source.begin().await?;
        let mut target = self.writer.begin().await?;
        let tables = tables(&mut source, &mut target).await?;
        for table in &tables {
            let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", table.name));
            let there: i64 = sql::query_scalar(sql).fetch_one(&mut target).await?;
            if there > 0 {
                return Err(StoreError::NotEmpty {
                    place: self.place(),
                    table: table.name.clone(),
                });
            }
        }
        let total = tables.iter().map(|table| table.rows).sum();
        let mut done = 0;
        let mut transferred = Vec::new();
        for table in &tables {
            let expected = copy(&mut source, &mut target, table, &mut |rows| {
                done += rows;
                progress(Progress {
                    table: &table.name,
                    done,
                    total,
                });
            })
            .await?;
            transferred.push(verify(&mut target, table, expected).await?);
        }
        target.commit().await?;
        Ok(transferred)
    }
}

/// The tables that both have, with the columns that both have.
async fn tables(
    source: &mut SqliteConnection,
    target: &mut Transaction,
) -> Result<Vec<Table>, StoreError> {
    let known: Vec<(String, String, String)> = sql::query_as(
        "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT)
         FROM information_schema.columns WHERE table_schema = current_schema()
         ORDER BY table_name, ordinal_position",
    )
    .fetch_all(&mut *target)
    .await?;
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .fetch_all(&mut *source)
    .await?;
    let mut tables = Vec::new();
    for name in names {
        if NOT_COPIED.contains(&name.as_str()) {
            continue;
        }
        let theirs: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(&name)
            .fetch_all(&mut *source)
            .await?;
        let ours = known.iter().filter(|(table, ..)| *table == name);
        let both = ours.filter(|(_, column, _)| theirs.contains(column));
        let columns: Vec<Column> = both
            .map(|(_, column, kind)| Column {
                name: column.clone(),
                kind: match kind.as_str() {
                    "bigint" => Kind::Int,
                    "boolean" => Kind::Bool,
                    _ => Kind::Text,
                },
            })
            .collect();
        if columns.is_empty() {
            // Somebody's own table.
            continue;
        }
        let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM \"{name}\""));
        let rows: i64 = sqlx::query_scalar(count).fetch_one(&mut *source).await?;
        tables.push(Table {
            name,
            columns,
            rows: rows.unsigned_abs(),
        });
    }
    Ok(tables)
}

/// Copies a table; the sums of its columns as they were read.
async fn copy(
    source: &mut SqliteConnection,
    target: &mut Transaction,
    table: &Table,
    copied: &mut impl FnMut(u64),
) -> Result<Vec<i64>, StoreError> {
    let cells: Vec<String> = table
        .columns
        .iter()
        .map(|column| match column.kind {
            Kind::Text => format!("CAST({} AS TEXT)", column.name),
            Kind::Int | Kind::Bool => format!("CAST({} AS INTEGER)", column.name),
        })
        .collect();
    let select = format!(
        "SELECT rowid, {} FROM {} WHERE rowid > $1 ORDER BY rowid LIMIT {PORTION}",
        cells.join(", "),
        table.name
    );
    let columns: Vec<&str> = table.columns.iter().map(|of| of.name.as_str()).collect();
    let head = format!("INSERT INTO {} ({})", table.name, columns.join(", "));
    let mut sums = vec![0; table.columns.len()];
    let mut last = i64::MIN;
    loop {
        let read: Vec<SqliteRow> = sqlx::query(AssertSqlSafe(select.clone()))
            .bind(last)
            .fetch_all(&mut *source)
            .await?;
        let Some(end) = read.last() else {
            break;
        };
        last = end.try_get(0)?;
        let mut portion = Vec::with_capacity(read.len());
        for row in &read {
            let mut cells = Vec::with_capacity(table.columns.len());
            for (place, column) in table.columns.iter().enumerate() {
                let cell = cell(row, place + 1, column.kind)?;
                sums[place] += weight(&cell);
                cells.push(cell);
            }
            portion.push(cells);
        }
        // What is kept whole would not be cut by `rows`, so these go as they are.
        rows::write_whole(target, &head, &portion).await?;
        copied(read.len() as u64);
    }
    if table.columns.iter().any(|column| column.name == "id") {
        let name = &table.name;
        let sql = format!(
            "SELECT setval(pg_get_serial_sequence('{name}', 'id'), COALESCE(MAX(id), 1), MAX(id) IS NOT NULL)
             FROM {name}"
        );
        target.run(AssertSqlSafe(sql)).await?;
    }
    Ok(sums)
}

fn cell(row: &SqliteRow, place: usize, kind: Kind) -> sqlx::Result<Value<'static>> {
    Ok(match kind {
        // PostgreSQL cannot store the character U+0000.
        Kind::Text => {
            let text: Option<String> = row.try_get(place)?;
            text.map(|text| text.replace('\0', "\u{fffd}")).into()
        }
        Kind::Int => row.try_get::<Option<i64>, _>(place)?.into(),
        Kind::Bool => (row.try_get::<Option<i64>, _>(place)?.unwrap_or(0) != 0).into(),
    })
}

fn weight(cell: &Value<'_>) -> i64 {
    match cell {
        Value::Text(text) => text.as_ref().map_or(0, |text| text.chars().count() as i64),
        Value::Int(number) => number.unwrap_or(0) % MODULUS,
        Value::Bool(yes) => i64::from(*yes),
    }
}

/// Compares what the target has with what was read.
async fn verify(
    target: &mut Transaction,
    table: &Table,
    expected: Vec<i64>,
) -> Result<Transferred, StoreError> {
    let name = &table.name;
    let differs = |column: &str| StoreError::Differs {
        table: name.clone(),
        column: column.to_owned(),
    };
    let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM {name}"));
    let rows: i64 = sql::query_scalar(count).fetch_one(&mut *target).await?;
    if rows.unsigned_abs() != table.rows {
        return Err(differs("the number of its rows"));
    }
    let mut sums = Vec::new();
    for (column, expected) in table.columns.iter().zip(expected) {
        let of = &column.name;
        let weight = match column.kind {
            Kind::Text => format!("LENGTH({of})"),
            Kind::Int => format!("{of} % {MODULUS}"),
            Kind::Bool => format!("CASE WHEN {of} THEN 1 ELSE 0 END"),
        };
        let sum = format!("SELECT CAST(COALESCE(SUM({weight}), 0) AS BIGINT) FROM {name}");
        let found: i64 = sql::query_scalar(AssertSqlSafe(sum))
            .fetch_one(&mut *target)
            .await?;
        if found != expected {
            return Err(differs(of));
        }
        sums.push((of.clone(), found));
    }
    Ok(Transferred {
        table: name.clone(),
        rows: table.rows,
        sums,
    })
}
