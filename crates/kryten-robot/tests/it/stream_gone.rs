//! A channel that is taken up while the event stream is not there.

use kryten_client::Client;
use kryten_client::stream::EventStream;
use kryten_protocol::subject::EVENTS_STREAM;
use kryten_servers::NatsServer;
use kryten_sim::{Sim, SimConfig};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn one_who_stood_by_takes_over_although_the_stream_was_deleted() {
    let server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let first = start_robot(&server, &sim.url()).await;
    within("the first joins", first.ready()).await;
    let second = start_robot(&server, &sim.url()).await;
    within("the second waits", second.ready()).await;
    assert!(second.report()[0].standing_by);
    until("nothing is on its way", || async {
        first.report()[0].outbox_entries == 0
    })
    .await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let deleted = client.jetstream().delete_stream(EVENTS_STREAM).await;
    assert!(deleted.unwrap().success);
    first.shutdown().await;
    until("the second serves", || async {
        second.report()[0].in_channel
    })
    .await;
    until("a new stream keeps what happens", || async {
        EventStream::open(&client).await.is_ok() && !stream_contents(&client).await.is_empty()
    })
    .await;
    second.shutdown().await;
    sim.shutdown().await;
}
