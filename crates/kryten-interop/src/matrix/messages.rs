//! Messages of any kind, and what either side answers as a service.

use std::time::Duration;

use kryten_client::command;
use kryten_client::respond::Responder;
use kryten_protocol::command::Request;
use kryten_protocol::subject;
use serde_json::{Value, json};

use super::{CHANNEL, Matrix, SAME};
use crate::checks::same;

const SOON: Duration = Duration::from_secs(5);

pub(super) async fn run(matrix: &mut Matrix<'_>) {
    published(matrix).await;
    asked(matrix).await;
    let answered = answered(matrix).await;
    let name = "KrytenClient.subscribe_request_reply answers as ours does";
    matrix
        .compared
        .insert("KrytenClient.subscribe_request_reply".to_owned());
    matrix.report.add(name, answered);
}

async fn published(matrix: &mut Matrix<'_>) {
    let client = matrix.sides.rust.clone();
    let body = json!({"name": "B\u{f6}b \u{2603}", "n": [1, 1.5, null, true]});
    let object = client.publish_json("kryten.interop.seen", &body);
    matrix
        .client(
            "publish",
            json!(["kryten.interop.seen", body]),
            SAME,
            object,
        )
        .await;
    let text = "h\u{e9}llo";
    let nats = client.nats();
    let plain = nats.publish("kryten.interop.seen", text.into());
    matrix
        .client("publish", json!(["kryten.interop.seen", text]), SAME, plain)
        .await;
}

async fn asked(matrix: &mut Matrix<'_>) {
    let client = matrix.sides.rust.clone();
    let robot = subject::command("robot").unwrap_or_default();
    let body = json!({"service": "robot", "command": "system.version"});
    let ours = client.request_json::<_, Value>(&robot, &body, SOON);
    let got = matrix
        .client("nats_request", json!([robot, body]), SAME, ours)
        .await;
    returned_the_same(matrix, "nats_request", got);
    let ours = async {
        let asked = Request::new("robot", "system.version");
        command::request(&client, "robot", asked, SOON).await
    };
    matrix
        .client("nats_request", json!([robot, body]), SAME, ours)
        .await;

    let economy = subject::command("economy").unwrap_or_default();
    let flat = json!({"command": "balance.get", "channel": CHANNEL, "username": "bob"});
    let ours = client.request_json::<_, Value>(&economy, &flat, SOON);
    let arguments = json!([CHANNEL, "balance.get", {"username": "bob"}]);
    let got = matrix
        .client("economy_request", arguments, SAME, ours)
        .await;
    returned_the_same(matrix, "economy_request", got);
}

fn returned_the_same(matrix: &mut Matrix<'_>, method: &str, got: Option<(Value, Value)>) {
    if let Some((theirs, ours)) = got {
        let name = format!("KrytenClient.{method} makes the same of the answer");
        matrix.report.add(&name, same(ours, theirs));
    }
}

/// The same requests to a service on either side.
async fn answered(matrix: &mut Matrix<'_>) -> anyhow::Result<()> {
    let python = subject::command("python")?;
    let ask = json!({"do": "answer", "subject": python});
    matrix.sides.python.ask(ask).await?;
    let client = matrix.sides.rust.clone();
    let responder = Responder::start(&client, "python-like", |request: Request| async move {
        Ok(Value::Object(request.parameters))
    })
    .await?;
    let ours = subject::command("python-like")?;
    let request = json!({"command": "echo", "username": "B\u{f6}b"});
    let theirs: Value = client.request_json(&python, &request, SOON).await?;
    let answer: Value = client.request_json(&ours, &request, SOON).await?;
    // The original's handler makes the whole reply itself; the agent's makes one of the usual form.
    let form = |reply: &Value| {
        let fields = reply.as_object().into_iter().flatten();
        fields
            .map(|(name, value)| (name.clone(), value.is_boolean(), value.is_object()))
            .collect::<Vec<_>>()
    };
    same(form(&answer), form(&theirs))?;
    same(&answer["data"]["username"], &theirs["data"]["username"])?;
    for (body, words) in [
        ("soon", "Invalid JSON"),
        ("", "Invalid JSON"),
        ("\u{feff}{}", "Invalid JSON"),
    ] {
        let raw = async |subject: &str| {
            let answer = client
                .nats()
                .request(subject.to_owned(), body.into())
                .await?;
            Ok::<Value, anyhow::Error>(serde_json::from_slice(&answer.payload)?)
        };
        let (theirs, ours) = (raw(&python).await?, raw(&ours).await?);
        same(&theirs["error"], &json!(words))?;
        same(&ours["error"], &theirs["error"])?;
    }
    responder.stop().await;
    Ok(())
}
