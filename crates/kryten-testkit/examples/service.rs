//! A service with commands, lifecycle, health and metrics: it knows who said how much since it started.
//!
//! ```text
//! kryten up --demo --data-dir DIR
//! cargo run --example service -- --data-dir DIR demo
//! curl http://127.0.0.1:8091/health
//! ```
//!
//! It answers `lines.of` (`username`) and `lines.top` (`limit`, without it 10) on `kryten.example_lines.command`:
//!
//! ```text
//! nats request kryten.example_lines.command '{"service": "example_lines", "command": "lines.top", "limit": 3}'
//! ```
//!
//! Ctrl-C, SIGTERM or a group restart by one of `--restart-by` ends it in order.
#![allow(clippy::print_stdout)]

mod place;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use clap::Parser;
use kryten_client::events::{LiveEvents, LiveItem};
use kryten_client::http::{Counter, Pages, Reading};
use kryten_client::respond::Refusal;
use kryten_client::service::{RestartPolicy, Service, Signals};
use kryten_protocol::event::Event;
use place::Place;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// The most that `lines.top` gives.
const LONGEST_TOP: usize = 100;

/// A service that knows who said how much since it started
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Where health and metrics are served
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "KRYTEN_HTTP",
        default_value = "127.0.0.1:8091"
    )]
    http: SocketAddr,
    /// Who may ask for a restart, by the name in the notice; give it once for each
    #[arg(long, value_name = "NAME")]
    restart_by: Vec<String>,
}

/// Who said how much; a name is the same in upper and lower case.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<HashMap<String, u64>>>);

#[derive(Debug, Deserialize)]
struct Of {
    username: String,
}

#[derive(Debug, Deserialize)]
struct Top {
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Said {
    username: String,
    lines: u64,
}

impl Lines {
    fn add(&self, name: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *lines.entry(name.to_lowercase()).or_default() += 1;
    }

    fn of(&self, name: &str) -> Result<Said, Refusal> {
        let username = name.trim().to_lowercase();
        if username.is_empty() {
            return Err("Nobody is named; give a username".into());
        }
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.get(&username).copied().unwrap_or_default();
        Ok(Said { username, lines })
    }

    fn top(&self, limit: usize) -> Vec<Said> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = |(name, lines): (&String, &u64)| Said {
            username: name.clone(),
            lines: *lines,
        };
        let mut top: Vec<_> = lines.iter().map(said).collect();
        drop(lines);
        top.sort_by(|a, b| {
            b.lines
                .cmp(&a.lines)
                .then_with(|| a.username.cmp(&b.username))
        });
        top.truncate(limit.min(LONGEST_TOP));
        top
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments {
        place,
        http,
        restart_by,
    } = Arguments::parse();
    // Before anything can be asked to end.
    let signals = Signals::listen()?;
    let client = place.connect("example_lines").await?;
    let events = client
        .events(&place.channel)
        .only(["chatMsg"])
        .live()
        .await?;
    let listener = TcpListener::bind(http)
        .await
        .with_context(|| format!("cannot listen on {http}; name another with --http"))?;
    let address = listener.local_addr()?;

    let (lines, counter, reading) = (Lines::default(), Counter::default(), Reading::default());
    let pages = Pages::new()
        .counter("chat_lines_total", "Chat lines since the start", &counter)
        .reader("chat", &reading);
    let (of, top) = (lines.clone(), lines.clone());
    let service = Service::builder("example_lines", env!("CARGO_PKG_VERSION"))
        .command("lines.of", move |asked: Of| {
            let said = of.of(&asked.username);
            async move { said }
        })
        .command("lines.top", move |asked: Top| {
            let said = top.top(asked.limit.unwrap_or(10));
            async move { Ok(said) }
        })
        .restarts(RestartPolicy::from_initiators(restart_by))
        .serve(listener, pages)
        .start(&client)
        .await?;
    let counting = tokio::spawn(count(events, lines, counter, reading));
    println!("serving http://{address}/health");

    let cause = service.run_until(signals).await;
    counting.abort();
    println!("ended by {cause}");
    Ok(())
}

async fn count(mut events: LiveEvents, lines: Lines, counter: Counter, reading: Reading) {
    while let Some(item) = events.next().await {
        if let LiveItem::Event(Event::ChatMsg(line)) = item
            && line.is_from_user()
        {
            lines.add(&line.username);
            counter.add(1);
            reading.event();
        }
    }
}
