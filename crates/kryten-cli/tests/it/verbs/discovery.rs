//! Which channel is meant where none is named, and what is said where nobody answers.

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_client::round_trip::round_trip;
use kryten_servers::NatsServer;
use serde_json::{Value, json};

use super::{printed, refused, run_at, start};
use crate::rig::nats_config;

fn url(server: &NatsServer) -> String {
    let (user, password) = (server.user(), server.password());
    format!("nats://{user}:{password}@127.0.0.1:{}", server.port())
}

/// Robots that say which channels they serve, and nothing else.
async fn robots(client: &Client, channels: &[(&str, &str)]) {
    for (domain, channel) in channels {
        let mut requests = client
            .nats()
            .subscribe("kryten.robot.command")
            .await
            .unwrap();
        let (nats, name) = (
            client.nats().clone(),
            json!({"domain": domain, "channel": channel}),
        );
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let asked: Value = serde_json::from_slice(&request.payload).unwrap();
                if asked["command"] == "system.channels" {
                    let reply = json!({"success": true, "data": {"channels": [name]}}).to_string();
                    nats.publish(request.reply.unwrap(), reply.into())
                        .await
                        .unwrap();
                }
            }
        });
    }
    assert!(round_trip(&client.nats()).await);
}

#[tokio::test]
async fn the_only_channel_need_not_be_named_and_a_wrong_one_is_told() {
    let channel = start().await;
    printed(&channel, &["say", "no channel named"]).await;
    let upper = channel.name().to_uppercase();
    printed(&channel, &["--channel", &upper, "say", "in another case"]).await;
    let wrong = refused(&channel, &["--channel", "cellar", "say", "hi"]).await;
    assert_eq!(
        wrong,
        format!(
            "error: no robot serves the channel cellar; served: {}\n",
            channel.name()
        )
    );
    channel.shutdown().await;
}

#[tokio::test]
async fn of_several_channels_one_must_be_named() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    robots(&client, &[("cytu.be", "Attic"), ("cytu.be", "Lounge")]).await;
    let ran = run_at(&url(&server), &["say", "hi"]).await;
    assert_eq!(ran.code, 1);
    let asked = ran.err.contains("which channel?") && ran.err.contains("--channel");
    assert!(
        asked && ran.err.contains("Attic") && ran.err.contains("Lounge"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn where_nobody_answers_one_sentence_says_what_to_start() {
    let server = NatsServer::ephemeral().await;
    let nats = url(&server);
    for (arguments, expected) in [
        (&["say", "hi"][..], "no robot is running"),
        (
            &["--channel", "lounge", "kick", "bob"],
            "no robot is running; start it with `kryten up`",
        ),
        (
            &["--channel", "lounge", "stats", "channel", "top"],
            "no statistics service is running",
        ),
        (
            &["stats", "system", "ping"],
            "no statistics service is running",
        ),
        (
            &["--channel", "lounge", "userstats", "all"],
            "no statistics service is running",
        ),
        (
            &["--channel", "lounge", "moderator", "list"],
            "no moderator service is running",
        ),
    ] {
        let ran = run_at(&nats, arguments).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}");
        assert!(
            ran.err.starts_with(&format!("error: {expected}")),
            "{}",
            ran.err
        );
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    let ran = run_at("nats://127.0.0.1:1", &["say", "hi"]).await;
    assert_eq!(ran.code, 1);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(ran.err.contains("no NATS server answers at"), "{}", ran.err);
}
