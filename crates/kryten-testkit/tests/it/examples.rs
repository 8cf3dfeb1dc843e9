//! The client library's examples do what they say.

use kryten_client::KvBucket;
use kryten_testkit::TestChannel;
use tokio::sync::mpsc;

#[allow(dead_code)]
#[path = "../../examples/counter.rs"]
mod counter;
#[allow(dead_code)]
#[path = "../../examples/watch_userlist.rs"]
mod watch_userlist;

use watch_userlist::Seen;

#[tokio::test]
async fn the_counter_example_loses_no_count() {
    let channel = TestChannel::builder().with_userstats(false).start().await;
    assert_eq!(
        counter::count(channel.nats(), "user:bob").await.unwrap(),
        10
    );
    let both = tokio::join!(
        counter::count(channel.nats(), "user:bob"),
        counter::count(channel.nats(), "user:bob"),
    );
    both.0.unwrap();
    both.1.unwrap();
    let bucket = KvBucket::open(channel.nats(), "my_counters").await.unwrap();
    let count = bucket.get_text("user:bob").await.unwrap();
    assert_eq!(count.as_deref(), Some("30"));
}

#[tokio::test]
async fn the_watch_userlist_example_tells_who_comes_and_goes() {
    let channel = TestChannel::builder()
        .present(["bob"])
        .with_userstats(false)
        .start()
        .await;
    let (seen_tx, mut seen) = mpsc::unbounded_channel();
    let (client, name) = (channel.nats().clone(), channel.name().to_owned());
    tokio::spawn(async move {
        let tell = |who| drop(seen_tx.send(who));
        watch_userlist::watch_userlist(&client, &name, tell).await
    });
    let here = |name: &str| Seen::IsHere(name.to_owned());
    assert_eq!(seen.recv().await.unwrap(), here("KrytenBot"));
    assert_eq!(seen.recv().await.unwrap(), here("bob"));
    channel.join("alice").await;
    assert_eq!(seen.recv().await.unwrap(), Seen::Came("alice".to_owned()));
    channel.leave("bob").await;
    assert_eq!(seen.recv().await.unwrap(), Seen::Went("bob".to_owned()));
}
