//! What a bot has to live through.

use kryten_testkit::TestChannel;

#[tokio::test]
async fn a_robot_that_was_dropped_comes_back_and_nothing_is_lost_or_doubled() {
    let channel = TestChannel::start().await;
    channel.say("alice", "before").await;
    channel.published().await;
    channel.drop_connections().await;
    channel.say("alice", "after").await;
    channel.counted().await;
    assert_eq!(channel.stats("alice").await["messages"], 2);
    assert!(channel.robot_report().connects >= 2);
}

#[tokio::test]
async fn a_restarted_nats_server_keeps_everything() {
    let mut channel = TestChannel::start().await;
    channel.say("alice", "before").await;
    channel.published().await;
    channel.restart_nats().await;
    channel.say("alice", "after").await;
    channel.counted().await;
    assert_eq!(channel.stats("alice").await["messages"], 2);
    channel.shutdown().await;
}

#[tokio::test]
#[should_panic(expected = "built with_userstats(false)")]
async fn statistics_of_a_channel_without_them_are_refused_clearly() {
    let channel = TestChannel::builder().with_userstats(false).start().await;
    channel.stats("alice").await;
}
