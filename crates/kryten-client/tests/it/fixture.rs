//! A server, clients of it, and what the tests ask of them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use kryten_client::kv::BucketConfig;
use kryten_client::{Client, KvBucket, NatsConfig};
use kryten_servers::NatsServer;

/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(55);

pub(crate) fn config(server: &NatsServer) -> NatsConfig {
    NatsConfig::for_url(server.url()).with_user(server.user(), server.password())
}

pub(crate) async fn connect(server: &NatsServer) -> Client {
    Client::connect(&config(server)).await.unwrap()
}

pub(crate) async fn server_and_client() -> (NatsServer, Client) {
    let server = NatsServer::ephemeral().await;
    let client = connect(&server).await;
    (server, client)
}

pub(crate) async fn bucket(client: &Client, name: &str) -> KvBucket {
    KvBucket::open_or_create(client, BucketConfig::new(name))
        .await
        .unwrap()
}

/// Stores messages in order; the server drops what comes faster than it stores, so acknowledgements are awaited.
pub(crate) async fn store(client: &Client, messages: impl IntoIterator<Item = (String, Bytes)>) {
    let mut acks = std::collections::VecDeque::new();
    for (subject, body) in messages {
        acks.push_back(client.jetstream().publish(subject, body).await.unwrap());
        if acks.len() >= 500 {
            acks.pop_front().unwrap().await.unwrap();
        }
    }
    for ack in acks {
        ack.await.unwrap();
    }
}

/// Ends a test that hangs.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("the test hangs")
}

/// Asks again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    in_time(async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

pub(crate) async fn consumers_of(client: &Client, stream: &str) -> Vec<String> {
    let stream = client.jetstream().get_stream(stream).await.unwrap();
    stream.consumer_names().try_collect().await.unwrap()
}

/// No consumer is there, or will be soon.
pub(crate) async fn until_no_consumer(client: &Client, stream: &str) {
    until(|| async { consumers_of(client, stream).await.is_empty() }).await;
}

pub(crate) fn signal(server: &NatsServer, signal: nix::sys::signal::Signal) {
    let pid = server.pid().unwrap().cast_signed();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}

/// Freezes the server, and returns when all its threads stand still.
pub(crate) async fn freeze(server: &NatsServer) {
    signal(server, nix::sys::signal::Signal::SIGSTOP);
    let threads = format!("/proc/{}/task", server.pid().unwrap());
    until(|| async {
        std::fs::read_dir(&threads)
            .unwrap()
            .flatten()
            .all(|thread| {
                let status = std::fs::read_to_string(thread.path().join("status"));
                status.unwrap_or_default().contains("State:\tT")
            })
    })
    .await;
}

pub(crate) fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
