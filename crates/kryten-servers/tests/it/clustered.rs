use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use kryten_servers::NatsCluster;

#[tokio::test]
async fn three_servers_keep_a_stream_of_three_replicas_also_when_its_leader_is_killed() {
    let mut cluster = NatsCluster::ephemeral(3).await;
    let urls: Vec<async_nats::ServerAddr> = cluster
        .servers()
        .iter()
        .map(|server| server.url().parse().unwrap())
        .collect();
    let first = &cluster.servers()[0];
    let client = async_nats::ConnectOptions::with_user_and_password(
        first.user().to_owned(),
        first.password().to_owned(),
    );
    let client = client.connect(&urls[..]).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let config = Config {
        name: "KEPT".into(),
        subjects: vec!["kept".into()],
        num_replicas: 3,
        ..Config::default()
    };
    let stream = jetstream.create_stream(config).await.unwrap();
    assert_eq!(store(&jetstream, "text").await, 1);
    let leader = stream
        .cached_info()
        .cluster
        .clone()
        .unwrap()
        .leader
        .unwrap();
    let leader = cluster.number_of(&leader).unwrap();
    cluster.server_mut(leader).kill().await.unwrap();
    assert!(store(&jetstream, "more").await > 1);
    cluster.server_mut(leader).restart().await.unwrap();
    cluster.ready().await.unwrap();
}

/// The sequence under which the stream has stored `text`. Until the server that one is connected to has heard of the
/// stream, or of its new leader, nobody answers: a stream is made known to the other servers after its creation.
async fn store(jetstream: &async_nats::jetstream::Context, text: &'static str) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(50);
    loop {
        match jetstream.publish("kept", text.into()).await.unwrap().await {
            Ok(ack) => return ack.sequence,
            Err(error) => assert!(
                Instant::now() < deadline,
                "{text:?} was not stored: {error}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
