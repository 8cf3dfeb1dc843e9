//! The matrix: the same call through the original library and through ours gives the same subject and equal JSON.
//!
//! Each row names a method of kryten-py and makes its call on both sides, one after the other, before a recorder. What
//! is different on purpose is said in the row, by JSON pointer, and nothing else may be. What differs each time
//! ([`VARYING`]) is compared by its shape.

mod actions;
mod answers;
mod buckets;
mod diff;
mod messages;
mod questions;
mod service;

use std::collections::BTreeSet;
use std::fmt::Display;

use anyhow::{Context, anyhow, ensure};
use kryten_client::chat::ChatLimits;
use kryten_client::commands::Robot;
use kryten_client::round_trip::round_trip;
use serde_json::{Value, json};

use crate::checks::{Report, Sides};
use crate::recorder::{Body, Recorder, Sent};

pub(crate) const DOMAIN: &str = "cytu.be";
pub(crate) const CHANNEL: &str = "420Grindhouse";

/// Members that no two messages have in common, and how to tell whether a value is one.
const VARYING: [(&str, IsOne); 4] = [
    ("/timestamp", is_time),
    ("/uptime_seconds", Value::is_number),
    ("/meta/timestamp", is_time),
    ("/meta/request_id", is_uuid),
];

type IsOne = fn(&Value) -> bool;

/// What our call does otherwise, and why.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Otherwise {
    /// The members that differ, as JSON pointers.
    members: &'static [&'static str],
    /// The subject of the first message differs.
    subject: bool,
    /// We wait for the answer, they do not.
    waits: bool,
    /// Why.
    why: &'static str,
}

/// Everything is the same.
const SAME: Otherwise = Otherwise {
    members: &[],
    subject: false,
    waits: false,
    why: "",
};

impl Otherwise {
    const fn in_members(members: &'static [&'static str], why: &'static str) -> Self {
        Self {
            members,
            why,
            ..SAME
        }
    }

    /// The robot is named, so that another one does not answer for it.
    const NAMES_THE_ROBOT: Self = Self::in_members(
        &["/meta"],
        "of several robots, the one that is meant answers",
    );

    /// What differs, for the report.
    fn told(self) -> String {
        let mut told: Vec<&str> = Vec::new();
        told.extend(self.subject.then_some("the subject"));
        told.extend(self.waits.then_some("an answer is waited for"));
        told.extend(self.members);
        format!("{}: ", told.join(", "))
    }

    const fn and_waits(self) -> Self {
        Self {
            waits: true,
            ..self
        }
    }
}

/// The state of a run.
pub(crate) struct Matrix<'a> {
    sides: &'a mut Sides,
    report: &'a mut Report,
    recorder: Recorder,
    robot: Robot,
    /// The methods whose wire was compared, as `Class.method`.
    compared: BTreeSet<String>,
    /// Those with a difference.
    different: BTreeSet<String>,
}

/// What was compared.
pub(crate) struct Compared {
    pub(crate) all: BTreeSet<String>,
    pub(crate) different: BTreeSet<String>,
}

/// Makes all calls.
pub(crate) async fn run(sides: &mut Sides, report: &mut Report) -> anyhow::Result<Compared> {
    let listen = json!({"do": "listen", "domain": DOMAIN, "channel": CHANNEL, "names": []});
    sides.python.ask(listen).await?;
    let limits = ChatLimits {
        min_delay: std::time::Duration::ZERO,
        jitter: std::time::Duration::ZERO,
        ..ChatLimits::default()
    };
    let robot = sides.rust.robot(DOMAIN, CHANNEL).with_chat_limits(limits);
    let answers = answers::start(&sides.config).await?;
    let recorder = Recorder::start(&sides.config).await?;
    let mut matrix = Matrix {
        sides,
        report,
        recorder,
        robot,
        compared: BTreeSet::new(),
        different: BTreeSet::new(),
    };
    actions::run(&mut matrix).await;
    questions::run(&mut matrix).await;
    messages::run(&mut matrix).await;
    buckets::run(&mut matrix).await;
    service::run(&mut matrix).await;
    answers.abort();
    Ok(Compared {
        all: matrix.compared,
        different: matrix.different,
    })
}

/// What both sides returned.
pub(crate) type Returned<T> = Option<(Value, T)>;

impl Matrix<'_> {
    /// A method of the client; `arguments` are an array, or an object of named ones.
    async fn client<T, E: Display>(
        &mut self,
        method: &str,
        arguments: Value,
        otherwise: Otherwise,
        ours: impl Future<Output = Result<T, E>>,
    ) -> Returned<T> {
        let call = json!({"do": "call", "on": "client", "method": method});
        self.row(
            &format!("KrytenClient.{method}"),
            with(call, arguments),
            otherwise,
            ours,
        )
        .await
    }

    /// One row: asks the Python side for `call`, then does `ours`, and compares what was published.
    async fn row<T, E: Display>(
        &mut self,
        name: &str,
        call: Value,
        otherwise: Otherwise,
        ours: impl Future<Output = Result<T, E>>,
    ) -> Returned<T> {
        self.compared.insert(name.to_owned());
        if !otherwise.why.is_empty() {
            self.different.insert(name.to_owned());
        }
        let title = match otherwise.why {
            "" => format!("{name}: same subject, equal JSON"),
            why => format!(
                "{name}: same subject, equal JSON, but {}{why}",
                otherwise.told()
            ),
        };
        match self.compare(call, otherwise, ours).await {
            Ok(returned) => {
                self.report.add(&title, Ok(()));
                Some(returned)
            }
            Err(error) => {
                self.report.add(&title, Err(error));
                None
            }
        }
    }

    async fn compare<T, E: Display>(
        &mut self,
        call: Value,
        otherwise: Otherwise,
        ours: impl Future<Output = Result<T, E>>,
    ) -> anyhow::Result<(Value, T)> {
        self.recorder.take().await?;
        let returned = self.sides.python.ask(call).await;
        let theirs = self.recorder.take().await?;
        let result = ours.await.map_err(|error| anyhow!("Rust: {error}"));
        ensure!(round_trip(&self.sides.rust.nats()).await, "no round trip");
        let ours = self.recorder.take().await?;
        let (returned, result) = (returned?, result?);
        ensure!(!theirs.is_empty(), "kryten-py sent nothing");
        ensure!(
            theirs.len() == ours.len(),
            "theirs: {theirs:#?}\nours: {ours:#?}"
        );
        let mut found = BTreeSet::new();
        let mut may = otherwise;
        for (theirs, ours) in theirs.iter().zip(&ours) {
            let differences = same_message(theirs, ours, may);
            found.extend(
                differences.with_context(|| format!("theirs: {theirs:?}\nours: {ours:?}"))?,
            );
            may.subject = false;
        }
        let expected = otherwise.members.iter().map(|member| (*member).to_owned());
        ensure!(
            found == expected.clone().collect(),
            "they differ in {found:?}, not in {:?}\ntheirs: {theirs:?}\nours: {ours:?}",
            expected.collect::<Vec<_>>()
        );
        Ok((returned, result))
    }
}

/// The members in which the bodies differ; everything else must be the same.
fn same_message(
    theirs: &Sent,
    ours: &Sent,
    otherwise: Otherwise,
) -> anyhow::Result<BTreeSet<String>> {
    ensure!(
        (theirs.subject == ours.subject) != otherwise.subject,
        "the subjects"
    );
    ensure!(theirs.headers == ours.headers, "the headers");
    let waits = (theirs.wants_answer, ours.wants_answer);
    ensure!(
        match otherwise.waits {
            true => waits.1,
            false => waits.0 == waits.1,
        },
        "one wants an answer"
    );
    match (&theirs.body, &ours.body) {
        (Body::Json(theirs), Body::Json(ours)) => {
            let (mut theirs, mut ours) = (theirs.clone(), ours.clone());
            for (member, is_one) in VARYING {
                for body in [&mut theirs, &mut ours] {
                    if let Some(value) = body.pointer_mut(member) {
                        ensure!(is_one(value), "{member} is {value}");
                        *value = "varies".into();
                    }
                }
            }
            Ok(diff::differences(&theirs, &ours))
        }
        (theirs, ours) => {
            ensure!(theirs == ours, "the bodies");
            Ok(BTreeSet::new())
        }
    }
}

/// The call with its arguments: an array, or an object of named ones.
fn with(mut call: Value, arguments: Value) -> Value {
    match arguments {
        Value::Object(named) => {
            for (name, value) in named {
                call[name] = value;
            }
        }
        arguments => call["args"] = arguments,
    }
    call
}

/// A time as the original library writes it: in UTC, with an offset.
fn is_time(value: &Value) -> bool {
    let time = value.as_str().filter(|text| text.ends_with("+00:00"));
    time.is_some_and(|text| kryten_protocol::time::WireTime::parse(text).is_some())
}

fn is_uuid(value: &Value) -> bool {
    let id = value.as_str().map(uuid::Uuid::parse_str);
    id.is_some_and(|id| id.is_ok_and(|id| id.get_version_num() == 4))
}
