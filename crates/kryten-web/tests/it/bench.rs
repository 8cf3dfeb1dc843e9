//! A NATS server, a robot's voice, the statistics, and the page's router.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use kryten_client::kv::BucketConfig;
use kryten_client::{Client, EventStream, KvBucket, NatsConfig};
use kryten_protocol::subject;
use kryten_protocol::time::WireTime;
use kryten_servers::NatsServer;
use kryten_userstats::{ChannelConfig, Config, Userstats};
use kryten_web::{Sources, WebConfig};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(crate) const DOMAIN: &str = "cytu.be";
pub(crate) const CHANNEL: &str = "Lounge";
/// A test that waits longer has found a fault.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    pub(crate) server: NatsServer,
    pub(crate) client: Client,
    pub(crate) userstats: Userstats,
    config: Config,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

/// What a router answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let header = self.headers.get(name);
        header
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::counting(&[(DOMAIN, CHANNEL)]).await
    }

    pub(crate) async fn counting(channels: &[(&str, &str)]) -> Self {
        let server = NatsServer::ephemeral().await;
        let client = Client::connect(&nats(&server)).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let channel = |(domain, channel): &(&str, &str)| ChannelConfig {
            domain: (*domain).to_owned(),
            channel: (*channel).to_owned(),
        };
        let channels = channels.iter().map(channel).collect();
        let config = Config::new(nats(&server), channels, folder.path().join("userstats.db"));
        let userstats = Userstats::bind(config.clone()).await.unwrap();
        within("the statistics are ready", userstats.ready()).await;
        Self {
            server,
            client,
            userstats,
            config,
            stop: CancellationToken::new(),
            _folder: folder,
        }
    }

    /// The NATS server stops, and then the statistics are started anew.
    pub(crate) async fn restart_without_nats(&mut self) {
        self.server.stop().await.unwrap();
        let fresh = Userstats::bind(self.config.clone()).await.unwrap();
        let old = std::mem::replace(&mut self.userstats, fresh);
        old.shutdown().await.unwrap();
    }

    pub(crate) fn sources(&self) -> Sources {
        Sources::of(&self.userstats).with_nats(nats(&self.server))
    }

    /// The page with its usual settings, connected to NATS.
    pub(crate) async fn page(&self) -> axum::Router {
        let page = self.page_with(&WebConfig::default());
        eventually("the page is connected", || async {
            get(&page, "/api/v1/kv").await.status == StatusCode::OK
        })
        .await;
        page
    }

    pub(crate) fn page_with(&self, config: &WebConfig) -> axum::Router {
        self.sources().into_router(config, &self.stop).unwrap()
    }

    /// Publishes an event of this moment as the robot does; waits until it is stored.
    pub(crate) async fn event(&self, name: &str, payload: &Value) {
        self.event_in((DOMAIN, CHANNEL), name, payload).await;
    }

    pub(crate) async fn event_in(
        &self,
        (domain, channel): (&str, &str),
        name: &str,
        payload: &Value,
    ) {
        let subject = subject::event(channel, name).unwrap();
        let body = json!({
            "event_name": name, "payload": payload, "channel": channel, "domain": domain,
            "timestamp": now().to_string(), "correlation_id": name,
        });
        let ack = self
            .client
            .jetstream()
            .publish(subject, body.to_string().into())
            .await;
        ack.unwrap().await.unwrap();
    }

    pub(crate) async fn say(&self, user: &str, text: &str) {
        let line = json!({"username": user, "msg": text, "meta": {}, "time": now().millis()});
        self.event("chatMsg", &line).await;
    }

    pub(crate) async fn put(&self, bucket: &str, key: &str, value: impl Into<bytes::Bytes>) {
        let bucket = KvBucket::open_or_create(&self.client, BucketConfig::new(bucket)).await;
        bucket.unwrap().put(key, value).await.unwrap();
    }

    /// Waits until everything in the stream is counted.
    pub(crate) async fn counted(&self) {
        let stream = EventStream::open_or_create(&self.client).await.unwrap();
        let last = stream.info().await.unwrap().last_sequence;
        eventually("everything is counted", || async {
            self.userstats.status().view().sequence >= last
        })
        .await;
    }

    /// A small evening: people, lines, kudos, a film, a vote.
    pub(crate) async fn evening(&self) {
        for name in ["alice", "bob"] {
            self.event("addUser", &json!({"name": name, "rank": 1, "meta": {}}))
                .await;
        }
        self.event(
            "changeMedia",
            &json!({"title": "Night of the Living", "type": "yt", "id": "night", "seconds": 95, "duration": "01:35", "currentTime": 0, "paused": false}),
        )
        .await;
        for text in ["hello", "alice++", "more"] {
            self.say("bob", text).await;
        }
        self.counted().await;
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn nats(server: &NatsServer) -> NatsConfig {
    NatsConfig::for_url(server.url()).with_user(server.user(), server.password())
}

fn now() -> WireTime {
    WireTime::from_micros(jiff::Timestamp::now().as_microsecond())
}

pub(crate) async fn get(router: &axum::Router, path: &str) -> Answer {
    ask(router, Method::GET, path, &[], None, "").await
}

/// A request with headers, from an address.
pub(crate) async fn ask(
    router: &axum::Router,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    peer: Option<&str>,
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(peer) = peer {
        let peer: SocketAddr = peer.parse().unwrap();
        request = request.extension(ConnectInfo(peer));
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    read(router.clone().oneshot(request).await.unwrap()).await
}

async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 16 << 20).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
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
