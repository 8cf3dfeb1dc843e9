//! Events and state that the robot sealed, and what others put beside them.

use async_nats::HeaderMap;
use kryten_client::kv::{BucketConfig, PutOptions};
use kryten_client::{EventStream, KvBucket};
use kryten_protocol::command::Request;
use kryten_protocol::seal::{EventParts, SEAL_HEADER, SealKey, SealPlace, ValueParts};
use kryten_protocol::state::{EPOCH_HEADER, STATE_HEADER, StateMark};
use kryten_protocol::subject;
use kryten_userstats::{Config, Userstats};
use serde_json::{Value, json};

use crate::bench::{Bench, CHANNEL, DOMAIN, at, envelope, eventually, line, within};

const KEY: &str = "2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a";

fn config(bench: &Bench) -> Config {
    let mut config = bench.config();
    config.nats.seal_key = Some(KEY.into());
    config
}

async fn start(config: Config) -> Userstats {
    let service = Userstats::bind(config).await.unwrap();
    within("the service is ready", service.ready()).await;
    service
}

/// What somebody publishes.
#[derive(Clone)]
struct Message {
    subject: String,
    headers: HeaderMap,
    body: String,
}

/// A robot that seals.
struct Robot<'a> {
    bench: &'a Bench,
    stream: EventStream,
    key: SealKey,
    epoch: u64,
    number: u64,
}

impl<'a> Robot<'a> {
    async fn new(bench: &'a Bench) -> Self {
        Self {
            bench,
            stream: bench.stream().await,
            key: SealKey::parse(KEY).unwrap(),
            epoch: 3,
            number: 0,
        }
    }

    /// Its next event, which is not published yet.
    fn next(&mut self, second: i64, name: &str, payload: &Value) -> Message {
        let subject = subject::event(CHANNEL, name).unwrap();
        self.sealed(subject, envelope(second, name, payload))
    }

    fn sealed(&mut self, subject: String, body: String) -> Message {
        self.number += 1;
        let id = format!("{}-{}", self.epoch, self.number);
        let place = SealPlace {
            stream_created: self.stream.identity().created_nanos,
            run: 1,
            number: self.number,
        };
        let parts = EventParts {
            subject: &subject,
            message_id: &id,
            epoch: self.epoch,
            body: body.as_bytes(),
        };
        let seal = self.key.seal_event(place, &parts);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id.as_str());
        headers.insert(EPOCH_HEADER, self.epoch.to_string());
        headers.insert(SEAL_HEADER, seal);
        Message {
            subject,
            headers,
            body,
        }
    }

    async fn says(&mut self, second: i64, name: &str, payload: &Value) -> Message {
        let message = self.next(second, name, payload);
        publish(self.bench, &message).await;
        message
    }

    /// Puts who is there, as the robot does or without its seal.
    async fn put_users(&self, users: &Value, is_sealed: bool) {
        let name = "kryten_Lounge_userlist";
        let config = BucketConfig::new(name);
        let bucket = KvBucket::open_or_create(&self.bench.client, config).await;
        let mark = StateMark {
            stream_created: self.stream.identity().created_nanos,
            sequence: self.stream.info().await.unwrap().last_sequence,
            epoch: self.epoch,
        };
        let (mark, value) = (mark.to_string(), users.to_string());
        let parts = ValueParts {
            bucket: name,
            key: "users",
            mark: &mark,
            value: value.as_bytes(),
        };
        let mut options = PutOptions::default();
        if is_sealed {
            let seal = self.key.seal_value(&parts);
            options.headers.insert(SEAL_HEADER, seal);
        }
        options.headers.insert(STATE_HEADER, mark.as_str());
        bucket
            .unwrap()
            .put_at("users", value, options)
            .await
            .unwrap();
    }
}

async fn publish(bench: &Bench, message: &Message) {
    let Message {
        subject,
        headers,
        body,
    } = message.clone();
    let js = bench.client.jetstream();
    let ack = js.publish_with_headers(subject, headers, body.into()).await;
    assert!(
        !ack.unwrap().await.unwrap().duplicate,
        "it has to be stored"
    );
}

/// The same event once more, when the stream has forgotten its id.
async fn repeat(bench: &Bench, message: &Message) {
    let mut stream = bench
        .client
        .jetstream()
        .get_stream("KRYTEN_EVENTS")
        .await
        .unwrap();
    let config = stream.info().await.unwrap().config.clone();
    let short = async_nats::jetstream::stream::Config {
        duplicate_window: std::time::Duration::from_millis(100),
        ..config
    };
    let js = bench.client.jetstream();
    js.update_stream(&short).await.unwrap();
    eventually("the stream has forgotten the id", || async {
        let Message {
            subject,
            headers,
            body,
        } = message.clone();
        let ack = js.publish_with_headers(subject, headers, body.into()).await;
        !ack.unwrap().await.unwrap().duplicate
    })
    .await;
}

fn counters(service: &Userstats) -> (u64, u64) {
    let counters = service.status().view().counters;
    (counters.unsealed, counters.repeated_events)
}

on_both! {
    async fn once_the_robot_seals_nothing_else_counts_and_each_event_once(backend) {
        let bench = Bench::with(backend).await;
        let mut robot = Robot::new(&bench).await;
        let service = start(config(&bench)).await;
        // A robot that does not seal yet.
        bench.say(1, "alice", "unsealed").await;
        robot.says(2, "chatMsg", &line(2, "alice", "sealed")).await;
        // From here on: without a seal, with the seal of another event, with one of another key.
        bench.say(3, "alice", "forged").await;
        let mut dressed = robot.next(4, "chatMsg", &line(4, "alice", "robbed"));
        let robbed = dressed.clone();
        dressed.body = envelope(4, "chatMsg", &line(4, "alice", "forged, too"));
        publish(&bench, &dressed).await;
        let mut foreign = Robot::new(&bench).await;
        foreign.key = SealKey::parse(&"2b".repeat(32)).unwrap();
        foreign.number = 10;
        foreign.says(5, "chatMsg", &line(5, "alice", "foreign")).await;
        let gap = json!({
            "domain": DOMAIN, "channel": CHANNEL, "reason": "absent", "from": at(1).to_string(),
            "to": at(2).to_string(), "chat_complete": false,
        });
        let unsealed_gap = Message {
            subject: subject::gap(CHANNEL).unwrap(),
            headers: HeaderMap::new(),
            body: gap.to_string(),
        };
        publish(&bench, &unsealed_gap).await;
        bench.counted(&service).await;
        assert_eq!(counters(&service), (4, 0));
        assert_eq!(bench.user("alice").await["messages"], 2);

        // Each once, also out of order, also after a restart.
        let came = robot.says(6, "addUser", &json!({"name": "bob"})).await;
        let left = robot.next(7, "userLeave", &json!({"name": "bob"}));
        robot.says(8, "chatMsg", &line(8, "alice", "two before this")).await;
        publish(&bench, &left).await;
        let mut unseen = robbed;
        unseen.headers.insert("Nats-Msg-Id", "other");
        publish(&bench, &unseen).await;
        repeat(&bench, &came).await;
        bench.counted(&service).await;
        assert_eq!(counters(&service), (5, 1));
        assert_eq!(bench.user("bob").await["present"], false);
        let sealed_gap = robot.sealed(subject::gap(CHANNEL).unwrap(), gap.to_string());
        publish(&bench, &sealed_gap).await;
        service.shutdown().await.unwrap();
        let service = start(config(&bench)).await;
        repeat(&bench, &came).await;
        repeat(&bench, &left).await;
        bench.counted(&service).await;
        assert_eq!(counters(&service), (0, 2));
        assert_eq!(bench.user("bob").await["present"], false);
        assert_eq!(bench.user("alice").await["messages"], 3);

        // What is forged is not counted from the past either.
        let request = Request::new("userstats", "backfill.run").with("source", "stream");
        bench.ask(request).await.unwrap();
        assert_eq!(bench.user("alice").await["messages"], 3);
        service.shutdown().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_counts_the_past_of_what_was_sealed() {
    let bench = Bench::new().await;
    let mut robot = Robot::new(&bench).await;
    bench.say(1, "alice", "unsealed").await;
    let sealed = robot.says(2, "chatMsg", &line(2, "alice", "sealed")).await;
    bench.say(3, "alice", "forged").await;
    repeat(&bench, &sealed).await;
    let service = start(config(&bench)).await;
    bench.counted(&service).await;
    assert_eq!(bench.user("alice").await["messages"], 2);
    assert_eq!(counters(&service), (1, 1));
    service.shutdown().await.unwrap();
    // Who has no key counts everything, as before.
    let mut others = bench.config();
    others.database = bench.folder.path().join("other.db");
    let service = start(others).await;
    bench.counted(&service).await;
    assert_eq!(bench.user("alice").await["messages"], 3);
    assert_eq!(counters(&service), (0, 0));
    service.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn state_that_the_robot_did_not_seal_is_passed_over_once_it_seals() {
    let bench = Bench::new().await;
    let mut robot = Robot::new(&bench).await;
    let one = json!([{"name": "alice", "rank": 1}]);
    // As it is before the first event is sealed.
    robot.put_users(&one, false).await;
    let service = start(config(&bench)).await;
    assert_eq!(bench.user("alice").await["present"], true);
    robot.says(1, "chatMsg", &line(1, "alice", "sealed")).await;
    bench.counted(&service).await;
    service.shutdown().await.unwrap();

    let made_up = json!([{"name": "mallory", "rank": 1}]);
    robot.put_users(&made_up, false).await;
    let service = start(config(&bench)).await;
    assert_eq!(bench.user("mallory").await["known"], false);
    assert_eq!(bench.user("alice").await["present"], true);
    service.shutdown().await.unwrap();

    robot
        .put_users(&json!([{"name": "bob", "rank": 1}]), true)
        .await;
    let service = start(config(&bench)).await;
    assert_eq!(bench.user("bob").await["present"], true);
    assert_eq!(bench.user("alice").await["present"], false);
    service.shutdown().await.unwrap();
}
