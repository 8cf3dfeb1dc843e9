//! Reading back the end of the stream.

use kryten_client::Client;
use kryten_client::stream::EventStream;
use kryten_servers::NatsServer;

use crate::fixture::connect;

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_longer_than_one_request_is_whole_while_others_publish() {
    const MESSAGES: usize = 7_000;
    let server = NatsServer::ephemeral().await;
    let client = connect(&server).await;
    let stream = EventStream::open_or_create(&client).await.unwrap();
    let publisher = tokio::spawn(publish(client.clone(), MESSAGES));
    let mut length = 0;
    while length < MESSAGES {
        let tail = stream
            .tail("kryten.events.cytube.c.>", 1_000_000)
            .await
            .unwrap();
        let in_order = tail
            .iter()
            .zip(1..)
            .all(|(message, sequence)| message.sequence == sequence);
        assert!(
            in_order && tail.len() >= length,
            "{} after {length}",
            tail.len()
        );
        length = tail.len();
    }
    publisher.await.unwrap();
}

async fn publish(client: Client, messages: usize) {
    let mut acks = Vec::new();
    for at in 0..messages {
        let subject = format!("kryten.events.cytube.c.e{}", at % 7);
        acks.push(
            client
                .jetstream()
                .publish(subject, "x".repeat(300).into())
                .await
                .unwrap(),
        );
        if acks.len() == 100 {
            for ack in acks.drain(..) {
                ack.await.unwrap();
            }
        }
    }
}
