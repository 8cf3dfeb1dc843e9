//! Two robots with one channel: one serves it, the other takes over, and the totals stay exact.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kryten_client::Client;
use kryten_client::kv::KvBucket;
use kryten_servers::Cable;
use kryten_sim::{Operation, Speed};
use serde_json::{Value, json};

use crate::process::{Process, until};
use crate::rig::{
    REPLAYED, Rig, counted, differences, nats_config, start_robot, start_robot_from,
    write_robot_config,
};

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
    async fn of(rig: &Rig) -> Self {
        let client = Client::connect(&nats_config(&rig.server)).await.unwrap();
        until("the first robot has the lease", || async {
            KvBucket::open(&client, "kryten_leases").await.is_ok()
        })
        .await;
        let bucket = KvBucket::open(&client, "kryten_leases").await.unwrap();
        Self { bucket }
    }

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

    async fn revision(&self, key: &str) -> u64 {
        let entry = self.bucket.entry(key).await.unwrap();
        entry.map_or(0, |entry| entry.revision)
    }

    /// The holder looks at each renewal, and one sign alone may be older than its term: it has to see another one.
    async fn wait_until_the_holder_knows_who_waits(&self, holder: &Value) {
        let mut sign = 0;
        for _ in 0..2 {
            let earlier = sign;
            until("the one who waits gives a sign", || async {
                let waits = self.waiting().await;
                !waits.is_null()
                    && waits != *holder
                    && self.revision("robot.exact.standby").await > earlier
            })
            .await;
            sign = self.revision("robot.exact.standby").await;
            // It looks after it has renewed, so the second renewal says that the look of the first is over.
            let mut renewed = sign;
            for _ in 0..2 {
                until("the holder renews its lease", || async {
                    self.revision("robot.exact").await > renewed
                })
                .await;
                renewed = self.revision("robot.exact").await;
            }
        }
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
    let leases = Leases::of(&rig).await;
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
    let distinct: BTreeSet<_> = seen.lines.iter().collect();
    assert_eq!(distinct.len(), seen.lines.len(), "no line twice");
    assert!(stops(waiting) && rig.robot.sigterm().success());
}

/// A robot that waits ends as orderly as one that serves.
fn stops(mut robot: Process) -> bool {
    robot.sigterm().success()
}

/// A robot with a network to NATS of its own.
struct Wired {
    config: PathBuf,
    process: Process,
    cable: Cable,
}

impl Wired {
    async fn start(rig: &Rig, name: &str) -> Self {
        let cable = Cable::to(rig.server.url()).await.unwrap();
        let config = rig.folder.path().join(format!("{name}.json"));
        write_robot_config(&config, &rig.server, &cable.url(), &rig.sim.url());
        let process = start_robot_from(&config);
        Self {
            config,
            process,
            cable,
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.config.with_extension("log")).unwrap()
    }

    fn joins(&self) -> usize {
        self.log().matches("joined the channel").count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_whose_network_is_cut_or_silent_is_replaced_and_what_it_still_sends_counts_for_nothing()
 {
    const LINES: u64 = 6_000;
    let mut rig = Rig::start(LINES, 30, 12, Some(REPLAYED), Speed::Max).await;
    let leases = Leases::of(&rig).await;
    let mut serving = Wired::start(&rig, "one").await;
    until("the first with a cable waits", || async {
        !leases.waiting().await.is_null()
    })
    .await;
    rig.sim.hold(true, false).await.unwrap();
    rig.wait_until_a_marker_is_stored().await;
    assert!(rig.robot.sigterm().success());
    rig.wait_until_a_marker_is_stored().await;
    rig.sim.hold(false, false).await.unwrap();
    let mut waiting = Wired::start(&rig, "two").await;

    let mut ghosts = 0;
    for (round, is_silent) in (1..).zip([true, false, true, false]) {
        let holder = leases.holder().await;
        leases.wait_until_the_holder_knows_who_waits(&holder).await;
        let line = LINES * round / 6;
        rig.sim
            .wait_until(|progress| progress.chat_lines >= line || progress.done)
            .await;
        rig.sim.hold(true, false).await.unwrap();
        rig.wait_until_the_rest_is_stored().await;
        let started = Instant::now();
        match is_silent {
            true => serving.cable.silence(),
            false => serving.cable.cut(),
        }
        // Only the robot that is cut off hears of these, and they must not count.
        for _ in 0..20 {
            ghosts += 1;
            let ghost =
                json!({"name": format!("ghost{ghosts}"), "rank": 1, "profile": {}, "meta": {}});
            let emit = Operation::Emit {
                event: "addUser".to_owned(),
                payload: Some(ghost),
                times: None,
            };
            rig.sim.run(emit).await.unwrap();
        }
        let next = u64::from(waiting.process.pid());
        until("the other robot has the lease", || async {
            leases.pid().await == next
        })
        .await;
        rig.wait_until_a_marker_is_stored().await;
        let took = started.elapsed();
        assert!(took < TAKEOVER, "silent {is_silent}: {took:?}");
        println!("silent {is_silent}: taken over in {took:?}");
        std::mem::swap(&mut serving, &mut waiting);
        rig.sim.hold(false, false).await.unwrap();
        waiting.cable.mend();
        until("the one that was cut off waits", || async {
            leases.waiting().await == holder
        })
        .await;
        assert_eq!(leases.pid().await, next, "and takes nothing back");
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
    let distinct: BTreeSet<_> = seen.lines.iter().collect();
    assert_eq!(distinct.len(), seen.lines.len(), "no line twice");
    println!("{} stale events were stored and passed over", seen.stale);
    let known = rig.users().await;
    let counted_ghosts: Vec<_> = known
        .iter()
        .filter(|name| name.starts_with("ghost"))
        .collect();
    assert_eq!(counted_ghosts, Vec::<&String>::new());
    assert_eq!(
        (serving.joins() + waiting.joins(), rig.joins()),
        (5, 1),
        "one join for each takeover, so nobody fought for the account"
    );
    for robot in [&serving, &waiting] {
        assert!(!robot.log().contains("same account"), "{}", robot.log());
    }
    assert!(stops(waiting.process) && stops(serving.process));
}
