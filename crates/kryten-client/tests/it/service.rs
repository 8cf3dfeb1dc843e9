//! A service as others meet it on the wire.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subscriber;
use futures_util::StreamExt;
use kryten_client::Client;
use kryten_client::command::{CommandError, request};
use kryten_client::respond::Refusal;
use kryten_client::round_trip::round_trip;
use kryten_client::service::{
    Identity, Lifecycle, LifecycleEvent, NORMAL_SHUTDOWN, NoParameters, RestartPolicy, Service,
    ServiceBuilder, StartError,
};
use kryten_protocol::command::Request;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::fixture::{connect, in_time, server_and_client, until};

const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(serde::Deserialize)]
struct Add {
    one: i64,
    #[serde(default)]
    other: i64,
}

fn adder() -> ServiceBuilder {
    Service::builder("adder", "1.2.3")
        .hostname("here")
        .command("add", |add: Add| async move {
            match add.one.checked_add(add.other) {
                Some(sum) => Ok(json!({ "sum": sum })),
                None => Err(Refusal::from("The sum is too large")),
            }
        })
}

async fn ask(client: &Client, request: Value) -> Value {
    let answer = client
        .nats()
        .request("kryten.adder.command", request.to_string().into())
        .await
        .unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

/// Lifecycle messages of a service, in order.
struct Heard(Subscriber);

impl Heard {
    async fn of(client: &Client, service: &str) -> Self {
        let nats = client.nats();
        let subject = format!("kryten.lifecycle.{service}.>");
        let heard = nats.subscribe(subject).await.unwrap();
        assert!(round_trip(&nats).await);
        Self(heard)
    }

    async fn next(&mut self) -> (String, Value) {
        let message = in_time(self.0.next()).await.unwrap();
        let what = message.subject.rsplit('.').next().unwrap().to_owned();
        (what, serde_json::from_slice(&message.payload).unwrap())
    }
}

fn keys(body: &Value) -> String {
    let keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    keys.join(" ")
}

#[tokio::test]
async fn commands_are_typed_and_each_request_has_one_answer() {
    let (server, client) = server_and_client().await;
    let service = adder().start(&connect(&server).await).await.unwrap();
    assert_eq!(
        ask(&client, json!({"command": "add", "one": 2, "other": 3})).await,
        json!({"service": "adder", "command": "add", "success": true, "data": {"sum": 5}})
    );
    for (request, error) in [
        (
            json!({"command": "add", "one": "two"}),
            "Bad parameter one of add: invalid type: string \"two\", expected i64",
        ),
        (
            json!({"command": "add"}),
            "Bad parameters of add: missing field `one`",
        ),
        (
            json!({"command": "add", "one": i64::MAX, "other": 1}),
            "The sum is too large",
        ),
    ] {
        assert_eq!(
            ask(&client, request).await,
            json!({"service": "adder", "command": "add", "success": false, "error": error})
        );
    }
    let unknown = ask(&client, json!({"command": "divide", "service": "adder"})).await;
    assert_eq!(unknown["error"], "Unknown command: divide");
    assert_eq!(service.requests(), 5);
}

#[tokio::test]
async fn a_name_that_no_subject_can_carry_as_it_is_works_all_the_same() {
    let (server, client) = server_and_client().await;
    let service = Service::builder("My Bot!", "1")
        .command("ping", |_: NoParameters| async { Ok("pong") })
        .start(&connect(&server).await)
        .await
        .unwrap();
    let asked = request(&client, "My Bot!", Request::new("My Bot!", "ping"), TIMEOUT).await;
    assert_eq!(asked.unwrap().data, Some("pong".into()));
    service.stop(NORMAL_SHUTDOWN).await;
}

#[tokio::test]
async fn lifecycle_messages_are_those_of_kryten_py() {
    let (server, client) = server_and_client().await;
    let mut heard = Heard::of(&client, "adder").await;
    let service = adder()
        .heartbeat(Some(Duration::from_millis(300)))
        .endpoints([("health", 8080, "/health")])
        .start(&connect(&server).await)
        .await
        .unwrap();
    let (what, startup) = heard.next().await;
    assert_eq!(what, "startup");
    let base = "service version hostname timestamp uptime_seconds metadata";
    assert_eq!(keys(&startup), base);
    assert_eq!(
        [
            &startup["service"],
            &startup["version"],
            &startup["hostname"]
        ],
        ["adder", "1.2.3", "here"]
    );
    assert_eq!(
        startup["metadata"]["endpoints"],
        json!({"health": {"port": 8080, "path": "/health"}})
    );
    let (what, heartbeat) = heard.next().await;
    assert_eq!(
        (what.as_str(), keys(&heartbeat).as_str()),
        ("heartbeat", base)
    );
    assert!(heartbeat["uptime_seconds"].as_f64().unwrap() >= 0.3);

    let lifecycle = service.lifecycle();
    lifecycle.connected("CyTube").await;
    lifecycle.disconnected("CyTube", "kicked").await;
    service.stop("Maintenance").await;
    let mut rest = Vec::new();
    while rest.last().is_none_or(|(what, _)| what != "shutdown") {
        let next = heard.next().await;
        if next.0 != "heartbeat" {
            rest.push(next);
        }
    }
    let told: Vec<_> = rest
        .iter()
        .map(|(what, body)| (what.as_str(), &body["target"], &body["reason"]))
        .collect();
    assert_eq!(
        told,
        [
            ("connected", &json!("CyTube"), &Value::Null),
            ("disconnected", &json!("CyTube"), &json!("kicked")),
            ("shutdown", &Value::Null, &json!("Maintenance")),
        ]
    );
}

#[tokio::test]
async fn polls_and_robots_make_a_service_announce_itself_again() {
    let (server, client) = server_and_client().await;
    let mut heard = Heard::of(&client, "adder").await;
    let (events_tx, mut events) = mpsc::unbounded_channel();
    let _service = adder()
        .on_lifecycle(move |event| drop(events_tx.send(event)))
        .start(&connect(&server).await)
        .await
        .unwrap();
    assert_eq!(heard.next().await.1["re_announcement"], Value::Null);
    let nats = client.nats();
    nats.publish("kryten.service.discovery.poll", "odd \u{1}".into())
        .await
        .unwrap();
    let (what, body) = heard.next().await;
    assert_eq!(
        (what.as_str(), &body["re_announcement"]),
        ("startup", &Value::Null)
    );
    nats.publish("kryten.lifecycle.robot.startup", "{}".into())
        .await
        .unwrap();
    let (what, body) = heard.next().await;
    assert_eq!(
        (what.as_str(), &body["re_announcement"]),
        ("startup", &json!(true))
    );
    assert_eq!(
        in_time(events.recv()).await,
        Some(LifecycleEvent::RobotStarted)
    );
}

#[tokio::test]
async fn a_service_announces_itself_after_its_connection_was_lost() {
    let (mut server, client) = server_and_client().await;
    let service_client = connect(&server).await;
    let _service = adder().start(&service_client).await.unwrap();
    let mut heard = Heard::of(&service_client, "adder").await;
    server.restart().await.unwrap();
    // Subscriptions are made again before anything else is sent on a new connection.
    let (what, body) = heard.next().await;
    assert_eq!(
        (what.as_str(), &body["re_announcement"]),
        ("startup", &json!(true))
    );
    drop(client);
}

#[tokio::test]
async fn nobody_is_obeyed_who_asks_for_a_restart_unless_named() {
    let (server, client) = server_and_client().await;
    let (events_tx, mut events) = mpsc::unbounded_channel();
    let start = async |name: &'static str, policy| {
        let events = events_tx.clone();
        let tell = move |event| drop(events.send((name, event)));
        Service::builder(name, "1")
            .restarts(policy)
            .on_lifecycle(tell)
            .start(&connect(&server).await)
            .await
            .unwrap()
    };
    let stays = start("stays", RestartPolicy::default()).await;
    let listed = start("listed", RestartPolicy::from_initiators(["operator"])).await;
    let ask = async |body: Value| {
        let subject = "kryten.lifecycle.group.restart";
        client
            .nats()
            .publish(subject, body.to_string().into())
            .await
            .unwrap();
    };
    ask(json!("nonsense")).await;
    ask(json!({"initiator": "stranger", "delay_seconds": 0})).await;
    ask(json!({"initiator": "operator", "delay_seconds": "soon"})).await;
    ask(json!({"initiator": "operator", "reason": "new version", "delay_seconds": 0.05})).await;
    let (name, event) = in_time(events.recv()).await.unwrap();
    let LifecycleEvent::Restart(notice) = event else {
        panic!("{event:?}");
    };
    assert_eq!((name, notice.reason.as_str()), ("listed", "new version"));
    assert_eq!(in_time(listed.restart_asked()).await, notice);
    // What `stays` has heard by now it would have told.
    stays
        .lifecycle()
        .ask_all_to_restart("all again", Duration::ZERO)
        .await;
    listed.stop(NORMAL_SHUTDOWN).await;
    stays.stop(NORMAL_SHUTDOWN).await;
    drop(events_tx);
    assert_eq!(in_time(events.recv()).await, None);
}

#[tokio::test]
async fn a_stop_answers_what_was_taken_and_then_says_goodbye() {
    let (server, client) = server_and_client().await;
    let mut heard = Heard::of(&client, "slow").await;
    let (taken, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let service = {
        let (taken, go_on) = (Arc::clone(&taken), Arc::clone(&go_on));
        Service::builder("slow", "1").command("work", move |_: NoParameters| {
            let (taken, go_on) = (Arc::clone(&taken), Arc::clone(&go_on));
            async move {
                taken.notify_one();
                go_on.notified().await;
                Ok("done")
            }
        })
    };
    let service = service.start(&connect(&server).await).await.unwrap();
    assert_eq!(heard.next().await.0, "startup");
    let asking = tokio::spawn({
        let client = client.clone();
        async move { request(&client, "slow", Request::new("slow", "work"), TIMEOUT).await }
    });
    in_time(taken.notified()).await;
    let stopping = tokio::spawn(service.stop(NORMAL_SHUTDOWN));
    until(|| async {
        let late = request(&client, "slow", Request::new("slow", "other"), TIMEOUT).await;
        matches!(late, Err(CommandError::NoResponders { .. }))
    })
    .await;
    assert!(!stopping.is_finished(), "the request is not answered yet");
    go_on.notify_one();
    let answer = in_time(asking).await.unwrap().unwrap();
    assert_eq!(answer.data, Some("done".into()));
    in_time(stopping).await.unwrap();
    let (what, body) = heard.next().await;
    assert_eq!(
        (what.as_str(), &body["reason"]),
        ("shutdown", &json!(NORMAL_SHUTDOWN))
    );
}

#[tokio::test]
async fn a_handler_that_never_ends_does_not_hold_up_the_stop() {
    let (server, client) = server_and_client().await;
    let taken = Arc::new(Notify::new());
    let tell = Arc::clone(&taken);
    let service = Service::builder("stuck", "1")
        .stop_limit(Duration::from_millis(50))
        .command("work", move |_: NoParameters| {
            tell.notify_one();
            std::future::pending::<Result<(), Refusal>>()
        })
        .start(&connect(&server).await)
        .await
        .unwrap();
    let asking = tokio::spawn(async move {
        request(&client, "stuck", Request::new("stuck", "work"), TIMEOUT).await
    });
    in_time(taken.notified()).await;
    in_time(service.stop(NORMAL_SHUTDOWN)).await;
    asking.abort();
}

#[tokio::test]
async fn a_name_that_cannot_be_and_a_command_given_twice_are_told() {
    let (_server, client) = server_and_client().await;
    let nameless = Service::builder("", "1").start(&client).await;
    assert!(matches!(nameless, Err(StartError::Name(_))), "{nameless:?}");
    let twice = adder().command("add", |_: NoParameters| async { Ok(()) });
    let twice = twice.start(&client).await;
    assert!(
        matches!(&twice, Err(StartError::CommandTwice(name)) if name == "add"),
        "{twice:?}"
    );
}

#[tokio::test]
async fn nobody_waits_for_announcements_while_nats_is_away() {
    let (mut server, client) = server_and_client().await;
    let lifecycle = Lifecycle::new(&client, Identity::new("adder", "1.2.3")).unwrap();
    server.stop().await.unwrap();
    // More than a client keeps for a server that is away.
    let many = (0..10_000).map(|_| lifecycle.heartbeat());
    in_time(futures_util::future::join_all(many)).await;
}
