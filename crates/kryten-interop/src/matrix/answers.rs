//! Answers both sides alike, so that calls that wait for an answer get one.

use futures_util::StreamExt;
use kryten_client::round_trip::round_trip;
use kryten_client::{Client, NatsConfig};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Answers as the robot, as an economy service, and about the robot's rank where either side asks.
pub(super) async fn start(config: &NatsConfig) -> anyhow::Result<JoinHandle<()>> {
    let client = Client::connect(config).await?;
    let mut inboxes = Vec::new();
    for subject in [
        "kryten.robot.command",
        "kryten.economy.command",
        "kryten.user_level.>",
        "cytube.user_level.>",
    ] {
        inboxes.push(client.nats().subscribe(subject).await?);
    }
    round_trip(&client.nats()).await;
    let mut requests = futures_util::stream::select_all(inboxes);
    Ok(tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let Some(inbox) = request.reply else { continue };
            let body = serde_json::from_slice(&request.payload).unwrap_or_default();
            let answer = answer(&request.subject, &body).to_string();
            // Who asked is told by a time-out.
            let _ = client.nats().publish(inbox, answer.into()).await;
        }
    }))
}

fn answer(subject: &str, request: &Value) -> Value {
    if subject.contains(".user_level.") {
        return json!({"success": true, "rank": 5, "username": "KrytenBot"});
    }
    let command = request["command"].as_str().unwrap_or_default();
    if subject == "kryten.economy.command" {
        return json!({"success": true, "balance": 7});
    }
    let event = |payload: Value| json!({"event_name": "x", "payload": payload, "channel": "c", "domain": "d"});
    let data = match command {
        "addvideo" => json!({"success": true, "uid": 68}),
        "system.ping" => {
            json!({"pong": true, "version": "1.12.6", "uptime_seconds": 2.5, "service": "robot"})
        }
        "system.version" => json!({"version": "1.12.6"}),
        "system.channels" => {
            json!({"channels": [{"domain": "cytu.be", "channel": "420Grindhouse", "connected": true}]})
        }
        "system.services" => {
            json!({"services": [{"name": "robot", "version": "1", "hostname": "vm",
                                    "seconds_since_heartbeat": 1.5, "is_stale": false}], "count": 1, "active_count": 1})
        }
        "system.stats" => json!({"uptime_seconds": 1.5, "events": {}}),
        "system.config" => json!({"log_level": "INFO"}),
        "state.emotes" => json!({"emotes": [{"name": "#gone", "image": "g"}]}),
        "state.userlist" => json!({"userlist": [{"name": "bob", "rank": 1.5}]}),
        "state.playlist" => json!({"playlist": []}),
        "state.user" => {
            json!({"user": {"name": "bob", "rank": 2}, "profile": {"image": "i", "text": "t"}})
        }
        "state.profiles" => json!({"profiles": {"bob": {"image": "i", "text": "t"}}}),
        "state.options" => json!({"options": {"pagetitle": "x"}}),
        "state.permissions" => json!({"permissions": {"chat": 0}}),
        "requestBanlist" => json!({"banlist": event(json!([{"id": 4, "name": "mallory"}]))}),
        "requestChannelRanks" => json!({"ranks": event(json!([{"name": "bob", "rank": 2}]))}),
        "readChanLog" => json!({"log": event(json!({"success": true, "data": "a line"}))}),
        "searchLibrary" => json!({"results": event(json!({"source": "library", "results": []}))}),
        _ => json!({"success": true, "message": "done", "changes": {}, "errors": []}),
    };
    json!({"service": "robot", "command": command, "success": true, "data": data})
}
