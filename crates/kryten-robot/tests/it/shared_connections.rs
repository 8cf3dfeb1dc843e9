//! More channels than there are connections to publish over.

use kryten_robot::{ChannelConfig, Robot, RobotConfig};
use kryten_servers::NatsServer;
use kryten_sim::{Sim, SimConfig};

use crate::signs::warnings;
use crate::support::*;

/// So many that each connection has more than one channel.
const OTHERS: usize = 36;
const DENIED: &str = "NobodyHears";

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_nats_does_not_answer_leaves_those_in_peace_that_share_its_connection() {
    log();
    // The server says nothing to who may not publish; its silence is the only sign.
    let server = NatsServer::ephemeral_with(|options| {
        options.login = false;
        options.extra_config = "authorization { users: [
            {user: robot, password: word, permissions: {
                publish: {deny: 'kryten.events.cytube.nobodyhears.>'}, subscribe: '>'}}
        ] }"
        .to_owned();
    })
    .await;
    let nats = kryten_client::NatsConfig::for_url(server.url()).with_user("robot", "word");
    let others: Vec<String> = (0..OTHERS)
        .map(|number| format!("Peaceful{number}"))
        .collect();
    let sim = SimConfig {
        channels: others
            .iter()
            .map(kryten_sim::ChannelConfig::quiet)
            .collect(),
        ..SimConfig::quiet(DENIED)
    };
    let sim = Sim::start(sim).await.unwrap();
    let on = |channel: &str| ChannelConfig {
        channel: channel.to_owned(),
        ..robot_config(&server, &sim.url()).channels.remove(0)
    };
    let channels = others.iter().map(|channel| on(channel));
    let channels = channels.chain([on(DENIED)]).collect();
    let robot = Robot::bind(RobotConfig::new(nats.clone(), channels))
        .await
        .unwrap();
    until("it is told that the channel's events wait", || async {
        let told = warnings(DENIED);
        told.iter().any(|line| line.starts_with("events wait"))
    })
    .await;

    let client = kryten_client::Client::connect(&nats).await.unwrap();
    for channel in &others {
        let handle = sim.channel(channel).unwrap();
        handle.join("alice").await.unwrap();
        handle.say("alice", "in peace").await.unwrap();
    }
    until("every line of the others is stored", || async {
        let stored = events(&stream_contents(&client).await);
        let lines = stored
            .iter()
            .filter(|(_, payload)| payload["msg"] == "in peace");
        lines.count() == OTHERS
    })
    .await;
    for channel in &others {
        assert_eq!(warnings(channel), [""; 0], "{channel}");
    }
    robot.shutdown().await;
    sim.shutdown().await;
}
