use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use kryten_client::command::{CommandError, request};
use kryten_client::respond::{Refusal, Responder};
use kryten_protocol::command::Request;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::fixture::{connect, in_time, server_and_client};

const TIMEOUT: Duration = Duration::from_secs(5);

type Handled = Result<Value, Refusal>;

async fn handle(request: Request) -> Handled {
    match request.command.as_str() {
        "echo" => Ok(Value::Object(request.parameters)),
        "large" => Ok(json!("x".repeat(9_000_000))),
        command => Err(format!("Unknown command: {command}").into()),
    }
}

/// As [`handle`], and `slow` is answered when the gate opens.
fn handle_behind(gate: &Arc<Notify>) -> impl Fn(Request) -> BoxFuture<'static, Handled> + use<> {
    let gate = Arc::clone(gate);
    move |request| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            if request.command == "slow" {
                gate.notified().await;
                return Ok(json!("done"));
            }
            handle(request).await
        })
    }
}

#[tokio::test]
async fn a_command_is_answered_once_by_one_of_several_instances() {
    let (server, client) = server_and_client().await;
    let mut responders = Vec::new();
    for _ in 0..3 {
        let instance = connect(&server).await;
        responders.push(
            Responder::start(&instance, "userstats", handle)
                .await
                .unwrap(),
        );
    }
    for number in 0..50 {
        let command = Request::new("userstats", "echo").with("number", number);
        let reply = request(&client, "userstats", command, TIMEOUT)
            .await
            .unwrap();
        assert_eq!(reply.data.unwrap()["number"], number);
        assert_eq!(reply.service.as_deref(), Some("userstats"));
        assert_eq!(reply.command, Some(json!("echo")));
    }
    assert_eq!(responders.iter().map(Responder::requests).sum::<u64>(), 50);
}

#[tokio::test]
async fn the_ways_in_which_a_command_fails_are_told_apart() {
    let (_server, client) = server_and_client().await;
    let ask =
        |command: &str, timeout| request(&client, "robot", Request::new("robot", command), timeout);
    assert!(matches!(
        ask("echo", TIMEOUT).await,
        Err(CommandError::NoResponders { .. })
    ));
    let gate = Arc::default();
    let responder = Responder::start(&client, "robot", handle_behind(&gate));
    let responder = responder.await.unwrap();
    let refused = ask("nonsense", TIMEOUT).await;
    assert!(
        matches!(&refused, Err(CommandError::Refused { error, .. }) if error == "Unknown command: nonsense"),
        "{refused:?}"
    );
    let slow = ask("slow", Duration::from_millis(50)).await;
    assert!(
        matches!(slow, Err(CommandError::TimedOut { .. })),
        "{slow:?}"
    );
    gate.notify_one();
    let large = ask("large", TIMEOUT).await;
    assert!(
        matches!(&large, Err(CommandError::Refused { error, .. }) if error.contains("takes at most 8388608")),
        "{large:?}"
    );
    responder.stop().await;
    assert!(matches!(
        ask("echo", TIMEOUT).await,
        Err(CommandError::NoResponders { .. })
    ));

    let mut inbox = client.nats().subscribe("kryten.odd.command").await.unwrap();
    let (answer, ()) = tokio::join!(
        request(&client, "odd", Request::new("odd", "x"), TIMEOUT),
        async {
            use futures_util::StreamExt;
            let message = inbox.next().await.unwrap();
            client
                .nats()
                .publish(message.reply.unwrap(), "[]".into())
                .await
                .unwrap();
        }
    );
    assert!(
        matches!(answer, Err(CommandError::Malformed { .. })),
        "{answer:?}"
    );
}

#[tokio::test]
async fn stopping_answers_what_was_taken() {
    let (_server, client) = server_and_client().await;
    let gate = Arc::default();
    let responder = Responder::start(&client, "robot", handle_behind(&gate));
    let responder = responder.await.unwrap();
    let slow = tokio::spawn({
        let client = client.clone();
        async move { request(&client, "robot", Request::new("robot", "slow"), TIMEOUT).await }
    });
    crate::fixture::until(|| async { responder.requests() == 1 }).await;
    let mut stopping = pin!(responder.stop());
    assert!(
        futures_util::poll!(&mut stopping).is_pending(),
        "one is not answered"
    );
    gate.notify_one();
    in_time(stopping).await;
    assert_eq!(
        in_time(slow).await.unwrap().unwrap().data,
        Some(json!("done"))
    );
}

#[tokio::test]
async fn what_is_no_request_gets_one_answer_too() {
    let (_server, client) = server_and_client().await;
    let _responder = Responder::start(&client, "userstats", handle)
        .await
        .unwrap();
    let answer = client
        .nats()
        .request("kryten.userstats.command", "nonsense".into())
        .await
        .unwrap();
    assert_eq!(answer.payload, r#"{"error":"Invalid JSON"}"#);
}
