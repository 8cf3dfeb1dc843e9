//! What tells an operator of a fault: the rows of the table "Faults, and what the robot does" of `docs/operations.md`,
//! held against the log and the metrics.

mod cytube;
mod nats;
mod others;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use kryten_client::Client;
use kryten_robot::{ChannelReport, Robot, RobotConfig};
use kryten_servers::NatsServer;
use kryten_sim::{Operation, Sim, SimConfig, SimHandle};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};

use crate::support::*;

const HEADING: &str = "## Faults, and what the robot does";

/// A line of the log of this process.
#[derive(Debug, Clone)]
struct Line {
    level: String,
    message: String,
    /// The values of its fields, one of which says whom it is about.
    about: Vec<String>,
}

static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());

/// Keeps what is logged, for the tests of this process to look at.
pub(crate) struct Keeper;

impl<S: tracing::Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut line = Line {
            level: event.metadata().level().as_str().to_lowercase(),
            message: String::new(),
            about: Vec::new(),
        };
        event.record(&mut line);
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.about.push(value.to_owned()),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// What was logged above `info` about a channel.
pub(crate) fn warnings(channel: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let loud = lines
        .iter()
        .filter(|line| line.level == "warn" || line.level == "error");
    let ours = loud.filter(|line| line.about.iter().any(|about| about == channel));
    ours.map(|line| line.message.clone()).collect()
}

/// A row of the table.
#[derive(Debug, Clone)]
struct Row {
    level: String,
    /// The message; with `…` at its end it only begins so.
    message: String,
    metric: String,
    /// `0`, `1` or `more`.
    value: String,
}

impl Row {
    fn is(&self, line: &Line) -> bool {
        let matches = match self.message.strip_suffix('…') {
            Some(start) => line.message.starts_with(start),
            None => line.message == self.message,
        };
        matches && line.level == self.level
    }
}

/// Fault → what is told of it, as the document says.
fn table() -> BTreeMap<String, Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, section) = document.split_once(HEADING).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    rows.filter(|row| !row.starts_with("| fault"))
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let [fault, log, metric, _, _] = cells.as_slice() else {
                panic!("a row of the table has {} cells: {row}", cells.len());
            };
            let (level, message) = log.trim_matches('`').split_once(": ").unwrap();
            let (metric, value) = metric.rsplit_once(' ').unwrap();
            let row = Row {
                level: level.to_owned(),
                message: message.to_owned(),
                metric: metric.trim_matches('`').to_owned(),
                value: value.to_owned(),
            };
            ((*fault).to_owned(), row)
        })
        .collect()
}

/// A robot in a channel of its own name, by which its lines are found.
struct Scene {
    name: String,
    server: NatsServer,
    sim: SimHandle,
    robot: Robot,
    client: Client,
    /// The metrics and the number of lines before the fault.
    calm: BTreeMap<String, f64>,
    lines: usize,
}

impl Scene {
    async fn new(name: &str) -> Self {
        Self::with(name, |_| (), |_| ()).await
    }

    async fn with(
        name: &str,
        change_sim: impl FnOnce(&mut SimConfig),
        change: impl FnOnce(&mut RobotConfig),
    ) -> Self {
        let scene = Self::unjoined(name, change_sim, change).await;
        within("the channel is joined", scene.robot.ready()).await;
        scene.calmed().await
    }

    async fn unjoined(
        name: &str,
        change_sim: impl FnOnce(&mut SimConfig),
        change: impl FnOnce(&mut RobotConfig),
    ) -> Self {
        let server = NatsServer::ephemeral().await;
        Self::on(server, name, change_sim, change).await
    }

    async fn on(
        server: NatsServer,
        name: &str,
        change_sim: impl FnOnce(&mut SimConfig),
        change: impl FnOnce(&mut RobotConfig),
    ) -> Self {
        log();
        let mut sim = SimConfig::quiet(name);
        change_sim(&mut sim);
        let sim = Sim::start(sim).await.unwrap();
        let mut config = robot_config(&server, &sim.url());
        config.channels[0].channel = name.to_owned();
        change(&mut config);
        let robot = Robot::bind(config).await.unwrap();
        let client = Client::connect(&nats_config(&server)).await.unwrap();
        Self {
            name: name.to_owned(),
            server,
            sim,
            robot,
            client,
            calm: BTreeMap::new(),
            lines: 0,
        }
    }

    /// What is from now on is the fault's.
    async fn calmed(mut self) -> Self {
        self.calm = self.metrics(&self.robot).await;
        self.lines = self.log().len();
        self
    }

    async fn metrics(&self, robot: &Robot) -> BTreeMap<String, f64> {
        let (_, text) = get(robot, "/metrics").await;
        let label = format!("channel=\"{}\"", self.name);
        let series = text.lines().filter(|line| line.contains(&label));
        let series = series.filter_map(|line| {
            let (name, _) = line.split_once('{')?;
            let (_, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        series.collect()
    }

    fn log(&self) -> Vec<Line> {
        let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = lines.iter().filter(|line| line.about.contains(&self.name));
        ours.cloned().collect()
    }

    /// The log and the metrics say what the document says of this fault.
    async fn shows(&self, fault: &str) {
        self.shows_of(&self.robot, fault).await;
    }

    async fn shows_of(&self, robot: &Robot, fault: &str) {
        let table = table();
        let row = table.get(fault);
        let row = row.unwrap_or_else(|| panic!("docs/operations.md has no row of {fault:?}"));
        until(
            &format!("{fault}: {} {}", row.metric, row.value),
            || async {
                let metrics = self.metrics(robot).await;
                let now = metrics.get(&row.metric).copied();
                match row.value.as_str() {
                    "more" => now > self.calm.get(&row.metric).copied().or(Some(0.0)),
                    value => now == value.parse().ok(),
                }
            },
        )
        .await;
        until(
            &format!("{fault}: {}: {}", row.level, row.message),
            || async { self.log()[self.lines..].iter().any(|line| row.is(line)) },
        )
        .await;
    }

    /// Nothing above `info` was logged but lines of these faults.
    fn shows_nothing_but(&self, faults: &[&str]) {
        let table = table();
        for line in self.loud() {
            let is_known = faults.iter().any(|fault| table[*fault].is(&line));
            assert!(is_known, "{faults:?} do not explain {line:?}");
        }
    }

    /// What was logged above `info`.
    fn loud(&self) -> Vec<Line> {
        let mut lines = self.log().split_off(self.lines);
        lines.retain(|line| line.level != "info");
        lines
    }

    fn report(&self) -> ChannelReport {
        self.robot.report().remove(0)
    }

    async fn run(&self, operation: Operation) {
        self.sim.run(operation).await.unwrap();
    }

    async fn emit(&self, event: &str, payload: Value, times: u64) {
        self.run(Operation::Emit {
            event: event.to_owned(),
            payload: Some(payload),
            times: Some(times),
        })
        .await;
    }

    async fn end(self) {
        self.robot.shutdown().await;
        self.sim.shutdown().await;
    }
}

#[test]
fn every_fault_of_the_document_is_tried() {
    let documented: Vec<String> = table().into_keys().collect();
    let mut tried = [&cytube::TRIED[..], &nats::TRIED[..], &others::TRIED[..]].concat();
    tried.sort_unstable();
    assert_eq!(documented, tried);
}
