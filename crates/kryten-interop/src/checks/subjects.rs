//! Subjects: what the original library builds and reads, for the inputs of the vectors, and what ours does.

use anyhow::{Context, ensure};
use kryten_protocol::{subject, token};
use serde_json::{Value, json};

use super::{Report, Sides, same};

const VECTORS: &str = include_str!("../../../kryten-protocol/tests/fixtures/subject_vectors.json");

pub(crate) async fn run(sides: &mut Sides, report: &mut Report) {
    for function in [
        "normalize_token",
        "sanitize_token",
        "build_subject",
        "build_event_subject",
        "build_command_subject",
        "parse_subject",
    ] {
        let result = check(sides, function).await;
        report.add(&format!("{function} gives what ours gives"), result);
    }
}

async fn check(sides: &mut Sides, function: &str) -> anyhow::Result<()> {
    let vectors: Value = serde_json::from_str(VECTORS)?;
    // The second name of the same thing.
    let inputs = match function {
        "sanitize_token" => "normalize_token",
        function => function,
    };
    for case in vectors[inputs].as_array().context("no vectors")? {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let arguments = match function {
            "build_subject" => json!([text("domain"), text("channel"), text("event_name")]),
            "build_command_subject" => json!([text("service")]),
            _ => json!([text("input")]),
        };
        let ask = match function {
            "build_event_subject" => json!({"do": "build_event_subject", "event": case["event"]}),
            _ => json!({"do": "call", "on": "subjects", "method": function, "args": arguments}),
        };
        let theirs = sides.python.ask(ask).await.ok();
        let ours = match function {
            "build_subject" => subject::event(text("channel"), text("event_name")).ok(),
            "build_event_subject" => {
                let text = |name: &str| case["event"][name].as_str().unwrap_or_default();
                subject::event(text("channel"), text("event_name")).ok()
            }
            "build_command_subject" => subject::command(text("service")).ok(),
            "parse_subject" => {
                let parsed = subject::parse_event(text("input")).ok().map(|parsed| {
                    json!({"prefix": subject::EVENTS_PREFIX, "domain": parsed.platform,
                           "channel": parsed.channel, "event_name": parsed.event})
                });
                same(parsed, theirs).with_context(|| case.to_string())?;
                continue;
            }
            _ => Some(token::normalize(text("input"))),
        };
        let theirs = theirs.as_ref().and_then(Value::as_str);
        match ours {
            None if theirs.is_some_and(cannot_be_sent) => {}
            ours => ensure!(
                ours.as_deref() == theirs,
                "{ours:?} is not {theirs:?}: {case}"
            ),
        }
    }
    Ok(())
}

/// An empty token, white space or control characters: kryten-py builds such a subject, no server delivers it.
fn cannot_be_sent(subject: &str) -> bool {
    !subject.split('.').all(token::is_carriable)
}
