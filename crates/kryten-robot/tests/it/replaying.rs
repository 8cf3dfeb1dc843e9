//! CyTube's replay of lines that are long ago.

use std::time::Duration;

use kryten_robot::Robot;
use kryten_sim::SimConfig;
use serde_json::{Value, json};

use crate::commands::fixture::Stage;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_replayed_after_many_notices_are_not_published_again() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.verify.every = None;
        config.channels[0].reconnect_base = Duration::from_millis(20);
    })
    .await;
    // How many of alice's lines and of the notices are stored.
    let said = || async {
        let events = events(&stream_contents(&stage.client).await);
        let count = |is_theirs: fn(&Value) -> bool| {
            let lines = events.iter().filter(|event| event.0 == "chatMsg");
            lines.filter(|line| is_theirs(&line.1)).count()
        };
        (
            count(|line| line["username"] == "alice"),
            count(|line| line["msg"] == "bob joined"),
        )
    };
    stage.join("alice").await;
    for line in 1..=15 {
        stage
            .sim
            .say("alice", &format!("line {line}"))
            .await
            .unwrap();
    }
    for time in 1..=500 {
        let notice = json!({"username": "[server]", "msg": "bob joined", "meta": {}, "time": time});
        stage.emit("chatMsg", notice).await;
    }
    until("all is stored", || async { said().await == (15, 500) }).await;

    stage.sim.drop_connections().await.unwrap();
    until("the replay is over", || async {
        stage.robot.report()[0].lines_known == 15
    })
    .await;
    stage.robot.shutdown().await;
    let robot = Robot::bind(robot_config(&stage.server, &stage.sim.url()))
        .await
        .unwrap();
    within("a new robot has joined", robot.ready()).await;
    assert_eq!(robot.report()[0].lines_known, 15, "it knows them, too");
    robot.shutdown().await;
    assert_eq!(said().await, (15, 500));
    stage.sim.shutdown().await;
}
