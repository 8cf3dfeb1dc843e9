//! What a real channel sent, counted.

use std::collections::BTreeMap;
use std::path::Path;

use kryten_protocol::subject;
use kryten_userstats::Userstats;
use serde_json::{Value, json};

use crate::bench::{Bench, within};
use crate::original;

on_both! {
async fn what_a_real_channel_sent_gives_the_totals_of_a_right_service(backend) {
    let bench = Bench::with(backend).await;
    let stream = bench.stream().await;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings");
    let read = |name: &str| std::fs::read_to_string(fixtures.join(name)).unwrap();
    let expected: Value = serde_json::from_str(&read("expected.json")).unwrap();
    let totals = &expected["totals"];
    let domain = totals["domain"].as_str().unwrap();
    let channel = totals["channel"].as_str().unwrap();
    let excluded = expected["expected_events_once"]["excluded_frame_lines"]
        .as_array()
        .unwrap();
    let mut published = 0;
    let mut acks = Vec::new();
    for (number, text) in (1_u64..).zip(read("cytube_frames.jsonl").lines()) {
        let frame: Value = serde_json::from_str(text).unwrap();
        let raw = frame["raw"].as_str().unwrap_or_default();
        let Some(packet) = raw.strip_prefix("42").filter(|_| frame["dir"] == "s2c") else {
            continue;
        };
        if excluded.contains(&number.into()) {
            continue;
        }
        let packet: Value = serde_json::from_str(packet).unwrap();
        let name = packet[0].as_str().unwrap();
        let body = json!({
            "event_name": name, "payload": packet[1], "channel": channel, "domain": domain,
            "timestamp": frame["ts"], "correlation_id": number.to_string(),
        });
        let subject = subject::event(channel, name).unwrap();
        let ack = bench
            .client
            .jetstream()
            .publish(subject, body.to_string().into())
            .await;
        acks.push(ack.unwrap());
        published += 1;
    }
    for ack in acks {
        ack.await.unwrap();
    }
    assert_eq!(expected["expected_events_once"]["total"], published);
    assert_eq!(stream.info().await.unwrap().messages, published);

    let mut config = bench.config();
    config.channels[0].domain = domain.to_owned();
    config.channels[0].channel = channel.to_owned();
    let service = Userstats::bind(config).await.unwrap();
    within("the service is ready", service.ready()).await;
    service.shutdown().await.unwrap();
    let rows = original::dump_of(&bench.place).await;
    let counts = |table: &str, place: usize| -> BTreeMap<String, u64> {
        let prefix = format!("{table}: ");
        let rows = rows.iter().filter_map(|row| row.strip_prefix(&prefix));
        rows.map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            (
                cells[0].to_owned(),
                cells.get(place).map_or(1, |n| n.parse().unwrap()),
            )
        })
        .collect()
    };
    let wanted =
        |value: &Value| -> BTreeMap<String, u64> { serde_json::from_value(value.clone()).unwrap() };
    assert_eq!(
        counts("message_counts", 3),
        wanted(&totals["messages"]["by_user"])
    );
    assert_eq!(
        counts("kudos_plusplus", 3),
        wanted(&totals["kudos_plusplus"])
    );
    assert_eq!(counts("pm_counts", 1), wanted(&totals["pms"]["by_user"]));
    let users: Vec<String> = counts("users", 9).into_keys().collect();
    let known: Vec<String> = serde_json::from_value(totals["users"]["names"].clone()).unwrap();
    assert_eq!(users, known);
    let films = rows
        .iter()
        .filter(|row| row.starts_with("media_changes: "))
        .count();
    assert_eq!(totals["media_changes"]["rows"], films);
    for table in ["kudos_phrases", "emote_usage", "movie_votes"] {
        assert!(counts(table, 9).is_empty(), "{table}");
    }
    let present = bench.store().await.present(channel, domain).await.unwrap();
    let sessions = expected["final_state"]["7"]["users"].as_array().unwrap();
    assert_eq!(present.len(), sessions.len(), "who is there at the end");
}
}
