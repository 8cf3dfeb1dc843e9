//! A channel with a past, which the demo does not have: the statistics and the page in this process, the robot's part
//! played by us.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_nats::jetstream::context::PublishAckFuture;
use kryten_client::kv::BucketConfig;
use kryten_client::{Client, EventStream, KvBucket, NatsConfig};
use kryten_protocol::subject;
use kryten_protocol::time::WireTime;
use kryten_servers::NatsServer;
use kryten_userstats::{ChannelConfig, Config, Userstats};
use kryten_web::{Bound, Sources, Web, WebConfig};
use serde_json::{Value, json};

/// The channel.
pub(crate) const CHANNEL: &str = "cellar";
const OTHER: &str = "attic";
const DOMAIN: &str = "stage.invalid";
const PATIENCE: Duration = Duration::from_secs(120);
/// The past, in hours.
const HOURS: i64 = 12 * 24;
const PEOPLE: [&str; 9] = [
    "mira", "jonas", "Ottilie", "tam_lin", "Birk", "salome", "qvist", "Nadja", "ludo",
];
const FILMS: [&str; 8] = [
    "The Cellar Door (1961)",
    "Moonlight on Wet Asphalt",
    "A Robot Learns to Whistle",
    "Two Tickets to Nowhere",
    "The Last Projectionist",
    "Wolves of the Tram Line",
    "Ein Sommer ohne Ton",
    "Night Shift at the Planetarium",
];

/// What runs.
pub(crate) struct Stage {
    server: NatsServer,
    client: Client,
    userstats: Userstats,
    web: Web,
    _folder: tempfile::TempDir,
    /// Where its page is, without a slash at the end.
    pub(crate) url: String,
}

impl Stage {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let server = NatsServer::ephemeral().await;
        let nats = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
        let client = Client::connect(&nats).await?;
        let folder = tempfile::Builder::new()
            .prefix("kryten-browser-")
            .tempdir()?;
        let channels = [CHANNEL, OTHER].map(|channel| ChannelConfig {
            domain: DOMAIN.to_owned(),
            channel: channel.to_owned(),
        });
        let config = Config::new(
            nats.clone(),
            channels.to_vec(),
            folder.path().join("userstats.db"),
        );
        let userstats = Userstats::bind(config).await?;
        userstats.ready().await;
        let mut web = WebConfig::on("127.0.0.1:0".parse()?);
        web.requests_per_minute = 100_000.try_into()?;
        let bound = Bound::bind(web).await?;
        let sources = Sources::of(&userstats).with_nats(nats);
        let web = bound.serve(sources);
        let stage = Self {
            url: format!("http://{}", web.address()),
            server,
            client,
            userstats,
            web,
            _folder: folder,
        };
        stage
            .past()
            .await
            .context("the channel cannot be given a past")?;
        Ok(stage)
    }

    /// Publishes an event as the robot does; waits until it is stored.
    pub(crate) async fn event(&self, name: &str, payload: &Value) -> anyhow::Result<()> {
        self.publish(CHANNEL, now(), name, payload).await?.await?;
        Ok(())
    }

    pub(crate) async fn put(&self, bucket: &str, key: &str, value: &str) -> anyhow::Result<()> {
        let bucket = KvBucket::open_or_create(&self.client, BucketConfig::new(bucket)).await?;
        bucket.put(key, value.to_owned()).await?;
        Ok(())
    }

    /// Waits until everything that was published is counted.
    pub(crate) async fn counted(&self) -> anyhow::Result<()> {
        let stream = EventStream::open_or_create(&self.client).await?;
        let last = stream.info().await?.last_sequence;
        let began = Instant::now();
        while self.userstats.status().view().sequence < last {
            ensure!(began.elapsed() < PATIENCE, "the events are not counted");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.web.shutdown().await;
        self.userstats.shutdown().await?;
        Ok(self.server.stop().await?)
    }

    async fn publish(
        &self,
        channel: &str,
        at: WireTime,
        name: &str,
        payload: &Value,
    ) -> anyhow::Result<PublishAckFuture> {
        let body = json!({
            "event_name": name, "payload": payload, "channel": channel, "domain": DOMAIN,
            "timestamp": at.to_string(), "correlation_id": "stage",
        });
        let subject = subject::event(channel, name)?;
        let jetstream = self.client.jetstream();
        let publish = jetstream.publish(subject, body.to_string().into());
        Ok(publish.await?)
    }

    /// Some days of people, chat, films and votes, the same each time; busier in the evening and at the weekend.
    async fn past(&self) -> anyhow::Result<()> {
        let mut chance = Chance(7);
        let this_hour = now().micros() / 3_600_000_000;
        let mut acks = Vec::new();
        let mut here: Vec<&str> = vec![PEOPLE[0]];
        let first = WireTime::from_millis((this_hour - HOURS) * 3_600_000);
        let user = json!([{"name": here[0], "rank": 1, "meta": {"afk": false}}]);
        let emote = |name: &str| json!({"name": format!("#{name}"), "image": format!("https://emotes.invalid/{name}.png"), "source": format!("^#{name}$")});
        for (name, payload) in [
            ("userlist", user),
            ("emoteList", json!(["popcorn", "hat", "moon"].map(emote))),
        ] {
            acks.push(self.publish(CHANNEL, first, name, &payload).await?);
        }
        for hour in this_hour - HOURS..=this_hour {
            let begin = hour * 3_600_000;
            let busy = busyness(hour);
            let at = |millis: i64| WireTime::from_millis((begin + millis).min(now().millis()));
            let wanted = 1 + (busy * (PEOPLE.len() - 1) as f64).round() as usize;
            while here.len() < wanted {
                let Some(name) = PEOPLE.iter().find(|name| !here.contains(name)) else {
                    break;
                };
                here.push(name);
                let user = json!({"name": name, "rank": 1, "meta": {"afk": false}});
                acks.push(self.publish(CHANNEL, at(0), "addUser", &user).await?);
            }
            while here.len() > wanted {
                let gone = here.remove(chance.below(here.len()));
                acks.push(
                    self.publish(CHANNEL, at(0), "userLeave", &json!({"name": gone}))
                        .await?,
                );
            }
            if hour % 2 == 0 {
                let title = FILMS[(hour / 2) as usize % FILMS.len()];
                let film = json!({"title": title, "type": "yt", "id": format!("f{}", hour / 2 % 8), "seconds": 5400, "duration": "01:30:00", "currentTime": 0, "paused": false, "meta": {}});
                acks.push(self.publish(CHANNEL, at(1), "changeMedia", &film).await?);
            }
            let lines = (busy * 46.0) as i64;
            for line in 0..lines {
                let speaker = here[chance.below(here.len())];
                let other = here[chance.below(here.len())];
                let text = match chance.below(14) {
                    0 => format!("{other}++"),
                    1 => format!("{other}: haha"),
                    2 => "#popcorn".to_owned(),
                    3 => ["#hat", "#moon"][chance.below(2)].to_owned(),
                    4 => ["movie++", "movie++", "movie--"][chance.below(3)].to_owned(),
                    _ => format!("line {hour} {line}"),
                };
                let time = at(2_000 + line * 3_590_000 / lines);
                let message =
                    json!({"username": speaker, "msg": text, "meta": {}, "time": time.millis()});
                acks.push(self.publish(CHANNEL, time, "chatMsg", &message).await?);
                if line % 5 == 0 && hour > this_hour - 30 {
                    acks.push(self.publish(OTHER, time, "chatMsg", &message).await?);
                }
            }
            for ack in acks.drain(..) {
                ack.await?;
            }
        }
        let item = |(uid, title): (usize, &&str)| json!({"uid": uid, "temp": true, "queueby": "mira", "media": {"title": title, "type": "yt", "id": format!("f{uid}"), "seconds": 5400, "duration": "01:30:00", "meta": {}}});
        let items: Vec<Value> = FILMS.iter().enumerate().map(item).collect();
        self.put(
            "kryten_cellar_playlist",
            "items",
            &Value::from(items).to_string(),
        )
        .await?;
        self.put("my_counters", "user:bob", "12").await?;
        self.put(
            "my_counters",
            "last winner",
            "{\"name\":\"mira\",\"points\":40}",
        )
        .await?;
        self.counted().await
    }
}

/// How much is going on in an hour, from 0 to 1.
fn busyness(hour: i64) -> f64 {
    let of_day = hour.rem_euclid(24);
    let is_weekend = matches!((hour.div_euclid(24) + 4).rem_euclid(7), 0 | 5 | 6);
    let evening = match of_day {
        18..=23 => 0.35 + 0.1 * (of_day - 17) as f64,
        0..=2 => 0.7 - 0.2 * of_day as f64,
        12..=17 => 0.15 + 0.03 * (of_day - 12) as f64,
        _ => 0.06,
    };
    f64::min(1.0, evening * if is_weekend { 1.25 } else { 0.85 })
}

/// The same numbers each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

fn now() -> WireTime {
    WireTime::from_micros(jiff::Timestamp::now().as_microsecond())
}
