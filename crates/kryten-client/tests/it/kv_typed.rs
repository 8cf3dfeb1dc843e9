use kryten_client::KvError;
use kryten_client::kv::{TypedBucket, TypedEntry};
use serde::{Deserialize, Serialize};

use crate::fixture::{bucket, in_time, server_and_client};

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Points {
    given: u32,
}

#[tokio::test]
async fn values_of_one_type_are_put_changed_and_listed() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "points").await;
    let points: TypedBucket<Points> = TypedBucket::new(&kv);
    assert_eq!(points.get("user.bob").await.unwrap(), None);
    let first = points.create("user.bob", &Points { given: 1 }).await;
    let first = first.unwrap();
    let taken = points.create("user.bob", &Points { given: 2 }).await;
    assert!(matches!(taken, Err(KvError::WrongRevision { .. })));
    let read = points.entry("user.bob").await.unwrap().unwrap();
    assert_eq!((read.value.given, read.revision), (1, first));
    points
        .replace("user.bob", &Points { given: 5 }, first)
        .await
        .unwrap();
    let late = points.replace("user.bob", &Points { given: 6 }, first);
    assert!(matches!(late.await, Err(KvError::WrongRevision { .. })));
    let add = |old: Option<Points>| Points {
        given: old.unwrap_or_default().given + 1,
    };
    let updates = (0..10).map(|_| points.update("user.bob", add));
    in_time(futures_util::future::try_join_all(updates))
        .await
        .unwrap();
    assert_eq!(points.get("user.bob").await.unwrap().unwrap().given, 15);
    kv.delete("user.bob").await.unwrap();
    assert_eq!(points.entry("user.bob").await.unwrap(), None);
    assert_eq!(points.update("user.bob", add).await.unwrap().given, 1);
}

#[tokio::test]
async fn a_value_of_another_type_keeps_none_of_the_others_back_and_is_left_as_it_was() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "points").await;
    let points: TypedBucket<Points> = TypedBucket::new(&kv);
    points.put("user.ann", &Points { given: 1 }).await.unwrap();
    points.put("other", &Points { given: 2 }).await.unwrap();
    kv.put_text("user.bob", "nonsense").await.unwrap();
    let all = points.clone().entries().await.unwrap();
    assert_eq!(all.values.len(), 2);
    assert!(matches!(
        all.unreadable["user.bob"],
        KvError::WrongKind { .. }
    ));
    let users = points.entries_with_prefix("user.").await.unwrap();
    assert_eq!((users.values.len(), users.unreadable.len()), (1, 1));
    let update = points.update("user.bob", |_| panic!("never called"));
    assert!(matches!(update.await, Err(KvError::WrongKind { .. })));
    assert_eq!(kv.get_text("user.bob").await.unwrap().unwrap(), "nonsense");
    let entry = kv.entry("user.bob").await.unwrap().unwrap();
    assert!(TypedEntry::<Points>::of(&entry).is_err());
}
