//! Questions in the channel and by private message.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use kryten_client::round_trip::round_trip;
use kryten_protocol::command::Request;
use kryten_protocol::subject;
use kryten_userstats::{ChannelConfig, Config, Userstats};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::bench::{Bench, CHANNEL, DOMAIN, START, envelope, eventually, line, within};

/// A second channel.
const ATTIC: &str = "Attic";

/// A robot that does what it is told, as far as one sees on the wire.
struct Robot(Arc<Mutex<Vec<Value>>>);

impl Robot {
    async fn listen(bench: &Bench) -> Self {
        Self::listen_unless_suspended(bench, watch::Sender::new(String::new()).subscribe()).await
    }

    /// Gives no reply about the named channel until another one is named.
    async fn listen_unless_suspended(bench: &Bench, suspended: watch::Receiver<String>) -> Self {
        let told: Arc<Mutex<Vec<Value>>> = Arc::default();
        let nats = bench.client.nats().clone();
        let mut commands = nats.subscribe("kryten.robot.command").await.unwrap();
        assert!(round_trip(&nats).await);
        let heard = Arc::clone(&told);
        tokio::spawn(async move {
            while let Some(message) = commands.next().await {
                let request: Value = serde_json::from_slice(&message.payload).unwrap();
                let reply = json!({
                    "service": "robot", "command": request["command"], "success": true,
                    "data": {"success": true},
                });
                let channel = channel_of(&request);
                heard.lock().unwrap().push(request);
                let Some(to) = message.reply else {
                    continue;
                };
                let (nats, mut suspended) = (nats.clone(), suspended.clone());
                tokio::spawn(async move {
                    // Without a sender it stays as it is.
                    let _ = suspended.wait_for(|suspended| *suspended != channel).await;
                    nats.publish(to, reply.to_string().into()).await.unwrap();
                });
            }
        });
        Self(told)
    }

    /// What it was told to say: to whom (nobody for all), and what.
    fn said(&self) -> Vec<(String, String)> {
        let told = self.0.lock().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of = |request: &Value| {
            let args = request.get("args").unwrap_or(request);
            let to = args.get("username").or_else(|| args.get("to"));
            let message = args.get("message").or_else(|| args.get("msg"));
            (
                text(to.unwrap_or(&Value::Null)),
                text(message.unwrap_or(&Value::Null)),
            )
        };
        told.iter().map(of).collect()
    }

    /// In which channel it was told to say what.
    fn said_where(&self) -> Vec<(String, String)> {
        let told = self.0.lock().unwrap();
        let channels: Vec<String> = told.iter().map(channel_of).collect();
        drop(told);
        let texts = self.said().into_iter().map(|(_, text)| text);
        channels.into_iter().zip(texts).collect()
    }

    async fn says(&self, count: usize) -> Vec<(String, String)> {
        eventually(&format!("{count} answers are said"), || async {
            self.said().len() >= count
        })
        .await;
        self.said()
    }
}

fn channel_of(request: &Value) -> String {
    let channel = request["meta"]["channel"].as_str();
    channel.unwrap_or_default().to_owned()
}

fn config(bench: &Bench) -> Config {
    let mut config = bench.config();
    config.answers.in_chat = true;
    config.answers.person_every = Duration::ZERO;
    config.answers.channel_every = Duration::ZERO;
    config
}

async fn start(config: Config) -> Userstats {
    let service = Userstats::bind(config).await.unwrap();
    within("the service is ready", service.ready()).await;
    service
}

/// The second of now on the bench's clock.
fn now() -> i64 {
    (jiff::Timestamp::now().as_millisecond() - START) / 1000
}

async fn ask(bench: &Bench, user: &str, text: &str) {
    bench.say(now(), user, text).await;
}

/// Somebody said it in the second channel.
async fn ask_in_the_attic(bench: &Bench, user: &str, text: &str) {
    let second = now();
    let body = envelope(second, "chatMsg", &line(second, user, text));
    let mut body: Value = serde_json::from_str(&body).unwrap();
    body["channel"] = ATTIC.into();
    let subject = subject::event(ATTIC, "chatMsg").unwrap();
    let jetstream = bench.client.jetstream();
    let ack = jetstream.publish(subject, body.to_string().into()).await;
    ack.unwrap().await.unwrap();
}

async fn pm(bench: &Bench, user: &str, text: &str) {
    let mut line = crate::bench::line(now(), user, text);
    line["to"] = "bot".into();
    bench.event(now(), "pm", &line).await;
}

on_both! {
    async fn questions_in_the_channel_are_answered_once_by_the_robot(backend) {
        let bench = Bench::with(backend).await;
        bench.stream().await;
        bench.say(0, "bob", "alice: hi").await;
        bench.say(1, "alice", "bob++").await;
        // A question of long ago, still to be counted.
        bench.say(2, "alice", "!top").await;
        let robot = Robot::listen(&bench).await;
        let service = start(config(&bench)).await;
        ask(&bench, "alice", "!stats bob").await;
        let said = robot.says(1).await;
        assert_eq!(
            said,
            [(String::new(), "bob: 1 line, 1 kudos, 0 emotes".to_owned())],
            "history is not answered"
        );
        ask(&bench, "bob", "!top").await;
        assert_eq!(robot.says(2).await[1].1, "most lines: alice 3, bob 2");
        ask(&bench, "bob", "!kudos").await;
        assert_eq!(robot.says(3).await[2].1, "most kudos: bob 1");
        // The answers come back as lines of the bot, and what is no question stays one.
        for (_, text) in robot.said() {
            ask(&bench, "bot", &text).await;
        }
        ask(&bench, "bob", "!topic").await;
        ask(&bench, "[server]", "!top").await;
        bench.counted(&service).await;
        service.shutdown().await.unwrap();

        // Another start reads on behind what was answered; a robot that publishes it again changes nothing.
        let service = start(config(&bench)).await;
        let stream = bench.stream().await;
        let subject = kryten_protocol::subject::event(CHANNEL, "chatMsg").unwrap();
        let asked = stream.tail(&subject, 12).await.unwrap();
        for message in &asked {
            bench
                .client
                .nats()
                .publish(subject.clone(), message.body.clone())
                .await
                .unwrap();
        }
        ask(&bench, "carol", "!kudos").await;
        let said = robot.says(4).await;
        bench.counted(&service).await;
        service.shutdown().await.unwrap();
        assert_eq!(said.len(), 4, "{said:?}");
    }

    async fn a_silent_robot_delays_no_other_channel_and_what_waited_for_it_is_not_said_later(backend) {
        let bench = Bench::with(backend).await;
        bench.stream().await;
        let suspended = watch::Sender::new(CHANNEL.to_owned());
        let robot = Robot::listen_unless_suspended(&bench, suspended.subscribe()).await;
        let mut config = config(&bench);
        config.channels.push(ChannelConfig { domain: DOMAIN.into(), channel: ATTIC.into() });
        let service = start(config).await;
        ask(&bench, "alice", "!stats alice").await;
        robot.says(1).await;
        // Eight seconds old: one that waits three more.
        let second = now() - 8;
        bench.say(second, "bob", "!stats bob").await;
        bench.counted(&service).await;
        ask_in_the_attic(&bench, "carol", "!stats carol").await;
        let said = robot.says(2).await;
        assert!(said[1].1.starts_with("carol: "), "{said:?}");
        eventually("it is too late to answer bob", || async { now() > second + 11 }).await;
        suspended.send_replace(String::new());
        ask(&bench, "dave", "!stats dave").await;
        robot.says(3).await;
        bench.counted(&service).await;
        service.shutdown().await.unwrap();
        let said = robot.said_where();
        let said: Vec<(&str, Option<&str>)> = said
            .iter()
            .map(|(channel, text)| (&**channel, text.split(':').next()))
            .collect();
        let expected = [(CHANNEL, "alice"), (ATTIC, "carol"), (CHANNEL, "dave")];
        assert_eq!(said, expected.map(|(channel, name)| (channel, Some(name))));
    }

    async fn answers_have_a_pace_and_are_off_unless_configured(backend) {
        let bench = Bench::with(backend).await;
        bench.stream().await;
        let robot = Robot::listen(&bench).await;
        let service = start(bench.config()).await;
        ask(&bench, "alice", "!stats").await;
        bench.counted(&service).await;
        service.shutdown().await.unwrap();
        assert_eq!(robot.said(), []);

        let mut config = config(&bench);
        config.answers.person_every = Duration::from_secs(3600);
        let service = start(config).await;
        // Not in the words of before: within a second it would be the same line.
        ask(&bench, "alice", "!stats alice").await;
        ask(&bench, "alice", "!top").await;
        ask(&bench, "bob", "!stats").await;
        let said = robot.says(2).await;
        bench.counted(&service).await;
        service.shutdown().await.unwrap();
        assert_eq!(robot.said().len(), 2);
        assert!(
            said[0].1.starts_with("alice: ") && said[1].1.starts_with("bob: "),
            "{said:?}"
        );

        let read = |answers: Value| {
            let file = json!({
                "nats": {"servers": ["nats://localhost:4222"]},
                "channels": [{"domain": DOMAIN, "channel": CHANNEL}],
                "answers": answers,
            });
            Config::read(file)
        };
        let read_config =
            read(json!({"enabled": true, "person_seconds": 1, "channel_seconds": 0})).unwrap();
        assert!(read_config.answers.in_chat && read_config.answers.channel_every.is_zero());
        assert!(!read(json!({})).unwrap().answers.in_chat);
        let error = read(json!({"person_seconds": -1})).unwrap_err().to_string();
        assert!(error.starts_with("answers.person_seconds: "), "{error}");
    }

    async fn a_private_message_carries_out_wishes_about_its_sender_alone(backend) {
        let bench = Bench::with(backend).await;
        bench.stream().await;
        bench.say(0, "Bob", "hi").await;
        bench.say(1, "alice", "hi").await;
        let robot = Robot::listen(&bench).await;
        let mut config = bench.config();
        config.answers.private_every = Duration::ZERO;
        let service = start(config).await;
        pm(&bench, "Bob", "!privacy export").await;
        let said = robot.says(1).await;
        assert_eq!(said[0].0, "Bob");
        pm(&bench, "Bob", "!privacy forget").await;
        eventually("it asks back", || async {
            robot
                .said()
                .last()
                .is_some_and(|(_, text)| text.contains("forget yes"))
        })
        .await;
        assert_eq!(bench.user("Bob").await["messages"], 1);
        // In the channel, and about others, nothing is done.
        ask(&bench, "alice", "!privacy forget yes").await;
        pm(&bench, "Bob", "!privacy forget alice").await;
        pm(&bench, "Bob", "!privacy forget yes").await;
        eventually("it is done", || async {
            robot
                .said()
                .last()
                .is_some_and(|(_, text)| text.contains("is gone"))
        })
        .await;
        assert_eq!(bench.user("Bob").await["known"], false);
        assert_eq!(bench.user("alice").await["messages"], 2);
        pm(&bench, "alice", "!privacy opt-out").await;
        eventually("alice is out", || async {
            bench.user("alice").await["known"] == false
        })
        .await;
        // Who is out is heard, so that there is a way back.
        pm(&bench, "alice", "!privacy opt-in").await;
        eventually("alice is back", || async {
            bench.user("alice").await["messages"] == 2
        })
        .await;
        let list = bench
            .ask(Request::new("userstats", "privacy.list"))
            .await
            .unwrap();
        assert_eq!(list["opted_out"], json!([]));
        service.shutdown().await.unwrap();
        assert!(
            robot.said().iter().all(|(to, _)| !to.is_empty()),
            "in private only"
        );
    }
}
