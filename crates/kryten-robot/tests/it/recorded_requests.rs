//! Every request that was recorded with the original gets a reply with at least the recorded fields, of the same types.

use kryten_sim::{Operation, SimConfig};
use serde_json::{Value, json};

use crate::commands::fixture::Stage;
use crate::support::*;

/// Requests that the original did not answer.
const UNANSWERED: [&str; 1] = ["nonsense.command"];

#[tokio::test(flavor = "multi_thread")]
async fn recorded_requests_get_replies_of_the_recorded_shape() {
    let sim = SimConfig {
        default_rank: 3.0,
        ..SimConfig::quiet(CHANNEL)
    };
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::with(sim, |config| {
        config.command_times.effect = std::time::Duration::from_millis(500);
        config.command_times.look_up = std::time::Duration::from_secs(2);
        config.health = Some(kryten_robot::config::HealthAddress {
            host: "127.0.0.1".into(),
            port: 18099,
        });
        config.audit = Some(kryten_robot::audit::AuditConfig {
            base_path: folder.path().to_owned(),
            ..kryten_robot::audit::AuditConfig::default()
        });
    })
    .await;
    for name in ["alice", "trent", "ursula", "victor", "owner"] {
        stage.join(name).await;
    }
    stage
        .done(
            "updateEmote",
            json!({"name": "a", "image": "https://example.com/a.png"}),
        )
        .await;
    let mut asked = 0;
    for row in fixture("robot_requests.jsonl").lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let Some(subject) = row["request"].as_str() else {
            continue;
        };
        let body = row["body"].as_str().unwrap();
        if row["error"].is_string() && !UNANSWERED.iter().any(|name| body.contains(name)) {
            // Meant for another robot: nobody answers, as it was.
            continue;
        }
        if body.contains("\"vote\"") {
            stage
                .sim
                .run(Operation::Act {
                    user: "owner".into(),
                    event: "newPoll".into(),
                    payload: json!({"title": "t", "opts": ["x", "y"], "obscured": false}),
                })
                .await
                .unwrap();
        }
        // As `nats request` sends it, byte for byte.
        let reply = stage
            .client
            .nats()
            .request(subject.to_owned(), body.to_owned().into())
            .await;
        let reply = reply.unwrap_or_else(|error| panic!("{body}: {error}"));
        let reply: Value = serde_json::from_slice(&reply.payload).unwrap();
        asked += 1;
        if UNANSWERED.iter().any(|name| body.contains(name)) {
            assert!(reply["error"].is_string());
            continue;
        }
        let command = serde_json::from_str::<Value>(body).map(|body| body["command"].clone());
        compare(
            &row["reply"],
            &reply,
            &format!("{}", command.unwrap_or_default()),
        );
    }
    assert_eq!(asked, 54);
    stage.end().await;
}

/// The recorded fields are there, with values of the recorded types.
fn compare(recorded: &Value, ours: &Value, place: &str) {
    // The recorded failures that are successes here, and the other way round, have the other outcome's fields.
    if recorded.get("error").is_some() != ours.get("error").is_some() {
        let is_known = [
            "\"jump\"",
            "\"newPoll\"",
            "\"mvvideo\"",
            "\"settemp\"",
            "\"kick\"",
            "\"addvideo\"",
        ];
        assert!(
            is_known.iter().any(|known| place.starts_with(known)),
            "{place}: {recorded} became {ours}"
        );
        return;
    }
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(_)) => {
            for (name, value) in recorded {
                let place = format!("{place}.{name}");
                let other = ours
                    .get(name)
                    .unwrap_or_else(|| panic!("{place} is missing in {ours}"));
                let is_content = [
                    "payload",
                    "metadata",
                    "meta",
                    "emotes",
                    "playlist",
                    "userlist",
                    "profiles",
                    "options",
                    "permissions",
                    "user",
                    "profile",
                    "queue_fail",
                ];
                if is_content.contains(&name.as_str()) {
                    continue;
                }
                compare(value, other, &place);
            }
        }
        (Value::Array(recorded), Value::Array(ours)) => {
            if let (Some(recorded), Some(ours)) = (recorded.first(), ours.first()) {
                compare(recorded, ours, &format!("{place}[0]"));
            }
        }
        // The original did not confirm; nor did it know a port.
        (Value::Null, _) | (_, Value::Null) => {}
        _ => assert_eq!(
            kind(recorded),
            kind(ours),
            "{place}: {recorded} became {ours}"
        ),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
