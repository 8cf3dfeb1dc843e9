//! The real robot in a simulated channel: its events and its state, heard and read by the original client.

use std::time::Duration;

use kryten_robot::{ChannelConfig, Robot, RobotConfig};
use kryten_sim::{Operation, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use super::{Report, Sides, same};

const DOMAIN: &str = "demo.invalid";
const CHANNEL: &str = "InterOp";
const NAMES: [&str; 5] = ["chatMsg", "pm", "addUser", "userLeave", "changeMedia"];

pub(crate) async fn run(sides: &mut Sides, report: &mut Report) {
    match start(sides).await {
        Ok((sim, robot)) => {
            report.add("our robot joins a channel", Ok(()));
            report.add("our robot's events arrive typed", events(sides, &sim).await);
            report.add(
                "the original client reads our robot's state",
                state(sides, &sim).await,
            );
            robot.shutdown().await;
            sim.shutdown().await;
        }
        Err(error) => report.add("our robot joins a channel", Err(error)),
    }
}

async fn start(sides: &mut Sides) -> anyhow::Result<(SimHandle, Robot)> {
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await?;
    let channel = ChannelConfig {
        url: Some(sim.url()),
        user: Some("KrytenBot".to_owned()),
        password: Some("secret".into()),
        ..ChannelConfig::new(DOMAIN, CHANNEL)
    };
    let robot = Robot::bind(RobotConfig::new(sides.config.clone(), vec![channel])).await?;
    tokio::time::timeout(Duration::from_secs(20), robot.ready()).await?;
    let listen = json!({"do": "listen", "domain": DOMAIN, "channel": CHANNEL, "names": NAMES});
    sides.python.ask(listen).await?;
    Ok((sim, robot))
}

async fn events(sides: &mut Sides, sim: &SimHandle) -> anyhow::Result<()> {
    sim.join("ann").await?;
    sim.say("ann", "h\u{e9}llo \u{2603}").await?;
    sim.pm("ann", "psst").await?;
    let media = json!({"id": "x1", "title": "A film", "seconds": 60, "duration": "01:00", "type": "yt",
                       "currentTime": 0, "paused": false, "meta": {}});
    sim.run(Operation::Emit {
        event: "changeMedia".to_owned(),
        payload: Some(media),
        times: None,
    })
    .await?;
    sim.leave("ann").await?;
    let heard = sides.python.ask(json!({"do": "heard", "count": 6})).await?;
    let heard: Vec<(&Value, &Value)> = heard
        .as_array()
        .into_iter()
        .flatten()
        // CyTube itself says in the chat that somebody joined.
        .filter(|event| event["username"] != "[server]")
        .map(|event| {
            let told = ["message", "title", "username"];
            let told = told.iter().find_map(|field| event.get(field));
            (&event["type"], told.unwrap_or(&Value::Null))
        })
        .collect();
    let expected = [
        ("UserJoinEvent", "ann"),
        ("ChatMessageEvent", "h\u{e9}llo \u{2603}"),
        ("ChatMessageEvent", "psst"),
        ("ChangeMediaEvent", "A film"),
        ("UserLeaveEvent", "ann"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(kind, told)| (json!(kind), json!(told)))
        .collect();
    let expected: Vec<_> = expected.iter().map(|(kind, told)| (kind, told)).collect();
    same(heard, expected)
}

async fn state(sides: &mut Sides, sim: &SimHandle) -> anyhow::Result<()> {
    sim.join("eve").await?;
    sides.python.ask(json!({"do": "heard", "count": 2})).await?;
    let users = format!("kryten_{CHANNEL}_userlist");
    sides
        .python
        .ask(json!({"do": "open", "bucket": users}))
        .await?;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let found = sides.python.get(&users, "users", json!([]), true).await?;
        let names: Vec<&str> = found["json"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|user| user["name"].as_str())
            .collect();
        if names.contains(&"eve") && names.contains(&"KrytenBot") && !names.contains(&"ann") {
            break;
        }
        anyhow::ensure!(
            tokio::time::Instant::now() < deadline,
            "the user list is {found}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ask =
        |what: &str| json!({"do": "state", "what": what, "domain": DOMAIN, "channel": CHANNEL});
    same(sides.python.ask(ask("playlist_items")).await?, json!([]))?;
    let media = sides.python.ask(ask("current_media")).await?;
    same(media["title"].clone(), json!("A film"))
}
