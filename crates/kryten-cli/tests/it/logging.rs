//! The services' logs: one event followed through both, levels that change while they run, JSON, rotation.

use std::path::Path;
use std::time::Duration;

use kryten_client::{Client, EventStream, command};
use kryten_protocol::command::Request;
use kryten_protocol::event::Event;
use kryten_servers::NatsServer;
use kryten_sim::Speed;
use serde_json::{Value, json};

use crate::process::{Process, until};
use crate::program::run;
use crate::rig::{CHANNEL, DOMAIN, Rig, free_port, nats_config};

async fn ask(client: &Client, service: &str, fields: Value) -> Result<Value, String> {
    let mut request = Request::new(service, "system.loglevel");
    request.parameters = fields.as_object().unwrap().clone();
    let reply = command::request(client, service, request, Duration::from_secs(10)).await;
    reply
        .map(|reply| reply.data.unwrap())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn an_event_is_followed_by_its_id_through_robot_stream_and_statistics() {
    let mut rig = Rig::start(1, 2, 7, None, Speed::Max).await;
    rig.wait_until_a_marker_is_stored().await;
    let client = Client::connect(&nats_config(&rig.server)).await.unwrap();
    let stored = async || {
        let stream = EventStream::open(&client).await.unwrap();
        let subject = kryten_protocol::subject::event(CHANNEL, "marker").unwrap();
        let last = stream.last_for(&subject).await.unwrap().unwrap();
        let event = Event::parse(&last.body).unwrap();
        (
            last.sequence,
            event.envelope().correlation_id.clone().unwrap(),
        )
    };
    let log = |name: &str| std::fs::read_to_string(rig.folder.path().join(name)).unwrap();
    until("the statistics answer", || async {
        ask(&client, "userstats", json!({})).await.is_ok()
    })
    .await;
    let (_, quiet) = stored().await;
    assert!(
        !log("robot.log").contains(&quiet),
        "at info no event is logged"
    );
    for (service, module) in [
        ("robot", "kryten_robot"),
        ("userstats", "kryten_userstats::counting"),
    ] {
        let levels = ask(
            &client,
            service,
            json!({"module": module, "level": "debug"}),
        )
        .await
        .unwrap();
        assert_eq!(
            levels,
            json!({"level": "info", "modules": {module: "debug"}})
        );
        let refused = ask(
            &client,
            service,
            json!({"module": "async_nats", "level": "trace"}),
        )
        .await
        .unwrap_err();
        assert!(refused.contains("must be one of Kryten's"), "{refused}");
    }
    let followed = async || {
        let (sequence, id) = stored().await;
        let lines = |name: &str, says: &str| {
            let text = log(name);
            text.lines().any(|line| {
                line.contains(says)
                    && line.contains(&id)
                    && line.contains(&format!("sequence={sequence}"))
            })
        };
        lines("robot.log", "an event is stored") && lines("userstats.log", "an event is counted")
    };
    // The setters hear of a change a moment after the reply.
    until("one id is in both logs", || async {
        rig.sim
            .run(kryten_sim::Operation::Emit {
                event: "marker".to_owned(),
                payload: Some(json!(0)),
                times: None,
            })
            .await
            .unwrap();
        followed().await
    })
    .await;
    let reset = ask(&client, "robot", json!({"reset": true})).await.unwrap();
    assert_eq!(reset, json!({"level": "info", "modules": {}}));
    for name in ["robot.log", "userstats.log"] {
        assert!(!log(name).contains(rig.server.password()), "{name}");
    }
    assert!(rig.userstats.sigterm().success());
}

fn userstats_config(folder: &Path, server: &NatsServer) -> String {
    let config = json!({
        "nats": {"servers": [server.url()], "user": server.user(), "password": server.password()},
        "channels": [{"domain": DOMAIN, "channel": CHANNEL}], "metrics": {"port": free_port()},
        "database": {"path": folder.join("userstats.db")}, "log_format": "json",
    });
    let file = folder.join("userstats.json");
    std::fs::write(&file, config.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_log_for_machines_is_one_object_a_line_in_a_file_as_on_stderr() {
    let server = NatsServer::ephemeral().await;
    let folder = tempfile::tempdir().unwrap();
    let config = userstats_config(folder.path(), &server);
    let (log, file) = (
        folder.path().join("stderr"),
        folder.path().join("logs/userstats.log"),
    );
    let mut userstats = Process::start(
        &[
            "userstats",
            "--config",
            &config,
            "--log-level",
            "trace",
            "--log-file",
            file.to_str().unwrap(),
        ],
        &log,
    );
    until("it answers", || async {
        std::fs::read_to_string(&file)
            .unwrap_or_default()
            .contains("answering requests")
    })
    .await;
    assert!(userstats.sigterm().success());
    for path in [&log, &file] {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(!text.contains(server.password()));
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            for field in ["timestamp", "level", "message", "target"] {
                assert!(line[field].is_string(), "{line}");
            }
        }
    }
    assert_eq!(run(&server, &["userstats", "--log-format", "xml"]).code, 2);
}
