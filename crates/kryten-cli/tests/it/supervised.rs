//! What systemd hears of the services, on a socket of ours, and what `kryten health` says of them.

use std::path::Path;
use std::time::Duration;

use kryten_client::Client;
use kryten_client::round_trip::round_trip;
use kryten_servers::NatsServer;
use kryten_sim::{ScriptConfig, Sim, SimConfig};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use tokio::net::UnixDatagram;

use crate::process::{Process, kryten, until};
use crate::program::Ran;
use crate::rig::{free_port, nats_config};

/// Systemd's end of the socket.
struct Systemd {
    socket: UnixDatagram,
    path: String,
}

impl Systemd {
    fn listen(folder: &Path) -> Self {
        let path = folder.join("notify").to_str().unwrap().to_owned();
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, path }
    }

    fn start(&self, args: &[&str], folder: &Path, watchdog: Duration) -> Process {
        let micros = watchdog.as_micros().to_string();
        let environment = [
            ("NOTIFY_SOCKET", self.path.as_str()),
            ("WATCHDOG_USEC", &micros),
        ];
        Process::start_with(args, &folder.join("log"), &environment)
    }

    /// Waits for a message with this line, and gives all of its lines.
    async fn hears(&self, line: &str) -> String {
        let hearing = async {
            let mut buffer = [0; 4096];
            loop {
                let length = self.socket.recv(&mut buffer).await.unwrap();
                let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
                if message.lines().any(|heard| heard == line) {
                    return message;
                }
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(60), hearing).await;
        heard.unwrap_or_else(|_| panic!("{line} is not heard"))
    }
}

fn write(path: &Path, value: &Value) -> String {
    std::fs::write(path, value.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn nats(server: &NatsServer) -> Value {
    json!({"servers": [server.url()], "user": server.user(), "password": server.password()})
}

fn health(port: u16) -> Ran {
    let url = format!("127.0.0.1:{port}");
    let health = kryten().args(["health", "--url", &url]).output();
    health.unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_that_the_robot_is_ready_that_it_lives_and_that_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::lively("quiet", ScriptConfig::default()))
        .await
        .unwrap();
    let port = free_port();
    let config = json!({
        "cytube": {"url": sim.url(), "domain": "sim.invalid", "channel": "quiet", "user": "Bot", "password": "secret"},
        "nats": nats(&server), "health": {"port": port}, "logging": {"base_path": folder.path().join("logs")},
    });
    let file = write(&folder.path().join("robot.json"), &config);
    let systemd = Systemd::listen(folder.path());
    assert_eq!(health(port).code, 1, "nobody is there");
    let args = ["robot", "--config", &file];
    let mut robot = systemd.start(&args, folder.path(), Duration::from_secs(30));
    let ready = systemd.hears("READY=1").await;
    assert!(ready.contains("STATUS=in 1 of 1 channels"), "{ready}");
    systemd.hears("WATCHDOG=1").await;
    systemd.hears("WATCHDOG=1").await;
    let healthy = health(port);
    assert_eq!(healthy.code, 0, "{healthy:?}");
    assert!(healthy.out.ends_with("/health: healthy\n"), "{healthy:?}");
    assert!(robot.sigterm().success());
    systemd.hears("STOPPING=1").await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_ends_the_robot_with_the_code_that_its_supervisor_knows() {
    let folder = tempfile::tempdir().unwrap();
    let server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::lively("strict", ScriptConfig::default()))
        .await
        .unwrap();
    let ban = kryten_sim::Operation::Ban {
        name: "Bot".to_owned(),
    };
    sim.run(ban).await.unwrap();
    let config = json!({
        "cytube": {"url": sim.url(), "domain": "sim.invalid", "channel": "strict", "user": "Bot", "password": "secret"},
        "nats": nats(&server), "health": {"enabled": false}, "logging": {"base_path": folder.path().join("logs")},
    });
    let file = write(&folder.path().join("robot.json"), &config);
    let args = ["robot", "--config", &file, "--given-up-code", "77"];
    let mut robot = Process::start(&args, &folder.path().join("log"));
    assert_eq!(robot.wait().code(), Some(77));
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_restart_ends_the_robot_as_a_failure_and_a_shutdown_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::lively("quiet", ScriptConfig::default()))
        .await
        .unwrap();
    let config = json!({
        "cytube": {"url": sim.url(), "domain": "sim.invalid", "channel": "quiet", "user": "Bot", "password": "secret"},
        "nats": nats(&server), "health": {"enabled": false}, "logging": {"base_path": folder.path().join("logs")},
    });
    let file = write(&folder.path().join("robot.json"), &config);
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let call = json!({"initiator": "ops", "reason": "update", "delay_seconds": 0});
    for (subject, body, code) in [
        ("kryten.lifecycle.group.restart", call, 1),
        (
            "kryten.robot.command",
            json!({"service": "robot", "command": "system.shutdown"}),
            0,
        ),
    ] {
        let systemd = Systemd::listen(folder.path());
        let args = ["robot", "--config", &file];
        let mut robot = systemd.start(&args, folder.path(), Duration::from_secs(30));
        systemd.hears("READY=1").await;
        let nats = client.nats();
        nats.publish(subject, body.to_string().into())
            .await
            .unwrap();
        round_trip(&nats).await;
        assert_eq!(robot.wait().code(), Some(code), "{subject}");
        std::fs::remove_file(&systemd.path).unwrap();
    }
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let why = "error: group restart by ops: update; this ends as a failure";
    assert_eq!(log.matches(why).count(), 1, "{log}");
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_that_wait_for_nats_are_alive() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = NatsServer::ephemeral().await;
    let port = free_port();
    let config = json!({
        "nats": nats(&server), "channels": [{"domain": "sim.invalid", "channel": "quiet"}],
        "service": {"name": "userstats"}, "metrics": {"port": port}, "database": {"path": folder.path().join("userstats.db")},
    });
    let file = write(&folder.path().join("userstats.json"), &config);
    let systemd = Systemd::listen(folder.path());
    let args = ["userstats", "--config", &file];
    let mut userstats = systemd.start(&args, folder.path(), Duration::from_secs(30));
    systemd.hears("READY=1").await;
    until("the service is healthy", || async {
        health(port).code == 0
    })
    .await;

    server.kill().await.unwrap();
    let away = "STATUS=the NATS server is away; counted up to event 0";
    assert!(systemd.hears(away).await.contains("WATCHDOG=1"));
    let told = health(port);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.out.contains("the NATS server is away"), "{told:?}");
    server.restart().await.unwrap();
    until("the service is healthy", || async {
        health(port).code == 0
    })
    .await;
    assert!(userstats.sigterm().success());
    systemd.hears("STOPPING=1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_of_a_page_behind_a_token_or_a_proxy_is_asked_with_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "a token that is long enough\n").unwrap();
    let token = token.to_str().unwrap();
    let health = |arguments: &[&str], environment: &str| -> Ran {
        let mut health = kryten();
        health.args(["--data-dir", data_dir, "health"]);
        health.args(arguments).env("KRYTEN_WEB_TOKEN", environment);
        health.output().unwrap().into()
    };
    let connection = folder.path().join("connection.json");
    let up = |more: &[&str]| {
        let mut args = vec!["up", "--demo", "--users", "6", "--data-dir", data_dir];
        args.extend(["--nats-port", "0", "--web-port", "0"]);
        args.extend(more);
        Process::start(&args, &folder.path().join("log"))
    };

    let mut with_token = up(&["--web-token-file", token]);
    until("up is ready", || async { connection.exists() }).await;
    for wrong in ["", "another token, which is wrong"] {
        let ran = health(&[], wrong);
        assert_eq!(ran.code, 1, "{ran:?}");
        let sentence = "wants the token of its page; give the right one with --token-file FILE";
        assert_eq!(ran.out.matches(sentence).count(), 2, "{ran:?}");
        assert!(!ran.out.contains("which is wrong"), "{ran:?}");
    }
    until("both services are healthy", || async {
        health(&["--token-file", token], "").code == 0
    })
    .await;
    assert_eq!(health(&[], "a token that is long enough").code, 0);
    assert!(with_token.sigterm().success());

    let mut with_proxy = up(&["--web-proxy", "127.0.0.1"]);
    until("up is ready", || async { connection.exists() }).await;
    let ran = health(&[], "");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.out.matches("answers its proxy only").count(), 2);
    assert!(with_proxy.sigterm().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_one_process_is_alive_while_its_database_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let systemd = Systemd::listen(folder.path());
    let mut args = vec!["up", "--demo", "--users", "6", "--data-dir", data_dir];
    args.extend(["--nats-port", "0", "--web-port", "0"]);
    let mut up = systemd.start(&args, folder.path(), Duration::from_secs(30));
    let ready = systemd.hears("READY=1").await;
    assert!(
        ready.contains("STATUS=robot: in 1 of 1 channels"),
        "{ready}"
    );
    let health = || -> Ran {
        let mut health = kryten();
        health.args(["--data-dir", data_dir, "health"]);
        health.output().unwrap().into()
    };
    until("both services are healthy", || async { health().code == 0 }).await;

    let url = format!("sqlite://{}", folder.path().join("userstats.db").display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE")
        .execute(&mut other)
        .await
        .unwrap();
    let locked = "the database cannot be written";
    until("the lock is noticed", || async {
        health().out.contains(locked)
    })
    .await;
    let told = systemd.hears("WATCHDOG=1").await;
    assert!(told.contains("statistics: "), "{told}");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    until("both services are healthy", || async { health().code == 0 }).await;
    assert!(up.sigterm().success());
    systemd.hears("STOPPING=1").await;
}
