//! Recognisable secrets in every place that takes one, and everything that others can see searched for them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use kryten_client::{Client, NatsConfig};
use kryten_servers::NatsServer;
use kryten_sim::{Account, Operation, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::process::{kryten, until};
use crate::rig::{CHANNEL, DOMAIN, free_port, get};

const CHANNEL_PASSWORD: &str = "S3cretOfChannel";
const ACCOUNT_PASSWORD: &str = "S3cretOfAccount";
const FIELD_PASSWORD: &str = "S3cretInField";
const URL_PASSWORD: &str = "S3cretInUrl";
const TOKEN: &str = "S3cretToken";
/// A user that the server knows by its public half.
const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const SEED_PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
const SECRETS: [&str; 6] = [
    CHANNEL_PASSWORD,
    ACCOUNT_PASSWORD,
    FIELD_PASSWORD,
    URL_PASSWORD,
    TOKEN,
    SEED,
];

/// A `kryten` that logs all that it can; killed on drop.
struct Loud(Child);

impl Drop for Loud {
    fn drop(&mut self) {
        // One that has ended already is what we want.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Loud {
    fn start(arguments: &[&str], log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        let mut command = kryten();
        command.env("RUST_LOG", "trace").args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        Self(command.spawn().unwrap())
    }

    /// As an operator stops it.
    fn stop(mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.0.wait().unwrap();
    }
}

/// Everything that is said on a server while this listens.
#[derive(Clone, Default)]
struct Wiretap(Arc<Mutex<Vec<u8>>>);

impl Wiretap {
    async fn on(client: &Client) -> Self {
        let tap = Self::default();
        let kept = tap.clone();
        let mut all = client.subscribe(">").await.unwrap();
        tokio::spawn(async move {
            while let Some(message) = all.next().await {
                let text = format!("{} {:?} ", message.subject, message.headers);
                let mut kept = kept.0.lock().unwrap();
                kept.extend_from_slice(text.as_bytes());
                kept.extend_from_slice(&message.payload);
            }
        });
        tap
    }
}

fn server_users() -> String {
    format!(
        "authorization {{ users: [
            {{ user: admin, password: admin }}
            {{ user: field, password: {FIELD_PASSWORD} }}
            {{ user: url, password: {URL_PASSWORD} }}
            {{ nkey: {SEED_PUBLIC} }}
        ] }}"
    )
}

async fn guarded_sim() -> SimHandle {
    let account = |name: &str| Account {
        name: name.to_owned(),
        password: Some(ACCOUNT_PASSWORD.to_owned()),
        rank: 4.0,
    };
    let mut config = SimConfig::quiet(CHANNEL);
    config.channel_password = Some(CHANNEL_PASSWORD.to_owned());
    config.accounts = ["First", "Second", "Third"].map(account).to_vec();
    Sim::start(config).await.unwrap()
}

fn robot_file(
    folder: &Path,
    name: &str,
    sim: &SimHandle,
    user: &str,
    nats: &Value,
    port: u16,
) -> PathBuf {
    let config = json!({
        "cytube": {
            "url": sim.url(), "domain": DOMAIN, "channel": CHANNEL, "user": user, "password": ACCOUNT_PASSWORD,
            "channel_password": CHANNEL_PASSWORD, "reconnect_base_delay": 0.02, "reconnect_max_delay": 0.2,
        },
        "nats": nats, "health": {"host": "127.0.0.1", "port": port}, "commands": {"enabled": true},
        "logging": {"base_path": folder.join(format!("{name}-audit"))},
    });
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

/// All requests that ask the robot something, the last of which stops it.
async fn ask_everything(client: &Client) {
    for command in [
        "system.ping",
        "system.version",
        "system.channels",
        "system.health",
        "system.stats",
        "system.services",
        "system.config",
        "system.reload",
        "state.emotes",
        "state.playlist",
        "state.userlist",
        "state.motd",
        "state.css",
        "state.js",
        "state.options",
        "state.permissions",
        "state.current",
        "state.all",
        "state.profiles",
        "state.user",
        "system.nonsense",
        "readChanLog",
        "requestBanlist",
        "requestChannelRanks",
    ] {
        let request = json!({"service": "robot", "command": command, "username": "First"});
        let nats = client.nats();
        let asked = nats.request("kryten.robot.command", request.to_string().into());
        let answer = tokio::time::timeout(Duration::from_secs(20), asked)
            .await
            .unwrap()
            .unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        if command == "state.options" {
            assert_eq!(answer["data"]["options"]["password"], "***");
        }
    }
}

/// All files below a folder, but for those that hold secrets by their purpose.
fn files(folder: &Path, purpose: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path, purpose));
        } else if !purpose.contains(&name.as_str()) {
            found.push(path);
        }
    }
    found
}

fn assert_none_in(what: &str, bytes: &[u8], secrets: &[&str]) {
    let text = String::from_utf8_lossy(bytes);
    for secret in secrets {
        let at = text.find(secret);
        let near = at.map(|at| text[..at].chars().rev().take(200).collect::<Vec<char>>());
        let near: Option<String> = near.map(|near| near.into_iter().rev().collect());
        assert_eq!(near, None, "{secret} is in {what}, after this");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_log_on_the_bus_in_a_stream_or_in_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let users = NatsServer::ephemeral_with(|options| {
        options.login = false;
        options.extra_config = server_users();
    });
    let by_token = NatsServer::ephemeral_with(|options| {
        options.login = false;
        options.extra_config = format!("authorization {{ token: {TOKEN} }}");
    });
    let (mut users, mut by_token) = tokio::join!(users, by_token);
    let sim = guarded_sim().await;
    let admin = NatsConfig::for_url(users.url()).with_user("admin", "admin");
    let admin = Client::connect(&admin).await.unwrap();
    let tap = Wiretap::on(&admin).await;

    let in_url = users
        .url()
        .replace("://", &format!("://url:{URL_PASSWORD}@"));
    let ports = [free_port(), free_port()];
    let field = json!({"servers": [users.url()], "user": "field", "password": FIELD_PASSWORD});
    let token = json!({"servers": [by_token.url()], "token": TOKEN});
    let start = |name: &str, user: &str, nats: &Value, port: u16| {
        let file = robot_file(folder.path(), name, &sim, user, nats, port);
        Loud::start(
            &["robot", "--config", file.to_str().unwrap()],
            &path(&format!("{name}.log")),
        )
    };
    let robots = [
        start("first", "First", &field, ports[0]),
        start("second", "Second", &token, 0),
    ];
    let userstats = json!({
        "nats": {"servers": [in_url]}, "channels": [{"domain": DOMAIN, "channel": CHANNEL}],
        "service": {"name": "userstats"}, "metrics": {"port": ports[1]}, "database": {"path": path("userstats.db")},
    });
    std::fs::write(path("userstats.json"), userstats.to_string()).unwrap();
    let config = path("userstats.json");
    let statistics = Loud::start(
        &["userstats", "--config", config.to_str().unwrap()],
        &path("userstats.log"),
    );
    sim.wait_until(|progress| progress.bots == 2).await;
    let options = json!({"password": CHANNEL_PASSWORD, "afk_timeout": 600});
    let emit = |event: &str, payload: Value| Operation::Emit {
        event: event.to_owned(),
        payload: Some(payload),
        times: None,
    };
    sim.run(emit("channelOpts", options)).await.unwrap();
    sim.say("alice", "hello").await.unwrap();
    until("the robot answers and knows the options", || async {
        let ask = json!({"command": "state.options"}).to_string();
        let asked = admin
            .nats()
            .request("kryten.robot.command", ask.into())
            .await;
        asked.is_ok_and(|answer| String::from_utf8_lossy(&answer.payload).contains("\"***\""))
    })
    .await;
    ask_everything(&admin).await;
    let seed = json!({"nats": {"servers": [users.url()], "nkey_seed": SEED}});
    std::fs::write(path("seed.json"), seed.to_string()).unwrap();
    let mut shown = Vec::new();
    until("the statistics are asked with the seed", || async {
        let output = Command::new(env!("CARGO_BIN_EXE_kryten"))
            .env("RUST_LOG", "trace")
            .arg("--config")
            .arg(path("seed.json"))
            .args(["--channel", CHANNEL, "stats", "user", "alice"])
            .output()
            .unwrap();
        std::fs::write(path("seed.log"), [output.stdout, output.stderr].concat()).unwrap();
        output.status.success()
    })
    .await;
    for (port, page) in [
        (0, "/health"),
        (0, "/metrics"),
        (1, "/health"),
        (1, "/metrics"),
    ] {
        shown.push(get(&format!("127.0.0.1:{}", ports[port]), page).await);
    }
    robots.into_iter().for_each(Loud::stop);
    statistics.stop();
    users.stop().await.unwrap();
    by_token.stop().await.unwrap();

    let log = std::fs::read_to_string(path("first.log")).unwrap();
    assert!(log.contains("TRACE"), "all is logged");
    assert_none_in("what was said on the bus", &tap.0.lock().unwrap(), &SECRETS);
    assert_none_in("pages", shown.concat().as_bytes(), &SECRETS);
    let configurations = [
        "first.json",
        "second.json",
        "userstats.json",
        "seed.json",
        "nats-server.conf",
    ];
    let mut searched = files(folder.path(), &configurations);
    searched.extend(files(users.data_dir(), &configurations));
    searched.extend(files(by_token.data_dir(), &configurations));
    assert!(
        searched
            .iter()
            .any(|path| path.to_string_lossy().contains("KV_kryten_exact_state"))
    );
    for path in searched {
        let bytes = std::fs::read(&path).unwrap();
        assert_none_in(&path.display().to_string(), &bytes, &SECRETS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn up_tells_its_own_password_in_the_connection_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sim = guarded_sim().await;
    let nats =
        json!({"servers": ["nats://localhost:4222"], "user": "field", "password": FIELD_PASSWORD});
    let file = robot_file(folder.path(), "up", &sim, "Third", &nats, 0);
    let data = folder.path().join("data");
    let log = folder.path().join("up.log");
    let arguments = ["up", "--nats-port", "0", "--web-port", "0", "--config"];
    let more = [file.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
    let up = Loud::start(&[&arguments[..], &more].concat(), &log);
    let connection = data.join("connection.json");
    until("it is ready", || async { connection.exists() }).await;
    let connection = std::fs::read_to_string(&connection).unwrap();
    assert_none_in("connection.json", connection.as_bytes(), &SECRETS);
    let connection: Value = serde_json::from_str(&connection).unwrap();
    let text = |key: &str| connection["nats"][key].as_str().unwrap().to_owned();
    let own = text("password");
    let config = NatsConfig::for_url(text("url")).with_user(text("user"), own.clone());
    let client = Client::connect(&config).await.unwrap();
    let tap = Wiretap::on(&client).await;
    ask_everything(&client).await;
    up.stop();
    let secrets = [&SECRETS[..], &[own.as_str()]].concat();
    assert_none_in("what was said on the bus", &tap.0.lock().unwrap(), &secrets);
    for path in files(folder.path(), &["up.json", "nats-server.conf"]) {
        let bytes = std::fs::read(&path).unwrap();
        assert_none_in(&path.display().to_string(), &bytes, &secrets);
    }
}

#[test]
fn no_configuration_shows_its_secrets() {
    let nats = json!({
        "servers": [format!("nats://bob:{URL_PASSWORD}@host")], "user": "bob", "password": FIELD_PASSWORD,
    });
    let cytube = json!({
        "domain": DOMAIN, "channel": CHANNEL, "user": "Bot", "password": ACCOUNT_PASSWORD,
        "channel_password": CHANNEL_PASSWORD,
    });
    let robot = json!({"cytube": cytube, "nats": nats});
    let robot = kryten_robot::config::from_value(&robot, |_| None).unwrap();
    let userstats = json!({"nats": nats, "channels": [{"domain": DOMAIN, "channel": CHANNEL}]});
    let userstats = kryten_userstats::Config::read(userstats).unwrap();
    let shown = format!("{robot:?} {robot:#?} {userstats:?} {userstats:#?}");
    assert_none_in("Debug", shown.as_bytes(), &SECRETS);
}
