//! What only a database server can do: refuse, go away, come back; and what it cannot store.

use std::time::Duration;

use axum::http::StatusCode;
use kryten_protocol::time::WireTime;
use kryten_servers::PostgresServer;
use kryten_userstats::Userstats;
use kryten_userstats::store::{ChannelBatch, Store};
use kryten_userstats::tally::{EventView, Sums};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::backend::Place;
use crate::bench::{Bench, CHANNEL, DOMAIN, eventually, get, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_login_and_a_missing_database_are_told_at_once() {
    let server = PostgresServer::shared().await;
    let right = server.url("postgres");
    let bench = Bench::new().await;
    let (user, rest) = right.split_once('@').unwrap();
    let (scheme, _) = user.rsplit_once(':').unwrap();
    for (url, what) in [
        (
            format!("{scheme}:wrong@{rest}"),
            "refuses the user kryten or the password",
        ),
        (
            server.url("nowhere"),
            "has no database nowhere; make it with `createdb nowhere`",
        ),
    ] {
        let mut config = bench.config();
        config.database_url = Some(url.parse().unwrap());
        let error = Userstats::bind(config).await.unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
        assert!(!error.contains("wrong@"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for_and_counting_goes_on_exactly() {
    let mut server = PostgresServer::ephemeral().await;
    let url = server.database().await;
    server.crash().await;
    let bench = Bench::new().await;
    bench.stream().await;
    for second in 0..20 {
        bench.say(second, "bob", "before the database").await;
    }
    let mut config = bench.config();
    config.database_url = Some(url.parse().unwrap());
    let service = Userstats::bind(config).await.unwrap();
    let router = service.router();
    let (status, body) = get(&router, "/health").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &body["database"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"disconnected".into())
    );
    server.restart().await.unwrap();
    within("the service is ready", service.ready()).await;
    assert_eq!(get(&router, "/health").await.0, StatusCode::OK);
    for round in 1..4 {
        server.crash().await;
        let from = round * 20;
        for second in from..from + 20 {
            bench.say(second, "bob", "the database is away").await;
        }
        eventually("a commit has failed", || async {
            !service.status().view().database_ok
        })
        .await;
        server.restart().await.unwrap();
        bench.counted(&service).await;
    }
    let store = Store::connect(&url.parse().unwrap());
    assert_eq!(store.messages_of("bob", CHANNEL, DOMAIN).await.unwrap(), 80);
    assert!(service.status().view().is_healthy());
    within("it stops", service.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_postgresql_refuses_are_stored_as_near_as_can_be() {
    let server = PostgresServer::shared().await;
    let store = Store::connect(&server.database().await.parse().unwrap());
    store.prepare().await.unwrap();
    let mut tally = store.load(&[]).await.unwrap();
    let claim = store.claim(CHANNEL).await.unwrap();
    let mut sums = Sums::default();
    let long = "x".repeat(5000);
    for (second, title) in [(0, "a\0b"), (1, "a\u{fffd}b"), (2, &long)] {
        let film = json!({"type": "yt", "id": title, "title": title});
        for (name, payload) in [
            ("changeMedia", film),
            (
                "chatMsg",
                json!({"username": title, "msg": "movie++", "time": 1_795_364_000_000_i64 + second}),
            ),
        ] {
            let event = EventView {
                domain: DOMAIN,
                channel: CHANNEL,
                name,
                payload: &payload.to_string(),
                time: WireTime::from_millis(1_795_364_000_000 + second),
                line_id: None,
                epoch: 0,
            };
            tally.apply(&event, &mut sums);
        }
    }
    tally.remember(&mut sums);
    let batch = ChannelBatch {
        token: &claim.token,
        epoch: claim.epoch,
        sums: &sums,
        position: None,
        seals: None,
    };
    let batches = [batch];
    let commit = tokio::time::timeout(Duration::from_secs(20), store.commit(&batches));
    assert!(commit.await.unwrap().unwrap().lost.is_empty());
    assert_eq!(
        store
            .messages_of("a\u{fffd}b", CHANNEL, DOMAIN)
            .await
            .unwrap(),
        2
    );
    assert_eq!(store.totals().await.unwrap().messages, 3);
}

/// A way to a server that can go silent: connections of before then carry nothing, and nobody is told.
struct Way {
    url: String,
    silences: watch::Sender<u32>,
}

impl Way {
    async fn to(url: &str) -> Self {
        let (login, rest) = url.rsplit_once('@').unwrap();
        let (address, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (address, silences) = (address.to_owned(), watch::Sender::new(0));
        let way = silences.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (address, mut silences) = (address.clone(), way.subscribe());
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(address).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        // Both stay open.
                        _ = silences.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self {
            url: format!("{login}@127.0.0.1:{port}/{database}"),
            silences,
        }
    }

    fn goes_silent(&self) {
        self.silences.send_modify(|silences| *silences += 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_over_a_silent_server_is_done_once_and_all_connections_come_back() {
    let url = PostgresServer::shared().await.database().await;
    let way = Way::to(&url).await;
    let store = Store::connect(&way.url.parse().unwrap());
    store.prepare().await.unwrap();
    let mut tally = store.load(&[]).await.unwrap();
    let claim = store.claim(CHANNEL).await.unwrap();
    let mut sums = Sums::default();
    let payload = json!({"username": "bob", "msg": "hi", "time": 1_795_364_000_000_i64});
    let event = EventView {
        domain: DOMAIN,
        channel: CHANNEL,
        name: "chatMsg",
        payload: &payload.to_string(),
        time: WireTime::from_millis(1_795_364_000_000),
        line_id: None,
        epoch: 0,
    };
    tally.apply(&event, &mut sums);
    tally.remember(&mut sums);
    let batches = [ChannelBatch {
        token: &claim.token,
        epoch: claim.epoch,
        sums: &sums,
        position: None,
        seals: None,
    }];

    // All three connections that write wait for a statement when the server vanishes, one in a transaction.
    let mut other = PgConnection::connect(&url).await.unwrap();
    let lock = "BEGIN; LOCK TABLE kryten_position IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let waiting = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let place = Place::Url(url.clone());
    tokio::select! {
        _ = async { tokio::join!(store.commit(&batches), store.outcome(&batches), store.outcome(&batches)) } => {
            panic!("the table is locked")
        }
        () = eventually("all wait for the table", || async {
            place.texts(waiting).await == ["3"]
        }) => way.goes_silent(),
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();

    let again = async {
        loop {
            match store.outcome(&batches).await {
                Ok(Some(committed)) => return committed,
                Ok(None) => {}
                Err(error) => {
                    assert!(error.is_transient(), "{error}");
                    continue;
                }
            }
            if let Ok(committed) = store.commit(&batches).await {
                return committed;
            }
        }
    };
    let committed = within("it is committed", again).await;
    assert!(committed.lost.is_empty(), "{committed:?}");
    // Not through the store: its connections that read are silent, too.
    let lines = "SELECT CAST(message_count AS TEXT) FROM message_counts";
    assert_eq!(place.texts(lines).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_silence_all_connections_that_read_come_back() {
    let url = PostgresServer::shared().await.database().await;
    let way = Way::to(&url).await;
    let store = Store::connect(&way.url.parse().unwrap());
    store.prepare().await.unwrap();
    let mut other = PgConnection::connect(&url).await.unwrap();
    let lock = "BEGIN; LOCK TABLE message_counts IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let waiting = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let place = Place::Url(url.clone());
    let read = || store.totals();
    tokio::select! {
        _ = async { tokio::join!(read(), read(), read(), read()) } => panic!("the table is locked"),
        () = eventually("all wait for the table", || async {
            place.texts(waiting).await == ["4"]
        }) => way.goes_silent(),
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    let again = async {
        while let Err(error) = read().await {
            assert!(error.is_transient(), "{error}");
        }
    };
    within("it is read again", again).await;
}
