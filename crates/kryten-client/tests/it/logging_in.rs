use kryten_client::{Client, ConnectError, NatsConfig};
use kryten_servers::NatsServer;
use nkeys::KeyPair;

use crate::fixture::{bucket, config, in_time, until};
use crate::tokens::Operator;

async fn server_with(extra: String) -> NatsServer {
    NatsServer::ephemeral_with(|options| {
        options.login = false;
        options.extra_config = extra;
    })
    .await
}

/// The refusal's one sentence; the secret is in none of its forms.
async fn refusal(config: &NatsConfig, secret: &str) -> String {
    let error = in_time(Client::connect(config)).await.unwrap_err();
    let everything = format!("{error} {error:?} {error:#?} {config:?}");
    assert!(!everything.contains(secret), "{everything}");
    assert!(
        matches!(error, ConnectError::WrongCredentials { .. }),
        "{error:?}"
    );
    assert!(!error.is_transient());
    error.to_string()
}

async fn works(config: &NatsConfig) {
    let client = in_time(Client::connect(config)).await.unwrap();
    let kv = bucket(&client, "any").await;
    kv.put_text("key", "value").await.unwrap();
    let once = kryten_client::one_life::OneLife::connect(config).await;
    assert!(once.unwrap().client().is_connected());
}

#[tokio::test]
async fn a_token_or_a_password_logs_in_or_is_refused_with_what_to_check() {
    let server = server_with("authorization { token: 's3cret' }".into()).await;
    let with = |token: &str| NatsConfig {
        token: Some(token.into()),
        ..NatsConfig::for_url(server.url())
    };
    works(&with("s3cret")).await;
    works(&NatsConfig::for_url(format!(
        "nats://s3cret@127.0.0.1:{}",
        server.port()
    )))
    .await;
    assert!(
        refusal(&with("hunter2"), "hunter2")
            .await
            .ends_with("refuses the credentials; check nats.token")
    );

    let server = NatsServer::ephemeral().await;
    works(&config(&server)).await;
    let wrong = config(&server).with_user("bob", "hunter2");
    assert!(
        refusal(&wrong, "hunter2")
            .await
            .ends_with("refuses the credentials; check nats.user and nats.password")
    );
    let in_address = format!("nats://bob:hunter2@127.0.0.1:{}", server.port());
    refusal(&NatsConfig::for_url(in_address), "hunter2").await;
    let nothing = refusal(&NatsConfig::for_url(server.url()), "hunter2").await;
    assert!(
        nothing.contains("none were given; name nats.user"),
        "{nothing}"
    );
}

#[tokio::test]
async fn a_seed_logs_in_by_its_nkey() {
    let key = KeyPair::new_user();
    let seed = key.seed().unwrap();
    let server = server_with(format!(
        "authorization {{ users: [ {{ nkey: {} }} ] }}",
        key.public_key()
    ))
    .await;
    let inline = NatsConfig {
        nkey_seed: Some(format!(" {seed}\n").into()),
        ..NatsConfig::for_url(server.url())
    };
    works(&inline).await;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.nk");
    std::fs::write(&path, format!("# the bot's\n{seed}\n")).unwrap();
    let from_file = NatsConfig {
        nkey_seed_file: Some(path.clone()),
        ..NatsConfig::for_url(server.url())
    };
    works(&from_file).await;

    let stranger = KeyPair::new_user();
    let seed = stranger.seed().unwrap();
    std::fs::write(&path, &seed).unwrap();
    let sentence = refusal(&from_file, &seed).await;
    let public = stranger.public_key();
    assert!(
        sentence.ends_with(&format!(
            "it must know the user with the public NKey {public}"
        )),
        "{sentence}"
    );
    std::fs::write(&path, "nothing").unwrap();
    let error = Client::connect(&from_file).await.unwrap_err().to_string();
    assert!(
        error.ends_with("which nats.nkey_seed_file names, holds no NKey seed of a user (SU…)"),
        "{error}"
    );
}

#[tokio::test]
async fn a_credentials_file_logs_in_where_an_operator_signs() {
    let operator = Operator::new();
    let server = server_with(operator.server_config()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.creds");
    std::fs::write(&path, operator.credentials("bot")).unwrap();
    let config = NatsConfig {
        credentials_file: Some(path.clone()),
        ..NatsConfig::for_url(server.url())
    };
    works(&config).await;

    let foreign = Operator::new().credentials("bot");
    std::fs::write(&path, &foreign).unwrap();
    let secret = foreign.lines().find(|line| line.starts_with("SU")).unwrap();
    let sentence = refusal(&config, secret).await;
    assert!(
        sentence.contains("bot.creds is of its operator and account"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_credentials_file_that_was_renewed_is_taken_at_the_next_connection() {
    let operator = Operator::new();
    let mut server = server_with(operator.server_config()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.creds");
    std::fs::write(&path, operator.credentials("bot")).unwrap();
    let client = Client::connect(&NatsConfig {
        credentials_file: Some(path.clone()),
        ..NatsConfig::for_url(server.url())
    })
    .await
    .unwrap();
    server.kill().await.unwrap();
    until(|| async { !client.is_connected() }).await;
    // Not there for a moment, as when a program writes it anew.
    std::fs::remove_file(&path).unwrap();
    server.restart().await.unwrap();
    std::fs::write(&path, operator.credentials("bot again")).unwrap();
    in_time(client.connected()).await;
}

#[tokio::test]
async fn the_next_server_is_taken_where_one_is_away() {
    let (mut one, two) = (NatsServer::ephemeral().await, NatsServer::ephemeral().await);
    // Both know the same user: the credentials of one list of servers are the same.
    let login = "authorization { user: bob, password: word }".to_owned();
    let (first, second) = (server_with(login.clone()).await, server_with(login).await);
    one.kill().await.unwrap();
    let config = NatsConfig {
        servers: vec![
            one.url().to_owned(),
            first.url().to_owned(),
            second.url().to_owned(),
        ],
        ..NatsConfig::default().with_user("bob", "word")
    };
    let client = in_time(Client::connect(&config)).await.unwrap();
    let port = client.nats().server_info().port;
    assert!([first.port(), second.port()].contains(&port));
    let (mut used, other) = match port == first.port() {
        true => (first, second),
        false => (second, first),
    };
    used.kill().await.unwrap();
    until(|| async { client.is_connected() && client.nats().server_info().port == other.port() })
        .await;
    drop(two);
}
