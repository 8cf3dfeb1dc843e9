//! What a test can do with a channel, and what comes of it.

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_protocol::subject;
use kryten_sim::Operation;
use kryten_testkit::{SeenEvent, TestChannel};
use serde_json::{Value, json};

#[tokio::test]
async fn kudos_are_counted() {
    let channel = TestChannel::builder().present(["bob"]).start().await;
    for text in ["++bob", "bob++ and thanks", "no kudos at all"] {
        channel.say("alice", text).await;
    }
    channel.counted().await;
    assert_eq!(channel.stats("bob").await["kudos_plusplus"], 2);
    assert_eq!(channel.stats("alice").await["messages"], 3);
    channel.shutdown().await;
}

#[tokio::test]
async fn a_user_who_was_there_before_the_start_is_known_to_the_statistics() {
    let channel = TestChannel::builder().present(["early"]).start().await;
    let stats = channel.stats("early").await;
    assert_eq!(
        (&stats["known"], &stats["present"]),
        (&true.into(), &true.into())
    );
    assert_eq!(channel.stats("nobody").await["known"], false);
}

#[tokio::test]
async fn a_private_message_reaches_robot_and_statistics() {
    let channel = TestChannel::start().await;
    channel.pm("alice", "psst").await;
    let pm = channel.event(|event| event.name == "pm").await;
    assert_eq!(
        (&pm.payload["username"], &pm.payload["msg"]),
        (&"alice".into(), &"psst".into())
    );
    channel.counted().await;
    assert_eq!(channel.stats("alice").await["pms"], 1);
}

#[tokio::test]
async fn events_are_given_in_order_and_each_once() {
    let channel = TestChannel::builder().with_userstats(false).start().await;
    for text in ["one", "two", "three"] {
        channel.say("alice", text).await;
    }
    let is_line = |event: &SeenEvent| event.is_said_by("alice");
    let mut texts = Vec::new();
    for _ in 0..3 {
        texts.push(channel.event(is_line).await.payload["msg"].clone());
    }
    assert_eq!(texts, ["one", "two", "three"]);
    channel.published().await;
    let lines = channel.events().into_iter().filter(is_line).count();
    assert_eq!(lines, 3);
}

#[tokio::test]
async fn who_comes_and_goes_is_seen_by_the_robot() {
    let channel = TestChannel::builder().with_userstats(false).start().await;
    channel.join("alice").await;
    channel.robot_sees("alice").await;
    channel.leave("alice").await;
    channel.robot_misses("alice").await;
}

#[tokio::test]
async fn what_users_do_reaches_a_bot() {
    let channel = TestChannel::builder().with_userstats(false).start().await;
    let client = Client::connect(&channel.nats_config()).await.unwrap();
    let queued = subject::event(channel.name(), "queue").unwrap();
    let mut bot = client.subscribe(&queued).await.unwrap();
    let boss = Operation::Join {
        user: "boss".to_owned(),
        rank: Some(4.0),
    };
    channel.sim().run(boss).await.unwrap();
    channel.queue("boss", "yt", "dQw4w9WgXcQ").await;
    let message = bot.next().await.unwrap();
    let body: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(body["payload"]["item"]["media"]["id"], "dQw4w9WgXcQ");
    channel.act("boss", "setAFK", json!(true)).await;
}

#[tokio::test]
async fn scripted_users_are_there_and_talk() {
    let channel = TestChannel::builder()
        .channel("lively")
        .users(5)
        .seed(7)
        .rate(50.0)
        .films(2)
        .start()
        .await;
    for _ in 0..5 {
        channel.event(|event| event.name == "chatMsg").await;
    }
    let playing = channel.sim().state().await.unwrap();
    assert!(playing.to_string().contains("title"), "{playing}");
}

#[tokio::test]
async fn two_channels_in_one_process_know_nothing_of_each_other() {
    let (one, two) = tokio::join!(
        TestChannel::builder().channel("one").start(),
        TestChannel::builder().channel("two").start(),
    );
    one.say("alice", "only here").await;
    two.say("bob", "and only there").await;
    two.say("bob", "twice").await;
    tokio::join!(one.counted(), two.counted());
    assert_eq!(one.stats("alice").await["messages"], 1);
    assert_eq!(one.stats("bob").await["known"], false);
    assert_eq!(two.stats("bob").await["messages"], 2);
    assert_eq!(two.stats("alice").await["known"], false);
}
