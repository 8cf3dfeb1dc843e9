use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kryten_client::KvError;

use crate::fixture::{bucket, in_time, server_and_client};

#[tokio::test]
async fn many_keys_are_put_and_read_back() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let values: BTreeMap<String, Bytes> = (0..2000)
        .map(|number| (format!("user {number}"), format!("{number}").into()))
        .collect();
    let started = Instant::now();
    let put = in_time(kv.put_many(values.clone())).await;
    let mut revisions: Vec<u64> = put.into_iter().map(Result::unwrap).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=2000).collect::<Vec<u64>>());
    let mut keys: Vec<&str> = values.keys().map(String::as_str).collect();
    keys.push("not there");
    assert_eq!(in_time(kv.get_many(&keys)).await.unwrap(), values);
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(kv.get_many::<&str>(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn each_of_many_puts_tells_its_own_outcome_in_order() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let large = Bytes::from(vec![0; 1024 * 1024 + 1]);
    let put = kv.put_many([
        ("a", "x".into()),
        ("", "x".into()),
        ("b", large),
        ("c", "".into()),
    ]);
    let put = put.await;
    assert!(put[0].is_ok() && put[3].is_ok());
    assert!(matches!(put[1], Err(KvError::BadKey { .. })));
    assert!(matches!(put[2], Err(KvError::TooLarge { .. })));
    assert_eq!(kv.keys().await.unwrap(), ["a", "c"]);
    let bad = kv.get_many(&["a", ""]).await;
    assert!(matches!(bad, Err(KvError::BadKey { .. })));
}
