//! The database of the statistics: a copy of it, whether it is sound, and its way to PostgreSQL. No service is asked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use kryten_userstats::Config;
use kryten_userstats::store::{self, DatabaseUrl, Store};
use serde_json::json;

use crate::cli::ClientArgs;
use crate::connection_file::default_data_dir;
use crate::output;
use crate::progress;

/// Which database is meant.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// A file of SQLite or a postgres:// address; else the one of `kryten up` in --data-dir
    #[arg(long, value_name = "FILE|URL", conflicts_with = "service_config")]
    database: Option<String>,
    /// The one that this configuration of userstats names
    #[arg(long, value_name = "FILE")]
    service_config: Option<PathBuf>,
}

/// Where a database is.
enum Place {
    File(PathBuf),
    Url(DatabaseUrl),
}

impl Which {
    fn place(&self, args: &ClientArgs) -> anyhow::Result<Place> {
        if let Some(text) = &self.database {
            return match text.contains("://") {
                true => Ok(Place::Url(text.parse().context("--database")?)),
                false => Ok(Place::File(text.into())),
            };
        }
        if let Some(file) = &self.service_config {
            let config = Config::load(file).with_context(|| file.display().to_string())?;
            return Ok(match config.database_url {
                Some(url) => Place::Url(url),
                None => Place::File(config.database),
            });
        }
        let folder = args.data_dir.clone().unwrap_or_else(default_data_dir);
        Ok(Place::File(folder.join("userstats.db")))
    }
}

/// Copies the database into a new file.
pub(crate) async fn backup(
    args: &ClientArgs,
    which: &Which,
    copy: &Path,
) -> anyhow::Result<ExitCode> {
    match which.place(args)? {
        Place::File(file) => {
            must_be_there(&file)?;
            store::backup(&file, copy).await?;
            output::line(&format!(
                "{} is copied into {}",
                file.display(),
                copy.display()
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        Place::Url(url) => anyhow::bail!(
            "a database of PostgreSQL is copied with its own program: pg_dump --format=custom --file={} {url}",
            copy.display()
        ),
    }
}

/// Tells what is wrong with the database, and changes nothing in it.
pub(crate) async fn check(
    args: &ClientArgs,
    which: &Which,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let store = match which.place(args)? {
        Place::File(file) => {
            must_be_there(&file)?;
            Store::look_at(&file).await?
        }
        Place::Url(url) => {
            let store = Store::connect(&url);
            store.reach().await?;
            store
        }
    };
    let faults = store.faults().await?;
    let place = store.place();
    store.close().await;
    let printed = if as_json {
        output::json(&json!({"database": place, "faults": faults}))
    } else if faults.is_empty() {
        output::line(&format!("{place} is sound"))
    } else {
        faults.iter().try_for_each(|fault| output::line(fault))
    };
    output::verdict(faults.is_empty(), printed)
}

/// Copies a file of SQLite into an empty database of PostgreSQL.
pub(crate) async fn migrate(from: &Path, to: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    let url: DatabaseUrl = to.parse().context("--to")?;
    must_be_there(from)?;
    let target = Store::connect(&url);
    let bar = progress::bar(None, "rows");
    let copied = target
        .take_from(from, |progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            bar.set_message(progress.table.to_owned());
        })
        .await;
    bar.finish_and_clear();
    let copied = copied?;
    target.close().await;
    if as_json {
        let tables = copied.iter().map(|table| {
            let sums: serde_json::Map<_, _> = table
                .sums
                .iter()
                .map(|(column, sum)| (column.clone(), (*sum).into()))
                .collect();
            json!({"table": table.table, "rows": table.rows, "sums": sums})
        });
        output::json(&json!({"database": url.to_string(), "tables": tables.collect::<Vec<_>>()}))?;
    } else {
        let rows: u64 = copied.iter().map(|table| table.rows).sum();
        output::line(&format!(
            "{rows} rows of {} tables are in {url}, every total compared; give the service database.url now",
            copied.len()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn must_be_there(file: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        file.is_file(),
        "there is no database {}; name one with --database",
        file.display()
    );
    Ok(())
}
