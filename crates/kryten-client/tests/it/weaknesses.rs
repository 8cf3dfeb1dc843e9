//! What kryten-py does less well and no other test is about; the whole list is in docs/migration-python.md.

use bytes::Bytes;
use futures_util::StreamExt;
use kryten_client::events::LiveItem;
use kryten_client::service::{Service, Signal, Signals, StopCause};
use kryten_protocol::event::Event;
use serde_json::Value;

use crate::events_live::publish;
use crate::fixture::{bucket, in_time, server_and_client};

#[tokio::test]
async fn null_and_empty_values_are_listed_with_the_others() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    for (key, value) in [("null", "null"), ("empty", ""), ("zero", "0")] {
        kv.put_text(key, value).await.unwrap();
    }
    let all = kv.get_all().await.unwrap();
    let all: Vec<_> = all
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let (null, empty, zero) = (Bytes::from("null"), Bytes::new(), Bytes::from("0"));
    assert_eq!(all, [("empty", &empty), ("null", &null), ("zero", &zero)]);
    assert_eq!(kv.get("empty").await.unwrap(), Some(Bytes::new()));
    assert_eq!(
        kv.get_json::<Value>("null").await.unwrap(),
        Some(Value::Null)
    );
}

#[tokio::test]
async fn a_channel_is_heard_whatever_its_name() {
    let (_server, client) = server_and_client().await;
    // A top-level domain, a blank, a dot, punctuation.
    for channel in ["tv", "Test Channel", "420.Grindhouse", "My-Chan!"] {
        let mut events = client.events(channel).live().await.unwrap();
        publish(&client, "cytu.be", channel, "usercount", 7).await;
        match in_time(events.next()).await.unwrap() {
            LiveItem::Event(Event::Usercount(count)) => {
                assert_eq!((*count, count.envelope().channel.as_str()), (7, channel));
            }
            other => panic!("{channel}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_signal_ends_a_service_in_order() {
    let (_server, client) = server_and_client().await;
    let mut goodbye = client
        .nats()
        .subscribe("kryten.lifecycle.greeter.shutdown")
        .await
        .unwrap();
    let signals = Signals::listen().unwrap();
    let greeter = Service::builder("greeter", "1")
        .start(&client)
        .await
        .unwrap();
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGTERM).unwrap();
    let cause = in_time(greeter.run_until(signals)).await;
    assert_eq!(cause, StopCause::Signal(Signal::Terminate));
    let goodbye = in_time(goodbye.next()).await.unwrap();
    let goodbye: Value = serde_json::from_slice(&goodbye.payload).unwrap();
    assert_eq!(goodbye["reason"], "Normal shutdown");
}
