use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_client::command::CommandError;
use kryten_client::commands::EmotesSet;
use kryten_client::respond::{Refusal, Responder};
use kryten_protocol::event::emotes::Emote;
use kryten_protocol::robot::RobotCommand;
use serde_json::{Map, Value, json};

use crate::fixture::server_and_client;

/// A robot that knows three emotes and one service; the names and arguments that it was sent.
async fn start(client: &Client) -> (Responder, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heard);
    let responder = Responder::start(client, "robot", move |request| {
        let args = request.parameters.get("args").cloned().unwrap_or_default();
        let name = args["name"].as_str().unwrap_or_default();
        seen.lock()
            .unwrap()
            .push(format!("{} {name}", request.command));
        let answer: Result<Value, Refusal> = Ok(match request.command.as_str() {
            "state.emotes" => json!({"emotes": [
                {"name": "#same", "image": "s"}, {"name": "#old", "image": "o"}, {"name": "#gone", "image": "g"},
            ]}),
            "state.css" => json!({"css": "b{}"}),
            "state.js" => json!({"js": ";"}),
            "state.options" => json!({"options": {"pagetitle": "x"}}),
            "state.permissions" => json!({"permissions": {"chat": 0}}),
            "state.profiles" => json!({"profiles": {"bob": {"image": "i", "text": "t"}}}),
            "system.ping" => json!({"pong": true, "version": "1", "uptime_seconds": 2.5}),
            "system.channels" => {
                json!({"channels": [{"domain": "d", "channel": "c", "connected": true}]})
            }
            "system.services" => json!({"services": [
                {"name": "bot", "version": "2", "hostname": "h", "seconds_since_heartbeat": 100, "is_stale": true},
            ], "count": 1}),
            _ => json!({"success": true}),
        });
        async move { answer }
    });
    (responder.await.unwrap(), heard)
}

fn emote(name: &str, image: &str) -> Emote {
    let (name, image) = (name.to_owned(), image.to_owned());
    Emote {
        name,
        image,
        ..Emote::default()
    }
}

#[tokio::test]
async fn a_command_that_needs_a_higher_rank_is_not_sent() {
    let (_server, client) = server_and_client().await;
    let (_responder, heard) = start(&client).await;
    let mut levels = client.subscribe("kryten.user_level.>").await.unwrap();
    let nats = client.nats().clone();
    let answering = tokio::spawn(async move {
        while let Some(request) = levels.next().await {
            let body = r#"{"success":true,"rank":2,"username":"KrytenBot"}"#;
            nats.publish(request.reply.unwrap(), body.into())
                .await
                .unwrap();
        }
    });
    let robot = client.robot("cytu.be", "Lounge");
    let motd = RobotCommand::SetMotd { motd: "m".into() };
    let refused = robot.send_checked(motd).await;
    assert!(
        matches!(
            refused,
            Err(CommandError::RankTooLow {
                rank: 2.0,
                needed: 3.0
            })
        ),
        "{refused:?}"
    );
    let leader = RobotCommand::AssignLeader {
        username: Some("bob".into()),
    };
    robot.send_checked(leader).await.unwrap();
    // Nobody is asked about a rank where none is needed.
    answering.abort();
    let _ = answering.await;
    robot.send_checked(RobotCommand::Voteskip).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), ["assignLeader bob", "voteskip "]);
}

#[tokio::test]
async fn emotes_are_made_the_same_with_the_fewest_commands() {
    let (_server, client) = server_and_client().await;
    let (_responder, heard) = start(&client).await;
    let robot = client.robot("cytu.be", "Lounge");
    let wanted = [
        emote("#same", "s"),
        emote("#old", "first"),
        emote("#old", "new"),
    ];
    let done = robot.set_emotes(&wanted).await.unwrap();
    assert_eq!(
        done,
        EmotesSet {
            updated: 1,
            removed: 1
        }
    );
    robot.import_emotes(&wanted[..2]).await.unwrap();
    assert_eq!(
        *heard.lock().unwrap(),
        [
            "state.emotes ",
            "updateEmote #old",
            "removeEmote #gone",
            "updateEmote #same",
            "updateEmote #old"
        ]
    );
}

#[tokio::test]
async fn the_robot_says_what_it_knows() {
    let (_server, client) = server_and_client().await;
    let (_responder, _) = start(&client).await;
    let robot = client.robot("cytu.be", "Lounge");
    assert_eq!(robot.css().await.unwrap(), "b{}");
    assert_eq!(robot.js().await.unwrap(), ";");
    assert_eq!(robot.options().await.unwrap()["pagetitle"], "x");
    assert_eq!(robot.permissions().await.unwrap()["chat"], 0);
    assert_eq!(robot.profiles().await.unwrap()["bob"].text, "t");
    let ping = robot.ping().await.unwrap();
    assert_eq!((ping.version.as_str(), ping.uptime_seconds), ("1", 2.5));
    assert!(robot.channels().await.unwrap()[0].connected);
    let services = robot.services().await.unwrap();
    assert!(services[0].is_stale && services[0].fields["hostname"] == "h");
}

#[tokio::test]
async fn a_command_of_a_newer_robot_can_be_sent_by_its_name() {
    let (_server, client) = server_and_client().await;
    let (_responder, heard) = start(&client).await;
    let robot = client.robot("cytu.be", "Lounge");
    let args = Map::from_iter([("name".to_owned(), json!("x"))]);
    let name = "dance".to_owned();
    robot
        .send(RobotCommand::Other { name, args })
        .await
        .unwrap();
    assert_eq!(*heard.lock().unwrap(), ["dance x"]);
}
