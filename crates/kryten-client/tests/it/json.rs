use std::time::Duration;

use futures_util::StreamExt;
use kryten_client::command::CommandError;
use kryten_client::events::SubscribeError;
use serde_json::{Value, json};

use crate::fixture::{in_time, server_and_client};

const SOON: Duration = Duration::from_millis(200);

#[tokio::test]
async fn json_is_published_to_any_subject_and_never_later() {
    let (mut server, client) = server_and_client().await;
    let mut inbox = client.subscribe("kryten.greeter.>").await.unwrap();
    let body = json!({"username": "B\u{f6}b"});
    client
        .publish_json("kryten.greeter.seen", &body)
        .await
        .unwrap();
    let message = in_time(inbox.next()).await.unwrap();
    assert_eq!(message.payload, body.to_string());
    assert!(message.reply.is_none() && message.headers.is_none());

    let large = "x".repeat(client.max_payload());
    let large = client.publish_json("kryten.greeter.seen", &large).await;
    assert!(matches!(large, Err(CommandError::TooLarge { .. })));
    server.stop().await.unwrap();
    let is_lost = || client.nats().connection_state() != async_nats::connection::State::Connected;
    in_time(async {
        while !is_lost() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let away = client.publish_json("kryten.greeter.seen", &body).await;
    assert!(matches!(away, Err(CommandError::ServerAway)), "{away:?}");
}

#[tokio::test]
async fn the_answer_to_json_is_read_whatever_its_fields_are() {
    let (_server, client) = server_and_client().await;
    let subject = "kryten.economy.command";
    let nobody: Result<Value, _> = client.request_json(subject, &json!({}), SOON).await;
    assert!(matches!(nobody, Err(CommandError::NoResponders { .. })));

    let mut inbox = client.subscribe(subject).await.unwrap();
    let nats = client.nats().clone();
    let answering = tokio::spawn(async move {
        for answer in [r#"{"success":false,"balance":7}"#, "soon"] {
            let request = inbox.next().await.unwrap();
            nats.publish(request.reply.unwrap(), answer.into())
                .await
                .unwrap();
        }
    });
    // Not a refusal: what the fields mean is between the two.
    let reply: Value = client.request_json(subject, "?", SOON).await.unwrap();
    assert_eq!(reply, json!({"success": false, "balance": 7}));
    let odd: Result<Value, _> = client.request_json(subject, "?", SOON).await;
    assert!(
        matches!(odd, Err(CommandError::Malformed { .. })),
        "{odd:?}"
    );
    answering.await.unwrap();
}

#[tokio::test]
async fn what_is_no_subject_is_told_as_such() {
    let (_server, client) = server_and_client().await;
    let subject = "kryten.my bot.seen";
    let is_named = |told: &dyn std::fmt::Display| {
        let told = told.to_string();
        assert!(
            told.contains(r#""kryten.my bot.seen" is no NATS subject"#)
                && told.contains("without white space"),
            "{told}"
        );
    };
    let published = client.publish_json(subject, &json!({})).await.unwrap_err();
    assert!(matches!(published, CommandError::BadSubject { .. }));
    is_named(&published);
    let asked: Result<Value, _> = client.request_json(subject, &json!({}), SOON).await;
    let asked = asked.unwrap_err();
    assert!(matches!(asked, CommandError::BadSubject { .. }));
    is_named(&asked);
    let heard = client.subscribe(subject).await.unwrap_err();
    assert!(matches!(heard, SubscribeError::BadSubject { .. }));
    is_named(&heard);
    for subject in ["", "a..b", ".a", "a."] {
        let heard = client.subscribe(subject).await;
        assert!(
            matches!(heard, Err(SubscribeError::BadSubject { .. })),
            "{subject:?}"
        );
    }
}
