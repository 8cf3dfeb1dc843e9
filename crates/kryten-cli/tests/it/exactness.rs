//! Kill anything at any moment: the totals equal the simulator's ledger, not one more, not one less.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kryten_cytube::{CytubeClient, CytubeConfig, CytubeItem};
use kryten_sim::Speed;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

use crate::rig::{CHANNEL, DOMAIN, REPLAYED, Rig, counted, differences, start_robot};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Userstats,
    Robot,
    Nats,
}

/// At which chat line whom to kill, in order.
fn plan(random: &mut StdRng, lines: u64, kills: &[(Victim, usize)]) -> Vec<(u64, Victim)> {
    let mut plan = Vec::new();
    for (victim, times) in kills {
        plan.extend((0..*times).map(|_| (random.random_range(20..lines - 20), *victim)));
    }
    plan.sort();
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_equal_the_ledger_although_everything_is_killed_again_and_again() {
    const LINES: u64 = 20_000;
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut rig = Rig::start(LINES, 50, seed, Some(REPLAYED), Speed::Max).await;
    let kills = [
        (Victim::Userstats, 20),
        (Victim::Robot, 5),
        (Victim::Nats, 3),
    ];
    for (line, victim) in plan(&mut random, LINES, &kills) {
        let sim = Arc::clone(&rig.sim);
        let reached = sim.wait_until(|progress| progress.chat_lines >= line || progress.done);
        tokio::time::timeout(Duration::from_secs(120), reached)
            .await
            .expect("the channel goes on");
        let pause = Duration::from_millis(random.random_range(0..300));
        match victim {
            Victim::Userstats => rig.kill_userstats(),
            Victim::Robot => rig.kill_robot(pause).await,
            Victim::Nats => rig.kill_nats(pause).await,
        }
    }
    let ledger = rig.finish().await;
    let counted = counted(&rig.database()).await;
    assert!(
        ledger.messages.values().sum::<u64>() >= LINES,
        "the ledger is not empty"
    );
    assert!(
        !ledger.kudos_plusplus.is_empty()
            && !ledger.emotes.is_empty()
            && !ledger.movie_votes.is_empty()
    );
    assert_eq!(
        differences(&counted, &ledger),
        BTreeMap::new(),
        "ours, then the ledger's"
    );
    assert!(rig.robot.sigterm().success());
    assert!(rig.userstats.sigterm().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_replay_cannot_give_back_lies_in_a_reported_gap() {
    const LINES: u64 = 3_000;
    let mut rig = Rig::start(LINES, 30, 7, None, Speed::Times(1.0)).await;
    let said = observe(&rig.sim.url());
    for line in [600, 1_400, 2_200] {
        rig.sim
            .wait_until(|progress| progress.chat_lines >= line)
            .await;
        rig.robot.sigkill();
        rig.sim
            .wait_until(|progress| progress.chat_lines >= line + 100)
            .await;
        rig.robot = start_robot(rig.folder.path());
    }
    rig.finish().await;
    let seen = rig.watcher.seen();
    let stored: BTreeSet<_> = seen.lines.iter().cloned().collect();
    assert_eq!(stored.len(), seen.lines.len(), "no line twice");
    let said = said.lock().unwrap().clone();
    let lost: Vec<_> = said.iter().filter(|line| !stored.contains(*line)).collect();
    assert!(
        lost.len() > 100,
        "three times a hundred lines were said behind the robot's back: {}",
        lost.len()
    );
    for line in lost {
        let is_reported = seen.gaps.iter().any(|gap| {
            let missing = gap.chat.filter(|_| !gap.chat_complete);
            missing.is_some_and(|chat| (chat.from.millis()..chat.to.millis()).contains(&line.0))
        });
        assert!(is_reported, "{line:?} is in none of {:?}", seen.gaps);
    }
    let gaps = sqlx_count(
        &rig.database(),
        "SELECT COUNT(*) FROM kryten_gaps WHERE NOT chat_complete",
    )
    .await;
    assert_eq!(gaps, 3, "userstats has them too");
}

async fn sqlx_count(database: &Path, sql: &'static str) -> i64 {
    let mut sqlite = SqliteConnection::connect(&format!("sqlite://{}", database.display()))
        .await
        .unwrap();
    sqlx::query_scalar(sql)
        .fetch_one(&mut sqlite)
        .await
        .unwrap()
}

type Lines = Arc<std::sync::Mutex<Vec<(i64, String, String)>>>;

/// An anonymous viewer who stays all the time and notes each line.
fn observe(url: &str) -> Lines {
    let lines = Lines::default();
    let noted = Arc::clone(&lines);
    let mut config = CytubeConfig::new(DOMAIN, CHANNEL);
    config.url = Some(url.to_owned());
    let (handle, mut items) = CytubeClient::spawn(config);
    tokio::spawn(async move {
        let _stays_open = handle;
        while let Some(item) = items.recv().await {
            let CytubeItem::Event { name, payload, .. } = item else {
                continue;
            };
            if name != "chatMsg" {
                continue;
            }
            let line: Value = serde_json::from_str(payload.get()).unwrap();
            let text = |field: &str| line[field].as_str().unwrap().to_owned();
            noted.lock().unwrap().push((
                line["time"].as_i64().unwrap(),
                text("username"),
                text("msg"),
            ));
        }
    });
    lines
}
