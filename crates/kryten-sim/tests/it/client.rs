//! A bare client of the simulator: a websocket and nothing clever.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use kryten_sim::SimHandle;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything here takes; ends a test that hangs.
const LIMIT: Duration = Duration::from_secs(50);

pub(crate) struct Client {
    websocket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// An event: its name and its argument, `None` without one.
pub(crate) type Event = (String, Option<Value>);

impl Client {
    /// Opens a websocket and no more.
    pub(crate) async fn open(sim: &SimHandle) -> Self {
        Self::open_with(sim, "EIO=4&transport=websocket").await
    }

    /// Opens a websocket with another query.
    pub(crate) async fn open_with(sim: &SimHandle, query: &str) -> Self {
        let url = format!("ws://{}/socket.io/?{query}", sim.addr());
        let (websocket, _) = connect_async(url).await.unwrap();
        Self { websocket }
    }

    /// Opens a websocket and has the namespace granted.
    pub(crate) async fn connect(sim: &SimHandle) -> Self {
        let mut client = Self::open(sim).await;
        assert!(client.text().await.unwrap().starts_with('0'));
        client.send("40").await;
        assert!(client.text().await.unwrap().starts_with("40{"));
        client
    }

    /// Joins and logs in, and reads up to the own `setUserRank`, or to the own `addUser` of a guest.
    pub(crate) async fn enter(sim: &SimHandle, name: &str, password: Option<&str>) -> Self {
        Self::enter_channel(sim, "Lounge", name, password).await
    }

    /// The same in another channel.
    pub(crate) async fn enter_channel(
        sim: &SimHandle,
        channel: &str,
        name: &str,
        password: Option<&str>,
    ) -> Self {
        let mut client = Self::connect(sim).await;
        client.emit("joinChannel", json!({"name": channel})).await;
        let last = match password {
            Some(password) => {
                client
                    .emit("login", json!({"name": name, "pw": password}))
                    .await;
                "setUserRank"
            }
            None => {
                client.emit("login", json!({"name": name})).await;
                "addUser"
            }
        };
        while client.event(last).await["name"] != name {}
        client
    }

    /// A bot of rank 3.
    pub(crate) async fn bot(sim: &SimHandle) -> Self {
        Self::enter(sim, "Bot", Some("secret")).await
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.websocket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn emit(&mut self, name: &str, payload: Value) {
        self.send(&format!("42{}", json!([name, payload]))).await;
    }

    /// The next text; `None` when the connection is over.
    pub(crate) async fn text(&mut self) -> Option<String> {
        let message = timeout(LIMIT, self.websocket.next())
            .await
            .expect("a frame in time");
        match message {
            Some(Ok(Message::Text(text))) => Some(text.as_str().to_owned()),
            _ => None,
        }
    }

    /// The next event; pings are answered in between.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            let text = self.text().await?;
            if text == "2" {
                self.send("3").await;
            } else if let Some(event) = text.strip_prefix("42") {
                let mut args: Vec<Value> = serde_json::from_str(event).unwrap();
                let name = args.remove(0).as_str().unwrap().to_owned();
                return Some((name, args.into_iter().next()));
            } else if text == "41" {
                return Some(("41".to_owned(), None));
            }
        }
    }

    /// The argument of the next event of that name.
    pub(crate) async fn event(&mut self, wanted: &str) -> Value {
        loop {
            let (name, payload) = self.next().await.expect("the event before the end");
            if name == wanted {
                return payload.unwrap_or_default();
            }
        }
    }

    /// The names of the next events.
    pub(crate) async fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.next().await.expect("another event").0);
        }
        names
    }

    /// The next events, each as `name payload`.
    pub(crate) async fn shown(&mut self, count: usize) -> Vec<String> {
        let mut shown = Vec::new();
        for _ in 0..count {
            let (name, payload) = self.next().await.expect("another event");
            shown.push(format!("{name} {}", payload.unwrap_or_default()));
        }
        shown
    }
}
