use std::net::TcpListener;

use kryten_servers::NatsServer;
use serde_json::json;

use super::{Diagnosis, url};
use crate::process::{Process, until};
use crate::rig::free_port;

#[tokio::test]
async fn a_taken_port_a_full_disk_and_absent_statistics_are_told() {
    let server = NatsServer::ephemeral().await;
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let nats = json!({"url": url(&server)});
    let robot = json!({
        "cytube": {"domain": "cytu.be", "channel": "lounge"}, "nats": nats,
        "health": {"host": "127.0.0.1", "port": taken.local_addr().unwrap().port()},
        "logging": {"base_path": folder.path().join("logs")},
    });
    let free = free_port();
    let userstats = json!({
        "nats": nats, "channels": [{"domain": "cytu.be", "channel": "lounge"}],
        "metrics": {"host": "127.0.0.1", "port": free}, "database": {"path": folder.path().join("data/userstats.db")},
    });
    let (robot_file, userstats_file) = (
        folder.path().join("robot.json"),
        folder.path().join("userstats.json"),
    );
    std::fs::write(&robot_file, robot.to_string()).unwrap();
    std::fs::write(&userstats_file, userstats.to_string()).unwrap();
    let files = [
        robot_file.to_str().unwrap(),
        userstats_file.to_str().unwrap(),
    ];
    let diagnosis = Diagnosis::of(&["doctor", files[0], files[1], "--min-free", "0"]);
    diagnosis.is_wrong(
        "port",
        &[
            "which the robot is to listen on, is taken by another program",
            "health.port",
        ],
    );
    assert_eq!(
        diagnosis.said("port", "good"),
        [format!("127.0.0.1:{free} is free for userstats → ")]
    );
    diagnosis.is_wrong(
        "userstats",
        &[
            "the statistics are not running",
            "kryten userstats --config FILE",
        ],
    );
    diagnosis.is_wrong("buckets", &["kryten_lounge_playlist", "are missing"]);
    assert_eq!(diagnosis.said("disk", "good").len(), 2);
    assert_eq!(diagnosis.said("config", "good").len(), 2);
    let full = Diagnosis::of(&["doctor", files[0], files[1], "--min-free", "900000000000"]);
    full.is_wrong("disk", &["are free for the statistics in", "make room"]);
}

#[tokio::test]
async fn a_wrong_configuration_is_told_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("robot.json");
    std::fs::write(&file, r#"{"cytube": {"domain": "d", "channel": "no such!"}, "nats": {"url": "nats://127.0.0.1:1"}}"#).unwrap();
    let diagnosis = Diagnosis::of(&["doctor", file.to_str().unwrap()]);
    diagnosis.is_wrong(
        "config",
        &[
            "cytube.channel \"no such!\" is no CyTube channel name",
            "kryten config check",
        ],
    );
    let missing = Diagnosis::of(&["doctor", "/no/such/file.json"]);
    missing.is_wrong("config", &["/no/such/file.json"]);
}

#[tokio::test]
async fn a_private_server_that_writes_late_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = folder.path().join("log");
    let data_dir = data.to_str().unwrap();
    let mut up = Process::start(
        &[
            "up",
            "--demo",
            "--users",
            "3",
            "--data-dir",
            data_dir,
            "--nats-port",
            "0",
            "--web-port",
            "0",
            "--sync-interval",
            "2m",
        ],
        &log,
    );
    until("it is ready", || async {
        std::fs::read_to_string(&log)
            .unwrap_or_default()
            .contains("Ctrl-C stops everything")
    })
    .await;
    let diagnosis = Diagnosis::of(&["--data-dir", data_dir, "doctor", "--min-free", "0"]);
    diagnosis.is_wrong(
        "sync",
        &[
            "a power cut loses what was acknowledged in the last 2m",
            "--sync-interval always",
        ],
    );
    assert_eq!(
        diagnosis
            .checks
            .iter()
            .filter(|check| check["verdict"] == "wrong")
            .count(),
        1,
        "{:#?}",
        diagnosis.checks
    );
    assert!(up.sigterm().success());
}
