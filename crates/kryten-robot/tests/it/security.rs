//! Which commands are taken, who may ask in private, and whose certificate is trusted.

use std::io;
use std::sync::{Arc, Mutex};

use kryten_robot::Robot;
use kryten_servers::NatsServer;
use kryten_sim::{Operation, Sim, SimConfig, TlsConfig};
use serde_json::{Value, json};

use crate::commands::fixture::Stage;
use crate::support::*;

fn allowing(
    allow: Option<&[&str]>,
    deny: &[&str],
) -> kryten_robot::commands::allowed::AllowedCommands {
    let owned =
        |list: &[&str]| -> Vec<String> { list.iter().map(|name| (*name).to_owned()).collect() };
    let allow = allow.map(owned);
    kryten_robot::commands::allowed::AllowedCommands::read(allow.as_deref(), &owned(deny)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_allowed_commands_are_done_by_whatever_name_and_on_whichever_subject() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.allowed = allowing(
            Some(&["say", "playlist.*", "kick", "state.*", "system.*"]),
            &["kick", "system.shutdown"],
        );
    })
    .await;
    stage.join("bob").await;
    let refused = async |request: Value| {
        let reply = stage.ask(request).await;
        assert_eq!(reply["success"], false, "{reply}");
        reply["error"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        refused(json!({"command": "kick_user", "args": {"username": "bob"}})).await,
        "kick_user is not allowed here; commands.allow and commands.deny in the robot's configuration say what is"
    );
    for (command, args) in [
        ("mute", json!({"username": "bob"})),
        ("say", json!({"message": "/kick bob"})),
        ("say", json!({"message": "/clear"})),
        ("say", json!({"message": "/me /clear"})),
        ("system.shutdown", json!({})),
        ("setMotd", json!({"motd": "x"})),
    ] {
        let error = refused(json!({"command": command, "args": args})).await;
        assert!(error.contains("not allowed here"), "{error}");
    }
    // On the older subject, too: what is sent after it is heard after it.
    stage.tell("kick", json!({"username": "bob"})).await;
    stage.done("say", json!({"message": "hello"})).await;
    // That is a line, to CyTube too.
    stage.done("say", json!({"message": " /clear"})).await;
    let history = stage.state().await["history"].to_string();
    assert!(
        history.contains("hello") && history.contains("\" /clear\""),
        "{history}"
    );
    stage.film("dQw4w9WgXcQ").await;
    let users = stage.state().await["users"].to_string();
    assert!(users.contains("bob"), "{users}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_private_command_may_have_a_rank_of_its_own() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config
            .pm_ranks
            .set(kryten_robot::system_pm::PmCommand::Health, 2.0);
    })
    .await;
    let moderator = Operation::Join {
        user: "mod".to_owned(),
        rank: Some(2.0),
    };
    stage.sim.run(moderator).await.unwrap();
    stage
        .knows("the moderator, with the rank", |users| {
            users
                .iter()
                .any(|user| user["name"] == "mod" && user["rank"] == 2)
        })
        .await;
    let answered = async |question: &str, with: &str| {
        until("the moderator is answered", || async {
            stage.sim.pm("mod", question).await.unwrap();
            let contents = events(&stream_contents(&stage.client).await);
            let is_answer = |(name, pm): &(String, Value)| {
                name == "pm"
                    && pm["username"] == "KrytenBot"
                    && pm["msg"].as_str().unwrap().contains(with)
            };
            contents.iter().any(is_answer)
        })
        .await;
    };
    answered("system:health", "healthy").await;
    answered("system:reload", "rank is too low").await;
    stage.end().await;
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl io::Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_is_refused_in_one_sentence_and_taken_with_its_authority() {
    // With only one in the process, what a test on another thread logs first would stay unheard here.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let heard = Heard::default();
    let writer = heard.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // The runtime of this test has one thread, so that all is heard.
    let _guard = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let mut secure = SimConfig::quiet(CHANNEL);
    secure.tls = Some(TlsConfig {
        ca_file: Some(ca_file.clone()),
        ..TlsConfig::on_loopback()
    });
    let (server, sim) = tokio::join!(NatsServer::ephemeral(), Sim::start(secure));
    let sim = sim.unwrap();
    let url = sim.secure_url().unwrap();
    let mut config = robot_config(&server, &url);
    let robot = Robot::bind(config.clone()).await.unwrap();
    let expected = format!(
        "the certificate of {url}/socketconfig/{CHANNEL}.json is not trusted; name its authority's PEM file as cytube.ca_file"
    );
    until("the robot says what is wrong", || async {
        String::from_utf8_lossy(&heard.0.lock().unwrap()).contains(&expected)
    })
    .await;
    assert_eq!(sim.progress().borrow().bots, 0);
    robot.shutdown().await;
    config.channels[0].ca_file = Some(ca_file);
    let robot = Robot::bind(config).await.unwrap();
    within("the channel is joined over https and wss", robot.ready()).await;
    robot.shutdown().await;
    sim.shutdown().await;
}
