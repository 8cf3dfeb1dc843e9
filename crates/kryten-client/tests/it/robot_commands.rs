use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_client::chat::ChatLimits;
use kryten_client::command::CommandError;
use kryten_client::commands::Robot;
use kryten_client::respond::{Refusal, Responder};
use kryten_protocol::event::playlist::After;
use kryten_protocol::robot::{Position, RobotCommand, StateQuery, Video};
use serde_json::{Value, json};

use crate::fixture::{in_time, server_and_client, until};

/// The requests that came, without their meta.
type Requests = Arc<Mutex<Vec<Value>>>;

/// Answers as the Python robot does.
async fn start(client: &Client) -> (Responder, Requests) {
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let responder = Responder::start(client, "robot", move |request| {
        let mut fields = request.parameters;
        let meta = fields.shift_remove("meta").unwrap();
        assert_eq!(
            (&meta["domain"], &meta["channel"]),
            (&json!("cytu.be"), &json!("Lounge"))
        );
        assert_eq!(meta["source"], "greeter");
        fields.shift_insert(0, "command".to_owned(), request.command.clone().into());
        seen.lock().unwrap().push(fields.into());
        let answer: Result<Value, Refusal> = match request.command.as_str() {
            "jump" => Ok(json!({"success": false, "error": "Failed to jump to video"})),
            "newPoll" => Err("Missing title or options".into()),
            "addvideo" => Ok(json!({"success": true, "uid": 0})),
            "state.userlist" => {
                Ok(json!({"userlist": [{"name": "bob", "rank": 1.5, "meta": {"afk": true}}]}))
            }
            "state.emotes" => Ok(json!({"emotes": 7})),
            "state.user" => Ok(json!({"user": null, "profile": null})),
            "requestBanlist" => Ok(
                json!({"banlist": {"event_name": "banlist", "payload": [{"id": 4, "name": "mallory"}]}}),
            ),
            _ => Ok(json!({"success": true})),
        };
        async move { answer }
    });
    (responder.await.unwrap(), requests)
}

fn robot(client: &Client) -> Robot {
    client.robot("cytu.be", "Lounge").as_source("greeter")
}

#[tokio::test]
async fn methods_send_what_the_robot_understands_and_read_what_it_answers() {
    let (_server, client) = server_and_client().await;
    let (_responder, requests) = start(&client).await;
    let robot = robot(&client);
    robot.delete(0).await.unwrap();
    robot.move_item(3, After::Append).await.unwrap();
    robot.kick("bob", Some("spam")).await.unwrap();
    robot.ban("bob", None).await.unwrap();
    robot.unban("bob").await.unwrap();
    robot.mute("bob").await.unwrap();
    robot.unmute("bob").await.unwrap();
    let video = Video::Url("https://youtu.be/x".into());
    assert_eq!(
        robot.queue(video, Position::End, true).await.unwrap(),
        Some(0)
    );
    let users = robot.userlist().await.unwrap();
    assert_eq!(
        (users[0].name.as_str(), users[0].rank, users[0].is_afk()),
        ("bob", 1.5, true)
    );
    assert_eq!(robot.user("nobody").await.unwrap(), None);
    assert_eq!(robot.banlist().await.unwrap()[0].id, 4);
    let requests = requests.lock().unwrap();
    assert_eq!(
        requests[..7],
        [
            json!({"command": "rmvideo", "args": {"uid": 0}}),
            json!({"command": "mvvideo", "args": {"from": 3, "after": "append"}}),
            json!({"command": "kick", "args": {"name": "bob", "reason": "spam"}}),
            json!({"command": "ban", "args": {"name": "bob"}}),
            json!({"command": "unban", "args": {"username": "bob"}}),
            json!({"command": "mute", "args": {"username": "bob"}}),
            json!({"command": "say", "args": {"message": "/unmute bob"}}),
        ]
    );
}

#[tokio::test]
async fn what_is_said_is_a_command_only_where_the_message_begins_with_a_slash() {
    let (_server, client) = server_and_client().await;
    let (_responder, requests) = start(&client).await;
    let limits = ChatLimits {
        min_delay: Duration::ZERO,
        jitter: Duration::ZERO,
        max_length: 10,
        ..ChatLimits::default()
    };
    let robot = robot(&client).with_chat_limits(limits);
    robot.say(" /clear").await.unwrap();
    robot.say("\n/clear").await.unwrap();
    robot.say("much text /clear").await.unwrap();
    robot.say("/me waves").await.unwrap();
    let requests = requests.lock().unwrap();
    let said: Vec<_> = requests
        .iter()
        .map(|request| request["args"]["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        said,
        [" /clear", " /clear", "much text", " /clear", "/me waves"]
    );
}

#[tokio::test]
async fn the_ways_in_which_a_command_to_the_robot_fails_are_told_apart() {
    let (_server, client) = server_and_client().await;
    let robot = robot(&client);
    let nobody = robot.delete(1).await;
    assert!(
        matches!(nobody, Err(CommandError::NoResponders { .. })),
        "{nobody:?}"
    );
    let nobody = robot.user_level().await;
    assert!(
        matches!(nobody, Err(CommandError::NoResponders { .. })),
        "{nobody:?}"
    );
    let (_responder, _) = start(&client).await;
    // A failure inside of a success, and one that says so.
    let jump = robot.jump(1).await;
    assert!(
        matches!(&jump, Err(CommandError::Refused { error, .. }) if error == "Failed to jump to video"),
        "{jump:?}"
    );
    let poll = RobotCommand::NewPoll {
        title: String::new(),
        options: vec![],
        obscured: false,
        timeout: 0,
    };
    let poll = robot.send(poll).await;
    assert!(
        matches!(&poll, Err(CommandError::Refused { error, .. }) if error == "Missing title or options"),
        "{poll:?}"
    );
    let emotes = robot.emotes().await;
    assert!(
        matches!(&emotes, Err(CommandError::Malformed { .. })),
        "{emotes:?}"
    );
}

#[tokio::test]
async fn only_a_question_is_asked_again() {
    let (_server, client) = server_and_client().await;
    // Takes requests and never answers, as a robot does that is not meant.
    let mut silent = client.subscribe("kryten.robot.command").await.unwrap();
    let robot = robot(&client)
        .with_timeout(Duration::from_millis(50))
        .with_tries(3);
    let answer = robot.send(RobotCommand::State(StateQuery::Motd)).await;
    assert!(
        matches!(answer, Err(CommandError::TimedOut { .. })),
        "{answer:?}"
    );
    let answer = robot.delete(1).await;
    assert!(
        matches!(answer, Err(CommandError::TimedOut { .. })),
        "{answer:?}"
    );
    let mut asked = Vec::new();
    for _ in 0..4 {
        let request = in_time(silent.next()).await.unwrap();
        let request: Value = serde_json::from_slice(&request.payload).unwrap();
        asked.push((
            request["command"].clone(),
            request["meta"]["request_id"].clone(),
        ));
    }
    assert!(
        asked[..3].iter().all(|request| *request == asked[0]),
        "{asked:?}"
    );
    assert_eq!(
        (&asked[0].0, &asked[3].0),
        (&json!("state.motd"), &json!("rmvideo"))
    );
    assert!(
        tokio::time::timeout(Duration::from_millis(1), silent.next())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_long_message_is_said_in_parts_at_the_pace() {
    let (_server, client) = server_and_client().await;
    let (_responder, requests) = start(&client).await;
    let limits = ChatLimits {
        min_delay: Duration::from_millis(40),
        jitter: Duration::ZERO,
        max_length: 10,
        ..ChatLimits::default()
    };
    let robot = robot(&client).with_chat_limits(limits);
    let start = std::time::Instant::now();
    robot.say("to be or not to be").await.unwrap();
    robot.clone().pm("bob", "psst").await.unwrap();
    robot.say("  ").await.unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(80),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        requests.lock().unwrap()[..],
        [
            json!({"command": "say", "args": {"message": "to be or"}}),
            json!({"command": "say", "args": {"message": "not to be"}}),
            json!({"command": "pm", "args": {"to": "bob", "msg": "psst"}}),
        ]
    );
}

#[tokio::test]
async fn a_command_without_reply_is_what_kryten_py_sends() {
    let (mut server, client) = server_and_client().await;
    let mut inbox = client
        .nats()
        .subscribe("kryten.robot.command")
        .await
        .unwrap();
    let robot = robot(&client).with_timeout(Duration::from_millis(50));
    let request_id = robot.tell(RobotCommand::Voteskip).await.unwrap();
    let message = in_time(inbox.next()).await.unwrap();
    assert!(message.reply.is_none() && message.headers.is_none());
    let mut body: Value = serde_json::from_slice(&message.payload).unwrap();
    let meta = body.as_object_mut().unwrap().shift_remove("meta").unwrap();
    assert_eq!(body, json!({"command": "voteskip", "args": {}}));
    assert_eq!(meta["request_id"], json!(request_id));
    let fields: Vec<&String> = meta.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["source", "timestamp", "domain", "channel", "request_id"]
    );
    server.stop().await.unwrap();
    until(|| async { !client.is_connected() }).await;
    let away = robot.tell(RobotCommand::Voteskip).await;
    assert!(matches!(away, Err(CommandError::ServerAway)), "{away:?}");
    let away = robot.delete(1).await;
    assert!(matches!(away, Err(CommandError::ServerAway)), "{away:?}");
}

#[tokio::test]
async fn the_rank_is_asked_where_the_robot_listens_and_else_where_kryten_py_asks() {
    let (_server, client) = server_and_client().await;
    for (subject, body, expected) in [
        (
            "cytube.user_level.cytu.be.lounge",
            r#"{"success":true,"rank":1,"username":"old"}"#,
            Some((1.0, "old")),
        ),
        (
            "kryten.user_level.cytu.be.Lounge",
            r#"{"success":true,"rank":1.5,"username":"KrytenBot"}"#,
            Some((1.5, "KrytenBot")),
        ),
        (
            "kryten.user_level.cytu.be.Lounge",
            r#"{"success":false,"error":"no"}"#,
            None,
        ),
    ] {
        let mut inbox = client.subscribe(subject).await.unwrap();
        let nats = client.nats().clone();
        let answering = tokio::spawn(async move {
            let request = inbox.next().await.unwrap();
            nats.publish(request.reply.unwrap(), body.into())
                .await
                .unwrap();
            inbox.unsubscribe().await.unwrap();
        });
        let level = robot(&client).user_level().await;
        match expected {
            Some((rank, name)) => {
                let level = level.unwrap();
                assert_eq!((level.rank, level.username.as_str()), (rank, name));
            }
            None => {
                assert!(matches!(&level, Err(CommandError::Refused { error, .. }) if error == "no"))
            }
        }
        answering.await.unwrap();
    }
}
