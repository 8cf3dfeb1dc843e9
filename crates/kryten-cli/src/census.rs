//! Which robots answer on the bus, and what they say of themselves.

use std::time::Duration;

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_protocol::subject;
use serde_json::{Value, json};

/// Robots that are late are not waited for any longer than this after the last answer.
const SILENCE: Duration = Duration::from_millis(300);

/// Asks all services of a name at once; the `data` of each answer. Several robots share one subject, so each answers.
pub(crate) async fn ask_all(
    client: &Client,
    service: &str,
    command: &str,
    patience: Duration,
) -> anyhow::Result<Vec<Value>> {
    let inbox = client.nats().new_inbox();
    let mut answers = client.subscribe(&inbox).await?;
    let request = json!({"service": service, "command": command}).to_string();
    let subject = subject::command(service)?;
    client
        .nats()
        .publish_with_reply(subject, inbox, request.into())
        .await?;
    let mut found = Vec::new();
    loop {
        let wait = if found.is_empty() { patience } else { SILENCE };
        let Ok(Some(answer)) = tokio::time::timeout(wait, answers.next()).await else {
            return Ok(found);
        };
        if answer.status == Some(async_nats::StatusCode::NO_RESPONDERS) {
            return Ok(found);
        }
        if let Ok(reply) = serde_json::from_slice::<Value>(&answer.payload) {
            found.push(reply["data"].clone());
        }
    }
}

/// The channels that a robot's `system.health` names: host and name.
pub(crate) fn channels(health: &Value) -> Vec<(String, String)> {
    let pair = |value: &Value| {
        Some((
            value["domain"].as_str()?.to_owned(),
            value["channel"].as_str()?.to_owned(),
        ))
    };
    match health["channels"].as_array() {
        Some(channels) => channels.iter().filter_map(pair).collect(),
        None => pair(health).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_found_in_our_robots_words_and_in_the_originals() {
        let ours = json!({"channel": "a", "domain": "d", "channels": [
            {"channel": "a", "domain": "d"}, {"channel": "b", "domain": "d"}, 7
        ]});
        assert_eq!(channels(&ours).len(), 2);
        assert_eq!(channels(&json!({"channel": "a", "domain": "d"})).len(), 1);
        assert_eq!(channels(&json!(null)), []);
    }
}
