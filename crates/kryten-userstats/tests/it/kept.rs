//! Backup, check, and the way from SQLite to PostgreSQL.

use kryten_servers::PostgresServer;
use kryten_userstats::store::{self, Store};
use sqlx::{Connection, SqliteConnection};

use crate::backend::Place;
use crate::bench::{Bench, CHANNEL, DOMAIN, within};
use crate::original;

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_while_counting_goes_on_is_whole_and_is_never_written_over() {
    let bench = Bench::new().await;
    let service = bench.start().await;
    for second in 0..50 {
        bench.say(second, "bob", "hi").await;
    }
    bench.counted(&service).await;
    let copy = bench.folder.path().join("it's a copy.db");
    store::backup(&bench.database(), &copy).await.unwrap();
    for second in 50..60 {
        bench.say(second, "bob", "hi").await;
    }
    bench.counted(&service).await;
    let kept = Store::open(&copy).await.unwrap();
    assert_eq!(kept.messages_of("bob", CHANNEL, DOMAIN).await.unwrap(), 50);
    assert_eq!(kept.faults().await.unwrap(), Vec::<String>::new());
    let error = store::backup(&bench.database(), &copy).await.unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    let nowhere = bench.folder.path().join("nowhere.db");
    assert!(
        store::backup(&nowhere, &bench.folder.path().join("b.db"))
            .await
            .is_err()
    );
    assert!(
        !nowhere.exists(),
        "a database that is not there is not made"
    );
}

#[tokio::test]
async fn what_cannot_be_is_told_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("userstats.db");
    original::write(&path, |_| true).await;
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.faults().await.unwrap(), Vec::<String>::new());
    let url = format!("sqlite://{}", path.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE message_counts SET message_count = -1 WHERE username = 'Lena'")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(
        store.faults().await.unwrap(),
        ["1 rows of message_counts below 0"]
    );
}

#[tokio::test]
async fn a_check_changes_nothing_also_in_a_database_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("userstats.db");
    original::write(&path, |_| true).await;
    let mut rights = std::fs::metadata(&path).unwrap().permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(&path, rights).unwrap();
    let before = std::fs::read(&path).unwrap();
    let store = Store::look_at(&path).await.unwrap();
    assert_eq!(store.faults().await.unwrap(), Vec::<String>::new());
    store.close().await;
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| {
        let name = entry.unwrap().file_name();
        name.into_string().unwrap()
    });
    assert_eq!(names.collect::<Vec<_>>(), ["userstats.db"]);

    let other = folder.path().join("other.db");
    std::fs::write(&other, "").unwrap();
    let store = Store::look_at(&other).await.unwrap();
    let faults = store.faults().await.unwrap();
    assert_eq!(
        faults,
        ["it is no database of the statistics: their tables are not there"]
    );
    store.close().await;
    assert_eq!(std::fs::read(&other).unwrap(), b"");
    let nowhere = folder.path().join("nowhere.db");
    assert!(Store::look_at(&nowhere).await.is_err());
    assert!(!nowhere.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_over_to_postgresql_whole_and_counting_goes_on_there() {
    let bench = Bench::new().await;
    original::write(&bench.database(), |_| true).await;
    // What is in the stream when an original database is met is not counted again.
    let service = bench.start().await;
    bench.say(1, "bob", "lol alice++").await;
    bench
        .event(2, "addUser", &serde_json::json!({"name": "nobody\0"}))
        .await;
    bench.counted(&service).await;
    service.shutdown().await.unwrap();
    let before = original::dump(&bench.database()).await;
    let source = bench.store().await.totals().await.unwrap();

    let url = PostgresServer::shared().await.database().await;
    let target = Store::connect(&url.parse().unwrap());
    let mut seen = Vec::new();
    let copied = target
        .take_from(&bench.database(), |progress| {
            seen.push((progress.done, progress.total))
        })
        .await
        .unwrap();
    let (done, total) = *seen.last().unwrap();
    assert!(done == total && total > 50, "{seen:?}");
    assert_eq!(copied.iter().map(|table| table.rows).sum::<u64>(), total);
    assert!(copied.len() > 15, "the original's tables and ours");
    assert_eq!(target.totals().await.unwrap(), source);
    target.reach().await.unwrap();
    assert_eq!(target.faults().await.unwrap(), Vec::<String>::new());
    let after = original::dump_of(&Place::Url(url.clone())).await;
    let before: Vec<String> = before
        .iter()
        .map(|row| row.replace('\0', "\u{fffd}"))
        .collect();
    assert_eq!(after, before);
    let error = target
        .take_from(&bench.database(), |_| ())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("is not empty"), "{error}");

    let mut config = bench.config();
    config.database_url = Some(url.parse().unwrap());
    let service = kryten_userstats::Userstats::bind(config).await.unwrap();
    within("the service is ready", service.ready()).await;
    bench.say(3, "new in the database", "hi").await;
    bench.counted(&service).await;
    let now = target.totals().await.unwrap();
    assert_eq!(now.messages, source.messages + 1, "the position came along");
    assert_eq!(now.users, source.users + 1, "numbers of rows go on");
}
