use futures_util::StreamExt;
use kryten_client::events::{LiveEvents, LiveItem, SubscribeError};
use kryten_client::round_trip::round_trip;
use kryten_client::{Client, NatsConfig};
use kryten_protocol::event::Event;
use kryten_protocol::subject;
use kryten_servers::NatsServer;
use serde_json::json;

use crate::fixture::{in_time, server_and_client, until};

pub(crate) async fn publish(client: &Client, domain: &str, channel: &str, name: &str, number: u64) {
    let body = json!({
        "event_name": name, "payload": number, "channel": channel, "domain": domain,
        "timestamp": "2026-11-22T15:56:43+00:00", "correlation_id": number.to_string(),
    });
    let subject = subject::event(channel, name).unwrap();
    let body = serde_json::to_vec(&body).unwrap();
    client.nats().publish(subject, body.into()).await.unwrap();
}

async fn usercounts(client: &Client, range: std::ops::Range<u64>) {
    for number in range {
        publish(client, "cytu.be", "Lounge", "usercount", number).await;
    }
    assert!(round_trip(&client.nats()).await);
}

async fn next(events: &mut LiveEvents) -> LiveItem {
    in_time(events.next()).await.unwrap()
}

async fn next_count(events: &mut LiveEvents) -> i64 {
    match next(events).await {
        LiveItem::Event(Event::Usercount(count)) => *count,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_published_after_live_returned_comes_in_order() {
    let (_server, client) = server_and_client().await;
    let mut events = client.events("Lounge").live().await.unwrap();
    usercounts(&client, 0..1000).await;
    for number in 0..1000 {
        assert_eq!(next_count(&mut events).await, number);
    }
}

#[tokio::test]
async fn a_slow_reader_is_told_how_many_events_it_missed_and_goes_on_with_the_latest() {
    let (_server, client) = server_and_client().await;
    let mut events = client.events("Lounge").buffer(16).live().await.unwrap();
    let mut watch = client.events("Lounge").buffer(4096).live().await.unwrap();
    usercounts(&client, 0..1000).await;
    while next_count(&mut watch).await < 999 {}
    // The other subscription of the same connection has been served too, or will be in a moment.
    let (mut lagged, mut expected) = (0, 0);
    while expected < 1000 {
        match next(&mut events).await {
            LiveItem::Lagged(count) => {
                lagged += count;
                expected += i64::try_from(count).unwrap();
            }
            LiveItem::Event(Event::Usercount(count)) => {
                assert_eq!(*count, expected);
                expected += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(lagged > 0);
}

#[tokio::test]
async fn only_wanted_names_and_hosts_come() {
    let (_server, client) = server_and_client().await;
    let events = client.events("lounge").only(["USERCOUNT", "drinkCount"]);
    let mut events = events.on_domain("cytu.be").live().await.unwrap();
    let drinks = client.events("lounge").only(["drinkcount"]);
    let mut drinks = drinks.on_domain("CYTU.BE").live().await.unwrap();
    publish(&client, "cytu.be", "Lounge", "rank", 1).await;
    publish(&client, "other.tv", "Lounge", "usercount", 2).await;
    publish(&client, "cytu.be", "Lounge", "drinkCount", 3).await;
    publish(&client, "cytu.be", "Other", "usercount", 4).await;
    publish(&client, "cytu.be", "Lounge", "usercount", 5).await;
    assert!(
        matches!(next(&mut events).await, LiveItem::Event(Event::DrinkCount(count)) if *count == 3)
    );
    assert_eq!(next_count(&mut events).await, 5);
    assert!(
        matches!(next(&mut drinks).await, LiveItem::Event(Event::DrinkCount(count)) if *count == 3)
    );
}

#[tokio::test]
async fn a_message_that_is_no_event_is_handed_out_as_it_is() {
    let (_server, client) = server_and_client().await;
    let mut events = client.events("Lounge").live().await.unwrap();
    let subject = subject::event("Lounge", "chatMsg").unwrap();
    client
        .nats()
        .publish(subject, "hello".into())
        .await
        .unwrap();
    usercounts(&client, 7..8).await;
    let LiveItem::BadMessage(bad) = next(&mut events).await else {
        panic!("no event");
    };
    assert_eq!(
        (bad.subject.as_str(), &bad.body[..]),
        ("kryten.events.cytube.lounge.chatmsg", &b"hello"[..])
    );
    assert_eq!(next_count(&mut events).await, 7);
}

#[tokio::test]
async fn a_restart_of_the_server_is_told_and_events_go_on() {
    let (mut server, client) = server_and_client().await;
    let mut events = client.events("Lounge").live().await.unwrap();
    usercounts(&client, 0..1).await;
    assert_eq!(next_count(&mut events).await, 0);
    let connections = client.connections();
    server.restart().await.unwrap();
    until(|| async { client.is_connected() && client.connections() > connections }).await;
    usercounts(&client, 1..2).await;
    assert!(matches!(next(&mut events).await, LiveItem::Interrupted));
    assert_eq!(next_count(&mut events).await, 1);
}

#[tokio::test]
async fn a_dropped_subscription_is_gone_from_the_server() {
    let (_server, client) = server_and_client().await;
    let events = client.events("Lounge").live().await.unwrap();
    let subject = "kryten.events.cytube.lounge.usercount";
    drop(events);
    // With nobody subscribed a request has no responder.
    until(|| async { client.nats().request(subject, "".into()).await.is_err() }).await;
}

#[tokio::test]
async fn a_bad_channel_name_and_a_missing_permission_are_told() {
    let extra = r#"
authorization { users: [ { user: "small", password: "pw", permissions: { publish: ">", subscribe: "_INBOX.>" } },
                         { user: "all", password: "pw" } ] }
"#;
    let server =
        NatsServer::ephemeral_with(|options| options.extra_config = extra.to_owned()).await;
    let config = NatsConfig::for_url(server.url()).with_user("small", "pw");
    let client = Client::connect(&config).await.unwrap();
    let refused = client.events("Lounge").live().await;
    assert!(
        matches!(&refused, Err(SubscribeError::NoPermission { subject }) if subject == "kryten.events.cytube.lounge.>"),
        "{refused:?}"
    );
    let bad = client.events("...").live().await;
    assert!(matches!(bad, Err(SubscribeError::Subject(_))), "{bad:?}");
    let bad = client.events("Lounge").only(["*"]).from_now().await;
    assert!(matches!(bad, Err(SubscribeError::Subject(_))), "{bad:?}");
}

#[tokio::test]
async fn it_is_a_stream() {
    let (_server, client) = server_and_client().await;
    let events = client.events("Lounge").live().await.unwrap();
    usercounts(&client, 0..3).await;
    let three: Vec<LiveItem> = in_time(events.take(3).collect()).await;
    assert_eq!(three.len(), 3);
}
