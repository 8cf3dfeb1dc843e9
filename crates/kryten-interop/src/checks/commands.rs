//! Requests and replies between the two sides.

use std::time::Duration;

use kryten_client::command::request;
use kryten_client::respond::Responder;
use kryten_protocol::command::Request;
use serde_json::{Value, json};

use super::{Report, Sides, same};

pub(crate) async fn run(sides: &mut Sides, report: &mut Report) {
    report.add("python asks, rust answers", python_asks(sides).await);
    report.add("rust asks, python answers", rust_asks(sides).await);
}

async fn python_asks(sides: &mut Sides) -> anyhow::Result<()> {
    let responder = Responder::start(&sides.rust, "interop", |request: Request| async move {
        match request.command.as_str() {
            "echo" => Ok(Value::Object(request.parameters)),
            command => Err(format!("Unknown command: {command}").into()),
        }
    });
    let responder = responder.await?;
    let mut ask = async |body: Value| {
        let request = json!({"do": "request", "subject": "kryten.interop.command", "body": body});
        sides.python.ask(request).await
    };
    same(
        ask(json!({"service": "interop", "command": "echo", "username": "B\u{f6}b"})).await?,
        json!({"service": "interop", "command": "echo", "success": true, "data": {"username": "B\u{f6}b"}}),
    )?;
    same(
        ask(json!({"command": "nonsense"})).await?,
        json!({"service": "interop", "command": "nonsense", "success": false, "error": "Unknown command: nonsense"}),
    )?;
    responder.stop().await;
    Ok(())
}

async fn rust_asks(sides: &mut Sides) -> anyhow::Result<()> {
    sides
        .python
        .ask(json!({"do": "answer", "subject": "kryten.python.command"}))
        .await?;
    let asked = Request::new("python", "echo").with("username", "B\u{f6}b");
    let reply = request(&sides.rust, "python", asked, Duration::from_secs(5)).await?;
    let data = reply.data.unwrap_or_default();
    same(&data["username"], &json!("B\u{f6}b"))
}
