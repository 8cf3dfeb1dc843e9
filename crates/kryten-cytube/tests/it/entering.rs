//! Join and login, and what keeps the client out.

use std::time::Duration;

use kryten_cytube::{ConnectError, CytubeItem, DisconnectReason, EmitError, Login};
use kryten_sim::{Account, Operation, Sim, SimConfig};
use serde_json::json;

use crate::support::{Client, config, guest};

fn with_accounts() -> SimConfig {
    SimConfig {
        accounts: vec![Account {
            name: "Bot".to_owned(),
            password: Some("secret".to_owned()),
            rank: 3.0,
        }],
        ..SimConfig::quiet("Lounge")
    }
}

#[tokio::test]
async fn an_account_joins_and_learns_its_rank() {
    let sim = Sim::start(with_accounts()).await.unwrap();
    let mut client = Client::start(config(&sim));
    assert!(matches!(
        client.next().await,
        CytubeItem::Connected { attempt: 0, .. }
    ));
    assert_eq!(client.event("rank").await, json!(-1));
    client.event("setPermissions").await;
    assert_eq!(client.joined().await, (Some("Bot".to_owned()), false));
    assert_eq!(client.event("rank").await, json!(3));
    assert_eq!(client.handle.own_rank(), 3.0);
    client
        .handle
        .emit("chatMsg", &json!({"msg": "hi there", "meta": {}}))
        .await
        .unwrap();
    assert_eq!(client.event("chatMsg").await["msg"], "hi there");
    client.handle.close().await;
    assert!(matches!(client.stopped().await, DisconnectReason::Closed));
    assert_eq!(
        client.handle.emit("chatMsg", &json!({})).await,
        Err(EmitError::Stopped)
    );
}

#[tokio::test]
async fn a_guest_joins_and_an_anonymous_viewer_too() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut settings = config(&sim);
    settings.login = guest("zed");
    let mut client = Client::start(settings);
    assert_eq!(client.joined().await, (Some("zed".to_owned()), true));
    assert_eq!(client.handle.own_rank(), 0.0);

    let mut settings = config(&sim);
    settings.login = Login::Anonymous;
    let mut viewer = Client::start(settings);
    assert_eq!(viewer.joined().await, (None, false));
    sim.say("alice", "hello").await.unwrap();
    assert_eq!(viewer.event("chatMsg").await["username"], "alice");
}

#[tokio::test]
async fn a_guest_waits_out_the_limit_on_guest_logins() {
    let sim = Sim::start(SimConfig {
        guest_delay: Duration::from_secs(1),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let mut settings = config(&sim);
    settings.login = guest("first");
    Client::start(settings.clone()).joined().await;
    settings.login = guest("second");
    let mut second = Client::start(settings);
    let refusal = second.event("login").await;
    assert_eq!(
        refusal["error"],
        "Guest logins are restricted to one per IP address per 1 seconds."
    );
    assert_eq!(second.joined().await, (Some("second".to_owned()), true));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_stop_the_client() {
    let sim = Sim::start(with_accounts()).await.unwrap();
    for (name, password, words) in [
        ("Bot", "wrong", "Invalid username/password combination"),
        ("Nobody", "secret", "User does not exist"),
    ] {
        let mut settings = config(&sim);
        settings.login = Login::Account {
            name: name.to_owned(),
            password: password.into(),
        };
        let mut client = Client::start(settings);
        match client.stopped().await {
            DisconnectReason::LoginRefused { error } => assert_eq!(error, words),
            other => panic!("{other:?}"),
        }
    }
    let mut settings = config(&sim);
    settings.login = guest("bot");
    match Client::start(settings).stopped().await {
        DisconnectReason::LoginRefused { error } => {
            assert_eq!(error, "That username is registered.");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_channel_password_is_given_missing_wrong_or_not_needed() {
    let mut sim_config = with_accounts();
    sim_config.channel_password = Some("swordfish".to_owned());
    let sim = Sim::start(sim_config).await.unwrap();
    let mut settings = config(&sim);
    settings.login = guest("zed");
    let reason = Client::start(settings.clone()).stopped().await;
    assert!(matches!(reason, DisconnectReason::ChannelPasswordNeeded));
    settings.channel_password = Some("sardine".into());
    let reason = Client::start(settings.clone()).stopped().await;
    assert!(matches!(reason, DisconnectReason::WrongChannelPassword));
    settings.channel_password = Some("swordfish".into());
    Client::start(settings).joined().await;
    // A moderator gets in by its login.
    Client::start(config(&sim)).joined().await;
}

#[tokio::test]
async fn an_account_below_moderator_stops_without_the_channel_password() {
    let mut sim_config = SimConfig::quiet("Lounge");
    sim_config.channel_password = Some("swordfish".to_owned());
    sim_config.default_rank = 1.0;
    let sim = Sim::start(sim_config).await.unwrap();
    let mut settings = config(&sim);
    settings.login_timeout = Duration::from_millis(200);
    let reason = Client::start(settings).stopped().await;
    assert!(matches!(reason, DisconnectReason::ChannelPasswordNeeded));
}

#[tokio::test]
async fn a_ban_stops_the_client_whether_old_or_new() {
    let mut sim_config = with_accounts();
    sim_config.banned = vec!["Mallory".to_owned()];
    let sim = Sim::start(sim_config).await.unwrap();
    let mut settings = config(&sim);
    settings.login = guest("mallory");
    settings.reconnect_after_kick = true;
    let reason = Client::start(settings).stopped().await;
    assert!(matches!(reason, DisconnectReason::Banned { .. }));

    let mut client = Client::start(config(&sim));
    client.joined().await;
    let name = "Bot".to_owned();
    sim.run(Operation::Ban { name }).await.unwrap();
    let reason = client.stopped().await;
    assert!(matches!(reason, DisconnectReason::Banned { .. }));
}

#[tokio::test]
async fn an_impossible_channel_name_stops_the_client() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut settings = config(&sim);
    settings.channel = "no such!".to_owned();
    match Client::start(settings).stopped().await {
        DisconnectReason::Connect(error) => match &*error {
            ConnectError::NoSuchChannel { message } => {
                assert_eq!(message, "Channel \"no such!\" does not exist.");
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
    let mut settings = config(&sim);
    settings.url = Some("cytu.be".to_owned());
    let reason = Client::start(settings).stopped().await;
    assert!(reason.to_string().contains("https://cytu.be"), "{reason}");
}

#[tokio::test]
async fn an_answer_comes_to_the_event_that_asked_for_it() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut client = Client::start(config(&sim));
    client.joined().await;
    client.event("setUserRank").await;
    let limit = Duration::from_secs(20);
    let poll = json!({"title": "Next?", "opts": ["a", "b"], "obscured": false});
    let answer = client
        .handle
        .emit_with_ack("newPoll", &poll, limit)
        .await
        .unwrap();
    assert_eq!(answer[0].get(), "{}");
    let answer = client
        .handle
        .emit_with_ack("newPoll", &json!({"title": "x", "opts": []}), limit)
        .await
        .unwrap();
    assert!(answer[0].get().contains("boolean:obscured"), "{answer:?}");
    let unanswered = client
        .handle
        .emit_with_ack("chatMsg", &json!({"msg": "x"}), Duration::from_millis(50))
        .await;
    assert_eq!(unanswered.unwrap_err(), EmitError::AnswerTimeout);
}
