//! What the services say of themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use kryten_client::Client;
use kryten_client::command::{self, CommandError};
use kryten_protocol::command::Request;
use serde_json::Value;

use super::super::facts::{Channel, Clock, Service};
use super::server::ahead;
use crate::census;

const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Robots {
    pub(super) service: Service,
    pub(super) channels: Vec<Channel>,
    pub(super) names: BTreeSet<String>,
    pub(super) clock: Option<Clock>,
}

pub(super) async fn robots(client: &Client) -> Robots {
    let mut robots = Robots {
        service: Service::Absent,
        channels: Vec::new(),
        names: BTreeSet::new(),
        clock: None,
    };
    let (service, clock) = greet(client, "robot", "the robot").await;
    robots.service = service;
    robots.clock = clock;
    if !matches!(robots.service, Service::Answers { .. }) {
        return robots;
    }
    let answers = census::ask_all(client, "robot", "system.health", PATIENCE).await;
    for health in answers.unwrap_or_default() {
        let reports = match health["channels"].as_array() {
            Some(reports) => reports.clone(),
            // The Python robot tells of its one channel at the top.
            None => vec![health.clone()],
        };
        for report in &reports {
            let (Some(domain), Some(name)) =
                (report["domain"].as_str(), report["channel"].as_str())
            else {
                continue;
            };
            let is_in = report["in_channel"]
                .as_bool()
                .or(health["cytube_connected"].as_bool())
                .unwrap_or(false);
            let text = |field: &str| report[field].as_str().map(str::to_owned);
            let rank = match is_in {
                true => rank(client, domain, name).await,
                false => None,
            };
            robots.names.insert(name.to_owned());
            robots.channels.push(Channel {
                name: name.to_owned(),
                is_in,
                stands_by: report["standing_by"].as_bool().unwrap_or(false),
                trouble: text("stopped").or_else(|| text("trouble")),
                is_given_up: text("stopped").is_some(),
                rank,
            });
        }
    }
    robots
}

async fn rank(client: &Client, domain: &str, channel: &str) -> Option<f64> {
    let robot = client.robot(domain, channel).with_timeout(PATIENCE);
    robot.user_level().await.ok().map(|level| level.rank)
}

pub(super) async fn userstats(client: &Client) -> (Service, Option<Clock>) {
    let (service, clock) = greet(client, "userstats", "userstats").await;
    let Service::Answers { version, .. } = service else {
        return (service, clock);
    };
    let asked = async |what: &str| ask(client, "userstats", what).await.unwrap_or_default();
    let health = asked("system.health").await;
    let problem = health["problem"].as_str().map(str::to_owned);
    let is_ill = health["status"] == "unhealthy";
    let problem = problem.or_else(|| is_ill.then(|| "unhealthy".to_owned()));
    let lag = asked("system.stats").await["lag_events"].as_u64();
    (
        Service::Answers {
            version,
            problem,
            lag,
        },
        clock,
    )
}

/// Whether a service answers, of which version it is, and what its clock says.
async fn greet(client: &Client, service: &str, whose: &str) -> (Service, Option<Clock>) {
    let before = Timestamp::now();
    let pong = match ask(client, service, "system.ping").await {
        Ok(pong) => pong,
        Err(error) => {
            let service = match error {
                CommandError::NoResponders { .. } => Service::Absent,
                CommandError::TimedOut { .. } => Service::Silent,
                CommandError::NoPermission { subject } => Service::NoPermission(subject),
                other => Service::Failed(other.to_string()),
            };
            return (service, None);
        }
    };
    let after = Timestamp::now();
    // A time without a zone is that of a place that nobody knows.
    let theirs = pong["timestamp"]
        .as_str()
        .and_then(|text| text.parse().ok());
    let clock = theirs.map(|theirs| Clock {
        whose: whose.to_owned(),
        ahead_seconds: ahead(theirs, before, after),
    });
    let version = pong["version"].as_str().unwrap_or("unknown").to_owned();
    let service = Service::Answers {
        version,
        problem: None,
        lag: None,
    };
    (service, clock)
}

async fn ask(client: &Client, service: &str, what: &str) -> Result<Value, CommandError> {
    let request = Request::new(service, what);
    let reply = command::request(client, service, request, PATIENCE).await?;
    Ok(reply.data.unwrap_or_default())
}
