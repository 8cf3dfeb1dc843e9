//! The real kryten-userstats counts what our robot publishes.

use anyhow::{Context, ensure};
use kryten_testkit::TestChannel;
use serde_json::json;

use super::original::Original;
use super::{LONGEST, wait};
use crate::checks::Report;

struct Counting {
    channel: TestChannel,
    original: Original,
}

pub(super) async fn run(report: &mut Report) {
    let what = "kryten-userstats 0.7.1 starts from our robot's state";
    let counting = match start().await {
        Ok(counting) => counting,
        Err(error) => return report.add(what, Err(error)),
    };
    report.add(what, Ok(()));
    report.add(
        "kryten-userstats counts our robot's events",
        counting.counts().await,
    );
    counting.channel.shutdown().await;
}

async fn start() -> anyhow::Result<Counting> {
    let channel = TestChannel::builder()
        .present(["alice", "bob"])
        .films(2)
        .rate(0.0)
        .with_userstats(false)
        .time_limit(LONGEST)
        .start()
        .await;
    let of = (channel.domain(), channel.name());
    let original = Original::start(channel.nats(), &channel.nats_url(), of).await?;
    Ok(Counting { channel, original })
}

impl Counting {
    async fn counts(&self) -> anyhow::Result<()> {
        for line in ["one", "two", "bob++"] {
            self.channel.say("alice", line).await;
        }
        self.channel.pm("alice", "psst").await;
        let (name, channel) = (self.channel.domain(), self.channel.name());
        let fields = json!({"username": "alice", "channel": channel, "domain": name});
        let is_counted = wait(
            "alice's three lines and her message are not counted",
            async || {
                let stats = self.original.ask("user.stats", &fields).await;
                stats.is_ok_and(|stats| stats["messages"] == 3 && stats["pms"] == 1)
            },
        );
        if let Err(error) = is_counted.await {
            let stats = self.original.ask("user.stats", &fields).await?;
            return Err(error).with_context(|| stats.to_string());
        }
        let bob = self
            .original
            .ask(
                "user.stats",
                &json!({"username": "bob", "channel": channel, "domain": name}),
            )
            .await?;
        ensure!(bob["kudos_plusplus"] == 1, "{bob}");
        Ok(())
    }
}
