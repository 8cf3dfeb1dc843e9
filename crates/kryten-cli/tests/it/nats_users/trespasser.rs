//! Users who try what is not theirs.

use async_nats::{ConnectOptions, Event};
use futures_util::StreamExt;
use kryten_client::kv::{BucketConfig, PutOptions};
use kryten_client::stream::StoredMessage;
use kryten_client::{Client, EventStream, KvBucket};
use kryten_protocol::command::Request;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Guarded, PATIENCE, USERS, ask, lines_of_alice};
use crate::process::until;
use crate::rig::{CHANNEL, DOMAIN};

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
    let said = |event: &StoredMessage| String::from_utf8_lossy(&event.body).contains("forged");
    assert!(!events.iter().any(said));
}

/// What permissions cannot keep off, the robot's seal does: an event and a list of users that a bot has written into
/// its own bucket, sent by the server where the bot may not publish.
pub(super) async fn what_the_robot_did_not_say_does_not_count(
    guarded: &mut Guarded,
    counter: &Client,
) {
    let silent = guarded.client("silent").await;
    let stream = EventStream::open_or_create(&silent).await.unwrap();
    let subject = "kryten.events.cytube.exact.chatmsg";
    let events = stream.tail(subject, 100).await.unwrap();
    let is_of_alice = |event: &&StoredMessage| {
        let body: Value = serde_json::from_slice(&event.body).unwrap();
        body["payload"]["username"] == "alice"
    };
    let genuine = events.iter().rfind(is_of_alice).unwrap();
    let bucket = KvBucket::open(&silent, "silent").await.unwrap();
    let send = async |api: &str, read: Value, to: &'static str| {
        let before = last_of(&silent, to).await;
        let api = format!("$JS.API.{api}");
        let nats = silent.nats();
        nats.publish_with_reply(api, to, read.to_string().into())
            .await
            .unwrap();
        until("the server has put it there", || async {
            last_of(&silent, to).await > before
        })
        .await;
    };
    // A line that was never said.
    let mut forged: Value = serde_json::from_slice(&genuine.body).unwrap();
    forged["payload"]["msg"] = "never said".into();
    bucket.put_json("line", &forged).await.unwrap();
    let read = json!({"last_by_subj": "$KV.silent.line"});
    send("DIRECT.GET.KV_silent", read, subject).await;
    // The same with the headers of a line that was; its id would keep it out of the stream for ten minutes.
    let mut headers = genuine.headers.clone();
    headers.insert("Nats-Msg-Id", "another");
    let dress = PutOptions {
        headers,
        ..PutOptions::default()
    };
    let value = forged.to_string();
    bucket.put_at("dressed", value, dress).await.unwrap();
    let read = json!({"last_by_subj": "$KV.silent.dressed"});
    send("DIRECT.GET.KV_silent", read, subject).await;
    // Somebody who never came, in the state.
    let users = json!([{"name": "mallory", "rank": 1, "profile": {}, "meta": {"afk": false, "muted": false}}]);
    bucket.put_json("users", &users).await.unwrap();
    for to in [
        "$KV.kryten_exact_userlist.users.manifest",
        "$KV.kryten_exact_userlist.users",
    ] {
        let read = json!({"last_by_subj": "$KV.silent.users"});
        send("DIRECT.GET.KV_silent", read, to).await;
    }
    // What comes after is counted, also by one who starts now.
    guarded.sim.say("alice", "and I").await.unwrap();
    until("the line is counted", || async {
        lines_of_alice(counter).await == 3
    })
    .await;
    let metrics = guarded.metrics().await;
    assert!(
        metrics.contains("userstats_unsealed_events_total 2"),
        "{metrics}"
    );
    guarded.restart_userstats();
    until("the statistics answer again", || async {
        lines_of_alice(counter).await == 3
    })
    .await;
    let request = Request::new("userstats", "user.stats")
        .with("username", "mallory")
        .with("channel", CHANNEL)
        .with("domain", DOMAIN);
    let mallory = ask(counter, "userstats", request).await.unwrap();
    assert_eq!(
        (&mallory["known"], &mallory["present"]),
        (&json!(false), &json!(false))
    );
    let log = std::fs::read_to_string(guarded.path("userstats.log")).unwrap();
    assert!(log.contains("state in KV is passed over"), "{log}");
}

/// The sequence of the last message of a subject in its stream; 0 without one.
async fn last_of(client: &Client, subject: &str) -> u64 {
    let stream = match subject.strip_prefix("$KV.") {
        Some(rest) => format!("KV_{}", rest.split('.').next().unwrap_or_default()),
        None => "KRYTEN_EVENTS".to_owned(),
    };
    let api = format!("$JS.API.DIRECT.GET.{stream}");
    let read = json!({"last_by_subj": subject}).to_string();
    let answer = client.nats().request(api, read.into()).await.unwrap();
    let headers = answer.headers.unwrap_or_default();
    // What is put there by an answer of the server has its headers, too.
    let sequence = headers.get_last("Nats-Sequence");
    sequence.map_or(0, |sequence| sequence.as_str().parse().unwrap())
}
