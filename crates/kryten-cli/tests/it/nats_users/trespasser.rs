//! Users who try what is not theirs.

use async_nats::{ConnectOptions, Event};
use futures_util::StreamExt;
use kryten_client::kv::BucketConfig;
use kryten_client::{Client, EventStream, KvBucket};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Guarded, PATIENCE, USERS, lines_of_alice};
use crate::process::until;

impl Guarded {
    pub(super) async fn trespasser(&self, user: &str) -> Trespasser {
        let section = self.section(user);
        let text = |key: &str| section[key].as_str().unwrap().to_owned();
        let (tell, told) = mpsc::unbounded_channel();
        let options = ConnectOptions::with_user_and_password(text("user"), text("password"))
            .custom_inbox_prefix(text("inbox_prefix"))
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    let _ = tell.send(error.to_string());
                }
                std::future::ready(())
            });
        let address = format!("nats://127.0.0.1:{}", self.port);
        Trespasser {
            user: user.to_owned(),
            nats: options.connect(address).await.unwrap(),
            told,
        }
    }
}

/// Somebody with a user's password who tries what the user has no business with.
pub(super) struct Trespasser {
    user: String,
    nats: async_nats::Client,
    told: mpsc::UnboundedReceiver<String>,
}

impl Trespasser {
    async fn is_refused(&mut self, what: &str, subject: &str) {
        let told = tokio::time::timeout(PATIENCE, self.told.recv()).await;
        let told = told.unwrap_or_else(|_| panic!("{} may {what} {subject}", self.user));
        let told = told.unwrap().to_lowercase();
        let expected = format!("permissions violation for {what}");
        assert!(
            told.contains(&expected) && told.contains(&subject.to_lowercase()),
            "{told}"
        );
    }

    pub(super) async fn cannot_publish(&mut self, subject: &str) {
        self.nats
            .publish(subject.to_owned(), "{}".into())
            .await
            .unwrap();
        self.is_refused("publish", subject).await;
    }

    async fn cannot_hear(&mut self, subject: &str) {
        let _subscriber = self.nats.subscribe(subject.to_owned()).await.unwrap();
        self.is_refused("subscription", subject).await;
    }
}

/// What nobody hears: the answers to others, what only one service is asked, and everything.
pub(super) async fn everybody_is_kept_from(guarded: &Guarded, user: &str) {
    let mut trespasser = guarded.trespasser(user).await;
    for other in USERS {
        if other != user {
            trespasser.cannot_hear(&format!("_INBOX_{other}.>")).await;
            trespasser
                .cannot_publish(&format!("_INBOX_{other}.x"))
                .await;
            trespasser
                .cannot_hear(&format!("kryten.{other}.command"))
                .await;
        }
    }
    for subject in ["_INBOX.>", ">", "$KV.>", "$JS.API.>", "$JS.EVENT.>"] {
        trespasser.cannot_hear(subject).await;
    }
    for endpoint in [
        "STREAM.DELETE",
        "STREAM.UPDATE",
        "STREAM.PURGE",
        "STREAM.MSG.DELETE",
    ] {
        trespasser
            .cannot_publish(&format!("$JS.API.{endpoint}.KRYTEN_EVENTS"))
            .await;
    }
    trespasser
        .cannot_publish("$JS.API.STREAM.CREATE.other")
        .await;
    trespasser
        .cannot_publish("kryten.lifecycle.group.restart")
        .await;
}

/// What is another's.
pub(super) fn trespasses() -> [(&'static str, Vec<&'static str>); 5] {
    const EVENTS: [&str; 2] = [
        "kryten.events.cytube.exact.chatmsg",
        "kryten.events.robot.exact.gap",
    ];
    const STATE: [&str; 5] = [
        "$KV.kryten_exact_userlist.users",
        "$KV.kryten_exact_state.motd",
        "$KV.kryten_leases.robot.exact",
        "$JS.API.STREAM.PURGE.KV_kryten_exact_userlist",
        "$JS.API.STREAM.DELETE.KV_kryten_exact_userlist",
    ];
    const COMMANDS: [&str; 2] = ["kryten.robot.command", "kryten.commands.cytube.exact.kick"];
    let all = |lists: &[&[&'static str]]| lists.concat();
    [
        (
            "robot",
            vec![
                "$KV.tallies.x",
                "kryten.userstats.command",
                "kryten.lifecycle.userstats.shutdown",
            ],
        ),
        (
            "userstats",
            all(&[&EVENTS, &STATE, &COMMANDS, &["$KV.tallies.x"]]),
        ),
        (
            "counter",
            all(&[
                &EVENTS,
                &STATE,
                &["$KV.silent.x", "kryten.lifecycle.robot.shutdown"],
            ]),
        ),
        (
            "silent",
            all(&[
                &EVENTS,
                &STATE,
                &COMMANDS,
                &["$KV.tallies.x", "kryten.counter.command"],
            ]),
        ),
        (
            "reader",
            all(&[
                &EVENTS,
                &STATE,
                &COMMANDS,
                &["$KV.tallies.x", "kryten.lifecycle.reader.startup"],
            ]),
        ),
    ]
}

/// Whoever may read a stream may say where the server sends what is read, also to a subject that is not his. The robot
/// does nothing of what comes so.
pub(super) async fn the_server_is_no_accomplice_for_commands(guarded: &Guarded) {
    let (silent, robots) = (
        guarded.client("silent").await,
        guarded.client("robot").await,
    );
    let mut at_the_robot = robots.subscribe("kryten.robot.command").await.unwrap();
    let bucket = KvBucket::open_or_create(&silent, BucketConfig::new("silent"))
        .await
        .unwrap();
    let forged = json!({"service": "robot", "command": "say", "args": {"message": "forged"}});
    bucket.put_json("x", &forged).await.unwrap();
    let read = json!({"last_by_subj": "$KV.silent.x"}).to_string();
    let (to, reply) = ("$JS.API.DIRECT.GET.KV_silent", "kryten.robot.command");
    silent
        .nats()
        .publish_with_reply(to, reply, read.into())
        .await
        .unwrap();
    let came = tokio::time::timeout(PATIENCE, at_the_robot.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&came.payload).unwrap(),
        forged
    );
    let log = guarded.path("robot.log");
    until("the robot passes it over", || async {
        let log = std::fs::read_to_string(&log).unwrap();
        log.contains("a command that a stream was made to send is passed over")
    })
    .await;
    let stream = EventStream::open_or_create(&silent).await.unwrap();
    let events = stream.tail("kryten.events.>", 1000).await.unwrap();
    let said = |event: &kryten_client::stream::StoredMessage| {
        String::from_utf8_lossy(&event.body).contains("forged")
    };
    assert!(!events.iter().any(said));
}

/// The limit of permissions that `docs/security.md` tells: an event that a bot has written into its own bucket, sent by
/// the server where the bot may not publish. Where this fails, the server has learned to ask for permission.
pub(super) async fn the_server_is_an_accomplice_for_events(guarded: &Guarded, counter: &Client) {
    let silent = guarded.client("silent").await;
    let stream = EventStream::open_or_create(&silent).await.unwrap();
    let events = stream
        .tail("kryten.events.cytube.exact.chatmsg", 100)
        .await
        .unwrap();
    let bodies = events
        .iter()
        .map(|event| serde_json::from_slice(&event.body).unwrap());
    let of_alice = |event: &Value| event["payload"]["username"] == "alice";
    let mut forged = bodies.filter(of_alice).last().unwrap();
    forged["payload"]["msg"] = "never said".into();
    let bucket = KvBucket::open(&silent, "silent").await.unwrap();
    bucket.put_json("y", &forged).await.unwrap();
    let read = json!({"last_by_subj": "$KV.silent.y"}).to_string();
    let (to, reply) = (
        "$JS.API.DIRECT.GET.KV_silent",
        "kryten.events.cytube.exact.chatmsg",
    );
    silent
        .nats()
        .publish_with_reply(to, reply, read.into())
        .await
        .unwrap();
    until("the forged line is counted", || async {
        lines_of_alice(counter).await == 3
    })
    .await;
}
