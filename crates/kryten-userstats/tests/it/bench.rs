//! A NATS server, a robot's voice, and the service in between.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use kryten_client::command::{self, CommandError};
use kryten_client::kv::{BucketConfig, PutOptions};
use kryten_client::{Client, EventStream, KvBucket, NatsConfig};
use kryten_protocol::command::Request;
use kryten_protocol::state::{STATE_HEADER, StateMark};
use kryten_protocol::subject;
use kryten_protocol::time::WireTime;
use kryten_servers::NatsServer;
use kryten_userstats::store::Store;
use kryten_userstats::{ChannelConfig, Config, Userstats};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::backend::{Backend, Place};

pub(crate) const DOMAIN: &str = "cytu.be";
pub(crate) const CHANNEL: &str = "Lounge";
pub(crate) const START: i64 = 1_795_364_000_000;
/// A test that waits longer has found a fault.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    pub(crate) server: NatsServer,
    pub(crate) client: Client,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) place: Place,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Backend::Sqlite).await
    }

    pub(crate) async fn with(backend: Backend) -> Self {
        Self::on_server(NatsServer::ephemeral().await, backend).await
    }

    pub(crate) async fn without_jetstream() -> Self {
        let server = NatsServer::ephemeral_with(|options| options.jetstream = false).await;
        Self::on_server(server, Backend::Sqlite).await
    }

    async fn on_server(server: NatsServer, backend: Backend) -> Self {
        let client = Client::connect(&nats(&server)).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(backend, folder.path().join("userstats.db")).await;
        Self {
            server,
            client,
            folder,
            place,
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("userstats.db")
    }

    pub(crate) fn config(&self) -> Config {
        let channel = ChannelConfig {
            domain: DOMAIN.into(),
            channel: CHANNEL.into(),
        };
        let mut config = Config::new(nats(&self.server), vec![channel], self.database());
        self.place.put_into(&mut config);
        config.default_phrases = ["lol", "haha"].map(str::to_owned).to_vec();
        config
    }

    pub(crate) async fn start(&self) -> Userstats {
        let service = Userstats::bind(self.config()).await.unwrap();
        within("the service is ready", service.ready()).await;
        service
    }

    pub(crate) async fn stream(&self) -> EventStream {
        EventStream::open_or_create(&self.client).await.unwrap()
    }

    /// Publishes an event as our robot does; waits until it is stored.
    pub(crate) async fn event(&self, second: i64, name: &str, payload: &Value) {
        let subject = subject::event(CHANNEL, name).unwrap();
        let body = envelope(second, name, payload);
        let ack = self.client.jetstream().publish(subject, body.into()).await;
        ack.unwrap().await.unwrap();
    }

    /// Publishes without waiting, as the Python robot does.
    pub(crate) async fn event_like_python(&self, second: i64, name: &str, payload: &Value) {
        let subject = subject::event(CHANNEL, name).unwrap();
        let body = envelope(second, name, payload);
        self.client
            .nats()
            .publish(subject, body.into())
            .await
            .unwrap();
    }

    pub(crate) async fn say(&self, second: i64, user: &str, text: &str) {
        self.event(second, "chatMsg", &line(second, user, text))
            .await;
    }

    pub(crate) async fn put(
        &self,
        bucket: &str,
        key: &str,
        value: &Value,
        mark: Option<StateMark>,
    ) {
        let config = BucketConfig::new(bucket);
        let bucket = KvBucket::open_or_create(&self.client, config)
            .await
            .unwrap();
        let mut options = PutOptions::default();
        if let Some(mark) = mark {
            options.headers.insert(STATE_HEADER, mark.to_string());
        }
        let body = value.to_string();
        bucket.put_at(key, body, options).await.unwrap();
    }

    /// The state of a channel as the Python robot leaves it in KV: no marks.
    pub(crate) async fn seed_kv(&self) {
        let users = json!([
            {"name": "alice", "rank": 2, "profile": {"image": "", "text": ""}, "meta": {"afk": false}},
            {"name": "bob", "rank": 1, "meta": {"afk": true}},
            {"username": "altkey"}
        ]);
        self.put("kryten_Lounge_userlist", "users", &users, None)
            .await;
        let emotes = json!([{"name": "#Kappa", "image": "https://x/k.png"}, {"name": "PogChamp"}]);
        self.put("kryten_Lounge_emotes", "list", &emotes, None)
            .await;
        let items = json!([
            {"media": {"id": "first01", "title": "First_In.List.mkv", "type": "yt"}, "uid": 1},
            {"media": {"id": "play02", "title": "Actually Playing", "type": "vi"}, "uid": 2}
        ]);
        self.put("kryten_Lounge_playlist", "items", &items, None)
            .await;
        let current = json!({"id": "play02", "title": "Actually Playing", "type": "vi", "currentTime": 3, "uid": 2});
        self.put("kryten_Lounge_playlist", "current", &current, None)
            .await;
    }

    /// The state with which the original's replies were recorded.
    pub(crate) async fn seed_recorded_kv(&self) {
        let seed = include_str!("../fixtures/userstats_kv_seed.json");
        let seed: Vec<Value> = serde_json::from_str(seed).unwrap();
        for value in seed {
            let text = |name: &str| value[name].as_str().unwrap();
            self.put(text("bucket"), text("key"), &value["value"], None)
                .await;
        }
    }

    pub(crate) async fn ask(&self, request: Request) -> Result<Value, CommandError> {
        let reply = command::request(&self.client, "userstats", request, PATIENCE).await?;
        Ok(reply.data.unwrap())
    }

    pub(crate) async fn user(&self, name: &str) -> Value {
        let request = Request::new("userstats", "user.stats")
            .with("username", name)
            .with("channel", CHANNEL);
        self.ask(request).await.unwrap()
    }

    pub(crate) async fn stats(&self) -> Value {
        self.ask(Request::new("userstats", "system.stats"))
            .await
            .unwrap()
    }

    /// Waits until everything in the stream is counted.
    pub(crate) async fn counted(&self, service: &Userstats) {
        let last = self.stream().await.info().await.unwrap().last_sequence;
        eventually("everything is counted", || async {
            service.status().view().sequence >= last
        })
        .await;
    }

    /// A second view of the database.
    pub(crate) async fn store(&self) -> Store {
        self.place.open().await
    }
}

pub(crate) fn nats(server: &NatsServer) -> NatsConfig {
    NatsConfig::for_url(server.url()).with_user(server.user(), server.password())
}

pub(crate) fn at(second: i64) -> WireTime {
    WireTime::from_millis(START + second * 1000)
}

pub(crate) fn line(second: i64, user: &str, text: &str) -> Value {
    json!({"username": user, "msg": text, "meta": {}, "time": at(second).millis()})
}

pub(crate) fn envelope(second: i64, name: &str, payload: &Value) -> String {
    json!({
        "event_name": name, "payload": payload, "channel": CHANNEL, "domain": DOMAIN,
        "timestamp": at(second).to_string(), "correlation_id": format!("c-{second}"),
    })
    .to_string()
}

/// Waits until a condition holds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    within(what, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| panic!("waited too long until {what}"))
}

/// What a router answers.
pub(crate) async fn get(router: &axum::Router, path: &str) -> (StatusCode, String) {
    let request = HttpRequest::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
