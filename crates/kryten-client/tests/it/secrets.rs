//! Nothing that is secret is shown: not by a configuration, not by an error, not in the log at its finest level.

use kryten_client::one_life::OneLife;
use kryten_client::{Client, NatsConfig};
use kryten_servers::NatsServer;
use nkeys::KeyPair;
use tracing::level_filters::LevelFilter;

use crate::certificates::Certificates;
use crate::fixture::in_time;
use crate::log::Log;
use crate::tokens::Operator;

#[tokio::test]
async fn no_secret_is_in_a_configuration_an_error_or_the_log() {
    let log = Log::default();
    let _hearing = log.hear(LevelFilter::TRACE);
    let mut server = NatsServer::ephemeral().await;
    let certificates = Certificates::new();
    let secure = certificates.server("server", "verify: true").await;
    let seed = KeyPair::new_user().seed().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let credentials = Operator::new().credentials("bot");
    let path = folder.path().join("bot.creds");
    std::fs::write(&path, &credentials).unwrap();
    let secrets = [
        "hunter2",
        seed.as_str(),
        credentials
            .lines()
            .find(|line| line.starts_with("SU"))
            .unwrap(),
        credentials
            .lines()
            .find(|line| line.starts_with("eyJ"))
            .unwrap(),
        server.password(),
    ]
    .map(str::to_owned);

    let mut shown = String::new();
    let addresses = [
        server.url().to_owned(),
        secure.url().to_owned(),
        "nats://127.0.0.1:1".to_owned(),
    ];
    for address in &addresses {
        let plain = NatsConfig::for_url(address);
        for config in [
            plain.clone().with_user("bob", "hunter2"),
            NatsConfig::for_url(address.replace("://", "://bob:hunter2@")),
            NatsConfig::for_url(address.replace("://", "://hunter2@")),
            NatsConfig::for_url(
                address
                    .replace("://", "://bob:hunter2@")
                    .replace(":1", ":x"),
            ),
            NatsConfig {
                token: Some("hunter2".into()),
                ..plain.clone()
            },
            NatsConfig {
                nkey_seed: Some(seed.clone().into()),
                ..plain.clone()
            },
            NatsConfig {
                nkey_seed: Some("hunter2".into()),
                ..plain.clone()
            },
            NatsConfig {
                credentials_file: Some(path.clone()),
                ..plain.clone()
            },
        ] {
            for tls_ca in [None, Some(certificates.path("ca.pem"))] {
                let config = NatsConfig {
                    tls_ca,
                    ..config.clone()
                };
                let error = in_time(Client::connect(&config)).await.unwrap_err();
                shown += &format!("{config:?} {error} {error:?} {error:#?}\n");
                let error = in_time(OneLife::connect(&config)).await.unwrap_err();
                shown += &format!("{error} {error:?} {error:#?}\n");
            }
        }
    }
    // And where it works, with the connection lost and found again.
    let client = Client::connect(&crate::fixture::config(&server))
        .await
        .unwrap();
    server.restart().await.unwrap();
    in_time(client.connected()).await;
    shown += &format!("{client:?}");
    let log = log.text();
    assert!(log.contains("connecting to server"), "the log was heard");
    for secret in secrets {
        assert!(!shown.contains(&secret), "{secret} is in {shown}");
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}
