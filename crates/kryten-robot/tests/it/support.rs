//! A simulator, a real nats-server and a robot between them.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kryten_client::stream::{EventStream, StoredMessage};
use kryten_client::{Client, NatsConfig};
use kryten_protocol::gap::Gap;
use kryten_robot::{ChannelConfig, Robot, RobotConfig};
use kryten_servers::NatsServer;
use serde_json::Value;

pub(crate) const DOMAIN: &str = "localhost:18443";
pub(crate) const CHANNEL: &str = "Grindhouse420";

pub(crate) fn recording_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/recordings")
        .join(name)
}

pub(crate) fn fixture(name: &str) -> String {
    let path = recording_file(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn nats_config(server: &NatsServer) -> NatsConfig {
    NatsConfig::for_url(server.url()).with_user(server.user(), server.password())
}

pub(crate) fn robot_config(server: &NatsServer, sim_url: &str) -> RobotConfig {
    let mut channel = ChannelConfig::new(DOMAIN, CHANNEL);
    channel.url = Some(sim_url.to_owned());
    channel.user = Some("KrytenBot".to_owned());
    channel.password = Some("secret".into());
    channel.aggressive_reconnect = true;
    channel.reconnect_base = Duration::from_millis(20);
    channel.reconnect_max = Duration::from_millis(200);
    RobotConfig::new(nats_config(server), vec![channel])
}

/// Log lines: kept for tests that look at them, and shown of a failing test where `RUST_LOG` asks for them.
pub(crate) fn log() {
    use tracing_subscriber::Layer as _;
    use tracing_subscriber::filter::{EnvFilter, LevelFilter};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let shown = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_filter(EnvFilter::from_default_env());
    let kept = crate::signs::Keeper.with_filter(LevelFilter::INFO);
    // Another test of this process may have been first.
    let _ = tracing_subscriber::registry()
        .with(shown)
        .with(kept)
        .try_init();
}

/// The answer of the robot's own pages: code and body.
pub(crate) async fn get(robot: &Robot, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = kryten_robot::health::router(robot.reporter());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    serving.abort();
    let code = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (code, body.to_owned())
}

pub(crate) async fn start_robot(server: &NatsServer, sim_url: &str) -> Robot {
    log();
    Robot::bind(robot_config(server, sim_url)).await.unwrap()
}

/// Everything that the stream holds, in order.
pub(crate) async fn stream_contents(client: &Client) -> Vec<StoredMessage> {
    let stream = EventStream::open_or_create(client).await.unwrap();
    stream.tail("kryten.events.>", 1_000_000).await.unwrap()
}

/// The gaps that the stream tells of.
pub(crate) async fn gaps(client: &Client) -> Vec<Gap> {
    let contents = stream_contents(client).await;
    let gaps = contents
        .iter()
        .filter(|message| message.subject.ends_with(".gap"));
    gaps.map(|gap| serde_json::from_slice(&gap.body).unwrap())
        .collect()
}

/// Event names and payloads of the channel's events, in order.
pub(crate) fn events(messages: &[StoredMessage]) -> Vec<(String, Value)> {
    let is_event = |message: &&StoredMessage| message.subject.starts_with("kryten.events.cytube.");
    let event = |message: &StoredMessage| {
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        (
            body["event_name"].as_str().unwrap().to_owned(),
            body["payload"].clone(),
        )
    };
    messages.iter().filter(is_event).map(event).collect()
}

/// The payloads of the stream's events `numbered`, in order.
pub(crate) async fn numbers(client: &Client) -> Vec<u64> {
    numbers_of(&stream_contents(client).await)
}

pub(crate) fn numbers_of(messages: &[StoredMessage]) -> Vec<u64> {
    events(messages)
        .into_iter()
        .filter(|(name, _)| name == "numbered")
        .filter_map(|(_, payload)| payload.as_u64())
        .collect()
}

pub(crate) fn count_by_name(events: &[(String, Value)]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (name, _) in events {
        *counts.entry(name.clone()).or_default() += 1;
    }
    counts
}

/// Awaits a condition, and says which one did not come true.
pub(crate) async fn until<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    const PATIENCE: Duration = Duration::from_secs(60);
    const STEP: Duration = Duration::from_millis(10);
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(STEP).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        panic!("did not come true within {} s: {what}", PATIENCE.as_secs());
    }
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), future).await {
        Ok(value) => value,
        Err(_) => panic!("did not come true within 60 s: {what}"),
    }
}
