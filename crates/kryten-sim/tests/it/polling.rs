//! Engine.IO 3 and 4 by polls, and websockets that take over.

use std::time::Duration;

use kryten_sim::{Sim, SimConfig, SimHandle};
use serde_json::json;

use crate::client::Client;

/// A client that polls.
struct Polls {
    http: reqwest::Client,
    url: String,
}

impl Polls {
    /// Shakes hands; the body is returned as it came.
    async fn begin(sim: &SimHandle, query: &str) -> (Self, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("{}/socket.io/?{query}transport=polling", sim.url());
        let mut polls = Self {
            http: reqwest::Client::new(),
            url,
        };
        let (status, open) = polls.poll().await;
        assert_eq!(status, 200, "{open}");
        let sid = open.split("\"sid\":\"").nth(1).unwrap();
        let sid = sid.split('"').next().unwrap();
        polls.url = format!("{}&sid={sid}", polls.url);
        (polls, open)
    }

    fn sid(&self) -> &str {
        self.url.split("&sid=").nth(1).unwrap()
    }

    async fn poll(&self) -> (u16, String) {
        let response = self.http.get(&self.url).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.text().await.unwrap())
    }

    async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        let request = self.http.post(&self.url).body(body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.text().await.unwrap())
    }

    /// Polls until a body has these words.
    async fn until(&self, words: &str) -> String {
        loop {
            let (status, body) = self.poll().await;
            assert_eq!(status, 200, "{body}");
            if body.contains(words) {
                return body;
            }
        }
    }
}

async fn quiet() -> SimHandle {
    Sim::start(SimConfig::quiet("Lounge")).await.unwrap()
}

#[tokio::test]
async fn a_client_of_version_3_polls_with_lengths_and_is_granted_the_namespace_unasked() {
    let sim = quiet().await;
    let (polls, open) = Polls::begin(&sim, "").await;
    let (length, packet) = open.split_once(':').unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), packet.len());
    assert!(packet.starts_with("0{") && packet.contains("\"upgrades\":[\"websocket\"]"));
    assert!(polls.until("2:40").await.starts_with("2:40"));
    let join = "42[\"joinChannel\",{\"name\":\"Lounge\"}]";
    let body = format!("{}:{join}1:2", join.len());
    assert_eq!(polls.post(body).await, (200, "ok".to_owned()));
    polls.until("1:3").await;
    sim.say("alice", "h\u{e9} \u{1f3ac}").await.unwrap();
    let heard = polls.until("h\u{e9} \u{1f3ac}").await;
    let (length, rest) = heard.split_once(':').unwrap();
    assert!(rest.encode_utf16().count() >= length.parse().unwrap());
    assert_eq!(polls.post("1:1").await.0, 400);
    assert_eq!(polls.poll().await.0, 400);
}

#[tokio::test]
async fn a_client_of_version_4_polls_with_separators_and_asks_for_the_namespace() {
    let sim = quiet().await;
    let (polls, open) = Polls::begin(&sim, "EIO=4&").await;
    assert!(open.starts_with("0{"), "{open}");
    assert_eq!(polls.post("40").await.0, 200);
    polls.until("40{\"sid\":").await;
    polls
        .post("42[\"joinChannel\",{\"name\":\"Lounge\"}]\u{1e}42[\"login\",{\"name\":\"Poll\",\"pw\":\"x\"}]")
        .await;
    polls.until("setUserRank").await;
    assert_eq!(sim.wait_until(|p| p.bots == 1).await.bots, 1);
    // What is no packet ends the session, as a broken frame does.
    assert_eq!(polls.post("42{").await.0, 400);
    assert_eq!(polls.poll().await.0, 400);
    sim.wait_until(|progress| progress.bots == 0).await;
}

#[tokio::test]
async fn a_websocket_takes_over_as_the_python_robot_does_it() {
    let sim = quiet().await;
    let (polls, _) = Polls::begin(&sim, "EIO=3&").await;
    let query = format!("EIO=3&transport=websocket&sid={}", polls.sid());
    let mut client = Client::open_with(&sim, &query).await;
    client.send("2probe").await;
    assert_eq!(client.text().await.unwrap(), "3probe");
    client.send("5").await;
    client.emit("joinChannel", json!({"name": "lounge"})).await;
    assert_eq!(client.text().await.unwrap(), "40");
    assert_eq!(client.text().await.unwrap(), "42[\"rank\",-1]");
    client.event("usercount").await;
    client.send("2").await;
    assert_eq!(client.text().await.unwrap(), "3");
    // A second websocket of the session is of no use.
    let (status, _) = polls.poll().await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_waiting_poll_is_ended_when_a_websocket_takes_over() {
    let sim = quiet().await;
    let (polls, _) = Polls::begin(&sim, "EIO=4&").await;
    polls.post("40").await;
    polls.until("rank").await;
    let mut client = Client::open_with(
        &sim,
        &format!("EIO=4&transport=websocket&sid={}", polls.sid()),
    )
    .await;
    let (waiting, ()) = tokio::join!(polls.poll(), async {
        client.send("2probe").await;
        assert_eq!(client.text().await.unwrap(), "3probe");
    });
    assert_eq!(waiting, (200, "6".to_owned()));
    client.send("5").await;
    client.emit("joinChannel", json!({"name": "Lounge"})).await;
    client.event("userlist").await;
}

#[tokio::test]
async fn clients_of_version_3_ping_and_silent_ones_are_given_up() {
    let sim = Sim::start(SimConfig {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_millis(300),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let mut client = Client::open_with(&sim, "EIO=3&transport=websocket").await;
    assert!(client.text().await.unwrap().contains("\"upgrades\":[]"));
    assert_eq!(client.text().await.unwrap(), "40");
    assert_eq!(client.text().await.unwrap(), "42[\"rank\",-1]");
    for _ in 0..10 {
        client.send("2").await;
        assert_eq!(client.text().await.unwrap(), "3");
    }
    assert_eq!(client.text().await, None);
    sim.wait_until(|progress| progress.connections == 0).await;
}

#[tokio::test]
async fn two_polls_at_once_end_the_session() {
    let sim = quiet().await;
    let (polls, _) = Polls::begin(&sim, "EIO=4&").await;
    polls.post("40").await;
    polls.until("rank").await;
    let (first, second) = tokio::join!(polls.poll(), polls.poll());
    assert_eq!((first.0, second.0), (400, 400));
    assert_eq!(polls.poll().await.0, 400);
}
