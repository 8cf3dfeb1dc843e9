//! The recording of a real CyTube, played by the simulator over a socket to the whole robot.

use kryten_client::Client;
use kryten_client::kv::KvBucket;
use kryten_protocol::state::{STATE_HEADER, StateBucket, StateMark};
use kryten_robot::channel::StateKey;
use kryten_servers::NatsServer;
use kryten_sim::{Sim, SimConfig};
use serde_json::Value;

use crate::support::*;

/// What a right robot publishes: every frame once, without the excluded ones.
fn right_events() -> Vec<(String, Value)> {
    let expected: Value = serde_json::from_str(&fixture("expected.json")).unwrap();
    let excluded: Vec<u64> = expected["expected_events_once"]["excluded_frame_lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_u64().unwrap())
        .collect();
    let mut events = Vec::new();
    for (index, line) in fixture("cytube_frames.jsonl").lines().enumerate() {
        let row: Value = serde_json::from_str(line).unwrap();
        let Some(raw) = row["raw"]
            .as_str()
            .filter(|raw| raw.starts_with("42") && row["dir"] == "s2c")
        else {
            continue;
        };
        if excluded.contains(&(index as u64 + 1)) {
            continue;
        }
        let frame: Vec<Value> = serde_json::from_str(&raw[2..]).unwrap();
        let mut payload = frame.get(1).cloned().unwrap_or_default();
        if frame[0] == "channelOpts" && payload["password"].is_string() {
            payload["password"] = "***".into();
        }
        events.push((frame[0].as_str().unwrap().to_owned(), payload));
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recording_gives_each_event_once_in_order_and_the_expected_state_in_kv() {
    let server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::recording(
        CHANNEL,
        recording_file("cytube_frames.jsonl"),
    ))
    .await
    .unwrap();
    // The second login in session 3 stops a robot for good, as it should, and sessions 6 and 7 end when the robot is
    // stopped; each time a new one knows the stream and goes on.
    const UP_TO_SESSION_6: u64 = 1395;
    const ALL: u64 = 1464;
    let mut received = 0;
    while received < ALL {
        let robot = start_robot(&server, &sim.url()).await;
        until(
            "the robot is stopped or all events are received",
            || async {
                let report = &robot.report()[0];
                report.stopped.is_some()
                    || report.events_received > 0
                        && [UP_TO_SESSION_6, ALL].contains(&(received + report.events_received))
            },
        )
        .await;
        received += robot.report()[0].events_received;
        robot.shutdown().await;
    }

    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let messages = stream_contents(&client).await;
    let events = events(&messages);
    let right = right_events();
    assert_eq!(right.len(), 1406);
    assert_eq!(count_by_name(&events), count_by_name(&right));
    for (at, (ours, theirs)) in events.iter().zip(&right).enumerate() {
        assert_eq!(ours, theirs, "event {at}");
    }
    let gaps: Vec<Value> = messages
        .iter()
        .filter(|message| message.subject == "kryten.events.robot.grindhouse420.gap")
        .map(|message| serde_json::from_slice(&message.body).unwrap())
        .collect();
    assert_eq!(gaps.len(), 6, "one for each absence");
    let incomplete = gaps
        .iter()
        .filter(|gap| gap["chat_complete"] == false)
        .count();
    assert_eq!(
        incomplete, 1,
        "only the absence between sessions 4 and 5 may have lost chat: {gaps:?}"
    );

    let expected: Value = serde_json::from_str(&fixture("expected.json")).unwrap();
    let last = &expected["final_state"]["7"];
    let right_state = [
        (StateKey::Users, last["users"].clone()),
        (
            StateKey::Items,
            expected["final_state"]["6"]["playlist"].clone(),
        ),
        (StateKey::Current, last["current"].clone()),
        (
            StateKey::Options,
            expected["final_state"]["1"]["options"].clone(),
        ),
        (
            StateKey::Permissions,
            expected["final_state"]["1"]["permissions"].clone(),
        ),
    ];
    let newest = messages.last().unwrap().sequence;
    for (key, right) in right_state {
        let bucket = KvBucket::open(&client, &key.bucket().name(CHANNEL))
            .await
            .unwrap();
        let entry = bucket.entry(key.key()).await.unwrap().unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&entry.value).unwrap(),
            right,
            "{key:?}"
        );
        let mark: StateMark = entry
            .headers
            .get(STATE_HEADER)
            .unwrap()
            .as_str()
            .parse()
            .unwrap();
        assert!(
            mark.sequence <= newest && mark.sequence > 0 && mark.epoch == 3,
            "{mark:?}"
        );
    }
    let state = KvBucket::open(&client, &StateBucket::State.name(CHANNEL))
        .await
        .unwrap();
    for (key, field) in [("motd", "motd"), ("css", "css"), ("js", "js")] {
        assert_eq!(
            state.get_text(key).await.unwrap().as_deref(),
            last[field].as_str()
        );
    }
    let emotes = KvBucket::open(&client, &StateBucket::Emotes.name(CHANNEL))
        .await
        .unwrap();
    let list: Vec<Value> = emotes.get_json("list").await.unwrap().unwrap();
    assert_eq!(list.len() as u64, last["emotes"]["count"].as_u64().unwrap());
    sim.shutdown().await;
}
