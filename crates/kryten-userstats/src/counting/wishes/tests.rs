//! What is folded and not committed when another instance records a wish, and one who counts nothing.

use std::path::Path;

use kryten_client::log_levels::LogLevels;
use kryten_client::{NatsConfig, StoredMessage};
use kryten_protocol::time::WireTime;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::*;
use crate::answers::Questions;
use crate::config::ChannelConfig;
use crate::store::Store;
use crate::tally::Wish;

const DOMAIN: &str = "cytu.be";
const CHANNEL: &str = "lounge";
const START: i64 = 1_795_364_000_000;

/// Counting as it is before it has taken a channel over, and the database beside it, as another instance has it.
struct Bench {
    counting: Counting,
    other: Store,
    _folder: TempDir,
}

async fn open(path: &Path) -> Store {
    Store::open(path).await.unwrap()
}

impl Bench {
    async fn new() -> Self {
        // Nothing here asks NATS, so none has to be there.
        let mut nats = NatsConfig::for_url("nats://127.0.0.1:9");
        nats.retry_on_initial_connect = true;
        let client = Client::connect(&nats).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("userstats.db");
        let config = Config::new(nats, vec![channel()], path.clone());
        let shared = Shared {
            status: Arc::default(),
            names_changed: Arc::default(),
            robot_started: Arc::default(),
            ready: Arc::new(watch::Sender::new(false)),
            log_levels: Arc::new(watch::Sender::new(LogLevels::new(config.log_level))),
            stop: CancellationToken::new(),
        };
        let asked = (Inputs::new().1, Questions::new().0);
        let store = open(&path).await;
        let duty = Arc::new(Duty::new());
        Self {
            counting: Counting::new(client, store, config, shared, asked, duty),
            other: open(&path).await,
            _folder: folder,
        }
    }

    async fn take_over(&mut self) {
        let store = &self.counting.store;
        let privacy = store.privacy().await.unwrap();
        let mut tally = store.load(&[]).await.unwrap();
        tally.begin_with(privacy);
        let claim = store.claim(CHANNEL).await.unwrap();
        self.counting.book = Book::new(tally, vec![(claim, channel())]);
    }

    /// A backlog: it is folded, and committed later.
    fn fold(&mut self, sequence: u64, name: &str, payload: &Value) {
        let second = i64::try_from(sequence).unwrap();
        let at = WireTime::from_millis(START + second * 1000);
        let body = json!({
            "event_name": name, "payload": payload, "channel": CHANNEL, "domain": DOMAIN,
            "timestamp": at.to_string(), "correlation_id": "c",
        });
        let message = StoredMessage {
            sequence,
            subject: format!("kryten.events.cytube.{CHANNEL}.{}", name.to_lowercase()),
            message_id: None,
            epoch: None,
            time_nanos: i128::from(at.micros()) * 1000,
            headers: Default::default(),
            body: body.to_string().into(),
        };
        self.counting.book.fold(&[message], 7);
        self.counting.backlog = Some((1, Instant::now()));
    }

    fn bob_comes_and_speaks(&mut self) {
        self.fold(1, "userlist", &json!([{"name": "alice"}, {"name": "bob"}]));
        let line = json!({"username": "bob", "msg": "hi", "time": START, "meta": {}});
        self.fold(11, "chatMsg", &line);
    }

    /// As another instance does it.
    async fn wish(&self, wish: Wish) {
        let privacy = self.other.privacy().await.unwrap();
        let names = ["bob".to_owned()];
        let done = self.other.carry_out(wish, &names, &privacy, now()).await;
        done.unwrap();
    }

    async fn lines(&self) -> i64 {
        let lines = self.other.messages_of("bob", CHANNEL, DOMAIN).await;
        lines.unwrap()
    }

    async fn is_known(&self) -> bool {
        self.other.user_seen("bob").await.unwrap().is_some()
    }
}

fn channel() -> ChannelConfig {
    ChannelConfig {
        domain: DOMAIN.into(),
        channel: CHANNEL.into(),
    }
}

#[tokio::test]
async fn who_is_forgotten_while_a_backlog_is_folded_does_not_come_back_with_it() {
    let mut bench = Bench::new().await;
    bench.take_over().await;
    bench.bob_comes_and_speaks();
    bench.wish(Wish::Forget).await;
    bench.counting.renew_privacy().await;
    assert!(bench.counting.commit().await);
    assert!(!bench.is_known().await);
    assert_eq!(bench.lines().await, 0);
    assert_eq!(bench.counting.book.tally().open_visits(), 1);
}

#[tokio::test]
async fn what_was_folded_of_who_opts_out_is_set_aside_with_the_ended_visit() {
    let mut bench = Bench::new().await;
    bench.take_over().await;
    bench.bob_comes_and_speaks();
    bench.wish(Wish::OptOut).await;
    bench.counting.renew_privacy().await;
    assert!(bench.counting.commit().await);
    assert!(!bench.is_known().await);
    bench.wish(Wish::OptIn).await;
    assert_eq!(bench.lines().await, 1);
    let present = bench.other.present(CHANNEL, DOMAIN).await.unwrap();
    let present: Vec<&str> = present.iter().map(|who| &*who.username).collect();
    assert_eq!(present, ["alice"]);
    let names = ["bob".to_owned()];
    let counted = bench.other.export(&names, str::to_owned).await.unwrap();
    assert_eq!(counted["activity"][0]["total_time_seconds"], 10);
}

#[tokio::test]
async fn one_who_has_counted_no_channel_records_a_wish_as_any_other() {
    let mut bench = Bench::new().await;
    bench.take_over().await;
    bench.bob_comes_and_speaks();
    assert!(bench.counting.commit().await);
    bench.counting.book = Book::default();
    let names = ["bob".to_owned()];
    let done = bench.counting.carry_out(Wish::OptOut, &names).await;
    done.unwrap().unwrap();
    let privacy = bench.other.privacy().await.unwrap();
    assert!(privacy.is_out("bob"));
    let done = bench.counting.carry_out(Wish::OptIn, &names).await;
    done.unwrap().unwrap();
    assert_eq!(bench.lines().await, 1);
}
