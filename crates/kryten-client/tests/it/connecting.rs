use std::time::{Duration, Instant};

use kryten_client::{Client, ConnectError, NatsConfig};
use kryten_servers::NatsServer;

use crate::fixture::{config, in_time, server_and_client};

#[tokio::test]
async fn the_ways_in_which_connecting_fails_are_told_apart() {
    let mut server = NatsServer::ephemeral().await;
    let wrong = config(&server).with_user("bob", "hunter2");
    let error = Client::connect(&wrong).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::WrongCredentials { .. }),
        "{error:?}"
    );
    assert!(!format!("{error:?}{error}").contains("hunter2"));

    let secure = NatsConfig::for_url(server.url().replace("nats://", "tls://"));
    let error = Client::connect(&secure).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");

    let error = Client::connect(&NatsConfig::for_url("http://[nonsense"))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Setting(_)), "{error:?}");

    server.kill().await.unwrap();
    let started = Instant::now();
    let error = Client::connect(&config(&server)).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::ServerAway { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains(&server.port().to_string()));
    assert!(started.elapsed() < Duration::from_secs(2));

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", silent.local_addr().unwrap());
    let patient = NatsConfig {
        connect_timeout: Duration::from_millis(200),
        ..NatsConfig::for_url(url)
    };
    let error = Client::connect(&patient).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn credentials_in_the_address_work() {
    let (server, _client) = server_and_client().await;
    let address = format!(
        "nats://{}:{}@127.0.0.1:{}",
        server.user(),
        server.password(),
        server.port()
    );
    let client = Client::connect(&NatsConfig::for_url(address).named("test"))
        .await
        .unwrap();
    assert!(client.is_connected());
    assert_eq!(client.max_payload(), 8 * 1024 * 1024);
}

#[tokio::test]
async fn a_client_may_start_before_its_server_and_outlives_it() {
    let mut server = NatsServer::ephemeral().await;
    server.kill().await.unwrap();
    let early = NatsConfig {
        retry_on_initial_connect: true,
        ..config(&server)
    };
    let client = Client::connect(&early).await.unwrap();
    assert!(!client.is_connected());
    for _ in 0..3 {
        server.restart().await.unwrap();
        in_time(client.connected()).await;
        server.kill().await.unwrap();
        crate::fixture::until(|| async { !client.is_connected() }).await;
    }
    assert!(client.connections() >= 3);
}

#[tokio::test]
async fn a_connection_of_one_life_ends_with_its_server_and_never_comes_back() {
    let (mut server, client) = server_and_client().await;
    let once = kryten_client::one_life::OneLife::connect(&config(&server))
        .await
        .unwrap();
    crate::fixture::bucket(&client, "any").await;
    let kv = kryten_client::KvBucket::open(once.client(), "any")
        .await
        .unwrap();
    kv.put_text("key", "before").await.unwrap();
    assert!(!once.has_ended());
    server.kill().await.unwrap();
    in_time(once.ended()).await;
    server.restart().await.unwrap();
    in_time(client.connected()).await;
    assert!(kv.put_text("key", "after").await.is_err());
    assert!(!once.client().is_connected());
    let kv = kryten_client::KvBucket::open(&client, "any").await.unwrap();
    assert_eq!(kv.get_text("key").await.unwrap().unwrap(), "before");
}
