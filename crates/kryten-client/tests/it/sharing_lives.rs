//! Connections of one life that many share.

use std::sync::Arc;

use futures_util::future::join_all;
use kryten_client::NatsConfig;
use kryten_client::shared_lives::SharedLives;
use kryten_servers::NatsServer;
use tokio::net::TcpListener;

const MOST: usize = 4;

#[tokio::test]
async fn many_share_a_few_connections_and_none_that_was_lost() {
    let mut server = NatsServer::ephemeral().await;
    let config = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
    let lives = SharedLives::new(config, MOST);
    let taken = join_all((0..3 * MOST).map(|_| lives.take())).await;
    let taken: Vec<_> = taken.into_iter().map(Result::unwrap).collect();
    for connection in &taken {
        assert_eq!(Arc::strong_count(connection), 3);
    }

    lives.retire(&taken[0]).await;
    let again = lives.take().await.unwrap();
    assert!(taken.iter().all(|before| !Arc::ptr_eq(before, &again)));
    assert!(!taken[0].has_ended(), "others may still use it");

    let alone = lives.take_alone().await.unwrap();
    let others = join_all((0..MOST).map(|_| lives.take())).await;
    let others = others.into_iter().map(Result::unwrap);
    assert!(others.into_iter().all(|other| !Arc::ptr_eq(&other, &alone)));

    server.restart().await.unwrap();
    for connection in taken.iter().chain([&again, &alone]) {
        connection.ended().await;
    }
    let new = lives.take().await.unwrap();
    assert!(!new.has_ended());

    let weak = Arc::downgrade(&new);
    drop(new);
    assert!(weak.upgrade().is_none(), "nobody keeps it open");
}

#[tokio::test]
async fn who_waits_while_an_attempt_fails_makes_none_of_his_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let lives = SharedLives::new(NatsConfig::for_url(&url), MOST);
    let attempts = join_all((0..100).map(|_| lives.take()));
    let mut heard = 0;
    let answers = tokio::select! {
        answers = attempts => answers,
        () = async {
            loop {
                // Accepted and closed: no server speaks.
                drop(listener.accept().await.unwrap());
                heard += 1;
            }
        } => unreachable!("it listens for ever"),
    };
    assert!(answers.iter().all(Result::is_err));
    assert!((1..10).contains(&heard), "{heard} attempts");
}
