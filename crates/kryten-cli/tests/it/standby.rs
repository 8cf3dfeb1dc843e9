//! Two robots with one channel: one serves it, the other takes over, and the totals stay exact.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kryten_client::Client;
use kryten_client::kv::KvBucket;
use kryten_sim::Speed;
use serde_json::Value;

use crate::process::{Process, until};
use crate::rig::{REPLAYED, Rig, counted, differences, nats_config, start_robot};

/// Within this time the other robot has taken over.
const TAKEOVER: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The holder dies, and a new robot is started in its place.
    Killed,
    /// The holder stands still, and goes on when the other one has taken over.
    Suspended,
}

struct Leases {
    bucket: KvBucket,
}

impl Leases {
    async fn read(&self, key: &str, field: &str) -> Value {
        let record: Option<Value> = self.bucket.get_json(key).await.unwrap();
        record
            .map(|record| record[field].clone())
            .unwrap_or_default()
    }

    async fn holder(&self) -> Value {
        self.read("robot.exact", "holder").await
    }

    async fn waiting(&self) -> Value {
        self.read("robot.exact.standby", "waiting").await
    }

    async fn pid(&self) -> u64 {
        self.read("robot.exact", "process").await["pid"]
            .as_u64()
            .unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_robot_takes_over_from_a_dead_and_from_a_suspended_one_and_nothing_is_lost_or_twice()
 {
    const LINES: u64 = 6_000;
    let mut rig = Rig::start(LINES, 30, 11, Some(REPLAYED), Speed::Max).await;
    let client = Client::connect(&nats_config(&rig.server)).await.unwrap();
    until("the first robot has the lease", || async {
        KvBucket::open(&client, "kryten_leases").await.is_ok()
    })
    .await;
    let leases = Leases {
        bucket: KvBucket::open(&client, "kryten_leases").await.unwrap(),
    };
    let mut waiting = start_robot(rig.folder.path());
    until("the second waits", || async {
        !leases.waiting().await.is_null()
    })
    .await;

    let faults = [
        Fault::Suspended,
        Fault::Killed,
        Fault::Suspended,
        Fault::Killed,
    ];
    for (round, fault) in (1..).zip(faults) {
        let line = LINES * round / 6;
        rig.sim
            .wait_until(|progress| progress.chat_lines >= line || progress.done)
            .await;
        // CyTube replays chat and nothing else, so everything else is held until another robot is in the channel.
        rig.sim.hold(true, false).await.unwrap();
        rig.wait_until_the_rest_is_stored().await;
        let holder = leases.holder().await;
        let started = Instant::now();
        match fault {
            Fault::Killed => rig.robot.sigkill(),
            Fault::Suspended => rig.robot.sigstop(),
        }
        let next = u64::from(waiting.pid());
        until("the other robot has the lease", || async {
            leases.pid().await == next
        })
        .await;
        rig.wait_until_a_marker_is_stored().await;
        let took = started.elapsed();
        assert!(took < TAKEOVER, "{fault:?}: {took:?}");
        println!("{fault:?}: taken over in {took:?}");
        rig.sim.hold(false, false).await.unwrap();
        std::mem::swap(&mut rig.robot, &mut waiting);
        match fault {
            Fault::Killed => waiting = start_robot(rig.folder.path()),
            Fault::Suspended => waiting.sigcont(),
        }
        until("the other robot waits", || async {
            let now_waiting = leases.waiting().await;
            match fault {
                Fault::Killed => now_waiting != holder && now_waiting != leases.holder().await,
                Fault::Suspended => now_waiting == holder,
            }
        })
        .await;
    }
    let ledger = rig.finish().await;
    let counted = counted(&rig.database()).await;
    assert!(ledger.messages.values().sum::<u64>() >= LINES);
    assert_eq!(
        differences(&counted, &ledger),
        BTreeMap::new(),
        "ours, then the ledger's"
    );
    let seen = rig.watcher.seen();
    let distinct: std::collections::BTreeSet<_> = seen.lines.iter().collect();
    assert_eq!(distinct.len(), seen.lines.len(), "no line twice");
    assert!(stops(waiting) && rig.robot.sigterm().success());
}

/// A robot that waits ends as orderly as one that serves.
fn stops(mut robot: Process) -> bool {
    robot.sigterm().success()
}
